"""`lite-mlops experiments`: list, show, rename and put away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli, logged

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


def test_experiments_are_listed_with_the_newest_run_first(cli: Cli, project: Project) -> None:
    for experiment in ("one", "two", "one"):
        logged(project, experiment=experiment)
    project.start_run(experiment="three")
    done = cli("experiments", "ls")
    header, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert header.split() == ["name", "runs", "running", "last", "run"]
    assert [row.split()[:3] for row in rows[:1]] == [["three", "1", "1"]]
    assert [row.split()[:2] for row in rows[1:]] == [["one", "2"], ["two", "1"]]


def test_experiments_without_runs_are_listed_on_demand(cli: Cli, project: Project) -> None:
    project.runs.delete(logged(project))
    assert cli("experiments", "ls").out == "No experiments.\n"
    assert "churn" in cli("experiments", "ls", "--all").out
    assert json.loads(cli("experiments", "ls", "--json").out) == []
    (found,) = json.loads(cli("experiments", "ls", "--all", "--json").out)
    assert (found["name"], found["runs"]) == ("churn", 0)


def test_an_experiment_is_shown_by_any_of_its_names(cli: Cli, project: Project) -> None:
    logged(project, experiment="scratch")
    project.experiments.rename("scratch", "churn")
    for name in ("scratch", "churn"):
        told = dict(
            line.split(maxsplit=1) for line in cli("experiments", "show", name).out.splitlines()
        )
        assert told["experiment"].strip() == "churn"
        assert told["runs"].strip() == "1"
        assert told["former"].split() == ["names", "scratch"]
    shown = json.loads(cli("experiments", "show", "scratch", "--json").out)
    assert shown == project.experiments.get("churn").to_dict()


def test_a_renamed_experiment_keeps_its_runs(cli: Cli, project: Project) -> None:
    run = logged(project, experiment="scratch")
    done = cli("experiments", "rename", "scratch", "churn 2", "--reason", "clearer")
    assert (done.code, done.out, done.err) == (0, "Renamed scratch to churn 2.\n", "")
    assert project.runs.get(run).experiment == "churn 2"
    told = project.sql("SELECT kind, actor, record->>'reason' FROM decisions")
    assert told.rows == (("experiment_renamed", "ann", "clearer"),)


@pytest.mark.parametrize(("options", "answer"), [(["-y"], ""), ([], "y\n")])
def test_all_runs_of_an_experiment_are_put_away(
    cli: Cli, project: Project, options: list[str], answer: str
) -> None:
    gone = {logged(project) for _ in range(2)}
    kept = logged(project, experiment="kept")
    done = cli("experiments", "rm", "churn", *options, "--reason", "old", answer=answer)
    assert done.code == 0
    assert done.out.endswith("Deleted 2 runs of churn; `runs restore` brings them back.\n")
    assert {run.id for run in project.runs.page(deleted=True)} == gone
    assert [run.id for run in project.runs.page()] == [kept]


def test_what_is_not_confirmed_is_not_done(cli: Cli, project: Project, tables: Tables) -> None:
    logged(project)
    before = tables()
    for answer in ("n\n", ""):
        done = cli("experiments", "rm", "churn", answer=answer)
        assert done.code == 130
        assert done.out.startswith("Delete the 1 runs of churn? [y/N]: ")
    assert tables() == before


NEAR = "There is no experiment 'chrun'. Did you mean 'churn'?"
REFUSED = {
    ("show", "chrun"): (3, NEAR),
    ("show", "\x1b[31m"): (3, r"There is no experiment '\x1b[31m'."),
    ("rename", "chrun", "x"): (3, NEAR),
    ("rename", "churn", " "): (2, "experiment name is empty."),
    ("rename", "churn", "a\nb"): (
        2,
        (
            r"experiment name 'a\nb' contains the control character '\n' at position 2. Names are "
            "text without control characters."
        ),
    ),
    ("rename", "churn", "other"): (4, "The name 'other' leads to experiment 'other' already."),
    ("rename", "churn", "former"): (4, "The name 'former' leads to experiment 'other' already."),
    ("rename", "churn"): (2, "Missing argument 'NEW_NAME'."),
    ("rm", "-y", "chrun"): (3, NEAR),
    ("rm", "-y", "going"): (4, "Runs of 'going' are going on ({run}); end them first."),
}


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, project: Project, tables: Tables
) -> None:
    logged(project)
    logged(project, experiment="former")
    project.experiments.rename("former", "other")
    run = project.start_run(experiment="going").id
    before = tables()
    for line, (code, text) in REFUSED.items():
        done = cli("experiments", *line)
        assert (done.code, done.out) == (code, ""), line
        assert done.err.endswith(f"Error: {text.format(run=run)}\n"), line
        assert tables() == before, line
