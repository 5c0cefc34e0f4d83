"""Fixtures: the command line in this process, as a process of its own, and in a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from click.testing import CliRunner

from lite_mlops.cli import main
from lite_mlops.errors import LiteMlopsError
from lite_mlops.models import ModelVersion
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from lite_mlops.store.events import Params
from tests.store.journals import dump

RED = "\x1b[31m"
COMMAND = (sys.executable, "-W", "error", "-m", "lite_mlops")


@dataclass(frozen=True)
class Done:
    """How a command line ended, and what it said."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Runs a command line; settings are those of the environment, such as `actor`."""

    def __call__(self, *args: object, answer: str = "", **settings: object) -> Done: ...


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands act on the temporary project, from inside its folder."""
    for name in list(os.environ):
        if name.startswith(PREFIX) or name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    chosen = {"DIR": tmp_path / "work", "CAPTURE_CODE": 0, "CAPTURE_ENVIRONMENT": 0, "ACTOR": "ann"}
    for name, value in chosen.items():
        monkeypatch.setenv(PREFIX + name, str(value))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.chdir(tmp_path / "work")


def _changed(settings: dict[str, object]) -> dict[str, str]:
    return {PREFIX + name.upper(): str(value) for name, value in settings.items()}


@pytest.fixture
def cli(environment: None) -> Cli:
    """Runs a command line in this process."""

    def run(*args: object, answer: str = "", **settings: object) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            # Settings unlike those of the fixture `project` give the command a store of its own.
            for name, value in _changed({"sql_seconds": 9} | settings).items():
                patch.setenv(name, value)
            project = None
            with suppress(LiteMlopsError):  # held, so that what the command wrote can be closed
                project = Project()
            result = CliRunner().invoke(
                main,
                [str(arg) for arg in args],
                input=answer,
                prog_name="lite-mlops",
                catch_exceptions=False,
            )
            if project is not None:
                project.close()
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def command(environment: None) -> Cli:
    """Runs a command line as a process of its own."""

    def run(*args: object, answer: str = "", **settings: object) -> Done:
        done = subprocess.run(
            [*COMMAND, *map(str, args)],
            input=answer,
            capture_output=True,
            text=True,
            env=os.environ | _changed(settings),
            timeout=60,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def in_terminal(argv: Sequence[str], columns: int = 80, **variables: str) -> tuple[int, str]:
    """Run a process in a terminal of so many columns; return its exit code and what it showed."""
    here, there = os.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        argv, stdin=there, stdout=there, stderr=there, env=os.environ | variables
    )
    os.close(there)
    shown = b""
    with suppress(OSError):  # nobody holds the other side any more
        while block := os.read(here, 1 << 16):
            shown += block
    os.close(here)
    return process.wait(timeout=60), shown.decode().replace("\r\n", "\n")


SEVERAL = """
import json, sys
from lite_mlops.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments, prog_name="lite-mlops")
    except SystemExit:
        print("\\0", end="", flush=True)
"""


@pytest.fixture
def terminal(environment: None) -> Callable[..., list[str]]:
    """Runs command lines one after the other in one terminal; returns what each showed."""

    def run(*lines: Sequence[str], columns: int = 80, **variables: str) -> list[str]:
        argv = [sys.executable, "-c", SEVERAL, json.dumps(lines)]
        code, shown = in_terminal(argv, columns, **variables)
        assert code == 0, shown
        parts = shown.split("\0")
        assert parts.pop() == ""
        assert len(parts) == len(lines)
        return parts

    return run


@pytest.fixture
def tables(project: Project) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Returns what all tables of the temporary project hold."""

    def read() -> dict[str, list[tuple[Any, ...]]]:
        with project.store.reading() as database:
            return dump(database)

    return read


# -- content ------------------------------------------------------------------------------------


def logged(
    project: Project, name: str = "baseline", experiment: str = "churn", **params: object
) -> str:
    """Log a finished run; return its id."""
    with project.start_run(name, experiment=experiment, params=params or {"depth": 3}) as run:
        run.log_metrics({"auc": 0.91, "loss": 0.25})
    return run.id


def trained(project: Project, name: str = "churn") -> ModelVersion:
    """Register a model that was trained in a tracked run."""
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(1).normal(size=(200, 2))
    labels = np.where(rows[:, 0] > 0, "yes", "no")
    with project.start_run("training", experiment="churn") as run:
        run.log_metric("auc", 0.91)
        project.log_dataset(rows, "customers", column_names=["age", "visits"])
        model = LogisticRegression().fit(rows, labels)
        return project.log_model(model, name, input_example={"age": 0.0, "visits": 0.0})


def _fill(project: Project) -> None:
    """Fill a project with one of everything, much of it hostile to terminals and tables."""
    trained(project)
    reason = f"{RED}better\x9b31m, by far the best of all the models that were ever trained"
    project.models.set_alias("churn", "champion", 1, reason=reason)
    answers = project.endpoint("churn").predict([[5.0 + row / 100, 0.0] for row in range(100)])
    project.monitoring.feedback(answers[0].id, f"{RED}yes")
    with project.start_run("one of a very long name " * 4, experiment="hostile " * 8) as run:
        run.log_params({"colour": f"{RED}red\x9b31m\u202e", "formula": "=1+1", "long": "x" * 300})
        run.log_metrics({"loss": float("nan"), "top": float("inf"), "a/very/long/name" * 3: 1.0})
        run.set_tags({"colour": f"{RED}red", "formula": '@SUM(1,2)"'})
        run.set_note(f"first\n{RED}second")
        run.log_text("x", "a/very/long/path/" * 6 + "x.txt")
    project.store.append(Params(run=run.id, keys=["formula"], texts=[f"{RED}-1"]))
    values = {"values": [f"{RED}red", "=1+1", "x" * 100], "pattern": "\x1b.*"}
    project.datasets.expect("patients", {"columns": {f"{RED}colour": values}})
    project.experiments.rename("hostile " * 8, "hostile " * 9)
    project.close()


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one of everything; only to be read."""
    folder = tmp_path_factory.mktemp("hostile")
    _fill(Project(folder, capture_code=False, capture_environment=False))
    return folder


# Every command that only reads, on the project `hostile`.
READING = {
    "runs ls": ("runs", "ls"),
    "runs ls of one experiment": ("runs", "ls", "-e", "churn"),
    "runs ls of a filter": (
        *("runs", "ls", "-f", "metrics.loss IS NULL OR tags.colour LIKE '%'"),
        *("-o", "params.colour", "-o", "params.long"),
    ),
    "runs show": ("runs", "show", "one of a very long name " * 4),
    "runs compare": ("runs", "compare", "training", "one of a very long name " * 4),
    "runs compare --all": ("runs", "compare", "one of a very long name " * 4, "training", "--all"),
    "experiments ls": ("experiments", "ls", "--all"),
    "experiments show": ("experiments", "show", "hostile " * 9),
    "data expect": ("data", "expect", "patients"),
    "data ls": ("data", "ls"),
    "data show": ("data", "show", "customers"),
    "models ls": ("models", "ls"),
    "models show": ("models", "show", "churn@champion"),
    "drift": ("drift", "churn@champion"),
    "estimates": ("estimates", "churn@champion"),
    "fairness": ("fairness", "churn@champion", "--by", "age", "--positive", "yes"),
    "sql": ("sql", "SELECT * FROM params JOIN tags USING (run_id)"),
    "status": ("status",),
    "du": ("du",),
    "doctor": ("doctor",),
    "gc": ("gc", "--dry-run"),
}
