"""`lite-mlops runs compare`: tables, JSON, CSV and a page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lite_mlops.cli.compare import LONG
from lite_mlops.project import Project
from lite_mlops.tracking.comparing.values import UNCLEAR
from tests.cli.conftest import RED, Cli
from tests.cli.test_output import STEERING

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]
LABELS = np.tile(["no", "yes"], 100)


def logged(project: Project, name: str, wrong: int, rows: int = 200, **params: object) -> str:
    with project.start_run(name, experiment="churn", params={"seed": 1} | params) as run:
        answers = np.where(np.arange(200) < wrong, np.roll(LABELS, 1), LABELS)
        run.log_metrics({"accuracy": 1 - wrong / 200, "rows": 200.0})
        run.log_evaluation(LABELS[:rows], answers[:rows])
    return run.id


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_two_runs_are_compared(cli: Cli, project: Project) -> None:
    ids = logged(project, "bad", 40, depth=3), logged(project, "good", 10, depth=4, lr=0.1)
    done = cli("runs", "compare", "bad", "good")
    told = lines(done.out)
    assert (done.code, done.err) == (0, "")
    assert told[0].split() == ["run", "id", "name", "experiment", "status", "started"]
    assert [line.split()[:4] for line in told[1:3]] == [
        ["A", ids[0], "bad", "churn"],
        ["B", ids[1], "good", "churn"],
    ]
    assert told[3:5] == ["", "evaluation test, B against A: 200 rows, 95% intervals"]
    assert told[5].split() == ["metric", "A", "B", "B", "-", "A", "interval", "verdict"]
    *values, low, _, high, word = told[6].split()
    assert values == ["accuracy", "0.8", "0.95", "+0.15"]
    assert (float(low), float(high)) == pytest.approx((0.1, 0.2), abs=0.02)
    assert word == "better"
    assert told[9] == "McNemar's test for accuracy: p = 1.2e-07"
    assert told[10:] == [
        "",
        "metrics",
        "name        A     B  B - A",
        "accuracy  0.8  0.95  +0.15",
        "",
        "params",
        "name   A  B",
        "depth  3  4",
        "lr        0.1",
        "",
        "The same in all: metrics 1, params 1. --all shows them.",
    ]


def test_what_is_the_same_is_shown_on_demand(cli: Cli, project: Project) -> None:
    logged(project, "bad", 40), logged(project, "good", 10)
    told = lines(cli("runs", "compare", "bad", "good", "--all").out)
    assert "rows      200   200     +0" in told
    assert "seed  1  1" in told
    assert not [line for line in told if "The same in all" in line]


def test_a_difference_that_may_be_chance_is_none(cli: Cli, project: Project) -> None:
    logged(project, "a", 40), logged(project, "b", 39)
    told = cli("runs", "compare", "a", "b").out
    assert LONG == UNCLEAR
    assert "no difference\n" in told.replace(" \n", "\n")
    assert LONG not in told
    assert "better" not in told


def test_several_runs_are_compared_with_the_first(cli: Cli, project: Project) -> None:
    for name, wrong in (("a", 40), ("b", 10), ("c", 90)):
        logged(project, name, wrong)
    told = lines(cli("runs", "compare", "a", "b", "c").out)
    assert "evaluation test, B against A: 200 rows, 95% intervals" in told
    assert "evaluation test, C against A: 200 rows, 95% intervals" in told
    assert "name        A     B     C  B - A  C - A" in told
    assert "accuracy  0.8  0.95  0.55  +0.15  -0.25" in told


def test_other_rows_give_no_verdict(cli: Cli, project: Project) -> None:
    logged(project, "a", 40), logged(project, "b", 10, rows=100)
    told = cli("runs", "compare", "a", "b").out
    assert "\nevaluation test, B against A\nNo verdict: they are on 200 and 100 rows.\n" in told


def test_json_is_what_the_library_returns(cli: Cli, project: Project) -> None:
    logged(project, "a", 40, depth=3), logged(project, "b", 10, depth=4)
    found = project.compare("a", "b")
    assert json.loads(cli("runs", "compare", "a", "b", "--json", "--all").out) == found.to_dict()
    told = json.loads(cli("runs", "compare", "a", "b", "--json").out)
    assert told == found.differing().to_dict()
    assert [row["name"] for row in told["params"]] == ["depth"]


def test_csv_has_a_row_for_each_difference(cli: Cli, project: Project) -> None:
    a, b = logged(project, "a", 40, depth=3), logged(project, "b", 10, depth=4)
    rows = list(csv.DictReader(io.StringIO(cli("runs", "compare", "a", "b", "--csv").out)))
    assert [(row["section"], row["name"]) for row in rows] == [
        ("verdict", "test accuracy"),
        ("verdict", "test balanced accuracy"),
        ("verdict", "test macro F1"),
        ("metrics", "accuracy"),
        ("params", "depth"),
    ]
    assert (rows[0][a], rows[0][b], rows[0]["verdict"]) == ("0.8", "0.95", "better")
    assert 0 < float(rows[0]["low"]) < float(rows[0]["difference"]) < float(rows[0]["high"])
    assert (rows[4][a], rows[4][b], rows[4]["verdict"]) == ("3", "4", "")


# -- the page ------------------------------------------------------------------------------------


def test_a_page_is_written(cli: Cli, project: Project, tmp_path: Path) -> None:
    logged(project, "<b>bad", 40), logged(project, "good", 10)
    done = cli("runs", "compare", "<b>bad", "good", "--html", tmp_path / "found.html")
    assert (done.code, done.out) == (0, f"Wrote {tmp_path / 'found.html'}.\n")
    text = (tmp_path / "found.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "&lt;b&gt;bad" in text
    assert "<b>" not in text


def test_a_page_leaves_json_as_it_is(cli: Cli, project: Project, tmp_path: Path) -> None:
    logged(project, "a", 40), logged(project, "b", 10)
    done = cli("runs", "compare", "a", "b", "--json", "--html", tmp_path / "found.html")
    assert json.loads(done.out)["runs"][0]["name"] == "a"
    assert (tmp_path / "found.html").exists()


def test_the_page_of_a_hostile_project_holds_no_controls(
    cli: Cli, hostile: Path, tmp_path: Path
) -> None:
    words = ("training", "one of a very long name " * 4)
    done = cli("runs", "compare", *words, "--html", tmp_path / "found.html", dir=hostile)
    assert done.code == 0
    text = (tmp_path / "found.html").read_text(encoding="utf-8")
    assert RED.replace("\x1b", r"\x1b") in text
    assert not STEERING.search(text)


def test_a_page_that_cannot_be_written_is_told(cli: Cli, project: Project, tmp_path: Path) -> None:
    logged(project, "a", 40), logged(project, "b", 10)
    target = tmp_path / "none" / "found.html"
    done = cli("runs", "compare", "a", "b", "--html", target)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"Error: {target}: No such file or directory.\n"


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "Missing argument 'A B...'."),
        (("a",), 2, "Error: a comparison needs two runs at least; there is only 'a'.\n"),
        (("a", "a"), 2, "(a) is compared with itself; name others.\n"),
        (("a", "x"), 3, "Error: There is no run 'x'."),
        (("x", "a"), 3, "Error: There is no run 'x'."),
        (("a", "twin"), 2, "'twin' names 2 runs: "),
    ],
)
def test_what_cannot_be_compared_is_told(
    cli: Cli, project: Project, tables: Tables, words: tuple[str, ...], code: int, message: str
) -> None:
    for name in ("a", "twin", "twin"):
        logged(project, name, 10)
    before = tables()
    done = cli("runs", "compare", *words)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert tables() == before
