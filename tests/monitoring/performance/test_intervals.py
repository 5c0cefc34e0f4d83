"""Intervals against SciPy, and against what they promise: to cover the truth 95 % of the time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from lite_mlops.monitoring.performance.intervals import (
    Measured,
    area_under_roc,
    f_measure,
    mean_of,
    mean_of_measured,
    share,
    wilson,
)
from lite_mlops.monitoring.performance.regression import measure_numbers
from lite_mlops.monitoring.performance.selection import kolmogorov_p, selected


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_scipy(counts: tuple[int, int]) -> None:
    right, rows = counts
    expected = stats.binomtest(right, rows).proportion_ci(method="wilson")
    assert wilson(right, rows) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_the_interval_of_a_mean_is_the_normal_one(values: list[float]) -> None:
    found = mean_of(np.array(values))
    assert found is not None
    error = stats.sem(values)
    low, high = (stats.norm.ppf(q, np.mean(values), error or 1e-300) for q in (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9, abs=1e-6)


def test_of_nothing_there_is_no_metric() -> None:
    empty = np.array([])
    assert share(0, 0) is None
    assert f_measure(0, 0) is None
    assert mean_of(empty) is None
    assert mean_of_measured([], 0) is None
    assert area_under_roc(empty, np.array([1.0])) is None
    assert measure_numbers(empty, empty) == {}
    assert wilson(0, 0) == (0.0, 1.0)
    one = mean_of(np.array([3.0]))
    assert one == Measured(3.0, -math.inf, math.inf, 1)
    assert one.to_dict() == {"value": 3.0, "low": None, "high": None, "rows": 1}


scores = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


@given(scores, scores)
def test_the_area_is_that_of_scikit_learn(positive: list[float], negative: list[float]) -> None:
    found = area_under_roc(np.array(positive), np.array(negative))
    assert found is not None
    truth = [1] * len(positive) + [0] * len(negative)
    assert found.value == pytest.approx(roc_auc_score(truth, positive + negative))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_variance_of_the_area_is_that_of_delong_written_out() -> None:
    chance = np.random.default_rng(0)
    positive, negative = chance.normal(1, 1, 40), chance.normal(0, 1, 60)
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 60
    auc = wins.mean()
    reach = 1.959964 * math.sqrt(variance) / (auc * (1 - auc))
    low, high = (1 / (1 + math.exp(-(math.log(auc / (1 - auc)) + s * reach))) for s in (-1, 1))
    found = area_under_roc(positive, negative)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-5)


def test_scores_that_separate_wholly_are_not_certain() -> None:
    found = area_under_roc(np.array([2.0] * 5), np.array([1.0] * 50))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson(5, 5)[0])


# -- coverage: seeds and shapes that nothing was chosen by --------------------------------------

Draw = Callable[[np.random.Generator], Measured | None]


def _auc(chance: np.random.Generator) -> Measured | None:
    return area_under_roc(chance.normal(1, 1, 40), chance.normal(0, 1, 160))


def _f1(chance: np.random.Generator) -> Measured | None:
    hit, wrong, _ = chance.multinomial(200, [0.3, 0.2, 0.5])
    return f_measure(int(hit), int(wrong))


def _balanced(chance: np.random.Generator) -> Measured | None:
    recalls = [share(int(chance.binomial(n, p)), n) for n, p in ((150, 0.9), (40, 0.6), (60, 0.7))]
    return mean_of_measured([one for one in recalls if one is not None], 250)


def _numbers(name: str) -> Draw:
    def draw(chance: np.random.Generator) -> Measured | None:
        truth = chance.normal(10, 3, 200)
        return measure_numbers(truth, truth + chance.normal(0.5, 1, 200))[name]

    return draw


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (_auc, stats.norm.cdf(1 / math.sqrt(2))),
        (_f1, 0.75),  # 2 * 0.3 / (2 * 0.3 + 0.2)
        (_balanced, (0.9 + 0.6 + 0.7) / 3),
        (_numbers("bias"), 0.5),
        (_numbers("mae"), stats.foldnorm.mean(0.5)),
        (_numbers("rmse"), math.sqrt(1.25)),
        (_numbers("r2"), 1 - 1.25 / 9),
    ],
    ids=["auc", "f1", "balanced", "bias", "mae", "rmse", "r2"],
)
def test_intervals_cover_the_truth(draw: Draw, truth: float) -> None:
    chance = np.random.default_rng(11)
    found = [one for one in (draw(chance) for _ in range(1_000)) if one is not None]
    covered = sum(one.low <= truth <= one.high for one in found) / len(found)
    assert 0.93 <= covered <= 0.97


# -- selection ----------------------------------------------------------------------------------


@given(st.floats(0.01, 0.6), st.integers(50, 2_000), st.integers(50, 2_000))
def test_the_p_value_of_kolmogorov_is_near_that_of_scipy(
    distance: float, first: int, second: int
) -> None:
    effective = first * second / (first + second)
    expected = stats.kstwo.sf(distance, round(effective))
    assert kolmogorov_p(distance, first, second) == pytest.approx(expected, abs=0.02, rel=0.5)


def test_labels_that_came_for_other_scores_are_told() -> None:
    chance = np.random.default_rng(5)
    scores = chance.uniform(size=2_000)
    random = chance.random(2_000) < 0.5
    alike = selected(scores[random], scores[~random])
    assert alike is not None
    assert not alike.told
    expected = stats.ks_2samp(scores[random], scores[~random])
    assert alike.distance == pytest.approx(expected.statistic)
    assert alike.p_value == pytest.approx(expected.pvalue, abs=0.02)
    high = chance.random(2_000) < scores
    other = selected(scores[high], scores[~high])
    assert other is not None
    assert other.told
    assert other.labelled > other.unlabelled
    assert selected(scores[:49], scores) is None
