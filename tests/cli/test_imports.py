"""`lite-mlops import mlflow`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.importing.conftest import unpack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return unpack("mlflow3-sqlite", tmp_path)


@pytest.mark.slow
def test_imports_after_a_question(cli: Cli, project: Project, folder: Path) -> None:
    done = cli("import", "mlflow", folder, answer="n\n")
    assert done.code == 130
    assert "Import 9 runs of 4 experiments and 7 versions of 4 models into " in done.err
    assert not project.exists
    done = cli("import", "mlflow", folder, answer="y\n")
    assert done.code == 0
    assert "Imported 9 runs with 77 points and 44 files (" in done.out
    assert ") and 6 model versions; 1 aliases moved.\n" in done.out
    assert "  Not registered, because its flavor is python_function: churn/5.\n" in done.out
    done = cli("import", "mlflow", folder, "-y")
    assert done.out.startswith("Imported 0 runs with 0 points and 0 files (0 B) and 0 model")
    assert "Of those here already 0 runs grew and 9 did not.\n" in done.out
    assert len(project.runs.page()) == 8


def test_a_dry_run_asks_nothing_and_writes_nothing(
    cli: Cli, project: Project, folder: Path
) -> None:
    done = cli("import", "mlflow", folder, "--dry-run", "-e", "churn")
    assert done.out.startswith("Would import 8 runs with 77 points and 44 files (")
    assert not project.exists


def test_json_tells_all(cli: Cli, folder: Path) -> None:
    told = json.loads(cli("import", "mlflow", folder / "mlflow.db", "-y", "--json").out)
    assert (told["runs"], told["versions"], told["dry_run"]) == (9, 6, False)
    remark = {"remark": "Left out, because it has no runs", "count": 2,
              "of": ["experiment Default", "experiment empty"]}  # fmt: skip
    assert remark in told["remarks"]


def test_errors_have_their_exit_codes(cli: Cli, project: Project, folder: Path) -> None:
    done = cli("import", "mlflow", folder / "nothing", "-y")
    assert (done.code, done.err) == (3, f"Error: There is no {folder / 'nothing'}.\n")
    done = cli("import", "mlflow", folder, "-y", "-e", "chrun")
    assert done.code == 3
    assert "Did you mean 'churn'?" in done.err
    done = cli("import", "mlflow", folder / "mlruns", "-y")
    assert done.code == 2
    assert "is no MLflow store: it holds neither mlflow.db nor experiments" in done.err
    assert not project.exists


@pytest.mark.slow
def test_a_terminal_shows_how_far_it_is(terminal: Callable[..., list[str]], folder: Path) -> None:
    (shown,) = terminal(("import", "mlflow", str(folder), "-y"))
    assert "16/16" in shown
    assert "Imported 9 runs with 77 points" in shown
