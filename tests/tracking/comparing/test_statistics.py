"""Paired statistics against hand-computed values, SciPy, scikit-learn and known distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from lite_mlops.tracking.comparing import statistics
from lite_mlops.tracking.comparing.statistics import (
    GROUPS,
    grouped,
    mcnemar,
    mean_ratio,
    placements,
    resampled,
    sums_by,
    weighted_auc,
)

Numbers = NDArray[np.float64]


def mean_of(values: Numbers) -> statistics.Statistic:
    return lambda weights: weights @ values / weights.sum(axis=1)


def ones(count: int) -> NDArray[np.int64]:
    return np.ones(count, np.int64)


# -- McNemar -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (7, 7, 1.0),
        (121, 59, 5.45e-6),  # chi-square 61² / 180 = 20.67
        (13, 12, 1.0),
    ],
)
def test_mcnemar_is_what_it_is_by_hand(only_first: int, only_second: int, p_value: float) -> None:
    assert mcnemar(only_first, only_second) == pytest.approx(p_value, rel=2e-3)
    assert mcnemar(only_second, only_first) == mcnemar(only_first, only_second)


@given(st.integers(0, 24), st.integers(0, 24))
def test_mcnemar_of_few_rows_is_the_binomial_test(only_first: int, only_second: int) -> None:
    rows = only_first + only_second
    if 0 < rows < 25:
        expected = stats.binomtest(only_first, rows).pvalue
    elif rows:
        chi_square = max(abs(only_first - only_second) - 1, 0) ** 2 / rows
        expected = stats.chi2.sf(chi_square, 1)
    else:
        expected = 1.0
    assert mcnemar(only_first, only_second) == pytest.approx(expected, rel=1e-12)


def test_mcnemar_of_a_million_rows_that_differ() -> None:
    assert mcnemar(500_000, 500_000) == 1.0
    assert mcnemar(600_000, 400_000) == 0.0


# -- the bootstrap -------------------------------------------------------------------------------


def test_the_interval_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    values = random.exponential(size=80)
    low, high = resampled(mean_of(values), ones(80), resamples=20_000)
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=random
    ).confidence_interval
    width = theirs.high - theirs.low
    assert low == pytest.approx(theirs.low, abs=0.03 * width)
    assert high == pytest.approx(theirs.high, abs=0.03 * width)


def test_rows_that_are_alike_may_be_counted() -> None:
    values = np.repeat([0.0, 1.0], [300, 700])
    apart = resampled(mean_of(values), ones(1000), resamples=20_000)
    counted = resampled(mean_of(np.array([0.0, 1.0])), np.array([300, 700]), resamples=20_000)
    assert counted == pytest.approx(apart, abs=0.002)
    exact = stats.binom.ppf([0.025, 0.975], 1000, 0.7) / 1000
    assert counted == pytest.approx(exact, abs=0.0015)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    covered = 0
    for seed in range(300):
        values = random.normal(loc=0.3, size=60)
        low, high = resampled(mean_of(values), ones(60), resamples=500, seed=seed, confidence=0.9)
        covered += low <= 0.3 <= high
    # Of 300 a true share of 90 % gives 254 to 285 in all but one of a thousand experiments; the
    # percentile interval of 60 rows is a little narrow.
    assert 248 <= covered <= 285


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.random.default_rng(0).normal(size=50)
    once, again, other = (resampled(mean_of(values), ones(50), seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_the_confidence_decides_how_wide_it_is() -> None:
    values = np.random.default_rng(0).normal(size=100)
    wide, narrow = (
        np.diff(resampled(mean_of(values), ones(100), confidence=share)) for share in (0.99, 0.5)
    )
    assert wide[0] == pytest.approx(narrow[0] * 2.5758 / 0.6745, rel=0.15)


def test_what_is_not_defined_is_left_out() -> None:
    def where_any(weights: Numbers) -> Numbers:
        return np.where(weights[:, 0] > 0, 5.0, math.nan)

    assert resampled(where_any, ones(3)) == (5.0, 5.0)
    never = resampled(lambda weights: np.full(len(weights), math.nan), ones(3))
    assert all(map(math.isnan, never))


@pytest.mark.parametrize("counts", [ones(GROUPS), np.arange(1, 3000)], ids=["alike", "several"])
def test_few_weights_are_in_memory_at_once(counts: NDArray[np.int64]) -> None:
    blocks = statistics._weights(counts, resamples=1000, seed=0)
    block = next(blocks)
    assert block.nbytes <= 32_000_000
    assert (block.sum(axis=1) == counts.sum()).all()
    assert (block >= 0).all()


def test_all_resamples_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_AT_ONCE", 64)
    sizes = [len(block) for block in statistics._weights(ones(20), resamples=10, seed=0)]
    assert sizes == [3, 3, 3, 1]
    assert [len(block) for block in statistics._weights(ones(100), 2, 0)] == [1, 1]


def test_groups_of_many_rows_vary_as_the_rows_do() -> None:
    values = np.random.default_rng(5).exponential(size=3 * GROUPS + 7)
    columns = grouped(np.column_stack([np.ones(len(values)), values]))
    assert columns.shape == (GROUPS, 2)
    assert columns.sum(axis=0) == pytest.approx([len(values), values.sum()])
    assert set(columns[:, 0]) == {3, 4}
    low, high = resampled(lambda w: (w @ columns)[:, 1] / (w @ columns)[:, 0], ones(GROUPS))
    expected = 2 * 1.96 * values.std() / math.sqrt(len(values))
    assert high - low == pytest.approx(expected, rel=0.08)


def test_few_rows_are_not_grouped() -> None:
    columns = np.ones((5, 1))
    assert grouped(columns) is columns


# -- metrics of weights --------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 4)), min_size=1))
def test_the_area_is_that_of_scikit_learn(rows: list[tuple[bool, int, int]]) -> None:
    positive, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    area = weighted_auc(positive, scores.astype(float))(weights[np.newaxis].astype(float))[0]
    if weights[positive].sum() and weights[~positive].sum():
        expected = roc_auc_score(positive, scores, sample_weight=weights)
        assert area == pytest.approx(expected, abs=1e-12)
    else:
        assert math.isnan(area)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2))
def test_placements_have_the_area_as_their_means(rows: list[tuple[bool, int]]) -> None:
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    if positive.all() or not positive.any():
        return
    placed = placements(positive, scores.astype(float))
    area = roc_auc_score(positive, scores)
    assert placed[positive].mean() == pytest.approx(area, abs=1e-12)
    assert placed[~positive].mean() == pytest.approx(area, abs=1e-12)


def test_weights_are_summed_by_class() -> None:
    sums = sums_by(np.array([2, 0, 2]), 4)(np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]))
    assert sums.tolist() == [[2, 0, 4, 0], [1, 0, 0, 0]]


def test_the_mean_of_ratios_leaves_out_what_is_not_there() -> None:
    upper, lower = np.array([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0]]), np.array([[2.0, 0, 3], [0, 0, 0]])
    assert mean_ratio(upper, lower).tolist() == [0.75, 0.0]
