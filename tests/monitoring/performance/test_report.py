"""The report of a version, from a real store: windows, slices, reference, and what cannot be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.jsontext import json_text
from lite_mlops.monitoring.performance import PerformanceReport, Rules
from lite_mlops.project import Project
from tests.monitoring.asked import START, asked

EASY = Rules({"accuracy": 0.02, "auc": 0.02, "rmse": 0.1}, labels=20, rarer=3)
CHANCE = np.random.default_rng(21)


def scored(count: int, wrong: float = 0.1, seed: int = 0) -> tuple[Any, Any, Any]:
    """Answers of `churn`, the truth, and probabilities; a share of the answers is wrong."""
    chance = np.random.default_rng(seed)
    p = chance.uniform(0, 1, count)
    answers = np.where(p > 0.5, "yes", "no")
    flipped = chance.random(count) < wrong
    truth = np.where((answers == "yes") ^ flipped, "yes", "no")
    return answers, truth, np.column_stack([1 - p, p])


def told(project: Project, count: int, labelled: int | None = None, **options: Any) -> Any:
    """Record predictions of `churn`, and labels of the first of them."""
    days = options.pop("days", None)
    answers, truth, shares = scored(count, **options)
    ids = asked(project, answers.tolist(), shares=shares, days=days)
    its = slice(0, labelled)
    if len(ids[its]):
        project.monitoring.feedback(ids[its], truth[its])
    return answers, truth, shares, ids


def findings(report: PerformanceReport) -> dict[str, str]:
    return {one.subject or one.check: one.severity for one in report.findings()}


# -- metrics --------------------------------------------------------------------------------------


def test_the_metrics_are_those_of_the_labelled_answers(models: Project) -> None:
    answers, truth, shares, _ = told(models, 500, 300)
    report = models.monitoring.performance_of("churn")
    whole = report.overall
    assert (whole.predictions, whole.labelled, whole.coverage) == (500, 300, 0.6)
    its = slice(0, 300)
    assert report.metrics["accuracy"].value == metrics.accuracy_score(truth[its], answers[its])
    assert report.metrics["auc"].value == pytest.approx(
        metrics.roc_auc_score(truth[its] == "yes", shares[its, 1])
    )
    assert report.metrics["f1"].value == pytest.approx(
        metrics.f1_score(truth[its], answers[its], pos_label="yes")
    )
    assert (report.task, report.classes, report.positive) == (
        "classification",
        ("no", "yes"),
        "yes",
    )
    assert report.windows == report.slices == ()
    assert report.latest is whole
    other = models.monitoring.performance_of("churn", positive="no")
    assert other.metrics["f1"].value == pytest.approx(
        metrics.f1_score(truth[its], answers[its], pos_label="no")
    )


def test_a_report_is_shown_everywhere(models: Project) -> None:
    told(models, 300)
    report = models.monitoring.performance_of("churn", window="1d", by="visits")
    written = json.loads(json_text(report.to_dict()))
    assert written["overall"]["metrics"]["accuracy"]["rows"] == 300
    assert len(written["windows"]) == 13
    assert written["findings"][0]["severity"] == "unknown"
    assert report._repr_html_().count("<tr>") > 13
    assert repr(report).startswith("<PerformanceReport churn/1: 300 predictions, 300 with a label")
    assert "It cannot be judged yet: 12 labels, 100 are needed; 4 labels of the rarer" in str(
        report
    )
    whole = models.monitoring.performance_of("churn")
    assert "There is nothing to compare with: no evaluation" in str(whole)


def test_several_classes_are_measured(project: Project) -> None:
    rows = CHANCE.normal(size=(90, 2))
    labels = np.array(["a", "b", "c"])[np.arange(90) % 3]
    model = LogisticRegression().fit(rows, labels)
    project.models.register(model, "grade", input_example={"x": 0.0, "y": 0.0})
    shares = CHANCE.dirichlet([1, 1, 1], 90)
    answers = np.array(["a", "b", "c"])[shares.argmax(axis=1)]
    ids = asked(project, answers.tolist(), model="grade", shares=shares)
    project.monitoring.feedback(ids, labels)
    report = project.monitoring.performance_of("grade", rules=EASY)
    found = {name: one.value for name, one in report.metrics.items()}
    assert found["log_loss"] == pytest.approx(metrics.log_loss(labels, shares))
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, answers, average="macro"))
    places = np.searchsorted(["a", "b", "c"], labels)
    brier = np.square(shares - np.eye(3)[places]).sum(axis=1).mean()
    assert found["brier"] == pytest.approx(brier)
    assert report.positive is None
    assert report.calibration is not None  # of the class that was answered
    assert report.calibration.gap.value == pytest.approx(
        shares.max(axis=1).mean() - (labels == answers).mean()
    )
    with pytest.raises(Invalid, match="grade/1 has 3 classes; of two one is the positive one"):
        project.monitoring.performance_of("grade", positive="a")


def test_numbers_are_measured(models: Project) -> None:
    truth = CHANCE.normal(10, 2, 200)
    answers = truth + CHANCE.normal(0.5, 1, 200)
    ids = asked(models, answers.tolist(), model="price")
    models.monitoring.feedback(ids, truth)
    report = models.monitoring.performance_of("price", reference={"rmse": 0.7})
    rmse = metrics.root_mean_squared_error(truth, answers)
    assert report.metrics["rmse"].value == pytest.approx(rmse)
    assert report.task == "regression"
    assert findings(report) == {"rmse": "alert"}
    assert report.fired[0].limit == pytest.approx(0.77)


# -- windows --------------------------------------------------------------------------------------


def test_windows_of_time_begin_with_the_day_and_the_week(models: Project) -> None:
    told(models, 240, days=np.arange(240) / 24 + 0.5)  # ten days from noon on
    days = models.monitoring.performance_of("churn", window="1d").windows
    assert [one.predictions for one in days] == [12, *[24] * 9, 12]
    assert days[0].since == START
    assert days[0].until == START + timedelta(days=1)
    weeks = models.monitoring.performance_of("churn", window="1w").windows
    assert [one.since for one in weeks] == [START, START + timedelta(weeks=1)]  # Mondays
    assert [one.predictions for one in weeks] == [156, 84]
    assert sum(one.labelled for one in days) == 240


def test_windows_without_predictions_are_left_out(models: Project) -> None:
    told(models, 3, days=[0, 5, 5.5])
    windows = models.monitoring.performance_of("churn", window="1d").windows
    assert [one.predictions for one in windows] == [1, 2]


def test_windows_of_a_count_follow_the_time(models: Project) -> None:
    answers, truth, _, _ = told(models, 25, days=np.arange(25)[::-1] / 24)
    windows = models.monitoring.performance_of("churn", window=10).windows
    assert [one.predictions for one in windows] == [10, 10, 5]
    right = (answers == truth)[::-1]
    expected = [right[:10].mean(), right[10:20].mean(), right[20:].mean()]
    assert [one.metrics["accuracy"].value for one in windows] == pytest.approx(expected)
    assert (windows[0].since, windows[0].until) == (START, START + timedelta(hours=9))


def test_rows_of_one_request_stay_in_their_order(models: Project) -> None:
    answers, truth, _, _ = told(models, 60, days=np.zeros(60))
    windows = models.monitoring.performance_of("churn", window=20).windows
    right = (answers == truth).reshape(3, 20).mean(axis=1)
    assert [one.metrics["accuracy"].value for one in windows] == pytest.approx(right.tolist())


def test_a_time_is_looked_at(models: Project) -> None:
    told(models, 48)
    middle = START + timedelta(hours=12)
    ask = models.monitoring.performance_of
    assert ask("churn", since=middle).overall.predictions == 36
    assert ask("churn", until=middle).overall.predictions == 12
    assert ask("churn", since=middle, until=middle).overall.predictions == 0


def test_too_many_windows_are_refused(models: Project) -> None:
    asked(models, ["yes"] * 2, days=[0, 1])
    report = models.monitoring.performance_of("churn", window="1m")
    assert len(report.windows) == 2  # only those that are not empty
    asked(models, ["yes"] * 10_001, days=np.arange(10_001))
    with pytest.raises(Invalid, match="This makes 10,001 windows; at most 10,000 are measured"):
        models.monitoring.performance_of("churn", window="1d")


# -- what is provisional --------------------------------------------------------------------------


def test_a_window_with_few_labels_is_provisional_and_says_why(models: Project) -> None:
    told(models, 500, 140)
    whole = models.monitoring.performance_of("churn", reference={"accuracy": 1.0}).overall
    assert whole.provisional == ("28 % of the predictions have a label, 30 % are needed",)
    answers, _, shares = scored(90)
    ids = asked(models, answers.tolist(), shares=shares, days=np.full(90, 100.0))
    models.monitoring.feedback(ids, ["yes"] * 90)
    report = models.monitoring.performance_of("churn", since=START + timedelta(days=99))
    assert report.overall.provisional == (
        "90 labels, 100 are needed",
        "0 labels of the rarer class, 10 are needed",
    )
    assert findings(report) == {"performance": "unknown"}
    assert not report.fired


def test_the_last_window_with_enough_labels_is_judged(models: Project) -> None:
    """Labels come late: the last days have none, and the day before that fell is named."""
    told(models, 2_000, wrong=0.1, days=np.arange(2_000) / 500)  # four days
    told(models, 1_000, wrong=0.4, seed=1, days=4 + np.arange(1_000) / 500)  # two worse ones
    told(models, 1_000, 50, wrong=0.4, seed=2, days=6 + np.arange(1_000) / 500)
    report = models.monitoring.performance_of("churn", window="1d", reference={"accuracy": 0.9})
    assert [bool(one.provisional) for one in report.windows] == [False] * 6 + [True] * 2
    assert report.latest is report.windows[5]
    verdicts = [one.severities.get("accuracy") for one in report.judged]
    assert verdicts == ["none"] * 4 + ["alert"] * 2 + [None] * 2
    (fired,) = report.fired
    assert (fired.subject, fired.severity) == ("accuracy", "alert")
    assert fired.evidence["windows_in_a_row"] == 2
    assert fired.evidence["since"] == (START + timedelta(days=4)).isoformat()
    assert len(fired.evidence["history"]) == 6
    assert "in 2 windows in a row since 2026-03-06." in fired.sentence
    assert "accuracy from 2026-03-07 on 0.6" in fired.sentence
    assert "against 0.900 in the metrics given" in fired.sentence


def test_what_recovered_does_not_fire(models: Project) -> None:
    told(models, 500, wrong=0.5, days=np.arange(500) / 500)
    told(models, 500, wrong=0.1, seed=1, days=1 + np.arange(500) / 500)
    report = models.monitoring.performance_of("churn", window="1d", reference={"accuracy": 0.9})
    assert [one.severities["accuracy"] for one in report.judged] == ["alert", "none"]
    assert not report.fired


# -- the reference --------------------------------------------------------------------------------


def register(project: Project, evaluations: dict[str, float], **logged: float) -> str:
    """Register a version of `churn` whose run kept evaluations that are wrong so often."""
    model = project.models.load("churn")
    with project.start_run() as run:
        for name, wrong in evaluations.items():
            answers, truth, shares = scored(1_000, wrong, seed=9)
            run.log_evaluation(truth, answers, y_score=shares[:, 1], name=name)
        run.log_metrics(logged)
        project.log_model(model, "churn", input_example={"age": 0.0, "visits": 0.0})
    return project.models.get("churn").name


def test_an_evaluation_of_the_run_is_the_reference(models: Project) -> None:
    name = register(models, {"training": 0.0, "other": 0.3, "test": 0.1}, accuracy=0.2)
    report = models.monitoring.performance_of(name)
    reference = report.reference
    assert reference.what == "the evaluation 'test' of its run, 1,000 rows"
    answers, truth, shares = scored(1_000, 0.1, seed=9)
    assert reference.metrics["accuracy"].value == metrics.accuracy_score(truth, answers)
    auc = metrics.roc_auc_score(truth == "yes", shares[:, 1])
    assert reference.metrics["auc"].value == pytest.approx(auc)
    assert reference.calibration is not None
    no = models.monitoring.performance_of(name, positive="no").reference
    assert no.metrics["auc"].value == pytest.approx(auc)
    assert no.metrics["recall"].value == metrics.recall_score(truth, answers, pos_label="no")


def test_metrics_of_the_run_are_the_reference_without_one(models: Project) -> None:
    name = register(models, {"training": 0.0}, test_accuracy=0.8, training_accuracy=1.0)
    reference = models.monitoring.performance_of(name).reference
    assert reference.what == "the metrics of its run"
    assert {key: one.value for key, one in reference.metrics.items()} == {"accuracy": 0.8}


def test_scores_that_are_no_probabilities_rank_only(models: Project) -> None:
    model = models.models.load("fault")
    truth = np.arange(200) % 2
    with models.start_run() as run:
        run.log_evaluation(truth, truth, y_score=truth * 4.0 - 1)
        models.log_model(model, "fault", input_example={"age": 0.0, "visits": 0.0})
    reference = models.monitoring.performance_of("fault").reference
    assert reference.metrics["auc"].value == 1.0
    assert "brier" not in reference.metrics
    assert reference.calibration is None


def test_a_regressor_has_a_reference_too(project: Project) -> None:
    rows = CHANCE.normal(size=(50, 1))
    with project.start_run() as run:
        run.log_evaluation(np.arange(50.0), np.arange(50) + 2.0)
        project.log_model(
            LinearRegression().fit(rows, rows[:, 0]), "price", input_example={"x": 0.0}
        )
    reference = project.monitoring.performance_of("price").reference
    assert reference.metrics["rmse"].value == 2.0


# -- calibration, slices, selection ---------------------------------------------------------------


def test_lost_calibration_fires_only_against_a_reference(models: Project) -> None:
    answers, _, shares = scored(2_000)
    truth = np.where(CHANCE.random(2_000) < shares[:, 1], "yes", "no")
    ids = asked(models, answers.tolist(), shares=shares)
    models.monitoring.feedback(ids, truth)
    assert findings(models.monitoring.performance_of("churn"))["calibration"] == "none"
    ids = asked(models, answers.tolist(), shares=shares, days=200 + np.arange(2_000) / 24)
    rarer = np.where(CHANCE.random(2_000) < shares[:, 1] / 2, "yes", "no")
    models.monitoring.feedback(ids, rarer)
    late: dict[str, Any] = {"since": START + timedelta(days=150)}
    assert findings(models.monitoring.performance_of("churn", **late))["calibration"] == "info"
    with models.start_run() as run:
        run.log_evaluation(truth, answers, y_score=shares[:, 1])
        models.log_model(
            models.models.load("churn"), "churn", input_example={"age": 0.0, "visits": 0.0}
        )
    ids = asked(models, answers.tolist(), shares=shares, version=2)
    models.monitoring.feedback(ids, rarer)
    report = models.monitoring.performance_of("churn/2")
    assert findings(report)["calibration"] == "alert"
    (sentence,) = [one.sentence for one in report.fired if one.check == "calibration"]
    assert "in the mean they are 0.2" in sentence
    assert "too high; it was 0.0" in sentence


def test_slices_are_the_values_of_a_column(models: Project) -> None:
    cities = ["Rome"] * 300 + ["Paris"] * 300 + [None] * 20
    inputs = [[float(row % 90), None, None] for row in range(620)]
    truth = [True] * 400 + [False] * 220  # so that Paris is often wrong
    ids = asked(
        models,
        [True] * 620,
        model="people",
        inputs=inputs,
        texts=[[None, city, "p"] for city in cities],
    )
    models.monitoring.feedback(ids, truth)
    report = models.monitoring.performance_of("people", by="city")
    assert {one.name: one.predictions for one in report.slices} == {
        "Paris": 300,
        "Rome": 300,
        "(missing)": 20,
    }
    by_name = {one.name: one for one in report.slices}
    assert by_name["Rome"].metrics["accuracy"].value == 1.0
    assert by_name["Paris"].metrics["accuracy"].value == pytest.approx(1 / 3)
    ranges = models.monitoring.performance_of("people", by="age").slices
    assert sum(one.predictions for one in ranges) == 620
    assert len(ranges) == 4
    assert ranges[0].name.startswith("<= ")
    assert ranges[-1].name.startswith("> ")


def test_a_slice_that_is_worse_than_the_whole_is_told_and_does_not_fire(models: Project) -> None:
    answers, truth, shares = scored(800, 0.05)
    truth[:200] = np.where(truth[:200] == "yes", "no", "yes")
    inputs = [[0.0, float(row < 200)] for row in range(800)]
    ids = asked(models, answers.tolist(), shares=shares, inputs=inputs)
    models.monitoring.feedback(ids, truth)
    report = models.monitoring.performance_of("churn", by="visits")
    assert [one.name for one in report.slices] == ["0", "1"]
    found = findings(report)
    assert found["accuracy, visits = 1"] == "info"
    assert "accuracy, visits = 0" not in found
    assert not report.fired


def test_more_texts_than_slices_are_together(models: Project) -> None:
    texts = [[None, f"city{row % 25:02}", "p"] for row in range(100)]
    ids = asked(models, [True] * 100, model="people", inputs=[[1.0, None, None]] * 100, texts=texts)
    models.monitoring.feedback(ids, [True] * 100)
    slices = models.monitoring.performance_of("people", by="city").slices
    assert len(slices) == 21
    assert (slices[-1].name, slices[-1].predictions) == ("(others)", 20)


def test_labels_that_are_no_random_sample_are_told(models: Project) -> None:
    answers, truth, shares = scored(1_000)
    ids = asked(models, answers.tolist(), shares=shares)
    chosen = np.flatnonzero(shares[:, 1] > 0.5)
    models.monitoring.feedback([ids[place] for place in chosen], truth[chosen])
    report = models.monitoring.performance_of("churn")
    assert findings(report)["labels"] == "info"
    assert "Labels are no random sample: the mean score is 0.7" in str(report)


# -- what cannot be -------------------------------------------------------------------------------


def test_without_predictions_or_labels_nothing_is_judged(models: Project) -> None:
    for window in (None, "1d", 100):
        report = models.monitoring.performance_of("churn", window=window, by="age")
        assert (report.overall.predictions, report.windows, report.slices) == (0, (), ())
        assert findings(report) == {"performance": "unknown"}
        assert str(report).startswith("churn/1: no predictions were recorded.")
        json_text(report.to_dict())
    asked(models, ["yes"] * 5)
    report = models.monitoring.performance_of("churn", window="1d")
    assert str(report).endswith("None of 5 predictions has a label by now.")


@pytest.mark.parametrize("model", ["churn", "fault", "price"])
def test_of_one_row_something_is_said(models: Project, model: str) -> None:
    answer = {"churn": "yes", "fault": 1, "price": 2.5}[model]
    (one,) = asked(models, [answer], model=model)
    models.monitoring.feedback(one, answer)
    report = models.monitoring.performance_of(model, window="1d", by="age", reference={"rmse": 1})
    assert report.windows[0].labelled == 1
    assert findings(report) == {"performance": "unknown"}
    json_text(report.to_dict())
    report._repr_html_()


def test_of_one_class_only_there_is_no_area(models: Project) -> None:
    ids = asked(models, ["yes"] * 200, shares=[[0.1, 0.9]] * 200)
    models.monitoring.feedback(ids, ["yes"] * 200)
    report = models.monitoring.performance_of("churn", reference={"auc": 0.9, "accuracy": 0.9})
    assert "auc" not in report.metrics
    assert report.overall.provisional == ("0 labels of the rarer class, 10 are needed",)


def test_labels_of_a_wrong_type_are_told(models: Project) -> None:
    ids = asked(models, ["yes"] * 200)
    models.monitoring.feedback(ids, ["yes"] * 150 + ["perhaps"] * 50)
    report = models.monitoring.performance_of("churn")
    assert report.metrics["accuracy"].value == 0.75
    assert report.unseen == {"perhaps": 50}
    assert findings(report)["classes"] == "info"
    ids = asked(models, [1.0] * 200, model="price")
    from lite_mlops.store.events import Feedback

    for one in ids[:3]:  # as an earlier version of this package took them
        models.store.append(Feedback(prediction=one, text="cheap"))
    models.monitoring.feedback(ids[3:], [1.5] * 197)
    report = models.monitoring.performance_of("price", reference={"rmse": 1.0})
    assert (report.unreadable, report.overall.labelled) == (3, 197)
    assert report.metrics["rmse"].value == 0.5
    assert "3 labels that should be a number" in str(report)


def test_what_is_asked_for_has_to_be_there(models: Project) -> None:
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"by": "aeg"}, "'aeg' is no column of churn/1; these are: age, visits. Did you mean"),
        ({"positive": "yess"}, "churn/1 has no class 'yess'; these are: no, yes. Did you mean"),
        ({"window": "tomorrow"}, "'tomorrow' is no window"),
    ]
    for options, text in refusals:
        with pytest.raises(Invalid) as error:
            models.monitoring.performance_of("churn", **options)
        assert str(error.value).startswith(text)
    with pytest.raises(NotFound, match="There is no model 'chrun'"):
        models.monitoring.performance_of("chrun")


def test_the_delay_is_from_the_answer_to_when_it_was_known(models: Project) -> None:
    (one,) = asked(models, ["yes"])
    models.monitoring.feedback(one, "no", datetime(2026, 3, 16, tzinfo=UTC))
    assert models.monitoring.performance_of("churn").overall.delay == 14 * 86_400
