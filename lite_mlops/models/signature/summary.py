"""What a column of training data is like: its type, range, quantiles and categories.

summarised("age", raw_column)      # Column("age", "integer", low=18, high=90, ...)

Range and missing values are those of all rows. Quantiles and whole numbers that are few are taken
from a sample of at most 10,000 rows, texts from one of at most 100,000; a sample is spread evenly.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models.signature.kinds import Refused, Type, cell, is_missing
from lite_mlops.models.signature.reading import Raw, RawColumn
from lite_mlops.models.signature.values import MAX_CATEGORIES, QUANTILES, Column

_SAMPLED = 10_000
_SAMPLED_TEXTS = 100_000
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


def type_of(name: str, values: Raw) -> Type | None:
    """Return the type of a raw column; None if it holds nothing.

    Raises:
        Invalid: values of several types, or of one that models do not take.
    """
    if isinstance(values, np.ndarray):
        return _ARRAYS[values.dtype.kind]
    types = {type(value) for value in values if not is_missing(value)}
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


def _typed(kind: Type, values: Raw) -> NDArray[Any]:
    """Return what is there of a raw column, as an array of its type."""
    if isinstance(values, np.ndarray):
        if kind == "float":
            return values[np.isfinite(values)].astype(np.float64, copy=False)
        if kind == "datetime":
            return values[~np.isnat(values)].astype("datetime64[us]")
        return values
    present = [value for value in values if not is_missing(value)]
    if kind == "datetime":
        try:
            return np.array([cell("datetime", value) for value in present], "datetime64[us]")
        except Refused as refused:
            raise Invalid(f"a time cannot be kept in UTC; expected {refused}.") from None
    if kind == "float":
        array = np.array(present, np.float64)
        return array[np.isfinite(array)]
    if kind == "integer":
        try:
            return np.array(present, np.int64)
        except OverflowError:
            return np.array(present, np.float64)
    array = np.empty(len(present), object)
    array[:] = present
    return array


def _missing_share(values: Raw) -> float:
    if not len(values):
        return 0.0
    if isinstance(values, np.ndarray):
        absent = {"f": np.isnan, "M": np.isnat}.get(values.dtype.kind)
        return 0.0 if absent is None else float(absent(values).mean())
    types = set(map(type, values))
    if types <= {str, int, bool, type(None)}:
        return values.count(None) / len(values)
    return sum(map(is_missing, values)) / len(values)


def _known(values: list[Any], most: int) -> tuple[tuple[Any, ...] | None, int]:
    """Return the values in their order if they are few, and how many different ones there are."""
    found = set(values)
    return (tuple(sorted(found)) if len(found) <= most else None), len(found)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, np.datetime64) else value.item()


def summarised(name: str, column: RawColumn, *, trained: bool = True) -> Column:
    """Return what a raw column is like; without `trained` only its type and missing values.

    A column that holds nothing is one of floats.

    Raises:
        Invalid: values of several types, or of one that models do not take.
    """
    values = column.values
    kind = type_of(name, values)
    share = _missing_share(values)
    found = Column(
        name,
        kind or "float",
        missing=share > 0 or kind is None,
        categorical=column.categorical,
        zone=column.zone,
    )
    if not trained or kind is None:
        return found
    found = replace(found, missing_share=share)
    if kind == "text":
        texts = [str(one) for one in _sample(values, _SAMPLED_TEXTS) if not is_missing(one)]
        categories, distinct = _known(texts, MAX_CATEGORIES)
        return replace(found, categories=categories, distinct=distinct)
    present = _typed(kind, values)
    if kind == "boolean":
        flags = Counter(_sample(present, _SAMPLED_TEXTS).tolist())
        categories, distinct = _known(list(map(bool, flags)), 2)
        return replace(found, categories=categories, distinct=distinct)
    if not len(present):
        return found
    found = replace(found, low=_plain(present.min()), high=_plain(present.max()))
    if kind == "datetime":
        return found
    sampled = _sample(present, _SAMPLED)
    quantiles = np.quantile(sampled, QUANTILES).tolist()
    found = replace(found, quantiles=tuple(float(f"{one:.6g}") for one in quantiles))
    if kind == "integer":
        most = MAX_CATEGORIES if column.categorical else _FEW
        categories, distinct = _known(sampled.tolist(), most)
        found = replace(found, categories=categories, distinct=distinct)
    return found
