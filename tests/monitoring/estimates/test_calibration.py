"""Calibration: isotonic regression as scikit-learn does it, kept only where it helps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.estimates import calibrate
from lite_mlops.monitoring.estimates.calibration import (
    Codes,
    Floats,
    calibration_error,
    isotonic,
    told,
)


def drawn(seed: int, rows: int = 2_000, sure: float = 1.0) -> tuple[Floats, Codes]:
    """Scores of two classes, `sure` times as far from one half in logits as is right."""
    chance = np.random.default_rng([62, seed])
    logits = chance.normal(size=rows) * 1.5
    labels = (chance.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    score = 1 / (1 + np.exp(-sure * logits))
    return np.column_stack([1 - score, score]), labels


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_isotonic_regression_is_that_of_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    # Scores that only rounding tells apart are one to scikit-learn.
    scores, outcomes = np.round([one for one, _ in rows], 6), np.array([one for _, one in rows])
    places, chances = isotonic(scores, outcomes)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, outcomes)
    asked = np.concatenate([scores, np.linspace(-0.1, 1.1, 50)])
    np.testing.assert_allclose(np.interp(asked, places, chances), theirs.predict(asked), atol=1e-9)


def test_the_calibration_error_is_the_mean_distance_over_bins() -> None:
    chances = np.array([0.1, 0.2, 0.8, 0.9])
    outcomes = np.array([False, True, True, True])
    assert calibration_error(chances, outcomes, bins=2) == pytest.approx((0.35 + 0.15) / 2)
    assert calibration_error(chances, outcomes, bins=1) == pytest.approx(0.25)
    assert calibration_error(chances, outcomes, bins=100) == pytest.approx(0.3)


def test_scores_that_are_chances_are_hardly_changed() -> None:
    for seed in range(12):
        calibration = calibrate(*drawn(seed))
        (one,) = calibration.classes
        assert calibration.kept == (one.error_after < one.error_before)
        right, _ = drawn(seed + 100)
        assert np.abs(calibration.chances(told(right)) - told(right)).mean() < 0.05


def test_scores_that_are_too_sure_become_chances() -> None:
    scores, labels = drawn(2, sure=4)
    calibration = calibrate(scores, labels)
    (one,) = calibration.classes
    assert calibration.kept
    assert one.error_after < one.error_before / 2
    new, _ = drawn(3, sure=4)
    right, _ = drawn(3)
    chances = calibration.chances(told(new))
    assert np.abs(chances - told(right)).mean() < 0.03
    assert np.abs(told(new) - told(right)).mean() > 0.1
    assert (np.diff(chances[np.argsort(new[:, 1]), 0]) >= 0).all()


def test_several_classes_are_calibrated_each_and_add_to_one() -> None:
    chance = np.random.default_rng(8)
    logits = chance.normal(size=(6_000, 3)) * 1.2
    labels = (logits + chance.gumbel(size=logits.shape)).argmax(axis=1)
    sure = np.exp(3 * logits)
    scores = sure / sure.sum(axis=1, keepdims=True)
    calibration = calibrate(scores[:3_000], labels[:3_000])
    assert [one.kept for one in calibration.classes] == [True] * 3
    chances = calibration.chances(scores[3_000:])
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    for place in range(3):
        outcomes = labels[3_000:] == place
        before = calibration_error(scores[3_000:, place], outcomes)
        assert calibration_error(chances[:, place], outcomes) < before / 2


def test_what_is_beyond_the_reference_is_told() -> None:
    scores, labels = drawn(5)
    calibration = calibrate(scores, labels)
    assert calibration.outside(told(scores)) == 0
    assert calibration.outside(np.array([[0.0], [0.5], [1.0]])) == pytest.approx(2 / 3)
    assert calibration.outside(np.empty((0, 1))) == 0
    chances = calibration.chances(np.array([[0.0], [1.0]]))
    assert ((chances >= 0) & (chances <= 1)).all()


def test_constant_scores_have_the_share_of_the_reference() -> None:
    scores = np.full((1_000, 2), 0.5)
    labels = (np.arange(1_000) < 300).astype(np.int64)
    calibration = calibrate(scores, labels)
    assert calibration.kept
    assert calibration.chances(np.array([[0.1], [0.5], [0.9]])).ravel().tolist() == pytest.approx(
        [0.3, 0.3, 0.3]
    )
    (one,) = calibration.classes
    assert float(one.variances[-1]) == pytest.approx(0.3 * 0.7 / 1_000, rel=0.05)


@pytest.mark.parametrize(
    ("scores", "labels", "text"),
    [
        (
            np.full((199, 2), 0.5),
            np.zeros(199, np.int64),
            "the reference has 199 rows with a label and scores; at least 200 are needed.",
        ),
        (
            np.full((500, 2), np.nan),
            np.zeros(500, np.int64),
            "the reference has 0 rows with a label and scores; at least 200 are needed.",
        ),
        (
            np.full((500, 2), 0.5),
            np.zeros(500, np.int64),
            "the reference has 0 rows of one of its two classes or beside it; at least 10",
        ),
        (
            np.full((500, 3), 0.5),
            np.arange(500) % 2,
            "the reference has 0 rows of class 2 or beside it; at least 10 are needed.",
        ),
        (
            np.full((500, 2), 0.5),
            np.zeros(499, np.int64),
            "scores of the shape 500 x 2 do not fit 499 labels.",
        ),
    ],
)
def test_a_reference_that_cannot_be_used_says_why(scores: Floats, labels: Codes, text: str) -> None:
    with pytest.raises(Invalid) as error:
        calibrate(scores, labels)
    assert str(error.value).startswith(text)
