"""Expected metrics against scikit-learn, closed forms, finite differences and simulation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs

from lite_mlops.monitoring.estimates import calibrate, expected_metrics
from lite_mlops.monitoring.estimates.calibration import Codes, Floats
from lite_mlops.monitoring.estimates.expected import METRICS, metric_values, realised_metrics


@st.composite
def answered(draw: st.DrawFn, classes: int) -> tuple[Floats, Codes, Codes]:
    rows = draw(st.integers(1, 60))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = chance.dirichlet(np.ones(classes), rows)
    if draw(st.booleans()):
        scores = np.round(scores, 1)  # many equal ones
    return scores, chance.integers(0, classes, rows), chance.integers(0, classes, rows)


@given(answered(2))
def test_what_is_known_of_two_classes_is_as_scikit_learn_says(
    drawn: tuple[Floats, Codes, Codes],
) -> None:
    scores, predicted, labels = drawn
    found = realised_metrics(scores, predicted, labels)
    expected = {
        "accuracy": theirs.accuracy_score(labels, predicted),
        "brier": ((scores[:, 1] - labels) ** 2).mean(),
    }
    if labels.any():
        expected["recall"] = theirs.recall_score(labels, predicted)
    if predicted.any():
        expected["precision"] = theirs.precision_score(labels, predicted, zero_division=0)
    if labels.any() or predicted.any():
        expected["f1"] = theirs.f1_score(labels, predicted, zero_division=0)
    if 0 < labels.sum() < len(labels):
        expected["auc"] = theirs.roc_auc_score(labels, scores[:, 1])
    assert found == pytest.approx(expected)
    assert list(found) == [name for name in METRICS if name in expected]


@given(answered(3))
def test_what_is_known_of_several_classes_is_as_scikit_learn_says(
    drawn: tuple[Floats, Codes, Codes],
) -> None:
    scores, predicted, labels = drawn
    found = realised_metrics(scores, predicted, labels)
    assert found["accuracy"] == pytest.approx(theirs.accuracy_score(labels, predicted))
    known = np.eye(3)[labels]
    assert found["brier"] == pytest.approx(((scores - known) ** 2).sum(axis=1).mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, one in (("precision", theirs.precision_score), ("recall", theirs.recall_score)):
            each = one(labels, predicted, average=None, labels=[0, 1, 2], zero_division=np.nan)
            assert found[name] == pytest.approx(np.nanmean(each))
    if len(set(labels.tolist())) == 3:
        areas = [theirs.roc_auc_score(known[:, place], scores[:, place]) for place in range(3)]
        if len(labels) > 3:
            assert found["auc"] == pytest.approx(np.mean(areas))


@given(answered(3), st.sampled_from([2, 3]))
def test_the_gradients_are_those_of_finite_differences(
    drawn: tuple[Floats, Codes, Codes], classes: int
) -> None:
    scores, predicted, _ = drawn
    labels = np.clip(scores[:, ::-1], 0.05, 0.95)
    if classes == 2:
        labels, scores, predicted = labels[:, :1], scores[:, :1], predicted % 2
    row, step = len(labels) // 2, 1e-6
    slopes = {name: slope[row] for name, _, slope in metric_values(labels, scores, predicted)}
    for place in range(labels.shape[1]):
        sides = []
        for sign in (1, -1):
            moved = labels.copy()
            moved[row, place] += sign * step
            sides.append({name: v for name, v, _ in metric_values(moved, scores, predicted)})
        for name, slope in slopes.items():
            difference = (sides[0][name] - sides[1][name]) / (2 * step)
            assert slope[place] == pytest.approx(difference, abs=1e-5), name


def test_the_expected_auc_is_the_integral_over_ranks() -> None:
    chance = np.random.default_rng(4)
    scores, chances = chance.random((300, 1)), chance.random((300, 1))
    found = {name: value for name, value, _ in metric_values(chances, scores, np.zeros(300, int))}
    p, s = chances[:, 0], scores[:, 0]
    higher = (s[:, None] > s) + 0.5 * (s[:, None] == s)
    pairs = (p[:, None] * (1 - p) * higher).sum()
    assert found["auc"] == pytest.approx(pairs / (p.sum() * (1 - p).sum()))


def _world(seed: int, rows: int, shift: float = 0.0) -> tuple[Floats, Codes, Codes]:
    """Scores that are too sure, the answers of them, and labels."""
    chance = np.random.default_rng([515, seed])
    logits = chance.normal(shift, 1.4, rows)
    labels = (chance.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    score = 1 / (1 + np.exp(-1.8 * logits - 0.2))
    return np.column_stack([1 - score, score]), (score > 0.5).astype(np.int64), labels


@pytest.mark.parametrize("shift", [0.0, 0.9])
def test_intervals_hold_what_labels_say_later(shift: float) -> None:
    draws, held = 60, dict.fromkeys(METRICS, 0)
    apart: dict[str, list[float]] = {name: [] for name in METRICS}
    for seed in range(draws):
        scores, _, labels = _world(2 * seed, 2_500)
        calibration = calibrate(scores, labels)
        later, predicted, truth = _world(2 * seed + 1, 1_000, shift)
        realised = realised_metrics(later, predicted, truth)
        for one in expected_metrics(later, predicted, calibration):
            held[one.metric] += one.low <= realised[one.metric] <= one.high
            apart[one.metric].append(one.value - realised[one.metric])
    for name in METRICS:
        assert held[name] >= 0.85 * draws, name
        assert abs(np.mean(apart[name])) < 0.012, name  # hardly any bias


def test_an_interval_has_both_of_its_parts() -> None:
    scores, _, labels = _world(1, 400)
    few = calibrate(scores, labels)
    many = calibrate(*_world(2, 20_000)[::2])
    later, answers, _ = _world(3, 2_000)
    for small, large in zip(
        expected_metrics(later, answers, few), expected_metrics(later, answers, many), strict=True
    ):
        assert small.calibration > 2 * large.calibration
        assert small.sampling == pytest.approx(large.sampling, rel=0.5)
        assert small.low <= small.value <= small.high
    accuracy = expected_metrics(later, answers, many)[0]
    chances = many.chances(later[:, 1:])[:, 0]
    assert accuracy.sampling == pytest.approx(np.sqrt((chances * (1 - chances)).sum()) / 2_000)


def test_what_is_not_defined_is_left_out() -> None:
    calibration = calibrate(*_world(1, 400)[::2])
    assert expected_metrics(np.empty((0, 2)), np.empty(0, np.int64), calibration) == ()
    one = expected_metrics(np.array([[0.9, 0.1]]), np.array([0]), calibration)
    names = [each.metric for each in one]
    assert "precision" not in names  # nothing was answered
    assert {"accuracy", "recall", "f1", "brier"} <= set(names)
    assert realised_metrics(np.array([[0.9, 0.1]]), np.array([0]), np.array([0])) == {
        "accuracy": 1.0,
        "brier": pytest.approx(0.01),
    }
    constant = expected_metrics(np.full((500, 2), 0.5), np.ones(500, np.int64), calibration)
    assert {each.metric: each.value for each in constant}["auc"] == pytest.approx(0.5)
