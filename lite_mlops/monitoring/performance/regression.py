"""Metrics of a regressor from answers and labels. Pure functions.

measure_numbers(truth, answers)["rmse"]
"""

from __future__ import annotations

import math

import numpy as np

from lite_mlops.monitoring.performance.intervals import Floats, Measured, Z, mean_of


def measure_numbers(truth: Floats, answers: Floats) -> dict[str, Measured]:
    """Return mae, rmse, r2 and bias (the mean of answer - truth) by name; none without rows.

    The intervals of MAE and bias are those of a mean. That of RMSE is that of the mean square, on
    the scale of its logarithm as squares are skew, and that of R2 is by its influence function;
    both are the delta method (van der Vaart, "Asymptotic Statistics", 1998, chapter 3). R2 is not
    defined where all labels are equal.
    """
    errors = answers - truth
    found = {"mae": mean_of(np.abs(errors)), "rmse": _rmse(errors), "r2": _r2(truth, errors)}
    found["bias"] = mean_of(errors)
    return {name: measured for name, measured in found.items() if measured is not None}


def _rmse(errors: Floats) -> Measured | None:
    found = mean_of(np.square(errors))
    if found is None:
        return None
    value = math.sqrt(found.value)
    if not value or not math.isfinite(found.high):
        return Measured(value, 0.0, math.inf if value else 0.0, found.rows)
    factor = math.exp((found.high / found.value - 1) / 2)
    return Measured(value, value / factor, value * factor, found.rows)


def _r2(truth: Floats, errors: Floats) -> Measured | None:
    """Return 1 - MSE / variance.

    Its influence function is (MSE / V) ((y - mean)^2 / V) - e^2 / V, as the derivative by the MSE
    is -1 / V and that by the variance V is MSE / V^2; the constants cancel.
    """
    rows = len(truth)
    deviations = np.square(truth - truth.mean()) if rows else truth
    variance = float(deviations.mean()) if rows else 0.0
    if rows < 2 or variance <= 0:
        return None
    squares = np.square(errors)
    mse = float(squares.mean())
    influence = (mse / variance) * (deviations / variance) - squares / variance
    reach = Z * float(influence.std(ddof=1)) / math.sqrt(rows)
    value = 1 - mse / variance
    return Measured(value, value - reach, min(1.0, value + reach), rows)
