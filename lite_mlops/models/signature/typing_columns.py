"""One raw column in the type of its signature, all at once where nothing is wrong.

quick(column, values)            # the array, or None: a value needs a look
careful(column, values, ...)     # the array, after a look at every value

Both agree with `kinds.cell`; the quick way only leaves to the careful one what it cannot decide.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature.kinds import EXACT, WANTED, Refused, cell, is_missing
from lite_mlops.models.signature.problems import Problems, shown
from lite_mlops.models.signature.reading import Raw
from lite_mlops.models.signature.values import Column

_INT = {int}
_PLAIN = {int, float}
_NULLABLE = {int, float, type(None)}


def whole(values: NDArray[Any]) -> bool:
    """Return whether all numbers are whole and exact, NaN aside."""
    with np.errstate(invalid="ignore"):
        fits = (values == np.rint(values)) & (np.abs(values) <= EXACT)
    return bool(fits.all()) or bool((fits | np.isnan(values)).all())


def finite(values: NDArray[Any], *, missing: bool) -> bool:
    """Return whether all numbers are finite, NaN aside if a value may be missing."""
    if np.isfinite(values).all():
        return True
    return missing and not np.isinf(values).any()


def plain(values: Sequence[Any], types: set[type]) -> bool:
    """Return whether values are Python numbers, finite and exact, as far as one look tells."""
    if not types <= _PLAIN:
        return False
    if int in types and not (min(values) >= -EXACT and max(values) <= EXACT):
        return False
    # A finite sum is one of finite numbers; and it is much quicker than asking each.
    return isfinite(sum(values))


def floats(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return Python numbers as floats: packing them takes a third of the time of `numpy.array`."""
    return np.frombuffer(bytearray(struct.pack(f"{len(values)}d", *values)))


def numbers(values: Sequence[Any], types: set[type]) -> NDArray[np.float64] | None:
    """Return Python numbers and None as floats; None if one of them is not exact as such."""
    try:
        array = np.array(values, np.float64)
    except OverflowError:
        return None
    if int in types:
        with np.errstate(invalid="ignore"):
            if (np.abs(array) >= EXACT).any():  # 2**53 + 1 became 2**53
                return None
    return array


def _numeric(column: Column, array: NDArray[Any]) -> NDArray[Any] | None:
    """Return an array of numbers in the type of the column, or None."""
    if array.dtype.kind in "iu":
        if array.size and (array.max() > EXACT or array.min() < -EXACT):
            return None
        return array.astype(np.float64 if column.type == "float" else np.int64, copy=False)
    array = array.astype(np.float64, copy=False)
    if not finite(array, missing=column.missing):
        return None
    if column.type == "float":
        return array
    if not whole(array):
        return None
    return array if np.isnan(array).any() else array.astype(np.int64)


def _of_array(column: Column, array: NDArray[Any]) -> NDArray[Any] | None:
    kind = array.dtype.kind
    if column.type in ("float", "integer"):
        return _numeric(column, array) if kind in "iuf" else None
    if column.type == "boolean":
        return array if kind == "b" else None
    if column.type == "datetime" and kind == "M":
        array = array.astype("datetime64[us]", copy=False)
        return array if column.missing or not np.isnat(array).any() else None
    return None


def objects(values: Sequence[Any]) -> NDArray[Any]:
    """Return values as an array of objects, whatever they are."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def quick(column: Column, values: Raw) -> NDArray[Any] | None:
    """Return a raw column in its type; None if a value of it needs a look."""
    if isinstance(values, np.ndarray):
        return _of_array(column, values)
    types = set(map(type, values))
    if column.type in ("float", "integer"):
        if (column.type == "float" or types == _INT) and plain(values, types):
            return floats(values) if column.type == "float" else np.array(values, np.int64)
        if not types <= (_NULLABLE if column.missing else _PLAIN):
            return None
        array = numbers(values, types)
        return None if array is None else _numeric(column, array)
    if column.type == "datetime":
        return None
    exact = {str} if column.type == "text" else {bool}
    if types <= exact:
        return objects(values) if column.type == "text" else np.array(values, np.bool_)
    return objects(values) if column.missing and types <= exact | {type(None)} else None


def joined_numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return numbers, None where missing, as floats."""
    try:
        return floats(values)
    except struct.error:  # None
        return np.array(values, np.float64)


def joined(column: Column, values: Sequence[Any]) -> NDArray[Any]:
    """Return values in their type, None where missing, as one array."""
    gaps = None in values
    if column.type == "float" or (column.type == "integer" and gaps):
        return joined_numbers(values)
    if column.type == "integer":
        return np.array(values, np.int64)
    if column.type == "datetime":
        return np.array(["NaT" if one is None else one for one in values], "datetime64[us]")
    if column.type == "boolean" and not gaps:
        return np.array(values, np.bool_)
    return objects(values)


def careful(
    column: Column, values: Raw, problems: Problems, rows: Sequence[int] | None = None
) -> NDArray[Any]:
    """Return a raw column in its type; what does not fit is added to the problems.

    `rows` are the numbers of the rows, where they are not 0, 1, 2, ...
    """
    found: list[Any] = []
    name = column.name or None  # a tensor has none
    for place, value in enumerate(values):
        row = place if rows is None else rows[place]
        if is_missing(value):
            found.append(None)
            if not column.missing:
                problems.add(row, name, shown(value), WANTED[column.type])
            continue
        try:
            found.append(cell(column.type, value))
        except Refused as refused:
            found.append(None)
            problems.add(row, name, shown(value), str(refused))
    return joined(column, found)
