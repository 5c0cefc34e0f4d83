"""Tables as NumPy columns, from whatever holds one: a DataFrame, columns, an array, rows.

    as_columns([{"age": 41, "sex": "f"}, {"age": 38, "sex": "m"}])

pandas is recognised by what its frames can do and is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid

Columns = dict[str, NDArray[Any]]


def _array(name: str, values: Any) -> NDArray[Any]:
    """Return a column as a flat array: numbers and booleans as such, everything else as objects."""
    values = values.to_numpy() if hasattr(values, "to_numpy") else values
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise Invalid(f"the column {name!r} is not flat: {error}") from None
    if array.ndim != 1:
        raise Invalid(f"the column {name!r} has the shape {array.shape}; a column is flat.")
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]")  # nanoseconds would become bare numbers
    if isinstance(values, np.ndarray):
        return array.astype(object)
    column = np.empty(len(array), object)
    column[:] = list(values)  # as they are; NumPy would make texts of what stands beside a text
    return column


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
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
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
    """Return where a column holds nothing: NaN among numbers, None or NaN among objects."""
    if column.dtype.kind == "f":
        missing: NDArray[np.bool_] = np.isnan(column)
        return missing
    if column.dtype == object:
        try:
            nothing: NDArray[np.bool_] = np.equal(column, np.array(None, object))
            nothing |= np.not_equal(column, column)
        except (TypeError, ValueError):  # of values that cannot say whether they are equal
            nothing = np.fromiter(map(_is_absent, column), np.bool_, len(column))
        return nothing
    return np.zeros(len(column), np.bool_)
