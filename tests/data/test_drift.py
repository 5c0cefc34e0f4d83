"""Drift of one feature: right figures, few false alarms, and no shift of any size overlooked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lite_mlops.data.drift import (
    FeatureDrift,
    feature_drift,
    kolmogorov_smirnov,
    population_stability_index,
)
from lite_mlops.data.profile import bin_counts, bin_edges

SEEDS = range(200)
COUNTS = st.integers(0, 5_000)
HISTOGRAMS = st.integers(1, 12).flatmap(
    lambda bins: st.tuples(*[st.lists(COUNTS, min_size=bins, max_size=bins)] * 2)
)


def drift_of(
    reference: NDArray[np.float64], current: NDArray[np.float64], features: int = 1
) -> FeatureDrift:
    """The drift between two samples, by the bins of the first."""
    edges = bin_edges(reference)
    old, new = (bin_counts(values, edges).tolist() for values in (reference, current))
    return feature_drift("f", old, new, features)


# -- figures ------------------------------------------------------------------------------------


@given(HISTOGRAMS)
def test_psi_agrees_with_its_definition(histograms: tuple[list[int], list[int]]) -> None:
    reference, current = histograms
    bins = len(reference)
    expected = 0.0
    for old, new in zip(reference, current, strict=True):
        p = (old + 0.5) / (sum(reference) + bins / 2)
        q = (new + 0.5) / (sum(current) + bins / 2)
        expected += (q - p) * math.log(q / p)
    found = population_stability_index(np.array(reference), np.array(current))
    assert found == pytest.approx(expected, abs=1e-12)
    assert found >= -1e-12
    swapped = population_stability_index(np.array(current), np.array(reference))
    assert found == pytest.approx(swapped, abs=1e-12)


def test_psi_is_twice_the_jensen_divergence_of_jeffreys() -> None:
    p, q = np.array([10, 20, 70]), np.array([30, 30, 40])
    smooth_p, smooth_q = (p + 0.5) / 101.5, (q + 0.5) / 101.5
    expected = stats.entropy(smooth_p, smooth_q) + stats.entropy(smooth_q, smooth_p)
    assert population_stability_index(p, q) == pytest.approx(expected)


@given(HISTOGRAMS)
def test_ks_agrees_with_scipy_on_the_same_bins(histograms: tuple[list[int], list[int]]) -> None:
    reference, current = histograms
    found = kolmogorov_smirnov(np.array(reference), np.array(current))
    if not sum(reference) or not sum(current):
        assert found == 0.0
        return
    places = np.arange(len(reference))
    old, new = (stats.ecdf(np.repeat(places, counts)).cdf.evaluate(places) for counts in histograms)
    assert found == pytest.approx(np.abs(old - new).max(), abs=1e-12)


@given(HISTOGRAMS)
def test_the_p_value_is_that_of_the_chi_square_test(
    histograms: tuple[list[int], list[int]],
) -> None:
    reference, current = histograms
    found = feature_drift("f", reference, current, 1).p_value
    used = [pair for pair in zip(reference, current, strict=True) if sum(pair)]
    if len(used) < 2 or not sum(reference) or not sum(current):
        assert found == 1.0
        return
    old, new = np.array(used, float).T
    total = old.sum() + new.sum()
    expected_old = (old + new) * old.sum() / total
    expected_new = (old + new) * new.sum() / total
    statistic = ((old - expected_old) ** 2 / expected_old).sum()
    statistic += ((new - expected_new) ** 2 / expected_new).sum()
    assert found == pytest.approx(stats.chi2.sf(statistic, len(used) - 1), abs=1e-12)


@given(HISTOGRAMS, st.integers(1, 100))
def test_the_figures_of_any_counts_are_numbers(
    histograms: tuple[list[int], list[int]], features: int
) -> None:
    drift = feature_drift("f", *histograms, features)
    assert all(math.isfinite(value) for value in (drift.psi, drift.ks, drift.p_value))
    assert 0 <= drift.ks <= 1
    assert 0 <= drift.p_value <= 1
    assert drift.rows == sum(histograms[1])
    assert drift.to_dict() == vars(drift)
    if drift.drifted:
        assert drift.rows >= 30
        assert drift.psi >= 0.2
        assert drift.p_value < 0.01 / features


# -- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [30, 100, 1000])
def test_samples_of_one_distribution_hardly_ever_drift(rows: int) -> None:
    alarms = 0
    for seed in SEEDS:
        chance = np.random.default_rng(seed)
        drift = drift_of(chance.normal(size=500), chance.normal(size=rows))
        alarms += drift.drifted
    assert alarms <= 5  # one in a hundred is two


def test_of_thirty_features_hardly_ever_one_drifts() -> None:
    alarms = 0
    for seed in SEEDS[:40]:
        chance = np.random.default_rng(seed)
        old, new = chance.normal(size=(500, 30)), chance.normal(size=(100, 30))
        alarms += any(drift_of(old[:, i], new[:, i], 30).drifted for i in range(30))
    assert alarms <= 2


@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_of_half_a_standard_deviation_is_found(sign: int) -> None:
    found = 0
    for seed in SEEDS:
        chance = np.random.default_rng(seed)
        drift = drift_of(chance.normal(size=1000), chance.normal(0.5 * sign, size=500))
        found += drift.drifted
    # In bins such a shift has a PSI of 0.23: near the threshold, so a few are missed.
    assert found >= 170


def test_a_shift_of_a_whole_standard_deviation_is_always_found() -> None:
    for seed in SEEDS:
        chance = np.random.default_rng(seed)
        assert drift_of(chance.normal(size=300), chance.normal(1, size=100)).drifted


def test_a_change_of_the_spread_is_found() -> None:
    chance = np.random.default_rng(5)
    assert drift_of(chance.normal(size=1000), chance.normal(0, 2, size=500)).drifted
    assert drift_of(chance.normal(size=1000), chance.normal(0, 0.5, size=500)).drifted


def test_few_rows_never_alarm() -> None:
    reference = np.random.default_rng(6).normal(size=1000)
    for rows in range(30):
        drift = drift_of(reference, np.full(rows, 100.0))
        assert drift.rows == rows
        assert not drift.drifted
    assert drift_of(reference, np.full(30, 100.0)).drifted


def test_many_rows_do_not_make_a_small_shift_an_alarm() -> None:
    chance = np.random.default_rng(7)
    drift = drift_of(chance.normal(size=100_000), chance.normal(0.05, size=100_000))
    assert drift.p_value < 1e-6  # significant, and still small
    assert not drift.drifted


def test_a_constant_that_stays_is_stable_and_one_that_moves_is_not() -> None:
    reference = np.full(500, 5.0)
    assert not drift_of(reference, np.full(100, 5.0)).drifted
    assert drift_of(reference, np.full(100, 6.0)).drifted
    assert drift_of(reference, np.full(100, 4.0)).drifted


def test_a_value_below_all_that_was_seen_is_noticed() -> None:
    reference = np.repeat([0.0, 1.0, 2.0], 100)
    assert drift_of(reference, np.repeat([-1.0, 1.0, 2.0], 50)).drifted
