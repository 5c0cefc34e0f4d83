"""`lite-mlops predict`: files and streams in and out, of a version, a run or a bundle."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lite_mlops.project import Project
from tests.cli.conftest import COMMAND, Cli, in_terminal, trained

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]

LINES = "id,age,visits\n007,2,0\n008,-2,0.5\n"


@pytest.fixture
def source(project: Project, tmp_path: Path) -> Path:
    """A file of two customers, beside a project with a model."""
    version = trained(project)
    project.models.set_alias("churn", "champion", version.version)
    path = tmp_path / "in.csv"
    path.write_text(LINES)
    return path


def test_another_environment_is_refused_if_that_is_wanted(
    cli: Cli, source: Path, project: Project
) -> None:
    assert cli("predict", "churn", "-i", source, "--strict").code == 0
    with project.store.deciding() as decisions:
        decisions.database.execute(
            "UPDATE model_versions SET requirements = json_merge_patch(requirements, ?)",
            '{"numpy": "1.0"}',
        )
    for line in (("predict", "churn", "-i", source), ("serve", "churn", "-p", "0")):
        done = cli(*line, "--strict")
        assert (done.code, done.out) == (6, "")
        assert "numpy 1.0 then, " in done.err


@pytest.mark.parametrize("model", ["churn@champion", "churn/1", "churn", "models:/churn/1"])
def test_answers_are_printed(cli: Cli, source: Path, tables: Tables, model: str) -> None:
    before = tables()
    done = cli("predict", model, "-i", source)
    assert (done.code, done.out) == (0, "prediction\nyes\nno\n")
    assert done.err == "churn/1 answered 2 rows.\n"
    assert tables() == before


def test_answers_are_written(cli: Cli, project: Project, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    done = cli("predict", "churn", "-i", source, "-o", target, "--proba", "--keep", "id")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"churn/1 answered 2 rows in {target}.\n"
    found = pd.read_parquet(target)
    assert found["id"].tolist() == ["007", "008"]
    assert found["prediction"].tolist() == ["yes", "no"]
    rows = [[2.0, 0.0], [-2.0, 0.5]]
    expected = project.models.load("churn").predict_proba(rows)
    assert found[["probability_no", "probability_yes"]].to_numpy().tolist() == expected.tolist()
    done = cli("predict", "churn", "-i", source, "-o", target, "--all-columns", "--json")
    assert json.loads(done.out) == {
        "model": "churn/1",
        "path": str(target),
        "rows": 2,
        "columns": ["id", "age", "visits", "prediction"],
    }


def test_a_model_of_a_run_answers(cli: Cli, project: Project, source: Path) -> None:
    run = project.models.get("churn").run_id
    assert cli("predict", f"runs:/{run}/churn", "-i", source).out == "prediction\nyes\nno\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "printed"),
    [
        (LINES, "id,prediction\n007,yes\n008,no\n"),
        (
            '{"id": 7, "age": 2, "visits": 0}\n{"id": "008", "age": -2.0, "visits": 0.5}\n',
            '{"id":7,"prediction":"yes"}\n{"id":"008","prediction":"no"}\n',
        ),
    ],
)
def test_streams_go_through(environment: None, source: Path, given: str, printed: str) -> None:
    done = subprocess.run(
        [*COMMAND, "predict", "churn", "-i", "-", "--keep", "id"],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, printed)
    assert done.stderr == "churn/1 answered 2 rows.\n"


@pytest.mark.slow
def test_a_stream_that_does_not_fit_is_named(environment: None, source: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "predict", "churn", "-i", "-"],
        input=LINES + "009,x,1\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: the standard input (rows count from 1): row 3: age is 'x'; expected a number.\n"
    )


def test_a_bundle_answers_where_there_is_no_project(
    cli: Cli, project: Project, source: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    project.models.export("churn", tmp_path / "churn.lmz")
    done = cli("predict", tmp_path / "churn.lmz", "-i", source, "--proba", dir=empty)
    assert (done.code, done.err) == (0, "churn/1 answered 2 rows.\n")
    assert done.out == cli("predict", "churn", "-i", source, "--proba").out
    assert list(empty.iterdir()) == []


@pytest.mark.slow
def test_a_terminal_shows_a_bar(environment: None, source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    code, shown = in_terminal(
        [*COMMAND, "predict", "churn", "-i", str(source), "-o", str(target)], columns=200
    )
    assert code == 0
    assert "2/2" in re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert f"churn/1 answered 2 rows in {target}." in shown
    assert target.read_text() == "prediction\nyes\nno\n"


def test_a_wrong_call_says_why_and_writes_nothing(
    cli: Cli, source: Path, tables: Tables, tmp_path: Path
) -> None:
    bad, lacking, none = (tmp_path / name for name in ("bad.csv", "lacking.csv", "none.csv"))
    bad.write_text(LINES + "009,\x1b[31m,1\n")
    lacking.write_text("id,age\n1,2\n")
    target, before = tmp_path / "out.csv", tables()
    listed = sorted(tmp_path.iterdir())
    for line, code, text in (
        (["churn", "-i", bad], 2, "row 3: age is '\\x1b[31m'; expected a number."),
        (["churn", "-i", lacking], 2, "lacking.csv lacks the column 'visits', which the model"),
        (["churn", "-i", none], 2, f"There is no file '{none}'."),
        (["churn", "-i", tmp_path / "in.xlsx"], 2, "the ending of its name tells no format"),
        (["churn", "-i", source, "--keep", "idd"], 2, "Did you mean 'id'?"),
        (["churn", "-i", source, "--keep", "id", "--all-columns"], 2, "--keep chooses columns"),
        (["churn", "-i", source, "--trust", "os:system"], 2, "--trust is for bundles"),
        (["chrun", "-i", source], 3, "Did you mean 'churn'?"),
        (["none.lmz", "-i", source], 3, "There is no bundle 'none.lmz'."),
        (["churn"], 2, "Missing option '-i' / '--input'"),
    ):
        done = cli("predict", *line, "-o", target)
        assert (done.code, done.out) == (code, ""), done.err
        assert text in done.err
        assert "\x1b" not in done.err
    done = cli("predict", "churn", "-i", source, "--json")
    assert (done.code, done.out) == (2, "")
    assert "--json says what was written to a file" in done.err
    assert sorted(tmp_path.iterdir()) == listed
    assert tables() == before
