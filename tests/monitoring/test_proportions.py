"""Intervals of proportions, differences and ratios against SciPy, published figures, simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from lite_mlops.monitoring.proportions import (
    Interval,
    deviations,
    newcombe,
    ratio,
    wilson,
)


def share(successes: int, rows: int) -> Interval:
    found = wilson(successes, rows)
    assert found is not None
    return found


COUNTS = st.integers(1, 400).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows)))


@given(COUNTS, st.floats(0.5, 0.999))
def test_wilson_is_that_of_scipy(counts: tuple[int, int], confidence: float) -> None:
    found = wilson(*counts, deviations(confidence))
    assert found is not None
    theirs = stats.binomtest(*counts).proportion_ci(confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_newcombe_has_the_figures_of_his_paper() -> None:
    # Newcombe (1998), table II, method 10.
    for one, other, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ):
        found = newcombe(share(*one), share(*other))
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)


@given(COUNTS, COUNTS)
def test_a_ratio_ends_where_its_difference_is_nothing(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    p, q = share(*one), share(*other)
    found = ratio(p, q)
    if one[0] == 0 == other[0]:
        assert found is None
        return
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high
    turned = ratio(q, p)
    assert turned is not None
    if found.low > 0 and math.isfinite(turned.high):
        assert found.low == pytest.approx(1 / turned.high, rel=1e-6)
    assume(found.low > 0 and one[0] and other[0])
    low = found.low
    # At the bound the interval of p - R q, formed as Newcombe does, begins at 0.
    scaled = math.hypot(p.value - p.low, low * (q.high - q.value))
    assert p.value - low * q.value == pytest.approx(scaled, rel=1e-6, abs=1e-9)


def test_intervals_hold_what_they_should() -> None:
    chance = np.random.default_rng(72)
    held = {"difference": 0, "ratio": 0}
    draws = 1_500
    for _ in range(draws):
        one, other = chance.binomial(60, 0.3), chance.binomial(90, 0.5)
        p, q = share(int(one), 60), share(int(other), 90)
        difference, times = newcombe(p, q), ratio(p, q)
        assert times is not None
        held["difference"] += difference.low <= -0.2 <= difference.high
        held["ratio"] += times.low <= 0.6 <= times.high
    for name, count in held.items():
        assert 0.935 <= count / draws <= 0.975, name


def test_many_intervals_together_are_wider() -> None:
    assert deviations() == pytest.approx(1.959964, abs=1e-6)
    assert deviations(together=10) == pytest.approx(stats.norm.isf(0.0025))
    assert deviations(together=0) == deviations()
    assert wilson(0, 0) is None
    assert Interval(1.0, 0.5, math.inf).to_dict() == {"value": 1.0, "low": 0.5, "high": None}
