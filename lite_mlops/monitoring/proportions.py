"""Intervals of proportions, of their differences and of their ratios, right for few rows as well.

    wilson(7, 20)                            # 0.35, 0.18 to 0.57
    newcombe(wilson(7, 20), wilson(15, 20))  # -0.4, -0.63 to -0.09

Pure functions.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A value and its interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """Return the interval as JSON can hold it; a bound that is infinite is None."""
        return {
            name: number if math.isfinite(number) else None
            for name, number in self._asdict().items()
        }


def deviations(confidence: float = CONFIDENCE, together: int = 1) -> float:
    """Return the standard deviations of a two-sided interval, of which so many hold together.

    By Bonferroni's inequality: the chance that any of them does not hold its value is at most
    1 - confidence.
    """
    return NormalDist().inv_cdf(1 - (1 - confidence) / (2 * max(together, 1)))


def wilson(successes: float, rows: float, z: float = deviations()) -> Interval | None:
    """Return a proportion with its score interval; None without rows.

    (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) (Wilson, JASA 22, 1927).
    """
    if rows <= 0:
        return None
    p = successes / rows
    square = z * z / rows
    middle = (p + square / 2) / (1 + square)
    reach = z / (1 + square) * math.sqrt(p * (1 - p) / rows + square / (4 * rows))
    # At 0 and 1 the bound is exact; rounding must not put it beside the value.
    return Interval(p, min(p, max(0.0, middle - reach)), max(p, min(1.0, middle + reach)))


def newcombe(one: Interval, other: Interval) -> Interval:
    """Return `one - other` with its hybrid score interval (Newcombe, 1998, method 10)."""
    size = one.value - other.value
    low = size - math.hypot(one.value - one.low, other.high - other.value)
    high = size + math.hypot(one.high - one.value, other.value - other.low)
    return Interval(size, max(-1.0, low), min(1.0, high))


def ratio(one: Interval, other: Interval) -> Interval | None:
    """Return `one / other` with the interval of their ratio; None if both are 0.

    By recovery of variances from the two intervals (MOVER-R, Donner and Zou, 2012): a bound is the
    ratio R at which the interval of one - R other, formed as Newcombe does, ends at 0.
    """
    p, q = one.value, other.value
    if p == 0 == q:
        return None
    low = _root(p * q, one.low * (2 * p - one.low), other.high * (2 * q - other.high))
    reach = other.low * (2 * q - other.low)
    high = math.inf
    if reach > 0:
        inside = (p * q) ** 2 - one.high * (2 * p - one.high) * reach
        high = (p * q + math.sqrt(max(0.0, inside))) / reach
    value = p / q if q else math.inf
    return Interval(value, min(low, value), max(high, value))


def _root(both: float, upper: float, lower: float) -> float:
    """Return the smaller root of lower R^2 - 2 both R + upper = 0, without loss of digits."""
    below = both + math.sqrt(max(0.0, both**2 - lower * upper))
    return upper / below if below > 0 else 0.0
