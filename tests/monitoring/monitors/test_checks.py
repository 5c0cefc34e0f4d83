"""Each check of answers, through a monitor: what it is asked, what it finds, since when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from lite_mlops.monitoring.findings import ALERT, NONE, UNKNOWN, WARN, Finding
from lite_mlops.project import Project
from tests.conftest import Prepared
from tests.monitoring.asked import START, asked

FEATURES = ("age", "visits")
DAY = timedelta(days=1)
Rows = Any


def people(rows: int, seed: int, *, age: Any = 0.0, spread: float = 1.0) -> tuple[Rows, Rows, Rows]:
    """Return what is known of people, the chance that they leave, and what they do."""
    random = np.random.default_rng(seed)
    asked_of = random.normal(size=(rows, 2)) * [spread, 1.0] + np.column_stack(
        [np.broadcast_to(age, rows), np.zeros(rows)]
    )
    chance = 1 / (1 + np.exp(-2 * asked_of[:, 0]))
    return asked_of, chance, np.where(random.random(rows) < chance, "yes", "no")


def said(chance: Rows) -> Rows:
    return np.where(chance > 0.5, "yes", "no")


def _make_evaluated(project: Project) -> None:
    rows, _, labels = people(2_000, 1)
    _, chance, truth = people(1_500, 2)
    with project.start_run() as run:
        project.log_dataset(rows, "customers", column_names=FEATURES)
        run.log_evaluation(truth, said(chance), y_score=chance)
        model = LogisticRegression().fit(rows, labels)
        project.log_model(
            model, "churn", input_example=dict.fromkeys(FEATURES, 0.0), alias="champion"
        )


@pytest.fixture
def evaluated(project: Project, prepared: Prepared) -> Project:
    """A champion whose run kept its data and an evaluation."""
    return prepared(project, _make_evaluated)


def ask(project: Project, day: float, rows: int = 400, **people_of: Any) -> tuple[list[str], Rows]:
    """Record the answers of a day; return their ids, and what people did."""
    known, chance, truth = people(rows, **{"seed": 10 + int(day)} | people_of)
    ids = asked(
        project,
        said(chance),
        days=day + np.arange(rows) / rows,
        inputs=known.tolist(),
        shares=np.column_stack([1 - chance, chance]),
    )
    return ids, truth


def found(project: Project, until: datetime, **options: Any) -> dict[tuple[str, str], Finding]:
    options = {"window": "1d"} | options
    project.monitors.set("churn", **options)
    (run,) = project.monitors.run("churn", until=until)
    return {(one.check, one.subject): one for one in run.findings}


def test_performance_is_of_the_last_window_whose_labels_have_come(evaluated: Project) -> None:
    ids, truth = ask(evaluated, 0)
    ask(evaluated, 1)
    checks = ["performance", "calibration"]
    until = START + 2 * DAY
    untold = found(evaluated, until, checks=checks)
    assert {one.severity for one in untold.values()} == {UNKNOWN}
    assert untold["performance", ""].sentence == "None of 800 predictions has a label by now."
    evaluated.monitoring.feedback(ids, np.where(truth == "yes", "no", "yes"))
    told = found(evaluated, until, checks=checks)
    worse = told["performance", "accuracy"]
    assert worse.severity == ALERT
    assert worse.evidence["since"] == START.isoformat()
    assert worse.evidence["predictions"] == 400
    assert told["calibration", ""].severity == ALERT
    (incident, *_) = evaluated.alerts.all("churn")
    assert incident.check in ("performance", "calibration")


def test_good_answers_do_not_fire_and_options_are_heard(evaluated: Project) -> None:
    evaluated.monitoring.feedback(*ask(evaluated, 0))
    until = START + DAY
    checks: dict[str, Any] = dict.fromkeys(("drift", "quality", "traffic", "service"), False)
    told = found(evaluated, until, checks=checks)
    assert not any(one.fires for one in told.values())
    assert told["performance", "accuracy"].severity == NONE
    assert told["calibration", ""].severity == NONE
    assert ("fairness", "") not in told
    checks |= {"performance": {"tolerance": {"brier": 0.5}}}
    told = found(evaluated, until, checks=checks)
    assert [subject for check, subject in told if check == "performance"] == ["brier"]
    checks |= {"performance": {"within": "1h"}}
    assert found(evaluated, until, checks=checks)["performance", ""].severity == UNKNOWN


def test_estimates_tell_before_labels_come(evaluated: Project) -> None:
    ask(evaluated, 0)
    ask(evaluated, 1, spread=0.2)  # hard to tell apart
    assert found(evaluated, START + DAY)["estimates", "accuracy"].severity == NONE
    found_now = found(evaluated, START + 2 * DAY)["estimates", "accuracy"]
    assert found_now.severity == ALERT
    assert found_now.evidence["rows"] == 400


def test_what_cannot_be_estimated_says_so_once(project: Project) -> None:
    rows, _, labels = people(200, 1)
    model = LinearRegression().fit(rows, labels == "yes")
    project.models.register(model, "price", input_example=dict.fromkeys(FEATURES, 0.0))
    asked(project, [0.5] * 100, model="price")
    project.monitors.set("price", window="100 rows")
    (run,) = project.monitors.run("price")
    (told,) = [one for one in run.findings if one.check == "estimates"]
    assert (told.subject, told.severity) == ("", UNKNOWN)
    assert told.sentence.startswith("price/1 is a regressor, whose loss is estimated by a second")
    project.monitors.set("price", window="100 rows", checks={"estimates": {"loss": True}})
    (run,) = project.monitors.run("price")
    (told,) = [one for one in run.findings if one.check == "estimates"]
    assert told.sentence.startswith("Nothing can be estimated: ")


def test_groups_are_compared_by_the_columns_that_are_given(evaluated: Project) -> None:
    known, chance, truth = people(800, 5)
    answers = np.where(known[:, 1] > 0, said(chance), "no")  # those with few visits get nothing
    ids = asked(evaluated, answers.tolist(), days=np.arange(800) / 800, inputs=known.tolist())
    evaluated.monitoring.feedback(ids, truth)
    checks: dict[str, Any] = {"fairness": {"columns": {"visits": [0]}, "positive": "yes"}}
    told = found(evaluated, START + DAY, checks=checks)
    unfair = [one for (check, _), one in told.items() if check == "fairness" and one.fires]
    assert unfair
    assert all("visits" in one.subject for one in unfair)
    checks = {"fairness": {"columns": ["visist"]}}
    told = found(evaluated, START + DAY, checks=checks)
    assert told["fairness", ""].severity == UNKNOWN
    assert "Did you mean 'visits'?" in told["fairness", ""].sentence


def test_a_sudden_break_within_the_window_is_seen(evaluated: Project) -> None:
    ask(evaluated, 0, rows=1_000, age=np.repeat([-1.0, 1.0], 500))
    told = found(evaluated, START + DAY, checks=["streams"])["streams", "score"]
    assert told.severity == WARN
    assert 480 <= told.evidence["changes"][-1]["position"] <= 540
