"""Scalers: what is subtracted, divided by, and clipped, in the order in which it is done."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.parts import (
    MATRIX,
    Alone,
    Both,
    Given,
    Lowered,
    Lowering,
    Rows,
    Step,
    Unsure,
    lowers,
    no_infinity,
    numbers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Value, op

_DATA = "sklearn.preprocessing._data."


@op(
    "scale",
    times=ArrayOf("f", optional=True),
    plus=ArrayOf("f", optional=True),
    minus=ArrayOf("f", optional=True),
    over=ArrayOf("f", optional=True),
    low=Value("number", optional=True),
    high=Value("number", optional=True),
)
def _scale(
    times: NDArray[Any] | None,
    plus: NDArray[Any] | None,
    minus: NDArray[Any] | None,
    over: NDArray[Any] | None,
    low: float | None,
    high: float | None,
) -> Step:
    def step(rows: Rows) -> NDArray[np.float64]:
        made = np.array(numbers(rows), np.float64)  # in the order that it has
        if not np.isfinite(made).all():
            no_infinity(made)
        if times is not None:
            made *= times
        if plus is not None:
            made += plus
        if minus is not None:
            made -= minus
        if over is not None:
            made /= over
        if low is not None:
            np.clip(made, low, high, out=made)
        return made

    if times is not None or plus is not None or low is not None:
        return step
    return Both(step, _alone(minus, over))


def _alone(minus: NDArray[Any] | None, over: NDArray[Any] | None) -> Alone | None:
    """Return what subtracts and divides the values of a single row."""
    if over is not None and not over.all():  # what NumPy makes an infinity of
        return None
    if minus is None and over is None:
        return None
    width = len(minus if minus is not None else over)  # type: ignore[arg-type]
    less = [0.0] * width if minus is None else minus.tolist()
    shares = [1.0] * width if over is None else over.tolist()

    def alone(row: Sequence[Any]) -> Sequence[Any]:
        made = [(value - one) / by for value, one, by in zip(row, less, shares, strict=True)]
        if not isfinite(sum(made)):
            raise Unsure
        return made

    return alone


def _centred(minus: Any, over: Any, given: Given, lowering: Lowering) -> Lowered:
    """Return the node that takes something away and divides; None: it does not."""
    lowering.need_numbers(given)
    node: dict[str, Any] = {"op": "scale"}
    if minus is not None:
        node["minus"] = lowering.array(minus, np.float64)
    if over is not None:
        node["over"] = lowering.array(over, np.float64)
    return node, MATRIX


@lowers(_DATA + "StandardScaler")
def _standard(scaler: Any, given: Given, lowering: Lowering) -> Lowered:
    minus = scaler.mean_ if scaler.with_mean else None
    return _centred(minus, scaler.scale_ if scaler.with_std else None, given, lowering)


@lowers(_DATA + "MinMaxScaler")
def _min_max(scaler: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    node: dict[str, Any] = {
        "op": "scale",
        "times": lowering.array(scaler.scale_, np.float64),
        "plus": lowering.array(scaler.min_, np.float64),
    }
    if scaler.clip:
        low, high = scaler.feature_range
        node |= {"low": float(low), "high": float(high)}
    return node, MATRIX


@lowers(_DATA + "MaxAbsScaler")
def _max_abs(scaler: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    node: dict[str, Any] = {"op": "scale", "over": lowering.array(scaler.scale_, np.float64)}
    if scaler.clip:
        node |= {"low": -1.0, "high": 1.0}
    return node, MATRIX


@lowers(_DATA + "RobustScaler")
def _robust(scaler: Any, given: Given, lowering: Lowering) -> Lowered:
    minus = scaler.center_ if scaler.with_centering else None
    return _centred(minus, scaler.scale_ if scaler.with_scaling else None, given, lowering)
