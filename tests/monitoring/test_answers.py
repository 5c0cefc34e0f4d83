"""Estimates, groups and streams of what is recorded: which reference, which rows, which words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from lite_mlops.errors import Invalid, LiteMlopsError, NotFound
from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.answers import recorded_answers, recorded_column
from lite_mlops.project import Project
from lite_mlops.store import as_datetime, new_id
from lite_mlops.store.events import Feedback, Predictions

CHANCE = np.random.default_rng(2_718)
PEOPLE = pd.DataFrame({"income": CHANCE.normal(size=4_000), "age": CHANCE.integers(18, 90, 4_000)})
TRUTH = np.where(PEOPLE["income"] + CHANCE.normal(size=4_000) > 0, "granted", "refused")
# The second class of the signature is "refused".
MODEL = LogisticRegression().fit(PEOPLE[:1_000], TRUTH[:1_000])
HELD_OUT = slice(1_000, 2_000)
LATER = slice(2_000, 4_000)


def registered(
    project: Project,
    model: Any = MODEL,
    name: str = "loan",
    evaluations: Sequence[str] = (),
    **about: Any,
) -> ModelVersion:
    """Register a model in a run that keeps evaluations of the held out rows."""
    with project.start_run() as run:
        for evaluation in evaluations:
            rows = PEOPLE[HELD_OUT]
            scores = model.predict_proba(rows)[:, 1]
            run.log_evaluation(
                TRUTH[HELD_OUT], model.predict(rows), y_score=scores, name=evaluation
            )
        return project.log_model(model, name, input_example=PEOPLE[:5], **about)


def record(
    project: Project,
    rows: pd.DataFrame,
    truth: Sequence[Any] | NDArray[Any] = (),
    *,
    model: Any = MODEL,
    name: str = "loan",
    texts: Sequence[str | None] | None = None,
    scored: bool = True,
) -> list[str]:
    """Record answers as a server does, with labels of the first of them; return their ids."""
    ids = [new_id() for _ in range(len(rows))]
    begin = 1_790_000_000_000_000
    shares = model.predict_proba(rows).tolist() if scored else None
    project.store.append(
        Predictions(
            model=name,
            version=1,
            ids=ids,
            times=[begin + 1_000_000 * place for place in range(len(rows))],
            inputs=rows.to_numpy(float).tolist(),
            text_inputs=None if texts is None else [[text, None] for text in texts],
            answers=[str(one) for one in model.predict(rows).tolist()],
            shares=shares,
            latencies=[100 + place % 7 for place in range(len(rows))],
        )
    )
    for prediction, label in zip(ids, truth, strict=False):
        project.store.append(Feedback(prediction=prediction, text=str(label)))
    return ids


# -- what is read -------------------------------------------------------------------------------


def test_answers_are_read_in_their_order(project: Project) -> None:
    version = registered(project)
    record(project, PEOPLE, TRUTH[:500])
    with project.store.reading() as database:
        found = recorded_answers(database, version, None, None)
        numbers, texts = recorded_column(database, version, "age", None, None)
    answers = found.answers
    np.testing.assert_array_equal(answers.scores, MODEL.predict_proba(PEOPLE))
    np.testing.assert_array_equal(answers.predicted, MODEL.predict(PEOPLE) == "refused")
    np.testing.assert_array_equal(answers.labels[:500], TRUTH[:500] == "refused")
    assert set(answers.labels[500:].tolist()) == {-1}
    np.testing.assert_array_equal(numbers, PEOPLE["age"])
    assert set(texts) == {None}
    assert found.latencies[:8].tolist() == [100, 101, 102, 103, 104, 105, 106, 100]
    assert found.unknown_labels == 0
    assert answers.times is not None
    assert (np.diff(answers.times) == 1_000_000).all()


# -- estimates ----------------------------------------------------------------------------------


def test_an_evaluation_of_the_run_is_the_reference(project: Project) -> None:
    registered(project, evaluations=["train", "holdout", "test"])
    record(project, PEOPLE[LATER], TRUTH[LATER][:1_500])
    report = project.monitoring.estimates("loan")
    assert report.reference.startswith("evaluation 'test' of run ")
    assert (report.reference_rows, len(report.windows)) == (1_000, 2)
    assert not report.fires
    for window in report.windows:
        for one in window.estimates:
            assert one.low <= window.compared[one.metric].realised <= one.high
    named = project.monitoring.estimates("loan", reference="evaluation=holdout", rows=500)
    assert named.reference.startswith("evaluation 'holdout' of run ")
    assert len(named.windows) == 4
    assert named.windows[-1].labelled == 0
    assert named.windows[-1].compared == {}


def test_without_an_evaluation_the_first_labels_are(project: Project) -> None:
    registered(project, evaluations=["train"])  # which is too good to be used
    record(project, PEOPLE[LATER], TRUTH[LATER][:1_000])
    report = project.monitoring.estimates("loan")
    assert report.reference == "the first 500 labelled predictions"
    assert [one.rows for one in report.windows] == [1_000, 500]
    since = as_datetime(1_790_000_000_000_000 + 700 * 1_000_000)
    report = project.monitoring.estimates("loan", since=since, reference="labels")
    assert report.reference_rows == 700
    assert sum(one.rows for one in report.windows) == 1_300
    assert report.windows[0].begin == since
    until = project.monitoring.estimates("loan", since=since, until=since + timedelta(seconds=60))
    assert [one.rows for one in until.windows] == [60]


def test_concept_drift_comes_from_recorded_labels(project: Project) -> None:
    registered(project, evaluations=["test"])
    turned = np.where(TRUTH[LATER] == "refused", "granted", "refused")
    record(project, PEOPLE[LATER], turned)
    report = project.monitoring.estimates("loan", rows=500)
    assert report.fires
    assert {one.metric for one in report.concept} >= {"auc", "accuracy"}
    assert "Labels say otherwise: concept drift suspected" in str(report)


def test_where_nothing_can_be_estimated_it_says_what_to_do(project: Project) -> None:
    registered(project)
    record(project, PEOPLE[:450], [*TRUTH[:300], *["maybe"] * 100])
    report = project.monitoring.estimates("loan")
    (finding,) = report.findings()
    assert (finding.severity, report.fires) == ("unknown", False)
    assert finding.sentence == (
        "Nothing can be estimated: The run of loan/1 kept no evaluation with scores. loan/1 has "
        "300 labelled predictions (100 labels of none of its classes); at least 400 are needed. "
        "Log an evaluation with scores in the run that trains, run.log_evaluation(y_test, y_pred, "
        "y_score=...), or send the labels of earlier predictions, lm.feedback(id, label)."
    )
    for reference, text in (
        ("evaluation=tset", "The run of loan/1 kept no evaluation 'tset'."),
        ("labels", "loan/1 has 300 labelled predictions (100 labels of none of its classes)"),
    ):
        report = project.monitoring.estimates("loan", reference=reference)
        assert text in str(report)
        json.dumps(report.to_dict(), allow_nan=False)


def test_evaluations_that_do_not_fit_say_why(project: Project) -> None:
    labels, scores = TRUTH[HELD_OUT], MODEL.predict_proba(PEOPLE[HELD_OUT])[:, 1]
    with project.start_run() as run:
        run.log_evaluation(labels, labels, name="bare")
        run.log_evaluation(labels, labels, y_score=scores * 8 - 4, name="margins")
        run.log_evaluation(labels == "refused", labels == "refused", y_score=scores, name="flags")
        run.log_evaluation(labels[:50], labels[:50], y_score=scores[:50], name="short")
        project.log_model(MODEL, "loan", input_example=PEOPLE[:5])
    for name, text in (
        ("bare", "cannot be used: it has no scores."),
        ("margins", "cannot be used: its scores are not from 0 to 1, as those of predictions are."),
        ("flags", "cannot be used: its labels are False, True, and the classes granted, refused."),
        ("short", "The reference has 50 rows with a label and scores; at least 200 are needed."),
    ):
        assert text in str(project.monitoring.estimates("loan", reference=f"evaluation={name}"))


def test_several_classes_are_estimated_by_labels(project: Project) -> None:
    grade = np.digitize(PEOPLE["income"] + CHANCE.normal(size=4_000) / 2, [-0.5, 0.5])
    model = LogisticRegression(max_iter=1_000).fit(PEOPLE[:1_000], grade[:1_000])
    registered(project, model, "grade")
    record(project, PEOPLE[LATER], grade[LATER][:1_600], model=model, name="grade")
    report = project.monitoring.estimates("grade", rows=600)
    assert report.reference == "the first 800 labelled predictions"
    assert not report.concept
    assert [one.metric for one in report.windows[0].estimates] == [
        *("accuracy", "auc", "f1", "precision", "recall", "brier")
    ]
    compared = report.windows[0].compared["accuracy"]
    assert compared.estimated == pytest.approx(compared.realised, abs=0.05)


def test_the_loss_of_a_regressor_is_estimated_on_request(project: Project) -> None:
    price = PEOPLE["income"] * 2 + CHANCE.normal(size=4_000) * np.abs(PEOPLE["income"])
    model = LinearRegression().fit(PEOPLE[:1_000], price[:1_000])
    registered(project, model, "price")
    record(project, PEOPLE[LATER], price[LATER][:800], model=model, name="price", scored=False)
    with pytest.raises(Invalid) as error:
        project.monitoring.estimates("price")
    assert str(error.value) == (
        "price/1 is a regressor, whose loss is estimated by a second model of it. Ask for that "
        "with loss=True (--loss)."
    )
    report = project.monitoring.estimates("price", loss=True, rows=400)
    assert report.reference == "the first 400 labelled predictions"
    compared = report.windows[0].compared["mae"]
    assert compared.estimated == pytest.approx(compared.realised, rel=0.2)
    early = as_datetime(1_790_000_000_000_000 + 100 * 1_000_000)
    few = project.monitoring.estimates("price", loss=True, since=early)
    assert str(few).startswith("Nothing can be estimated: The reference has 100 rows with a label")


def test_a_wrong_question_says_why(project: Project) -> None:
    registered(project, LinearSVC().fit(PEOPLE[:500], TRUTH[:500]), "margin")
    registered(project)
    monitoring = project.monitoring
    wrong: list[tuple[Any, type[LiteMlopsError], str]] = [
        (lambda: monitoring.estimates("laon"), NotFound, "There is no model 'laon'. Did you mean"),
        (
            lambda: monitoring.estimates("margin"),
            Invalid,
            "margin/1 has no probabilities, of which estimates are made.",
        ),
        (
            lambda: monitoring.estimates("loan", reference="label"),
            Invalid,
            "There is no reference 'label' of estimates: evaluation, evaluation=NAME, labels. Did",
        ),
        (lambda: monitoring.estimates("loan", rows=10), Invalid, "a window of 10 rows is too"),
        (lambda: monitoring.fairness("loan", []), Invalid, "name at least one column"),
        (
            lambda: monitoring.fairness("loan", "agee"),
            Invalid,
            "'agee' is none of the columns of loan/1. Did you mean 'age'?",
        ),
        (
            lambda: monitoring.fairness("loan", "age", positive="grant"),
            Invalid,
            "'grant' is none of the classes of loan/1: granted, refused. Did you mean 'granted'?",
        ),
        (
            lambda: monitoring.fairness("loan", "age", selection_ratio=2),
            Invalid,
            "the limit of the selection ratio is 2",
        ),
    ]
    for ask, kind, text in wrong:
        with pytest.raises(kind) as error:
            ask()
        assert str(error.value).startswith(text)


# -- groups -------------------------------------------------------------------------------------


def test_groups_are_read_from_features(project: Project) -> None:
    registered(project)
    rows, truth = PEOPLE[LATER], TRUTH[LATER]
    record(project, rows, truth)
    report = project.monitoring.fairness("loan", {"age": [30, 60]}, positive="granted")
    groups = np.digitize(rows["age"], [30, 60])
    chosen = MODEL.predict(rows) == "granted"
    for place, name in enumerate(("below 30", "30 to 60", "from 60")):
        facts = report["age", name]
        own = groups == place
        assert (facts.rows, facts.selected) == (own.sum(), chosen[own].sum())
        assert facts.positives == (truth[own] == "granted").sum()
        assert facts.selected_positives == (chosen & (truth == "granted"))[own].sum()
        assert facts.calibration_gap is not None
        gap = (MODEL.predict_proba(rows)[own, 0] - (truth[own] == "granted")).mean()
        assert facts.calibration_gap.value == pytest.approx(gap)
    largest = max(report.groups, key=lambda one: one.rows)
    assert {one.against for one in report.comparisons} == {largest.group}
    assert report.positive == "granted"
    other = project.monitoring.fairness("loan", ["age"])
    assert other.positive == "refused"
    assert len(other.groups) == 4  # quartiles


def test_texts_and_pseudonyms_are_groups(project: Project) -> None:
    frame = pd.DataFrame({"sex": ["f", "m", "m"] * 200, "income": PEOPLE["income"][:600]})
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["sex"]), remainder="passthrough"
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, TRUTH[:600])
    for name, personal in (("open", {}), ("hashed", {"sex": "hash"}), ("kept", {"sex": "none"})):
        with project.start_run():
            project.log_model(model, name, input_example=frame[:5], personal=personal)
        with project.predictor(name) as predictor:
            predictor.predict(frame)
    report = project.monitoring.fairness("open", "sex")
    assert [(one.group, one.rows) for one in report.groups] == [("f", 200), ("m", 400)]
    hashed = project.monitoring.fairness("hashed", "sex")
    assert sorted(one.rows for one in hashed.groups) == [200, 400]
    assert {len(one.group) for one in hashed.groups} == {32}
    assert [one.selected for one in sorted(hashed.groups, key=lambda one: one.rows)] == [
        one.selected for one in report.groups
    ]
    with pytest.raises(Invalid) as error:
        project.monitoring.fairness("kept", "sex")
    assert str(error.value) == (
        "nothing is recorded of the column 'sex' of kept/1. Register it with "
        "personal={'sex': 'hash'}: groups are then told apart by pseudonyms."
    )
    with pytest.raises(Invalid) as error:
        project.monitoring.fairness("open", {"sex": [1.0]})
    assert str(error.value) == "'sex' holds texts; only numbers can be cut."


def test_more_than_two_classes_need_a_word(project: Project) -> None:
    grade = np.digitize(PEOPLE["income"], [-0.5, 0.5])
    model = LogisticRegression(max_iter=1_000).fit(PEOPLE[:500], grade[:500])
    registered(project, model, "grade")
    record(project, PEOPLE[:300], model=model, name="grade")
    with pytest.raises(Invalid) as error:
        project.monitoring.fairness("grade", "age")
    assert str(error.value) == "say which answer of grade/1 selects: positive=0, 1, 2."
    report = project.monitoring.fairness("grade", "age", positive="2")
    assert sum(one.selected for one in report.groups) == (model.predict(PEOPLE[:300]) == 2).sum()
    assert report.labelled == 0


# -- streams ------------------------------------------------------------------------------------


def test_streams_are_those_of_the_answers(project: Project) -> None:
    registered(project)
    rows, truth = PEOPLE[LATER], TRUTH[LATER].copy()
    truth[1_000:] = np.where(CHANCE.random(1_000) < 0.5, "granted", "refused")
    record(project, rows, truth)
    report = project.monitoring.streams("loan")
    told = {one.subject: one.severity for one in report.findings()}
    assert told == {"score": "none", "error": "alert", "latency": "none"}
    assert report["score"].seen == 2_000
    (found,) = report["error"].detections
    assert abs(found.position - 1_000) <= 128
    since = as_datetime(1_790_000_000_000_000 + 1_000 * 1_000_000)
    later = project.monitoring.streams("loan", since=since)
    assert (later["error"].seen, later.fires) == (1_000, False)


def test_streams_of_a_regressor_and_of_nothing(project: Project) -> None:
    model = LinearRegression().fit(PEOPLE[:500], PEOPLE["income"][:500])
    registered(project, model, "price")
    empty = project.monitoring.streams("price")
    assert {one.severity for one in empty.findings()} == {"unknown"}
    labels = PEOPLE["income"].to_numpy() + CHANCE.normal(size=4_000)
    labels[600:] += 5
    record(project, PEOPLE[:1_200], labels[:1_200], model=model, name="price", scored=False)
    report = project.monitoring.streams("price")
    assert report["error"].detections
    assert report["error"].detections[0].position == pytest.approx(600, abs=64)
    registered(project)
    assert {one.severity for one in project.monitoring.streams("loan").findings()} == {"unknown"}
    registered(project, LinearSVC().fit(PEOPLE[:500], TRUTH[:500]), "margin")
    record(project, PEOPLE[:200], name="margin", scored=False)
    assert project.monitoring.streams("margin")["score"].seen == 0
