"""Metrics of one evaluation: the values of scikit-learn, with the intervals of the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)

from lite_mlops.project import Project
from lite_mlops.tracking.comparing.measuring import measure
from lite_mlops.tracking.comparing.statistics import resampled
from lite_mlops.tracking.evaluations import evaluation


def labelled(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(rows)
    truth = random.integers(0, 2, rows)
    scores = truth + random.normal(size=rows)
    return truth, (scores > 0.5).astype(np.int64), scores


@pytest.mark.parametrize("rows", [300, 12_000])
def test_values_are_those_of_scikit_learn_and_lie_in_their_intervals(rows: int) -> None:
    truth, answers, scores = labelled(rows)
    found = {one.name: one for one in measure(evaluation(truth, answers, scores))}
    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {
            "accuracy": accuracy_score(truth, answers),
            "balanced accuracy": balanced_accuracy_score(truth, answers),
            "macro F1": f1_score(truth, answers, average="macro"),
            "ROC AUC": roc_auc_score(truth, scores),
        }
    )
    for one in found.values():
        assert 0 < one.low < one.value < one.high < 1
        assert (one.rows, one.confidence, one.higher_is_better) == (rows, 0.95, True)
        assert one.high - one.low == pytest.approx(2 * 1.96 * 0.4 / rows**0.5, rel=0.4)


def test_the_interval_is_the_bootstrap_of_the_metric_itself() -> None:
    truth, answers, _ = labelled(400)
    (accuracy, *_) = measure(evaluation(truth, answers))
    hits = (truth == answers).astype(np.float64)
    alone = resampled(lambda w: w @ hits / w.sum(axis=1), np.ones(400, np.int64))
    assert (accuracy.low, accuracy.high) == pytest.approx(alone, abs=0.01)


def test_errors_of_numbers() -> None:
    random = np.random.default_rng(2)
    truth = random.normal(size=500)
    answers = truth + random.normal(size=500)
    mae, rmse = measure(evaluation(truth, answers))
    assert mae.value == pytest.approx(mean_absolute_error(truth, answers))
    assert rmse.value == pytest.approx(root_mean_squared_error(truth, answers))
    for one in (mae, rmse):
        assert 0 < one.low < one.value < one.high
        assert not one.higher_is_better


def test_perfect_answers_are_certain() -> None:
    truth = ["a", "b"] * 20
    for one in measure(evaluation(truth, truth, [0, 1] * 20)):
        assert (one.value, one.low, one.high) == (1, 1, 1)


def test_a_class_that_is_only_answered_counts_as_scikit_learn_does() -> None:
    truth, answers = ["a", "a", "b", "b"] * 10, ["a", "c", "b", "b"] * 10
    found = {one.name: one.value for one in measure(evaluation(truth, answers))}
    assert found["macro F1"] == pytest.approx(f1_score(truth, answers, average="macro"))
    assert found["accuracy"] == 0.75


def test_what_a_run_kept_is_measured(project: Project) -> None:
    truth, answers, scores = labelled(60)
    with project.start_run() as run:
        run.log_evaluation(truth, answers, y_score=scores, name="a/b")
        run.log_text("no columns", "evaluations/broken.npz")
        run.log_text("x", "notes.txt")
    one, other = project.comparisons.measured(project.runs.get(run.id))
    assert (one.name, len(one.metrics), one.reason) == ("a/b", 4, None)
    assert (other.name, other.metrics) == ("broken", ())
    assert str(other.reason).startswith(f"evaluations/broken.npz of run {run.id} cannot be used")
    assert one.to_dict()["metrics"][0]["value"] == accuracy_score(truth, answers)
