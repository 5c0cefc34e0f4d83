"""Tables of every kind as raw columns: no value is changed yet, and nothing is judged.

names, columns = frame_columns(pandas_frame)

A raw column is an array of numbers, booleans or times, or a list in which None is missing. pandas,
polars and Arrow are recognised by what their tables can do and are not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Raw = NDArray[Any] | Sequence[Any]


@dataclass(frozen=True)
class RawColumn:
    """The values of a column of a frame, and what its library declared of them."""

    values: Raw
    categorical: bool = False
    zone: str | None = None


def is_frame(data: Any) -> bool:
    """Return whether something is a frame of pandas or polars, or a table of Arrow."""
    if isinstance(data, Mapping):
        return False
    return _is_arrow(data) or (hasattr(data, "columns") and hasattr(data, "__getitem__"))


def _is_arrow(data: Any) -> bool:
    return hasattr(data, "column_names") and hasattr(data, "column")


def is_row(row: Any) -> bool:
    """Return whether something is a row by position."""
    flat = isinstance(row, np.ndarray) and row.ndim == 1
    return flat or (isinstance(row, Sequence) and not isinstance(row, str | bytes))


def is_columns(data: Mapping[Any, Any]) -> bool:
    """Return whether a dictionary is one of columns; else it is a single row."""
    return bool(data) and all(
        isinstance(column, list | tuple | np.ndarray)
        or (hasattr(column, "__len__") and hasattr(column, "to_numpy"))
        for column in data.values()
    )


def frame_names(data: Any) -> list[str]:
    """Return the names of the columns of a frame."""
    return [str(name) for name in (data.column_names if _is_arrow(data) else data.columns)]


def frame_column(data: Any, place: int) -> RawColumn:
    """Return a column of a frame."""
    if hasattr(data, "iloc"):
        return _of_pandas(data.iloc[:, place])
    if _is_arrow(data):
        return _of_arrow(data.column(place))
    return _of_polars(data.to_series(place) if hasattr(data, "to_series") else data[place])


def raw(values: Any) -> RawColumn:
    """Return a column of a dictionary: an array, a list, or a series of a library."""
    if hasattr(values, "iloc"):
        return _of_pandas(values)
    if hasattr(values, "to_pylist"):
        return _of_arrow(values)
    if hasattr(values, "null_count"):
        return _of_polars(values)
    return RawColumn(plain(values))


def plain(values: Any) -> Raw:
    """Return an array or a list as a raw column."""
    if isinstance(values, np.ma.MaskedArray):
        listed: list[Any] = values.astype(object).tolist()  # what is masked becomes None
        return listed
    if not isinstance(values, np.ndarray):
        return values if isinstance(values, Sequence) else list(values)
    # Texts, objects and the strings of NumPy as Python has them.
    return values if values.dtype.kind in "biufM" and values.ndim == 1 else values.tolist()


def _of_pandas(series: Any) -> RawColumn:
    kind = series.dtype
    if isinstance(kind, np.dtype) and kind.kind in "biufM":
        return RawColumn(series.to_numpy())
    name, zone = str(kind), getattr(kind, "tz", None)
    if zone is not None:
        utc = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return RawColumn(utc.to_numpy(), zone=str(zone))
    numeric = getattr(kind, "numpy_dtype", None)  # Int64, Float32, boolean, ...
    if isinstance(numeric, np.dtype) and numeric.kind in "biuf" and not series.isna().any():
        return RawColumn(series.to_numpy(dtype=numeric))
    listed = series.to_numpy(dtype=object, na_value=None).tolist()
    return RawColumn(listed, categorical=name == "category")


def _of_polars(series: Any) -> RawColumn:
    kind, name = series.dtype, str(series.dtype)
    zone = getattr(kind, "time_zone", None)
    if zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    plain_kind = kind.is_integer() or name == "Boolean" or name.startswith("Datetime")
    if kind.is_float() or (plain_kind and not series.null_count()):
        return RawColumn(series.to_numpy(), zone=zone)
    return RawColumn(
        series.to_list(), categorical=name.startswith(("Categorical", "Enum")), zone=zone
    )


def _of_arrow(column: Any) -> RawColumn:
    name = str(column.type)
    zone = getattr(column.type, "tz", None)
    floating = name in ("halffloat", "float", "double")
    plain_kind = name.startswith(("int", "uint", "bool", "timestamp[")) and zone is None
    if floating or (plain_kind and not column.null_count):
        array = np.asarray(column.to_numpy())
        return RawColumn(array if array.dtype.kind in "biufM" else array.tolist())
    return RawColumn(column.to_pylist(), categorical=name.startswith("dictionary"), zone=zone)
