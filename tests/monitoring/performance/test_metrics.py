"""Metrics of answers against scikit-learn, and calibration against what it should find."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from lite_mlops.monitoring.performance.calibration import calibrate
from lite_mlops.monitoring.performance.classification import Classes, measure_classes
from lite_mlops.monitoring.performance.regression import measure_numbers

pairs = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=40
)
triples = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.tuples(*[st.integers(1, 9)] * 3)),
    min_size=1,
    max_size=40,
)


def _expected(truth: Any, answers: Any, **options: Any) -> dict[str, float]:
    """The metrics by scikit-learn; it warns of what a class without rows makes undefined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = metrics.precision_recall_fscore_support(truth, answers, zero_division=0, **options)
        return {
            "accuracy": metrics.accuracy_score(truth, answers),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, answers),
            **dict(zip(("precision", "recall", "f1"), found[:3], strict=True)),
        }


@given(pairs, st.integers(0, 1))
def test_two_classes_are_measured_as_scikit_learn_does(
    rows: list[tuple[int, int, float]], positive: int
) -> None:
    truth, answers = (np.array([row[place] for row in rows]) for place in (0, 1))
    score = np.array([row[2] for row in rows])
    found = measure_classes(Classes(truth, answers, count=2, positive=positive, score=score))
    expected = _expected(truth, answers, average="binary", pos_label=positive)
    happened = truth == positive
    expected["brier"] = metrics.brier_score_loss(happened, score)
    expected["log_loss"] = metrics.log_loss(happened, score, labels=[False, True])
    if happened.any() and not happened.all():
        expected["auc"] = metrics.roc_auc_score(happened, score)
    assert expected.items() >= {name: pytest.approx(m.value) for name, m in found.items()}.items()
    missing = expected.keys() - found.keys()
    assert missing <= {"precision", "recall", "f1"}  # that have no rows
    assert not any(expected[name] for name in missing)
    assert all(one.low <= one.value <= one.high for one in found.values())


@given(triples)
def test_several_classes_are_measured_as_scikit_learn_does(
    rows: list[tuple[int, int, tuple[int, int, int]]],
) -> None:
    truth, answers = (np.array([row[place] for row in rows]) for place in (0, 1))
    shares = np.array([row[2] for row in rows], np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    found = measure_classes(
        Classes(
            truth,
            answers,
            count=3,
            of_truth=shares[np.arange(len(truth)), truth],
            squares=np.square(shares).sum(axis=1),
        )
    )
    expected = _expected(truth, answers, average="macro")
    expected["log_loss"] = metrics.log_loss(truth, shares, labels=[0, 1, 2])
    expected["brier"] = np.square(shares - np.eye(3)[truth]).sum(axis=1).mean()
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected)


def test_a_class_that_is_not_known_is_a_wrong_answer_and_has_no_probability() -> None:
    truth, answers = np.array([0, 1, -1]), np.array([0, 1, 1])
    found = measure_classes(Classes(truth, answers, count=2, score=np.array([0.1, 0.9, 0.9])))
    assert (found["accuracy"].value, found["accuracy"].rows) == (2 / 3, 3)
    assert (found["auc"].value, found["auc"].rows) == (1.0, 2)
    assert found["brier"].rows == 2


def test_without_rows_there_are_no_metrics() -> None:
    empty = np.array([], np.int64)
    assert measure_classes(Classes(empty, empty, count=2, score=np.array([]))) == {}
    assert measure_classes(Classes(empty, empty, count=3)) == {}


def test_of_one_class_only_there_is_no_area() -> None:
    ones = np.ones(5, np.int64)
    found = measure_classes(Classes(ones, ones, count=2, score=np.full(5, 0.9)))
    assert "auc" not in found
    assert found["recall"].value == 1.0


numbers = st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=2, max_size=40)


@given(numbers)
def test_numbers_are_measured_as_scikit_learn_does(rows: list[tuple[float, float]]) -> None:
    truth, answers = np.array(rows).T
    found = {name: one.value for name, one in measure_numbers(truth, answers).items()}
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, answers))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, answers))
    assert found["bias"] == pytest.approx(np.mean(answers - truth), abs=1e-9)
    if truth.std() > 1e-3:
        assert found["r2"] == pytest.approx(metrics.r2_score(truth, answers), rel=1e-6)
    assert ("r2" in found) == (truth.var() > 0)


# -- calibration --------------------------------------------------------------------------------


def _happened(p: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).random(len(p)) < p


def test_right_probabilities_are_off_by_chance_alone() -> None:
    p = np.random.default_rng(1).beta(2, 3, 3_000)
    found = [calibrate(p, _happened(p, seed)) for seed in range(200)]
    assert sum(one is not None and not one.chance for one in found) <= 8  # 2 are expected
    errors = [one.error for one in found if one is not None]
    assert np.mean(errors) == pytest.approx(found[0].by_chance, rel=0.05)  # type: ignore[union-attr]
    slopes = [one.slope for one in found if one is not None and one.slope is not None]
    covered = np.mean([one.low <= 1 <= one.high for one in slopes])
    assert 0.9 <= covered <= 0.99


def test_probabilities_that_are_too_extreme_have_a_slope_below_one() -> None:
    truth = np.random.default_rng(2).normal(size=5_000)
    p = 1 / (1 + np.exp(-2 * truth - 0.5))
    found = calibrate(p, _happened(1 / (1 + np.exp(-truth)), 3))
    assert found is not None
    assert not found.chance
    assert found.excess > 0.02
    assert found.slope is not None
    assert found.intercept is not None
    for part, truth_of_it in ((found.slope, 0.5), (found.intercept, -0.25)):
        deviations = (part.value - truth_of_it) / (part.high - part.low) * 3.92
        assert abs(deviations) < 3.5
    assert found.gap.low > 0  # half a logit too high
    assert [one.rows for one in found.bins] == [500] * 10
    assert found.error == pytest.approx(
        sum(one.rows * abs(one.predicted - one.happened) for one in found.bins) / 5_000
    )
    assert all(one.low <= one.happened <= one.high for one in found.bins)
    assert found.to_dict()["bins"][0]["rows"] == 500


def test_slope_and_intercept_are_those_of_scikit_learn() -> None:
    p = np.random.default_rng(4).beta(2, 2, 800)
    y = _happened(np.square(p), 5)
    found = calibrate(p, y)
    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(np.log(p / (1 - p)).reshape(-1, 1), y)
    assert found is not None
    assert found.slope is not None
    assert found.intercept is not None
    assert found.slope.value == pytest.approx(fitted.coef_[0, 0], rel=1e-4)
    assert found.intercept.value == pytest.approx(fitted.intercept_[0], rel=1e-3)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_probabilities_that_are_all_equal_have_one_bin_and_no_slope(p: float, share: float) -> None:
    happened = np.arange(40) < 40 * share
    found = calibrate(np.full(40, p), happened)
    assert found is not None
    assert len(found.bins) == 1
    assert found.slope is None
    assert found.error == pytest.approx(abs(p - share))


def test_probabilities_that_separate_wholly_have_no_slope() -> None:
    p = np.concatenate([np.full(50, 0.2), np.full(50, 0.8)])
    found = calibrate(p, p > 0.5)
    assert found is not None
    assert found.slope is None
    assert len(found.bins) == 2


def test_a_few_rows_are_not_calibrated() -> None:
    assert calibrate(np.full(19, 0.5), np.ones(19, np.bool_)) is None
    assert calibrate(np.full(30, np.nan), np.ones(30, np.bool_)) is None
