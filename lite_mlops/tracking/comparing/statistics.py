"""How sure is a difference? Paired statistics of two models on the same rows. Pure functions.

    low, high = resampled(statistic, counts=np.ones(rows, np.int64))
    p_value = mcnemar(only_first=12, only_second=31)

The bootstrap draws rows with replacement, both models together, and looks at how the difference of
a metric varies (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13: the
percentile interval). Drawing rows is drawing how often each of them counts; so a metric is a
function of such weights, and rows that are alike are drawn as one. Many rows that are all different
are put into groups at random first, and the groups are drawn: the means of random groups vary as
the rows do, and the work stays the same for a million rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
CONFIDENCE = 0.95
GROUPS = 5_000  # rows are grouped beyond; the width of an interval is then right to 1 %
_AT_ONCE = 4_000_000  # weights in memory: 32 MB
_EXACT_BELOW = 25  # rows that differ, for McNemar's test

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Statistic = Callable[[Numbers], Numbers]


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's test that two models are right equally often.

    `only_first` and `only_second` are the rows on which just one of them is right. Below 25 of
    such rows the binomial test is exact; else chi-square with the continuity correction of Edwards
    is used (McNemar, "Note on the sampling error of the difference between correlated proportions
    or percentages", Psychometrika 12, 1947; Edwards, Psychometrika 13, 1948).
    """
    rows, fewer = only_first + only_second, min(only_first, only_second)
    if rows < _EXACT_BELOW:
        tail = sum(math.comb(rows, count) for count in range(fewer + 1))
        return float(min(1.0, 2 * tail / 2**rows))
    chi_square = max(abs(only_first - only_second) - 1, 0) ** 2 / rows
    return math.erfc(math.sqrt(chi_square / 2))


def resampled(
    statistic: Statistic,
    counts: Counts,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic over resamples of the rows.

    `counts` says how many rows there are of each sort. `statistic` takes weights of the shape
    (resamples, sorts) and returns one value for each resample; NaN where it is not defined, as AUC
    is without a row of one class. Equal seeds give equal intervals.
    """
    draws = np.concatenate([statistic(w) for w in _weights(counts, resamples, seed)])
    if np.isnan(draws).all():
        return math.nan, math.nan
    outside = (1 - confidence) / 2
    low, high = np.nanquantile(draws, [outside, 1 - outside])
    return float(low), float(high)


def _weights(counts: Counts, resamples: int, seed: int) -> Iterator[Numbers]:
    """Return how often each sort of rows counts in each resample, some resamples at a time."""
    random = np.random.default_rng(seed)
    sorts, rows = len(counts), int(counts.sum())
    at_once = max(_AT_ONCE // sorts, 1)
    sizes = [min(at_once, resamples - done) for done in range(0, resamples, at_once)]

    def alike(size: int) -> Numbers:
        drawn = random.integers(0, sorts, (size, sorts))
        drawn += np.arange(size)[:, np.newaxis] * sorts
        weights = np.bincount(drawn.ravel(), minlength=size * sorts)
        return np.asarray(weights.reshape(size, sorts), np.float64)

    def several(size: int) -> Numbers:
        return random.multinomial(rows, counts / rows, size).astype(np.float64)

    return map(alike if rows == sorts else several, sizes)


def grouped(columns: Numbers, seed: int = 0) -> Numbers:
    """Return the rows of `columns` summed in at most 5,000 random groups of nearly equal size."""
    if len(columns) <= GROUPS:
        return columns
    order = np.random.default_rng(seed).permutation(len(columns))
    starts = np.arange(GROUPS) * len(columns) // GROUPS
    return np.asarray(np.add.reduceat(columns[order], starts, axis=0))


def sums_by(codes: NDArray[np.int64], classes: int) -> Statistic:
    """Return the function that sums weights by class, to (resamples, classes)."""
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)

    def sums(weights: Numbers) -> Numbers:
        found = np.zeros((len(weights), classes))
        found[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
        return found

    return sums


def mean_ratio(upper: Numbers, lower: Numbers) -> Numbers:
    """Return the mean over classes of upper / lower, leaving out where `lower` is zero."""
    there = lower > 0
    ratios = np.divide(upper, lower, out=np.zeros_like(upper), where=there)
    return np.asarray(ratios.sum(axis=1) / np.maximum(there.sum(axis=1), 1))


def weighted_auc(positive: NDArray[np.bool_], scores: Numbers) -> Statistic:
    """Return the area under the ROC curve as a function of the weights of the rows.

    It is the share of pairs of a positive and a negative row in which the positive has the higher
    score, ties counted half (Hanley and McNeil, Radiology 143, 1982).
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ups = positive[order].astype(np.float64)

    def auc(weights: Numbers) -> Numbers:
        ordered = weights[:, order]
        above = np.add.reduceat(ordered * ups, starts, axis=1)
        below = np.add.reduceat(ordered, starts, axis=1) - above
        pairs = above * (np.cumsum(below, axis=1) - below / 2)
        every = above.sum(axis=1) * below.sum(axis=1)
        undefined = np.full(len(weights), np.nan)
        area: Numbers = np.divide(pairs.sum(axis=1), every, out=undefined, where=every > 0)
        return area

    return auc


def placements(positive: NDArray[np.bool_], scores: Numbers) -> Numbers:
    """Return of each row the share of rows of the other class that it lies on the right side of.

    Their mean over either class is the area under the ROC curve. Weights of the rows move it by
    the changes of both means, but for terms that vanish with the number of rows (DeLong, DeLong and
    Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44, 1988).
    """
    found = np.empty(len(scores))
    for side in (True, False):
        rows, others = np.flatnonzero(positive == side), np.sort(scores[positive != side])
        rows = rows[np.argsort(scores[rows])]  # sorted ones are looked up ten times as fast
        mine = scores[rows]
        below = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        share = below / (2 * max(len(others), 1))
        found[rows] = share if side else 1 - share
    return found
