"""Tables as NumPy columns, from whatever holds one: a DataFrame, columns, an array, rows.

    as_columns([{"age": 41, "sex": "f"}, {"age": 38, "sex": "m"}])

pandas, polars and Arrow are recognised by what their tables can do and are not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid

Columns = dict[str, NDArray[Any]]

_ALWAYS_THERE = {str, bool, int, bytes}  # types of which every value is one


def _has_no_array(values: Any) -> bool:
    """Return whether a column of polars or Arrow loses something on its way into NumPy."""
    nulls = getattr(values, "null_count", 0)
    kind = getattr(values, "dtype", None) or getattr(values, "type", None)
    zoned = getattr(kind, "time_zone", None) or getattr(kind, "tz", None)
    lossy = str(kind).lower().startswith(("decimal", "struct", "list", "array"))
    return bool(nulls() if callable(nulls) else nulls) or zoned is not None or lossy


def _values(column: Any) -> Any:
    """Return the values of a column as an array, or as a list where an array would lose some."""
    for listing in ("to_pylist", "to_list"):  # of Arrow, of polars
        if hasattr(column, "null_count") and hasattr(column, listing) and _has_no_array(column):
            return getattr(column, listing)()
    if hasattr(column, "to_pylist"):
        return column.to_numpy(zero_copy_only=False)
    column = column.to_numpy() if hasattr(column, "to_numpy") else column
    if isinstance(column, np.ma.MaskedArray):
        values: Any = column.data
        if column.mask.any():
            values = values.astype(object)
            values[np.ma.getmaskarray(column)] = None
        return values
    return column


def _array(name: str, values: Any) -> NDArray[Any]:
    """Return a column as a flat array: numbers, booleans and times as such, the rest as objects."""
    values = _values(values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise Invalid(f"the column {name!r} is not flat: {error}") from None
    if array.ndim != 1:
        raise Invalid(f"the column {name!r} has the shape {array.shape}; a column is flat.")
    if array.dtype.kind in "biufM":
        return array
    if array.dtype.kind == "m":  # as Python knows it; of nanoseconds it would be a bare number
        return array.astype("m8[us]").astype(object)
    if isinstance(values, np.ndarray):
        return array.astype(object)
    # As they are; NumPy would make texts of what stands beside a text.
    return np.fromiter(values, object, len(values))


def _named(names: Sequence[Any], values: Sequence[Any]) -> Columns:
    texts = [str(name) for name in names]
    if len(set(texts)) != len(texts):
        raise Invalid(f"two columns have the same name: {', '.join(texts)}.")
    return {name: _array(name, column) for name, column in zip(texts, values, strict=True)}


def _matrix(columns: Sequence[Any], names: Sequence[str] | None) -> Columns:
    names = [f"x{i}" for i in range(len(columns))] if names is None else list(names)
    if len(names) != len(columns):
        raise Invalid(f"{len(names)} column names were given for {len(columns)} columns.")
    return _named(names, columns)


def _columns_of_array(data: NDArray[Any]) -> Sequence[Any]:
    if data.ndim == 1:
        data = data.reshape(-1, 1)
    if data.ndim != 2:
        raise Invalid(f"an array of the shape {data.shape} is not a table of rows and columns.")
    return [data[:, place] for place in range(data.shape[1])]


def _columns_of_rows(data: Sequence[Any]) -> Sequence[Any]:
    if any(isinstance(row, str | bytes) or not hasattr(row, "__len__") for row in data):
        return [data]  # a single column
    lengths = {len(row) for row in data}
    if len(lengths) > 1:
        raise Invalid(
            f"the rows of a table have the same length; these have {sorted(lengths)} values."
        )
    return [list(column) for column in zip(*data, strict=True)]


def as_columns(data: Any, names: Sequence[str] | None = None) -> Columns:
    """Return a table as columns of equal length; `names` names the columns of a bare array.

    Raises:
        Invalid: it is no table, its columns differ in length, or two have one name.
    """
    if hasattr(data, "column_names") and hasattr(data, "column"):  # a table of Arrow
        names = list(data.column_names)
        columns = _named(names, [data.column(place) for place in range(len(names))])
    elif hasattr(data, "columns") and hasattr(data, "__getitem__"):
        unique = len(set(data.columns)) == len(data.columns)
        columns = _named(
            list(data.columns), [data[name] if unique else () for name in data.columns]
        )
    elif isinstance(data, Mapping):
        columns = _named(list(data), list(data.values()))
    elif isinstance(data, np.ndarray):
        columns = _matrix(_columns_of_array(data), names)
    elif isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        keys = list(dict.fromkeys(key for row in data for key in row))
        columns = _named(keys, [[row.get(key) for row in data] for key in keys])
    elif isinstance(data, Sequence) and not isinstance(data, str | bytes) and len(data):
        columns = _matrix(_columns_of_rows(data), names)
    else:
        raise Invalid(
            "a table is a DataFrame, a dictionary of columns, an array or a list of rows; this is "
            f"a {type(data).__name__}."
        )
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise Invalid(f"the columns of a table have the same length; these have {sorted(lengths)}.")
    return columns


def _is_absent(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # the missing value of pandas
        return True
    except ValueError:  # an array, which is something
        return False


def is_missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a column holds nothing: NaN, a time that is none, None among objects."""
    if column.dtype.kind == "f":
        missing: NDArray[np.bool_] = np.isnan(column)
        return missing
    if column.dtype.kind == "M":
        return np.asarray(np.isnat(column))
    if column.dtype == object:
        types = set(map(type, column.tolist()))
        if types <= _ALWAYS_THERE:
            return np.zeros(len(column), np.bool_)
        if types <= _ALWAYS_THERE | {type(None)}:
            absent: Any = column == None  # noqa: E711
            return np.asarray(absent, np.bool_)
        return np.fromiter(map(_is_absent, column), np.bool_, len(column))
    return np.zeros(len(column), np.bool_)
