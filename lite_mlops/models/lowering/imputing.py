"""Imputers: what stands in the place of a missing value."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.parts import (
    MATRIX,
    Both,
    Frame,
    Given,
    Lowered,
    Lowering,
    Rows,
    Step,
    Unsure,
    floats,
    lowers,
    no_infinity,
)
from lite_mlops.models.lowering.plan import ArrayOf, Value, op


@op(
    "fill",
    values=ArrayOf("f"),
    kept=ArrayOf("iu", optional=True),
    indicated=ArrayOf("iu", optional=True),
    strict=Value("flag"),
)
def _fill(
    values: NDArray[Any], kept: NDArray[Any] | None, indicated: NDArray[Any] | None, *, strict: bool
) -> Step:
    def step(rows: Rows) -> NDArray[np.float64]:
        array = floats(rows)
        missing = np.isnan(array)
        no_infinity(array)
        made = np.array(array) if kept is None else array[:, kept]
        holes = missing if kept is None else missing[:, kept]
        if holes.any():
            rows_of, columns = np.nonzero(holes)
            made[rows_of, columns] = values[columns]
        if indicated is None:
            return made
        if strict:
            new = np.setdiff1d(np.flatnonzero(missing.any(axis=0)), indicated)
            if new.size:
                raise ValueError(
                    f"The features {new} have missing values in transform but have no missing "
                    "values in fit."
                )
        return np.hstack([made, missing[:, indicated]])

    if kept is not None or indicated is not None:
        return step
    listed = values.tolist()

    def alone(row: Sequence[Any]) -> Sequence[Any]:
        made = [
            float(one) if one == one else value  # NaN is not itself
            for one, value in zip(row, listed, strict=True)
        ]
        if not isfinite(sum(made)):
            raise Unsure
        return made

    return Both(step, alone)


@op("fill_texts", values=Value("texts"))
def _fill_texts(values: list[str]) -> Step:
    def step(rows: Frame) -> Frame:
        arrays = []
        for array, value in zip(rows.arrays, values, strict=True):
            holes: NDArray[np.bool_] = np.asarray(array != array)  # NaN is not itself
            made = array
            if holes.any():
                made = array.copy()
                made[holes] = value
            arrays.append(made)
        return Frame(arrays, rows.rows)

    return step


@lowers("sklearn.impute._base.SimpleImputer")
def _simple(imputer: Any, given: Given, lowering: Lowering) -> Lowered:
    missing = imputer.missing_values
    if not (isinstance(missing, float) and np.isnan(missing)):
        raise lowering.refused(f"it looks for {missing!r}; only NaN is supported")
    if given.kind == "frame" and set(given.types) == {"text"}:
        return _texts(imputer, given, lowering)
    lowering.need_numbers(given)
    if given.kind == "frame" and set(given.types) <= {"integer", "boolean"}:
        raise lowering.refused("it is given whole numbers only, which it keeps as such")
    statistics = np.asarray(imputer.statistics_)
    if statistics.dtype != np.float64 or imputer._fit_dtype != np.float64:  # noqa: SLF001
        raise lowering.refused(f"it fills in {statistics.dtype}")
    absent = np.isnan(statistics)
    node: dict[str, Any] = {"op": "fill", "strict": False}
    if absent.any() and not imputer.keep_empty_features:
        kept = (~absent).nonzero()[0]
        node["kept"] = lowering.array(kept, np.int64)
        statistics = statistics[kept]
    node["values"] = lowering.array(statistics)
    if imputer.add_indicator:
        indicator = imputer.indicator_
        node["indicated"] = lowering.array(indicator.features_, np.int64)
        node["strict"] = indicator.features == "missing-only" and bool(indicator.error_on_new)
    return node, MATRIX


def _texts(imputer: Any, given: Given, lowering: Lowering) -> Lowered:
    """Lower what fills in texts in columns of texts. Raises `NotLowered`."""
    values = list(imputer.statistics_)
    if imputer.add_indicator or not all(type(value) is str for value in values):
        raise lowering.refused("it fills in something else than one text for each column")
    return {"op": "fill_texts", "values": values}, given
