"""`lite-mlops drift`: the verdict on each feature, in words and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli, trained

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def asked(project: Project) -> Project:
    """A project whose model was asked of people who are much older than in its training."""
    trained(project)
    rows = np.random.default_rng(2).normal(size=(100, 2)) + np.array([3.0, 0.0])
    project.endpoint("churn").predict(rows.tolist())
    project.store.background.wait()  # commands read through a store of their own
    return project


def test_the_verdicts_are_a_table_the_farthest_first(cli: Cli, asked: Project) -> None:
    done = cli("drift", "churn")
    header, first, second, said = done.out.splitlines()
    age, visits = asked.monitoring.drift("churn")
    assert (done.code, done.err) == (0, "")
    assert header.split() == ["feature", "PSI", "KS", "p", "rows", "verdict"]
    assert first.split() == [
        *("age", f"{age.psi:.3f}", f"{age.ks:.3f}", f"{age.p_value:.2g}", "100", "drifted"),
    ]
    assert second.split() == [
        *("visits", f"{visits.psi:.3f}", f"{visits.ks:.3f}", f"{visits.p_value:.2g}"),
        *("100", "stable"),
    ]
    assert said == "1 of 2 features have drifted."


def test_programs_get_the_figures_whole(cli: Cli, asked: Project) -> None:
    expected = [feature.to_dict() for feature in asked.monitoring.drift("churn")]
    assert json.loads(cli("drift", "churn/1", "--json").out) == expected
    rows = csv.DictReader(io.StringIO(cli("drift", "churn/1", "--csv").out))
    assert list(rows) == [{name: str(value) for name, value in row.items()} for row in expected]


def test_without_predictions_nothing_has_drifted(cli: Cli, project: Project) -> None:
    trained(project)
    told = json.loads(cli("drift", "churn", "--json").out)
    assert [(one["rows"], one["drifted"]) for one in told] == [(0, False), (0, False)]
    assert cli("drift", "churn").out.endswith("\n0 of 2 features have drifted.\n")


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, asked: Project, tables: Tables
) -> None:
    model = asked.models.load("churn")
    asked.models.register(model, "bare", input_example={"age": 0.0, "visits": 0.0})
    before = tables()
    for line, code, text in (
        (["chrun"], 3, "There is no model 'chrun'. Did you mean 'churn'?"),
        (["churn@best"], 3, "The model 'churn' has no alias 'best'."),
        (["churn/2"], 3, "The model 'churn' has no version 2; its newest is 1."),
        (["chu rn"], 2, "'chu rn' does not name a model version; write 'churn@champion', "),
        (
            ["bare"],
            3,
            (
                "There is nothing to compare bare/1 with: its run logged no training data. Call "
                "log_dataset(data, name) in the run that trains."
            ),
        ),
        ([], 2, "Missing argument 'REFERENCE'."),
    ):
        done = cli("drift", *line)
        assert (done.code, done.out) == (code, "")
        assert f"Error: {text}" in done.err
    assert tables() == before
