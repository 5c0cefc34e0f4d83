"""What a column of training data is like: its type, range, quantiles and categories.

summarised("age", raw_column)      # Column("age", "integer", low=18, high=90, ...)

Range and missing values are those of all rows. Quantiles and whole numbers that are few are taken
from a sample of at most 10,000 rows, texts from one of at most 100,000; a sample is spread evenly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models.signature.kinds import Refused, Type, cell, is_missing
from lite_mlops.models.signature.reading import RawColumn
from lite_mlops.models.signature.values import MAX_CATEGORIES, QUANTILES, Column

_SAMPLED = 10_000
_SAMPLED_TEXTS = 100_000
_ALWAYS_THERE = {str, bool, int}
_FEW = 20  # whole numbers that may be codes of something

_ARRAYS: dict[str, Type] = {
    "b": "boolean",
    "i": "integer",
    "u": "integer",
    "f": "float",
    "M": "datetime",
}
_OBJECTS: tuple[tuple[Type, tuple[type, ...]], ...] = (
    ("boolean", (bool, np.bool_)),
    ("text", (str,)),
    ("integer", (Integral,)),
    ("float", (Real, Decimal)),
    ("datetime", (date, np.datetime64)),
)


def present(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values that are there, of a list in which some may be missing."""
    types = set(map(type, values))
    if types <= _ALWAYS_THERE:
        return values
    if types <= _ALWAYS_THERE | {type(None)}:
        return [value for value in values if value is not None]
    return [value for value in values if not is_missing(value)]


def type_of(name: str, values: Sequence[Any]) -> Type | None:
    """Return the type of values none of which is missing; None if there are none.

    Raises:
        Invalid: values of several types, or of one that models do not take.
    """
    types = set(map(type, values))
    if not types:
        return None
    for kind, taken in _OBJECTS:
        flags = kind in ("integer", "float") and any(issubclass(t, bool | np.bool_) for t in types)
        if not flags and all(issubclass(one, taken) for one in types):
            return kind
    told = ", ".join(sorted(one.__name__ for one in types))
    what = "several types" if len(types) > 1 else "a type that no signature has"
    raise Invalid(
        f"the column {name!r} holds values of {what}: {told}. A column is of booleans, whole "
        "numbers, numbers, texts, or dates and times."
    )


def _sample(values: Any, size: int) -> Any:
    return values[:: -(-len(values) // size)] if len(values) > size else values


def _array(kind: Type, values: Sequence[Any]) -> NDArray[Any]:
    """Return values, none of which is missing, as an array of their type."""
    if kind == "datetime":
        try:
            return np.array([cell("datetime", value) for value in values], "datetime64[us]")
        except Refused as refused:
            raise Invalid(f"a time cannot be kept in UTC; expected {refused}.") from None
    if kind == "boolean":
        return np.array(values, np.bool_)
    if kind == "integer":
        try:
            return np.array(values, np.int64)
        except OverflowError:
            pass
    return np.array(values, np.float64)


def _there(array: NDArray[Any]) -> NDArray[Any]:
    """Return what is there of an array: no NaN, no NaT."""
    absent = {"f": np.isnan, "M": np.isnat}.get(array.dtype.kind)
    gaps = np.zeros(0, np.bool_) if absent is None else absent(array)
    return array[~gaps] if gaps.any() else array


def _known(values: Iterable[Any], most: int) -> tuple[tuple[Any, ...] | None, int]:
    """Return the values in their order if they are few, and how many different ones there are."""
    found = set(values)
    return (tuple(sorted(found)) if len(found) <= most else None), len(found)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, np.datetime64) else value.item()


def _of_texts(found: Column, texts: Sequence[Any]) -> Column:
    sample = map(str, _sample(texts, _SAMPLED_TEXTS))
    categories, distinct = _known(sample, MAX_CATEGORIES)
    return replace(found, categories=categories, distinct=distinct)


def _with_range(found: Column, low: Any, high: Any, sampled: NDArray[Any]) -> Column:
    """Return a column of numbers or times with its range, and quantiles of a sample."""
    found = replace(found, low=_plain(low), high=_plain(high))
    if found.type == "datetime" or not len(sampled):
        return found
    quantiles = np.quantile(sampled, QUANTILES).tolist()
    found = replace(found, quantiles=tuple(float(f"{one:.6g}") for one in quantiles))
    if found.type == "integer":
        most = MAX_CATEGORIES if found.categorical else _FEW
        categories, distinct = _known(sampled.tolist(), most)
        found = replace(found, categories=categories, distinct=distinct)
    return found


def _of_array(found: Column, array: NDArray[Any]) -> Column:
    """Return a column with what is known of values none of which is missing."""
    if found.type == "boolean":
        categories, distinct = _known(_sample(array, _SAMPLED_TEXTS).tolist(), 2)
        return replace(found, categories=categories, distinct=distinct)
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        array = array if finite.all() else array[finite]
    if not len(array):
        return found
    return _with_range(found, array.min(), array.max(), _sample(array, _SAMPLED))


def of_matrix(names: Sequence[str], matrix: NDArray[Any]) -> list[Column]:
    """Return what the columns of an array of numbers are like, in two passes over its rows.

    Column by column, each value would be fetched from memory again for each of its neighbours.
    """
    if not len(matrix):
        return [summarised(name, RawColumn(matrix[:, 0])) for name in names]
    kind = _ARRAYS[matrix.dtype.kind]
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    plain = np.isfinite(low) & np.isfinite(high)
    sampled = np.ascontiguousarray(_sample(matrix, _SAMPLED).T)
    return [
        _with_range(Column(name, kind, missing_share=0.0), low[place], high[place], sampled[place])
        if plain[place]
        else summarised(name, RawColumn(matrix[:, place]))
        for place, name in enumerate(names)
    ]


def summarised(name: str, column: RawColumn, *, trained: bool = True) -> Column:
    """Return what a raw column is like; without `trained` only its type and missing values.

    A column that holds nothing is one of floats.

    Raises:
        Invalid: values of several types, or of one that models do not take.
    """
    values = column.values
    there: Any
    kind: Type | None
    if isinstance(values, np.ndarray):
        there, kind = _there(values), _ARRAYS[values.dtype.kind]
    else:
        there = present(values)
        kind = type_of(name, there)
    found = Column(
        name,
        kind or "float",
        missing=kind is None or len(there) < len(values),
        categorical=column.categorical,
        zone=column.zone,
    )
    if not trained or kind is None:
        return found
    share = 1 - len(there) / len(values) if len(values) else 0.0
    found = replace(found, missing_share=float(f"{share:.6g}"))
    if kind == "text":
        return _of_texts(found, there)
    if not isinstance(there, np.ndarray):
        there = _array(kind, there)
    elif kind == "datetime":
        there = there.astype("datetime64[us]", copy=False)
    return _of_array(found, there)
