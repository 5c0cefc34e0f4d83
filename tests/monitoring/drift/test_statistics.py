"""Sizes, tests and false-discovery control: the same as SciPy's, and their own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon

from lite_mlops.monitoring.drift import effects
from lite_mlops.monitoring.drift.discovery import benjamini_hochberg
from lite_mlops.monitoring.drift.joint import auc_interval
from lite_mlops.monitoring.drift.tests import (
    chi_square_p,
    homogeneity_p,
    kolmogorov_smirnov_p,
    permutation_p,
    pooled,
    two_samples_p,
)

FINITE = st.floats(-1e100, 1e100) | st.integers(-3, 3).map(float)
SAMPLES = st.lists(FINITE, min_size=1, max_size=60).map(lambda values: np.sort(np.array(values)))
TABLES = st.integers(2, 12).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(0, 3_000), min_size=size, max_size=size)] * 2)
)
Counts = NDArray[np.int64]


def both(table: tuple[list[int], list[int]]) -> tuple[Counts, Counts]:
    """Both sides of a table as counts, with a row of each side more, so that neither is empty."""
    old, new = (np.array([*side, 1], np.int64) for side in table)
    return old, new


# -- numbers ------------------------------------------------------------------------------------


@given(SAMPLES, SAMPLES)
def test_distances_are_those_of_scipy(old: NDArray[np.float64], new: NDArray[np.float64]) -> None:
    found = effects.distances(old, new)
    places = np.concatenate([old, new])
    apart = stats.ecdf(old).cdf.evaluate(places) - stats.ecdf(new).cdf.evaluate(places)
    assert found.kolmogorov_smirnov == pytest.approx(np.abs(apart).max(), abs=1e-12)
    expected = stats.wasserstein_distance(old, new)
    assert found.wasserstein == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert effects.distances(new, old) == pytest.approx(found, rel=1e-9, abs=1e-300)


@given(SAMPLES)
def test_a_sample_is_at_no_distance_from_itself(values: NDArray[np.float64]) -> None:
    assert effects.distances(values, values) == (0.0, 0.0)
    assert effects.distances(values, np.repeat(values, 3)) == pytest.approx((0, 0), abs=1e-12)


@pytest.mark.parametrize("power", [-300, -3, 0, 3, 300])
def test_the_spread_is_right_at_any_size(power: int) -> None:
    values = np.sort(np.random.default_rng(1).normal(5, 2, 1000)) * 10.0**power
    expected = np.std(values / 10.0**power) * 10.0**power
    assert effects.spread(values) == pytest.approx(expected, rel=1e-9)
    assert effects.spread(np.full(3, 10.0**power)) == 0.0


def test_a_distance_that_no_number_holds_is_infinite() -> None:
    largest = np.finfo(np.float64).max
    found = effects.distances(np.array([-largest]), np.array([largest]))
    assert found == (1.0, math.inf)


@pytest.mark.parametrize(("n", "m"), [(300, 300), (1000, 400), (5000, 5000), (250, 90_000)])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_the_p_value_of_a_distance_is_that_of_scipy(n: int, m: int, shift: float) -> None:
    chance = np.random.default_rng(3)
    old, new = np.sort(chance.normal(size=n)), np.sort(chance.normal(shift, size=m))
    expected = stats.ks_2samp(old, new, method="asymp")
    distance = effects.distances(old, new).kolmogorov_smirnov
    assert kolmogorov_smirnov_p(distance, n, m) == pytest.approx(expected.pvalue, rel=1e-9)
    assert two_samples_p(distance, old, new) == pytest.approx(expected.pvalue, rel=1e-9)


def test_small_samples_are_tested_exactly() -> None:
    chance = np.random.default_rng(4)
    old, new = np.sort(chance.normal(size=80)), np.sort(chance.normal(0.4, size=60))
    distance = effects.distances(old, new).kolmogorov_smirnov
    expected = stats.ks_2samp(old, new, method="exact").pvalue
    assert two_samples_p(distance, old, new) == expected
    assert kolmogorov_smirnov_p(distance, 80, 60) != pytest.approx(expected, rel=1e-3)


# -- categories ---------------------------------------------------------------------------------


@given(TABLES)
def test_distances_of_counts_are_within_their_bounds(table: tuple[list[int], list[int]]) -> None:
    old, new = both(table)
    p, q = old / old.sum(), new / new.sum()
    assert effects.total_variation(old, new) == pytest.approx(np.abs(p - q).sum() / 2)
    expected = float(jensenshannon(p, q, 2))
    found = effects.jensen_shannon(old, new)
    assert found == pytest.approx(0 if math.isnan(expected) else expected, abs=1e-6)
    assert 0 <= effects.excess_variation(old, new) <= effects.total_variation(old, new) <= 1
    assert effects.excess_psi(old, new) >= 0


def test_what_has_nothing_in_common_is_one_apart() -> None:
    old, new = np.array([50, 0]), np.array([0, 70])
    assert effects.total_variation(old, new) == 1.0
    assert effects.jensen_shannon(old, new) == 1.0


@pytest.mark.parametrize("levels", [3, 40, 500])
def test_sampling_alone_gives_the_variation_and_psi_that_are_taken_off(levels: int) -> None:
    chance = np.random.default_rng(levels)
    shares = chance.dirichlet(np.full(levels, 5.0))
    pairs = [
        (chance.multinomial(9000, shares), chance.multinomial(5000, shares)) for _ in range(99)
    ]
    found = np.mean([effects.total_variation(*pair) for pair in pairs])
    expected = np.mean([effects.sampling_variation(*pair) for pair in pairs])
    assert expected == pytest.approx(found, rel=0.08)
    assert np.median([effects.excess_psi(*pair) for pair in pairs]) < 0.005


@given(TABLES)
def test_chi_square_is_that_of_scipy(table: tuple[list[int], list[int]]) -> None:
    old, new = both(table)
    used = (old + new) > 0
    if used.sum() < 2:
        assert chi_square_p(old, new) == 1.0
        return
    expected = stats.chi2_contingency(np.array([old[used], new[used]]), correction=False).pvalue
    assert chi_square_p(old, new) == pytest.approx(expected, rel=1e-7, abs=1e-300)


@given(TABLES)
def test_pooling_keeps_the_rows_and_leaves_no_rare_category(
    table: tuple[list[int], list[int]],
) -> None:
    old, new = both(table)
    found = pooled(old, new)
    assert [side.sum() for side in found] == [old.sum(), new.sum()]
    totals = found[0] + found[1]
    expected = totals * min(old.sum(), new.sum()) / totals.sum()
    assert len(totals) <= 2 or (expected >= 5 - 1e-9).all()
    assert 0 <= homogeneity_p(old, new) <= 1


def test_permutation_agrees_with_the_exact_test_of_fisher() -> None:
    for new in ([9, 1], [7, 3], [2, 18]):
        table = np.array([[12, 15], new])
        expected = stats.fisher_exact(table).pvalue
        assert permutation_p(table[0], table[1]) == pytest.approx(expected, abs=0.03)


@pytest.mark.slow
def test_rare_categories_of_few_rows_are_permuted_and_right() -> None:
    shares = np.full(300, 1 / 300)
    chance = np.random.default_rng(9)
    p_values = []
    for _ in range(30):
        old, new = chance.multinomial(250, shares), chance.multinomial(250, shares)
        p_values.append(homogeneity_p(old, new))
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    other = np.append(np.full(150, 2 / 300), np.zeros(150))
    assert homogeneity_p(chance.multinomial(250, shares), chance.multinomial(250, other)) < 0.01


@pytest.mark.parametrize(("old", "new"), [([0, 0], [3, 4]), ([5], [7]), ([5, 0], [9, 0])])
def test_what_cannot_differ_has_the_p_value_one(old: list[int], new: list[int]) -> None:
    for test in (chi_square_p, permutation_p):
        assert test(np.array(old), np.array(new)) == 1.0


# -- many columns -------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 1), max_size=40))
def test_adjusted_p_values_are_those_of_scipy(p_values: list[float]) -> None:
    expected = stats.false_discovery_control(p_values) if p_values else []
    assert benjamini_hochberg(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_the_interval_of_an_auc_covers_it() -> None:
    low, high = auc_interval(0.5, 1000, 1000)
    deviation = math.sqrt(2001 / (12 * 1000 * 1000))
    assert (low, high) == pytest.approx((0.5 - 1.96 * deviation, 0.5 + 1.96 * deviation), abs=1e-4)
    assert auc_interval(1.0, 10, 10) == (1.0, 1.0)
