"""Calibration: do things happen as often as the probabilities say? Pure functions on arrays.

found = calibrate(probabilities, happened)
found.error, found.by_chance, found.slope, found.bins
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.performance.intervals import Floats, Measured, Z, mean_of, wilson

BINS = 10
LEAST_ROWS = 20
_DRAWS = 2_000
_SEED = 1978
_LEAST = 1e-6  # probabilities of 0 and 1 have no logit
_STEPS = 30


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of alike probabilities: their mean, and how often it happened, by Wilson's interval."""

    lowest: float
    highest: float
    rows: int
    predicted: float
    happened: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return the bin as JSON can hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from what happened.

    Attributes:
        rows: How many there are.
        error: The expected calibration error: the mean distance of the bins, weighted by rows.
        by_chance: What it would be on average if every probability were right.
        chance_limit: What it would exceed then in 1 of 100 cases.
        gap: The mean probability minus the share that happened.
        slope: 1 if the probabilities are as spread as they should be, less if they are too extreme;
            None where it has no estimate.
        intercept: By how much the log odds lie too low, at the slope.
        bins: Of nearly equal numbers of rows, from the lowest probability on.
    """

    rows: int
    error: float
    by_chance: float
    chance_limit: float
    gap: Measured
    slope: Measured | None
    intercept: Measured | None
    bins: tuple[ReliabilityBin, ...]

    @property
    def excess(self) -> float:
        """The error beyond what chance alone gives; at least 0."""
        return max(0.0, self.error - self.by_chance)

    @property
    def chance(self) -> bool:
        """Whether the error may be chance alone, at 1 %."""
        return self.error <= self.chance_limit

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as JSON can hold it."""
        parts = {
            name: None if part is None else part.to_dict()
            for name, part in (("slope", self.slope), ("intercept", self.intercept))
        }
        whole = {"gap": self.gap.to_dict(), "bins": [one.to_dict() for one in self.bins]}
        return vars(self) | parts | whole | {"excess": self.excess, "chance": self.chance}


def calibrate(probabilities: Floats, happened: NDArray[np.bool_]) -> Calibration | None:
    """Return how far probabilities are from what happened; None with fewer than 20 rows.

    The expected calibration error is that of bins of equal numbers of rows (Naeini, Cooper and
    Hauskrecht, AAAI 2015; Nixon et al., 2019). It is never 0 by chance alone, so it is held against
    its distribution for probabilities that are right (Vaicenavicius et al., AISTATS 2019), in which
    the sum of each bin is nearly normal with the variance sum p (1 - p). Slope and intercept are
    those of the logistic regression of what happened on the log odds (Cox, Biometrika 45, 1958),
    with Wald's intervals.
    """
    known = np.isfinite(probabilities)
    p, y = probabilities[known], happened[known].astype(np.float64)
    if len(p) < LEAST_ROWS:
        return None
    order = np.argsort(p, kind="stable")
    p, y = p[order], y[order]
    starts = _starts(p)
    counts = np.diff(starts, append=len(p))
    predicted, seen = (np.add.reduceat(values, starts) for values in (p, y))
    error = float(np.abs(seen - predicted).sum() / len(p))
    spread = np.sqrt(np.add.reduceat(p * (1 - p), starts))
    chance = np.random.default_rng(_SEED).standard_normal((_DRAWS, len(starts)))
    errors = np.abs(chance * spread).sum(axis=1) / len(p)
    gap = mean_of(p - y)
    assert gap is not None
    intercept, slope = _logistic_fit(p, y)
    ends = np.append(starts[1:], len(p)) - 1
    bins = tuple(
        ReliabilityBin(
            float(p[start]),
            float(p[end]),
            int(rows),
            float(mean),
            float(share),
            *wilson(float(hit), int(rows)),
        )
        for start, end, rows, mean, share, hit in zip(
            starts, ends, counts, predicted / counts, seen / counts, seen, strict=True
        )
    )
    return Calibration(
        rows=len(p),
        error=error,
        by_chance=float(errors.mean()),
        chance_limit=float(np.quantile(errors, 0.99)),
        gap=gap,
        slope=slope,
        intercept=intercept,
        bins=bins,
    )


def _starts(p: Floats) -> NDArray[np.int64]:
    """Return where bins of about equal numbers of rows begin; equal values stay together."""
    wanted = np.arange(BINS) * len(p) // BINS
    return np.unique(np.searchsorted(p, p[wanted], "left"))


def _logistic_fit(p: Floats, y: Floats) -> tuple[Measured | None, Measured | None]:
    """Return intercept and slope of the regression of y on the log odds, by Newton's method."""
    clipped = np.clip(p, _LEAST, 1 - _LEAST)
    x = np.log(clipped / (1 - clipped))
    if y.min() == y.max() or x.min() == x.max():
        return None, None
    a, b = 0.0, 1.0
    for _ in range(_STEPS):
        mean = 1 / (1 + np.exp(-np.clip(a + b * x, -500, 500)))
        weight = mean * (1 - mean)
        rest = y - mean
        h00, h01, h11 = weight.sum(), (weight * x).sum(), (weight * x * x).sum()
        determinant = h00 * h11 - h01 * h01
        if not determinant > 1e-12:  # the log odds separate what happened wholly
            return None, None
        g0, g1 = rest.sum(), (rest * x).sum()
        step_a, step_b = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        a, b = float(a + step_a), float(b + step_b)
        if abs(step_a) + abs(step_b) < 1e-9:
            return _wald(a, h11 / determinant, len(p)), _wald(b, h00 / determinant, len(p))
    return None, None


def _wald(value: float, variance: float, rows: int) -> Measured:
    reach = Z * math.sqrt(variance)
    return Measured(value, value - reach, value + reach, rows)
