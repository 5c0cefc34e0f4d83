"""Metrics with their 95 % intervals, in closed form. Pure functions.

share(right=910, rows=1_000)          # Measured(value=0.91, low=0.8907, high=0.9262, rows=1000)
mean_of(losses), area_under_roc(positive_scores, negative_scores)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring import proportions

Z = 1.959963984540054  # of 95 %, two-sided

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric and the 95 % interval of what it estimates; `rows` are those that it is of."""

    value: float
    low: float
    high: float
    rows: int

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as JSON can hold it; a limit that is not finite is None."""
        low, high = (one if math.isfinite(one) else None for one in (self.low, self.high))
        return {"value": self.value, "low": low, "high": high, "rows": self.rows}


def wilson(right: float, rows: float) -> tuple[float, float]:
    """Return the score interval of a share (Wilson, 1927); 0 to 1 without rows."""
    found = proportions.wilson(right, rows, Z)
    return (0.0, 1.0) if found is None else (found.low, found.high)


def share(right: float, rows: int) -> Measured | None:
    """Return a share with its Wilson interval; None without rows."""
    return Measured(right / rows, *wilson(right, rows), rows) if rows else None


def f_measure(true_positive: int, wrong: int) -> Measured | None:
    """Return F1 from the true positives and the false ones of both sorts; None without any.

    F1 = 2J / (1 + J), where J = TP / (TP + FP + FN) is a share, whose Wilson interval carries over
    (Hand, Christen and Kirielle, "F*: an interpretable transformation of the F-measure", Machine
    Learning 110, 2021).
    """
    found = share(true_positive, true_positive + wrong)
    if found is None:
        return None
    value, low, high = (2 * j / (1 + j) for j in (found.value, found.low, found.high))
    return Measured(value, low, high, found.rows)


def mean_of_measured(parts: Sequence[Measured], rows: int) -> Measured | None:
    """Return the mean of independent metrics; None of none.

    The distances of the limits are added as squares (Newcombe, "Interval estimation for the
    difference between independent proportions", Statistics in Medicine 17, 1998, method 10; Zou
    and Donner, Statistics in Medicine 27, 2008).
    """
    if not parts:
        return None
    value = sum(one.value for one in parts) / len(parts)
    below = math.sqrt(sum((one.value - one.low) ** 2 for one in parts)) / len(parts)
    above = math.sqrt(sum((one.high - one.value) ** 2 for one in parts)) / len(parts)
    return Measured(value, value - below, value + above, rows)


def mean_of(values: Floats) -> Measured | None:
    """Return a mean with its interval by the central limit theorem; None without values.

    mean +- z s / sqrt(n); of a single value nothing is known of its spread, and the interval is
    unbounded.
    """
    rows = len(values)
    if not rows:
        return None
    mean = float(values.mean())
    if rows == 1:
        return Measured(mean, -math.inf, math.inf, rows)
    reach = Z * float(values.std(ddof=1)) / math.sqrt(rows)
    return Measured(mean, mean - reach, mean + reach, rows)


def area_under_roc(positive: Floats, negative: Floats) -> Measured | None:
    """Return the AUC of the scores of both classes; None if one of them has no row.

    It is the share of pairs in which the positive row has the higher score, ties counted half. Its
    variance is that of the placements (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988), and
    the interval is symmetric on the scale of log(AUC / (1 - AUC)), so that it stays between 0 and 1
    (Pepe, "The Statistical Evaluation of Medical Tests", 2003, section 5.2). Scores that separate
    the classes wholly have no variance: there the interval is Wilson's of the smaller class, which
    is too wide rather than too narrow.
    """
    m, n = len(positive), len(negative)
    if not m or not n:
        return None
    positive, negative = np.sort(positive), np.sort(negative)
    low, high = (np.searchsorted(negative, positive, side) for side in ("left", "right"))
    of_positive = (low + high) / (2 * n)
    low, high = (np.searchsorted(positive, negative, side) for side in ("left", "right"))
    of_negative = 1 - (low + high) / (2 * m)
    auc = float(of_positive.mean())
    variance = sum(
        float(placed.var(ddof=1)) / len(placed)
        for placed in (of_positive, of_negative)
        if len(placed) > 1
    )
    if variance <= 0 or not 0 < auc < 1:
        fewer = min(m, n)
        return Measured(auc, *wilson(auc * fewer, fewer), m + n)
    middle = math.log(auc / (1 - auc))
    reach = Z * math.sqrt(variance) / (auc * (1 - auc))
    return Measured(auc, _logistic(middle - reach), _logistic(middle + reach), m + n)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
