"""Canonical columns: the same rows and types look the same, whatever container held them.

    canonical("age", np.array([41, 38], np.int32))  # kind "integer", int64

Kinds and how their values are held:

    integer       int64                      boolean    bool
    float         float64                    date       int64, days since 1970
    timestamp     int64, microseconds        instant    the same in UTC, of times with a zone
    timestamp_ns  int64, nanoseconds, where microseconds would lose digits (also instant_ns)
    text, decimal, nested (JSON), mixed      texts      bytes      bytes
    nothing       every value is missing: no type is left to tell

NaN among numbers is a missing value, as most containers cannot tell them apart. Integers with
missing values are floats, as most containers make them so, unless digits would be lost.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.tables import is_missing
from lite_mlops.errors import Invalid

TEXTS = frozenset({"text", "decimal", "nested", "mixed", "bytes"})
MOMENTS = frozenset({"date", "timestamp", "timestamp_ns", "instant", "instant_ns"})
NUMBERS = frozenset({"integer", "float", "decimal"})
EXACT = 2**53  # integers up to here are exact as floats
_INT64 = np.iinfo(np.int64)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Words:
    """Texts that come again and again: the different ones, and the place of each row's among them.

    The last one is the empty text of the rows where it is missing.
    """

    texts: NDArray[Any]
    places: NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column, or a piece of one, in its canonical form."""

    kind: str
    values: NDArray[Any]
    missing: NDArray[np.bool_] | None  # None: nothing is missing
    words: Words | None = None  # of a text whose words are known


def floats(values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Column:
    """Return numbers as a canonical column of floats; every NaN gets the same bits."""
    numbers = values.astype(np.float64, copy=False)
    absent = np.isnan(numbers)
    if missing is not None:
        absent |= missing
    if not absent.any():
        return Column("float", numbers, None)
    return Column("float", np.where(absent, np.nan, numbers), absent)


def integers(values: NDArray[Any], missing: NDArray[np.bool_] | None) -> Column:
    """Return whole numbers as integers, or as floats if some are missing and all stay exact."""
    if missing is None or not missing.any():
        return Column("integer", values.astype(np.int64), None)
    present = values[~missing]
    if not len(present) or max(-int(present.min()), int(present.max())) <= EXACT:
        return floats(values, missing)
    return Column("integer", np.where(missing, 0, values).astype(np.int64), missing)


def _moments(values: NDArray[Any], zoned: str = "timestamp") -> Column:
    """Return NumPy times as days, microseconds, or nanoseconds where those would lose digits."""
    missing = np.isnat(values)
    absent = missing if missing.any() else None
    unit = np.datetime_data(values.dtype)[0]
    if unit in ("Y", "M", "W", "D"):
        kind, whole = "date", values.astype("M8[D]")
    elif unit in ("ns", "ps", "fs", "as") and (values != values.astype("M8[us]"))[~missing].any():
        kind, whole = f"{zoned}_ns", values.astype("M8[ns]")
    else:
        kind, whole = zoned, values.astype("M8[us]")
    numbers = whole.astype(np.int64)
    if absent is not None:
        numbers[absent] = 0
    return Column(kind, numbers, absent)


# -- columns of Python objects ------------------------------------------------------------------


def decimal_text(value: Decimal) -> str:
    """Return a decimal number without needless zeros."""
    return format(value.normalize(), "f") if value else "0"


def _plain(value: Any) -> Any:
    """Return what JSON does not know, inside of a nested value, as something it knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, date | time | Decimal | uuid.UUID):
        return str(value)
    raise TypeError(f"a {type(value).__name__}")


def nested_text(value: Any) -> str:
    """Return a list or a record as JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _microseconds(value: datetime) -> int:
    naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return (naive - _EPOCH) // timedelta(microseconds=1)


def _days(value: date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _mixed_text(value: Any) -> str:
    names = {"bool_": "bool", "str_": "str", "float64": "float", "int64": "int"}
    name = type(value).__name__
    text = nested_text(value) if isinstance(value, list | dict | tuple) else str(value)
    return f"{names.get(name, name)}:{text}"


_FAMILIES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("text", (str,)),
    ("boolean", (bool, np.bool_)),
    ("integer", (int, np.integer)),
    ("float", (float, np.floating)),
    ("decimal", (Decimal,)),
    ("timestamp", (datetime,)),
    ("date", (date,)),
    ("bytes", (bytes, bytearray, memoryview)),
    ("nested", (list, dict, tuple, np.ndarray)),
    ("numpy time", (np.datetime64,)),
    ("named", (uuid.UUID, time, timedelta)),
)


def _family(name: str, value_type: type) -> str:
    for family, types in _FAMILIES:
        if issubclass(value_type, types):
            return family
    raise Invalid(
        f"the column {name!r} holds Python objects of the type {value_type.__name__}, which have "
        "no content that could be compared. Make them numbers, texts, times, lists or records."
    )


def _filled(count: int, missing: NDArray[np.bool_], values: Iterable[Any], empty: Any) -> Any:
    column = np.full(count, empty, object)
    column[~missing] = np.fromiter(values, object, count - int(missing.sum()))
    return column


def _whole(present: list[Any], missing: NDArray[np.bool_]) -> Column:
    absent = missing if missing.any() else None
    if all(_INT64.min <= value <= _INT64.max for value in (min(present), max(present))):
        numbers = np.zeros(len(missing), np.int64)
        numbers[~missing] = present
        return integers(numbers, absent)
    texts = _filled(len(missing), missing, (str(int(value)) for value in present), "")
    return Column("decimal", texts, absent)


_TEXT_OF: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "decimal": decimal_text,
    "bytes": bytes,
    "nested": nested_text,
    "named": str,
    "mixed": _mixed_text,
}


def _as_texts(name: str, family: str, present: list[Any], missing: NDArray[np.bool_]) -> Column:
    kind = "text" if family == "named" else family
    empty: Any = b"" if kind == "bytes" else ""
    try:
        values = _filled(len(missing), missing, map(_TEXT_OF[family], present), empty)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"the column {name!r} holds nested values that are no data: {error}."
        ) from None
    return Column(kind, values, missing if missing.any() else None)


def _objects(name: str, column: NDArray[Any]) -> Column:
    missing = is_missing(column)
    some = bool(missing.any())
    present = column[~missing].tolist() if some else column.tolist()
    families = {_family(name, value_type) for value_type in set(map(type, present))}
    if families == {"integer", "float"}:
        family = "float"
    else:
        family = families.pop() if len(families) == 1 else "mixed"
    absent = missing if some else None
    numbers = np.zeros(len(column), np.int64)
    if family == "integer":
        return _whole(present, missing)
    if family == "float":
        real = np.full(len(column), np.nan)
        real[~missing] = present
        return floats(real)
    if family == "boolean":
        numbers[~missing] = present
        return Column("boolean", numbers.astype(np.bool_), absent)
    if family == "numpy time":
        times = np.full(len(column), "NaT", "M8[ns]")
        times[~missing] = present
        return _moments(times)
    if family == "date":
        numbers[~missing] = [_days(value) for value in present]
        return Column("date", numbers, absent)
    if family == "timestamp":
        zoned = {value.tzinfo is not None for value in present}
        if len(zoned) == 1:
            numbers[~missing] = [_microseconds(value) for value in present]
            return Column("instant" if zoned.pop() else "timestamp", numbers, absent)
        family = "mixed"
    return _as_texts(name, family, present, missing)


def nothing(rows: int) -> Column:
    """Return a column in which every value is missing."""
    return Column("nothing", np.zeros(rows, np.bool_), np.ones(rows, np.bool_))


def canonical(name: str, column: NDArray[Any]) -> Column:
    """Return a column of a table in memory in its canonical form.

    Raises:
        Invalid: it holds Python objects that are no data.
    """
    kind = column.dtype.kind
    if len(column) and kind in "fMO" and is_missing(column).all():
        return nothing(len(column))
    if kind == "b":
        return Column("boolean", column, None)
    if kind == "u" and len(column) and int(column.max()) > _INT64.max:
        texts = np.array([str(value) for value in column.tolist()], object)
        return Column("decimal", texts, None)
    if kind in "iu":
        return integers(column, None)
    if kind == "f":
        return floats(column)
    if kind == "M":
        return _moments(column)
    return _objects(name, column) if len(column) else Column("text", column, None)
