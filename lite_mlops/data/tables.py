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
    array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.ndim != 1:
        raise Invalid(f"the column {name!r} has the shape {array.shape}; a column is flat.")
    return array if array.dtype.kind in "biuf" else array.astype(object)


def _matrix(data: NDArray[Any], names: Sequence[str] | None) -> Columns:
    if data.ndim == 1:
        data = data.reshape(-1, 1)
    if data.ndim != 2:
        raise Invalid(f"an array of the shape {data.shape} is not a table of rows and columns.")
    names = names or [f"x{i}" for i in range(data.shape[1])]
    if len(names) != data.shape[1]:
        raise Invalid(f"{len(names)} column names were given for {data.shape[1]} columns.")
    return {str(name): _array(str(name), data[:, i]) for i, name in enumerate(names)}


def as_columns(data: Any, names: Sequence[str] | None = None) -> Columns:
    """Return a table as columns of equal length; `names` names the columns of a bare array.

    Raises:
        Invalid: it is no table, its columns differ in length, or two have one name.
    """
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):
        names = [str(name) for name in data.columns]
        if len(set(names)) != len(names):
            raise Invalid(f"two columns have the same name: {', '.join(names)}.")
        columns = {str(name): _array(str(name), data[name]) for name in data.columns}
    elif isinstance(data, Mapping):
        columns = {str(name): _array(str(name), values) for name, values in data.items()}
    elif isinstance(data, np.ndarray):
        columns = _matrix(data, names)
    elif isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        keys = list(dict.fromkeys(key for row in data for key in row))
        columns = {str(key): _array(str(key), [row.get(key) for row in data]) for key in keys}
    elif isinstance(data, Sequence) and not isinstance(data, str | bytes) and len(data):
        columns = _matrix(np.asarray(data), names)
    else:
        raise Invalid(
            "a table is a DataFrame, a dictionary of columns, an array or a list of rows; this is "
            f"a {type(data).__name__}."
        )
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise Invalid(f"the columns of a table have the same length; these have {sorted(lengths)}.")
    return columns


def is_missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a column holds nothing: NaN among numbers, None or NaN among objects."""
    if column.dtype.kind == "f":
        missing: NDArray[np.bool_] = np.isnan(column)
        return missing
    if column.dtype == object:
        absent = (value is None or value != value for value in column)
        return np.fromiter(absent, np.bool_, len(column))
    return np.zeros(len(column), np.bool_)
