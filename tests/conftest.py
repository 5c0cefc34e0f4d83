"""Fixtures: projects in temporary folders, and a default place that makes forgetting one fail."""

from __future__ import annotations

import compileall
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

import lite_mlops
from lite_mlops import verbs
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX, Settings
from lite_mlops.store import Store, console
from lite_mlops.store import store as store_module
from lite_mlops.store.database import attached
from lite_mlops.store.layout import Layout
from lite_mlops.tracking import context

# The same examples in every run; `--hypothesis-profile explore` looks for new ones.
_PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
hypothesis_settings.register_profile(
    "steady", derandomize=True, deadline=None, phases=_PHASES, max_examples=40
)
hypothesis_settings.register_profile("explore", deadline=None, phases=_PHASES)
hypothesis_settings.load_profile("steady")

Prepared = Callable[[Project, Callable[[Project], object]], Project]
SQL_APART = console.answered_apart
FORGOTTEN = "a-test-forgot-to-choose-a-project-folder"


def pytest_configure(config: pytest.Config) -> None:
    """Compile the package once, for processes of tests that may not write bytecode themselves."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(lite_mlops.__file__).parent, quiet=2)


@pytest.fixture(autouse=True, scope="session")
def _no_default_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the default project lie below a file, where no folder can be made."""
    file = tmp_path_factory.mktemp("nowhere") / FORGOTTEN
    file.write_text("")
    os.environ[PREFIX + "DIR"] = str(file / "project")


@pytest.fixture(autouse=True, scope="session")
def _one_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have new projects begin with a copy of an empty database: the schema is made only once."""
    empty = tmp_path_factory.mktemp("schema") / "empty.duckdb"
    make = store_module.make_database

    def copied(path: Path, settings: Settings) -> None:
        if not empty.exists():
            make(empty, settings)
        shutil.copyfile(empty, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "make_database", copied)
        yield


@pytest.fixture(autouse=True, scope="session")
def _sql_here() -> Iterator[None]:
    """Have SQL of tests be run in their own process; the fixture `sql_apart` does not."""

    def here(request: dict[str, Any], settings: Settings) -> dict[str, Any]:
        file = Layout(Path(request["folder"])).database
        with attached(file, settings, read_only=True) as database:
            found = console.fetched(database.cursor, request["sql"], request["rows"])
        answer: dict[str, Any] = json.loads(json.dumps(found))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "answered_apart", here)
        yield


@pytest.fixture
def sql_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have SQL be run in a process of its own, as it is for users."""
    monkeypatch.setattr(console, "answered_apart", SQL_APART)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Gives a project what a function makes in one; the function is called only once."""
    folders: dict[Callable[[Project], object], Path] = {}

    def given(project: Project, prepare: Callable[[Project], object]) -> Project:
        if prepare not in folders:
            folder = tmp_path_factory.mktemp("prepared")
            with closing(Project(folder, capture_code=False, capture_environment=False)) as made:
                prepare(made)
            folders[prepare] = folder
        shutil.copytree(folders[prepare], project.folder.parent, dirs_exist_ok=True)
        return project

    return given


@pytest.fixture(autouse=True)
def _no_current_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs._Current, "project", None)


@pytest.fixture(autouse=True)
def _same_path() -> Iterator[None]:
    """Give back where modules are found: files with steps add their folders."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(autouse=True)
def _no_run_left_over() -> Iterator[None]:
    yield
    while (run := context.active()) is not None:
        run.end()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project in a temporary folder, with the capturing of code off to be quick."""
    made = Project(tmp_path / "work", capture_code=False, capture_environment=False)
    yield made
    while (run := context.active()) is not None:
        run.end()
    made.close()


@pytest.fixture(autouse=True)
def _work_folder(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Opens stores in one temporary folder, each with a journal of its own."""
    stores: list[Store] = []

    def opened(**options: object) -> Store:
        store = Store(tmp_path / "work" / ".lite-mlops", Settings(**options))  # type: ignore[arg-type]
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """A store in a temporary folder."""
    return open_store()


@pytest.fixture
def warnings_of(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was told to the user so far."""
    caplog.set_level(logging.INFO, logger="lite_mlops")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a piece of Python in a process of its own, in the temporary project."""

    def run(code: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {PREFIX + "DIR": str(tmp_path / "work")}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path / "work",
            timeout=60,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done

    return run


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until a condition holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)
