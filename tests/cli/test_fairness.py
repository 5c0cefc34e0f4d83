"""`lite-mlops fairness`: groups as a table, what differs in words, and exit code 4."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from tests.cli.conftest import Cli
from tests.conftest import Prepared

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]
CHANCE = np.random.default_rng(32)
AGES = CHANCE.integers(18, 90, 1_200)
ROWS = np.column_stack([AGES, CHANCE.normal(size=1_200)])
# The old are granted less, by the model and by what is true.
LABELS = np.where(ROWS[:, 1] - 0.03 * (AGES - 50) + CHANCE.normal(size=1_200) > 0, "yes", "no")


def _make_asked(project: Project) -> None:
    model = LogisticRegression(max_iter=1_000).fit(ROWS, LABELS)
    with project.start_run():
        project.log_model(model, "loan", input_example={"age": 40.0, "income": 0.0})
    answers = project.endpoint("loan").predict(ROWS.tolist())
    pairs = zip((one.id for one in answers), LABELS.tolist(), strict=True)
    project.monitoring.feedback_all(list(pairs)[:1_000])
    project.store.background.wait()


@pytest.fixture
def asked(project: Project, prepared: Prepared) -> Project:
    """A project whose model was asked of people of any age, most of them with a label."""
    return prepared(project, _make_asked)


def test_groups_are_a_table_and_differences_are_told(cli: Cli, asked: Project) -> None:
    done = cli("fairness", "loan", "--by", "age=40,65")
    assert (done.code, done.err) == (4, "")
    header, *rows = done.out.splitlines()
    names = "column group rows labelled selected tpr fpr precision gap"
    assert header.split() == names.split()
    report = asked.monitoring.fairness("loan", {"age": [40, 65]})
    facts = report["age", "below 40"]
    assert facts.selection_rate is not None
    assert rows[0].split()[:6] == [
        *("age", "below", "40", str(facts.rows), str(facts.labelled)),
        f"{facts.selection_rate.value:.3f}",
    ]
    assert rows[3:] == [f"{one.severity}: {one.sentence}" for one in report.findings()]
    assert any(row.startswith("alert: the selection rate of age = from 65 is 0.") for row in rows)


def test_what_is_within_the_limits_ends_with_nothing(cli: Cli, asked: Project) -> None:
    done = cli("fairness", "loan", "--by", "income=0", "--ratio", "0.01", "--tpr", "0.99")
    assert done.code == 0
    assert done.out.splitlines()[-1] == (
        "1,200 predictions, 1,000 with a label. Of 4 comparisons none lies beyond its limit as a "
        "whole; that is no proof that there is no difference."
    )


def test_programs_get_the_figures_whole(cli: Cli, asked: Project) -> None:
    line = ("fairness", "loan", "--by", "age=50", "--positive", "no", "--against", "below 50")
    report = asked.monitoring.fairness("loan", {"age": [50]}, positive="no", against="below 50")
    assert json.loads(cli(*line, "--json").out) == json.loads(json.dumps(report.to_dict()))
    rows = list(csv.DictReader(io.StringIO(cli(*line, "--csv").out)))
    assert [(row["group"], int(row["rows"])) for row in rows] == [
        (one.group, one.rows) for one in report.groups
    ]


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, asked: Project, tables: Tables
) -> None:
    before = tables()
    for line, code, text in (
        (["loan"], 2, "Missing option '--by'."),
        (["laon", "--by", "age"], 3, "There is no model 'laon'. Did you mean 'loan'?"),
        (["loan", "--by", "aeg"], 2, "'aeg' is none of the columns of loan/1. Did you mean 'age'?"),
        (["loan", "--by", "age=old"], 2, "--by age=old does not cut 'age' at numbers; write --by "),
        (["loan", "--by", "age", "--positive", "y"], 2, "'y' is none of the classes of loan/1: "),
        (["loan", "--by", "age=50", "--against", "60"], 2, "There is no group '60' to compare"),
        (["loan", "--by", "age", "--ratio", "0"], 2, "the limit of the selection ratio is 0.0; "),
    ):
        done = cli("fairness", *line)
        assert (done.code, done.out) == (code, "")
        assert f"Error: {text}" in done.err
    assert tables() == before
