"""`lite-mlops estimates`: windows as a table, what fires, and what to do where there is nothing."""

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
CHANCE = np.random.default_rng(31)
ROWS = CHANCE.normal(size=(1_600, 2))
LABELS = np.where(ROWS[:, 0] + CHANCE.normal(size=1_600) > 0, "yes", "no")


def _make_asked(project: Project) -> None:
    model = LogisticRegression().fit(ROWS[:500], LABELS[:500])
    with project.start_run() as run:
        held = ROWS[500:1_000]
        scores = model.predict_proba(held)[:, 1]
        run.log_evaluation(LABELS[500:1_000], model.predict(held), y_score=scores)
        project.log_model(model, "churn", input_example={"age": 0.0, "visits": 0.0})
    answers = project.endpoint("churn").predict(ROWS[1_000:].tolist())
    labels = zip((one.id for one in list(answers)[:300]), LABELS[1_000:].tolist(), strict=False)
    project.monitoring.feedback_all(list(labels))
    project.store.background.wait()


@pytest.fixture
def asked(project: Project, prepared: Prepared) -> Project:
    """A project whose model was evaluated, and then asked, with labels for half of that."""
    return prepared(project, _make_asked)


def test_windows_are_a_table_and_the_assumption_is_said(cli: Cli, asked: Project) -> None:
    done = cli("estimates", "churn", "--rows", "300")
    assert (done.code, done.err) == (0, "")
    header, *rows, by, said = done.out.splitlines()
    assert header.split() == "window rows labelled metric estimate interval by labels".split()
    assert len(rows) == 12
    report = asked.monitoring.estimates("churn", rows=300)
    accuracy = report.windows[0]["accuracy"]
    compared = report.windows[0].compared["accuracy"]
    assert rows[0].split() == [
        *("1", "300", "300", "accuracy", f"{accuracy.value:.3f}"),
        *(f"{accuracy.low:.3f}", "to", f"{accuracy.high:.3f}", f"{compared.realised:.3f}"),
    ]
    assert rows[-1].split()[:4] == ["2", "300", "0", "brier"]
    assert "by evaluation 'test' of run " in by
    assert by.endswith(" (500 rows).")
    assert said == str(report)
    assert "assumes that the relation between inputs and outcome has not changed" in said


def test_programs_get_the_figures_whole(cli: Cli, asked: Project) -> None:
    report = asked.monitoring.estimates("churn/1")
    assert json.loads(cli("estimates", "churn/1", "--json").out) == json.loads(
        json.dumps(report.to_dict())
    )
    rows = list(csv.DictReader(io.StringIO(cli("estimates", "churn/1", "--csv").out)))
    assert [(row["subject"], row["severity"]) for row in rows] == [
        (one.subject, one.severity) for one in report.findings()
    ]


def test_labels_that_say_otherwise_end_with_four(cli: Cli, asked: Project) -> None:
    answers = asked.endpoint("churn").predict(ROWS[:1_000].tolist())
    turned = np.where(LABELS[:1_000] == "yes", "no", "yes").tolist()
    asked.monitoring.feedback_all(list(zip((one.id for one in answers), turned, strict=True)))
    asked.store.background.wait()
    done = cli("estimates", "churn", "--rows", "300", "--reference", "evaluation=test")
    assert done.code == 4
    assert "alert: concept drift suspected: auc is 0." in done.out
    assert "Labels say otherwise: concept drift suspected (" in done.out


def test_where_there_is_nothing_it_says_what_to_do(cli: Cli, asked: Project) -> None:
    asked.models.register(
        asked.models.load("churn"), "bare", input_example={"age": 0.0, "visits": 0.0}
    )
    done = cli("estimates", "bare")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "Nothing can be estimated: The run of bare/1 kept no evaluation with scores. bare/1 has 0 "
        "labelled predictions; at least 400 are needed. Log an evaluation with scores"
    )


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, asked: Project, tables: Tables
) -> None:
    before = tables()
    for line, code, text in (
        (["chrun"], 3, "There is no model 'chrun'. Did you mean 'churn'?"),
        (["churn", "--rows", "5"], 2, "a window of 5 rows is too small; at least 50."),
        (["churn", "--reference", "tset"], 2, "There is no reference 'tset' of estimates: "),
        (["churn", "--since", "noon"], 2, "Invalid value for '--since'"),
        ([], 2, "Missing argument 'MODEL'."),
    ):
        done = cli("estimates", *line)
        assert (done.code, done.out) == (code, "")
        assert f"Error: {text}" in done.err
    assert tables() == before
