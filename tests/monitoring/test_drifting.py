"""Drift of a served model: texts and answers, any reference, any window, importance, quality."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.monitoring.drift import DriftReport, findings
from lite_mlops.project import Project
from lite_mlops.store import new_id
from lite_mlops.store.events import Predictions
from tests.conftest import Prepared

pd = pytest.importorskip("pandas")

NAMES = ("age", "visits", "member", "plan")
PLANS = np.array(["basic", "gold", "pro"], object)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = 400

Rows = dict[str, Any]


def people(seed: int, rows: int = ROWS) -> Rows:
    chance = np.random.default_rng(seed)
    return {
        "age": chance.normal(45, 12, rows).round(1),
        "visits": chance.poisson(6, rows),
        "member": chance.random(rows) < 0.4,
        "plan": chance.choice(PLANS, rows, p=[0.6, 0.3, 0.1]),
    }


def _make_served(project: Project) -> None:
    data = people(1, 600)
    answers = np.where(data["age"] + 2 * (data["plan"] == "pro") > 45, "yes", "no")
    frame = pd.DataFrame(data)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["plan"]), remainder="passthrough"),
        RandomForestClassifier(20, max_depth=4, random_state=1),
    ).fit(frame, answers)
    with project.start_run() as run:
        project.log_dataset(frame, "people", snapshot=True)
        predicted = model.predict(frame)
        run.log_evaluation(answers, predicted, y_score=model.predict_proba(frame)[:, 1])
        project.log_model(model, "churn", input_example=frame, alias="champion")


@pytest.fixture
def served(project: Project, prepared: Prepared) -> Project:
    """A project whose model takes numbers, a boolean and a text, and leans on the age most."""
    return prepared(project, _make_served)


def ask(
    project: Project, rows: Rows, begin: datetime = BEGIN, every: timedelta = timedelta(minutes=1)
) -> list[str]:
    """Record answers to rows as a server does that is asked one row at a time; return the ids."""
    version = project.models.get("churn")
    kept = project.models.load("churn")
    kept[0].transformers_[0][1].handle_unknown = "ignore"
    frame = pd.DataFrame(rows)
    scores = kept.predict_proba(frame).tolist()
    ids = [new_id() for _ in range(len(frame))]
    micro = timedelta(microseconds=1)
    start = begin - datetime(1970, 1, 1, tzinfo=UTC)
    times = [(start + place * every) // micro for place in range(len(ids))]

    def number(value: Any) -> float | None:
        return None if value is None or value != value else float(value)

    numbers = [
        [number(age), number(visits), number(member), None]
        for age, visits, member in zip(*(rows[name] for name in NAMES[:3]), strict=True)
    ]
    project.store.append(
        Predictions(
            model="churn",
            version=version.version,
            ids=ids,
            times=times,
            inputs=numbers,
            text_inputs=[[None, None, None, plan] for plan in rows["plan"]],
            answers=kept.predict(frame).tolist(),
            shares=scores,
            latencies=[200] * len(ids),
        )
    )
    return ids


def drift(project: Project, **options: Any) -> DriftReport:
    options = {"until": BEGIN + timedelta(days=30)} | options
    return project.monitoring.drift("churn", **options)


# -- what is looked at --------------------------------------------------------------------------


def test_all_that_is_recorded_is_compared_with_the_profile_of_the_training(
    served: Project,
) -> None:
    ask(served, people(2))
    report = drift(served)
    assert [one.column for one in report if one.drifted] == []
    assert {one.column: one.kind for one in report} == {
        "age": "number",
        "visits": "number",
        "member": "category",
        "plan": "category",
    }
    assert {one.column for one in report.answers} == {"(prediction)", "(probability of yes)"}
    assert {one.role for one in report.answers} == {"answer", "score"}
    assert {one.severity for one in (*report, *report.answers)} == {"none"}
    assert (report.reference_rows, report.current_rows) == (600, ROWS)
    assert sum(one.importance or 0 for one in report) == pytest.approx(1)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False)) == report.to_dict()


def test_a_column_that_matters_more_comes_first(served: Project) -> None:
    rows = people(3)
    rows["age"] = rows["age"] + 9
    rows["visits"] = rows["visits"] + 4
    ask(served, rows)
    report = drift(served)
    age, visits, *others = report
    assert (age.column, visits.column) == ("age", "visits")
    assert visits.effect is not None
    assert age.effect is not None
    assert visits.effect > age.effect  # it moved more, but hardly counts
    assert age.importance is not None
    assert visits.importance is not None
    assert age.importance > 0.8 > 0.2 > visits.importance
    assert not any(one.drifted for one in others)
    assert {one.column for one in report.answers if one.drifted} == {
        "(prediction)",
        "(probability of yes)",
    }
    assert "Of its answers (p" in str(report)


def test_texts_that_are_new_or_more_frequent_are_seen(served: Project) -> None:
    rows = people(4)
    rows["plan"][:100] = "gold"
    ask(served, rows)
    plan = drift(served)["plan"]
    assert (plan.severity, plan.broken) == ("alert", ())
    assert plan.reasons[0].startswith("gold 29.7 % -> 45.8 % (variation 0.127, adjusted p ")
    assert plan.distribution is not None
    assert set(plan.distribution.categories) == set(PLANS)
    assert sum(plan.distribution.current) == pytest.approx(1, abs=1e-5)


def test_rows_that_break_a_rule_are_named_by_their_ids(served: Project) -> None:
    rows = people(5)
    rows["visits"] = rows["visits"].astype(float)
    rows["visits"][10:80] = 9_000
    rows["plan"] = np.where(np.arange(ROWS) % 10 == 7, "trial", rows["plan"]).astype(object)
    rows["age"] = np.where(np.arange(ROWS) >= 200, 44.4, rows["age"])
    ids = ask(served, rows)
    report = drift(served)
    told = {one.column: dict(one.examples) for one in report if one.broken}
    assert told["visits"]["range"] == tuple(ids[10:13])
    assert told["plan"] == {"unseen": (ids[7], ids[17], ids[27])}
    assert told["age"]["stuck"] == tuple(ids[200:203])
    assert report["age"].since == BEGIN + timedelta(minutes=200)
    found = {(one.check, one.subject): one for one in findings(report)}
    broken = found["quality", "plan"]
    assert broken.fires
    assert broken.sentence.startswith("plan: not in the reference: 'trial' in 1")
    assert broken.evidence["examples"] == {"unseen": [ids[7], ids[17], ids[27]]}
    assert broken.evidence["since"] == (BEGIN + timedelta(minutes=7)).isoformat()
    assert broken.evidence["current"] == "churn/1"
    assert found["drift", "age"].evidence["distribution"]["edges"]
    assert json.dumps([one.to_dict() for one in findings(report)], allow_nan=False)


def test_another_unit_is_told_from_the_profile_alone(served: Project) -> None:
    rows = people(6)
    ask(served, rows | {"age": rows["age"] * 10})
    age = drift(served)["age"]
    assert age.broken == ("unit",)
    assert age.reasons[0] == "as if all were multiplied by 10"


# -- references ---------------------------------------------------------------------------------


def test_a_past_window_is_a_reference_with_answers_and_all_columns_together(
    served: Project,
) -> None:
    ask(served, people(7))
    moved = people(8)
    moved["age"] = moved["age"] + 12
    ask(served, moved, BEGIN + timedelta(days=7))
    report = drift(served, reference_window="first 400")
    assert (report.reference, report.reference_rows) == ("churn/1, first 400", ROWS)
    assert (report.current_rows, report.began) == (ROWS, BEGIN + timedelta(days=7))
    assert [one.column for one in report.moved] == ["age"]
    assert report["age"].wasserstein is not None  # the rows themselves are compared
    assert {one.column for one in report.answers} >= {"(prediction)"}
    assert report.joint is not None
    assert report.joint.drifted
    assert next(iter(report.joint.features)) == "age"
    assert [one.check for one in findings(report)].count("joint") == 1
    by_time = drift(served, reference_window="2026-03-02T00:00+00:00..2026-03-05T00:00+00:00")
    assert by_time.columns == report.columns
    assert drift(served, reference_window="first 400", joint=False).joint is None
    same = drift(served, reference_window="first 400", last=600)
    assert same.notes[0] == "The window and its reference have predictions in common."


def test_a_dataset_is_a_reference_with_its_rows_or_else_its_profile(served: Project) -> None:
    rows = people(9)
    rows["age"] = rows["age"] + 12
    ask(served, rows)
    later = served.datasets.add(pd.DataFrame(rows), "later", snapshot=True)
    report = drift(served, reference=later.reference)
    assert (report.reference, report.drifted) == (later.reference, False) or report.answers
    assert not report.moved
    assert report.joint is not None
    assert {one.kind for one in report} == {"number", "category"}
    assert drift(served, reference="people").moved[0].column == "age"
    unkept = served.datasets.add(pd.DataFrame(people(1)), "unkept").reference
    report = drift(served, reference=unkept)
    assert [one.column for one in report.moved] == ["age"]
    assert any(note.startswith(f"Of {unkept} only the profile is kept") for note in report.notes)
    with pytest.raises(NotFound, match=r"There is no dataset 'peple'\. Did you mean 'people'\?"):
        drift(served, reference="peple")
    with pytest.raises(Invalid, match="Give either a dataset or a past window"):
        drift(served, reference="people", reference_window="first 10")


def test_windows_by_count_and_time_take_the_rows_they_say(served: Project) -> None:
    ask(served, people(1, 100))
    for options, rows in (
        ({"last": 30}, 30),
        ({"last": "30"}, 30),
        ({"last": 500}, 100),
        ({"since": "2026-03-02T00:10+00:00"}, 90),
        ({"since": BEGIN, "until": BEGIN + timedelta(minutes=10)}, 10),
        ({"last": 5, "until": BEGIN + timedelta(minutes=10)}, 5),
        ({"since": "2031-01-01", "until": "2032-01-01"}, 0),
    ):
        report = drift(served, **options)
        assert (report.current_rows, {one.current_rows for one in report}) == (rows, {rows})
    assert drift(served, last=30).began == BEGIN + timedelta(minutes=70)


def test_many_rows_at_one_time_are_counted_exactly(served: Project) -> None:
    ids = ask(served, people(1, 90), every=timedelta(0))
    report = drift(served, last=60, reference_window="first 30")
    assert (report.reference_rows, report.current_rows) == (30, 60)
    assert not any("in common" in note for note in report.notes)
    assert len(ids) == 90


def test_late_journals_do_not_disturb_the_order(served: Project) -> None:
    ask(served, people(1, 60), BEGIN + timedelta(days=1))
    rows = people(2, 60)
    rows["age"][:] = 44.4
    ids = ask(served, rows, BEGIN)
    ask(served, people(3, 60), BEGIN - timedelta(days=1))
    age = drift(served)["age"]
    assert age.broken == ("stuck",)
    assert age.examples["stuck"] == tuple(ids[:3])
    assert age.since == BEGIN


# -- odd input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [None, "first 1", "first 60"])
def test_odd_windows_have_a_stated_result(served: Project, window: str | None) -> None:
    for rows in (0, 1, 70):
        if rows:
            ask(served, people(rows, rows), BEGIN + timedelta(days=rows))
        report = drift(served, reference_window=window)
        json.dumps(report.to_dict(), allow_nan=False)
        json.dumps([one.to_dict() for one in findings(report)], allow_nan=False)
        if report.current_rows < 50:
            assert {one.severity for one in report} <= {"unknown"}
            assert not report.drifted


def test_missing_and_constant_columns_have_a_stated_result(served: Project) -> None:
    rows = people(1)
    ids = ask(served, rows)
    version = served.models.get("churn")
    served.store.append(
        Predictions(
            model="churn",
            version=version.version,
            ids=[f"{one}x" for one in ids],
            times=[int((BEGIN + timedelta(days=9)).timestamp() * 1e6)] * ROWS,
            inputs=[[None, 6.0, 1.0, None]] * ROWS,
            text_inputs=[[None] * 4] * ROWS,
            answers=["yes"] * ROWS,
            shares=[[0.0, 1.0]] * ROWS,
            latencies=[100] * ROWS,
        )
    )
    for window in (None, "first 400"):
        report = drift(served, reference_window=window, last=ROWS)
        assert report["age"].reasons[0] == "missing in 100 % of the rows, 0 % in the reference"
        assert report["visits"].broken == ("constant",)
        assert report["member"].broken == ("constant",)
        assert report["plan"].broken == ("missing",)
        assert report["(prediction)"].broken == ("constant",)
        backwards = drift(
            served, reference_window="last 400", until=BEGIN + timedelta(days=8), last=ROWS
        )
        assert backwards["age"].reasons == ("the reference has no value",)
        json.dumps(report.to_dict(), allow_nan=False)


def test_texts_where_there_should_be_numbers_are_a_problem_of_types(served: Project) -> None:
    ids = ask(served, people(1, 100))
    served.store.append(
        Predictions(
            model="churn",
            version=1,
            ids=["odd"] * 20,
            times=[int((BEGIN + timedelta(days=1)).timestamp() * 1e6)] * 20,
            inputs=[[None, 3.5, 1.0, None]] * 20,
            text_inputs=[["old", None, None, "pro"]] * 20,
            answers=["yes"] * 20,
            shares=[[0.0, 1.0]] * 20,
            latencies=[100] * 20,
        )
    )
    report = drift(served)
    assert "type" in report["age"].broken
    told = "16.7 % of the rows are no numbers, which the signature says"
    assert told in report["age"].reasons
    assert set(report["age"].examples["type"]) == {"odd"}
    assert "16.7 % of the rows are no whole numbers, which the signature says" in (
        report["visits"].reasons
    )
    assert report.broken[0].rule == "ids"
    assert report.examples["ids"] == ("odd",)
    assert "19 predictions have an id that another one has" in str(report)
    assert ids


def test_rows_that_come_again_are_told(served: Project) -> None:
    rows = people(1, 200)
    twice = {name: np.concatenate([values[:100], values[:100]]) for name, values in rows.items()}
    ask(served, rows)
    ids = ask(served, twice, BEGIN + timedelta(days=2))
    report = drift(served, reference_window="first 200")
    assert [one.rule for one in report.broken] == ["duplicates", "interrupted", "absent"]
    assert report.examples["duplicates"] == tuple(ids[100:103])
    assert str(report).count("of the rows are like one before them") == 1
    assert report.drifted
    assert report.severity == "alert"


def test_traffic_that_stops_is_told(served: Project) -> None:
    ask(served, people(1, 300))
    assert drift(served, until=BEGIN + timedelta(hours=5)).broken == ()
    (stopped,) = drift(served, until=BEGIN + timedelta(hours=9)).broken
    assert stopped.rule == "absent"
    assert stopped.text == "no request for 4.02 h, 60 s at most before"
    empty = drift(served, since=BEGIN + timedelta(hours=8), until=BEGIN + timedelta(hours=9))
    assert (empty.current_rows, empty.broken, empty.drifted) == (0, (stopped,), False)
    ask(served, people(2, 100), BEGIN + timedelta(hours=20))
    (late,) = drift(served, until=BEGIN + timedelta(hours=21, minutes=45)).broken
    assert late.rule == "interrupted"
    assert late.text == ("no request for 15 h from 2026-03-02 04:59 UTC on, 60 s at most otherwise")


# -- what is not known --------------------------------------------------------------------------


def test_what_cannot_be_looked_at_is_said(project: Project) -> None:
    data = people(1)
    features = np.column_stack([data["age"], data["visits"]])
    with project.start_run():
        project.log_dataset({"age": data["age"], "visits": data["visits"]}, "people")
        model = LinearRegression().fit(features, data["age"] * 2)
        project.log_model(model, "cost", input_example={"age": 1.0, "visits": 2.0})
    endpoint = project.endpoint("cost")
    endpoint.predict(features.tolist())
    project.store.background.wait()
    report = project.monitoring.drift("cost")
    assert report.answers == ()
    assert report.notes[0].startswith("Its answers are not compared: none to the reference are")
    assert report.notes[1].startswith("All columns together are compared where rows of both")
    assert report["age"].importance == pytest.approx(1)
    report = project.monitoring.drift("cost", reference_window="first 200")
    (answer,) = report.answers
    assert (answer.kind, answer.role, answer.importance) == ("number", "answer", None)


def test_pseudonyms_are_not_compared(served: Project) -> None:
    frame = pd.DataFrame(people(2))
    with served.predictor("churn", inputs="hash") as predictor:
        predictor.predict(frame)
    served.store.background.wait()
    report = served.monitoring.drift("churn")
    assert {one.current_rows for one in report} == {0}
    assert f"Of {ROWS} predictions of the window no inputs are kept that can be compared." in (
        report.notes
    )
    assert report["(prediction)"].current_rows == ROWS
