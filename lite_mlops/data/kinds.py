"""The kind of a column, and its values in one type: what tables are compared and checked by.

typed(np.array([41, None, 38], object))      # integer; values 41, 0, 38; the second is missing

integer   whole numbers of 64 bits, also beside missing values
number    floating point; NaN is missing
boolean   true or false
time      dates and times; those with a time zone are in UTC
text      strings
mixed     values of several types, taken by their text
empty     nothing but missing values
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.tables import Columns, as_columns, is_missing
from lite_mlops.errors import NotFound, suggestion
from lite_mlops.settings import Settings
from lite_mlops.store import Workbench

NUMERIC = ("integer", "unsigned", "number")


@dataclass(frozen=True)
class Typed:
    """The values of a column in one type; what stands at a missing place means nothing."""

    kind: str
    values: NDArray[Any]
    missing: NDArray[np.bool_]

    @property
    def present(self) -> NDArray[Any]:
        """The values that are there."""
        return self.values[~self.missing]


def _naive(moment: Any) -> Any:
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return moment.astimezone(UTC).replace(tzinfo=None)
    return moment


def _converted(present: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    """Return the kind of some objects, none of them missing, and them in its type."""
    types = set(map(type, present))

    def all_are(*kinds: type) -> bool:
        return all(issubclass(one, kinds) for one in types)

    if not types:
        return "empty", present
    if all_are(str):
        return "text", present
    if all_are(bool, np.bool_):
        return "boolean", present.astype(np.bool_)
    if all_are(date, np.datetime64):
        moments = [_naive(value) for value in present]
        return "time", np.array(moments, "datetime64[us]")
    try:
        if not any(issubclass(one, bool | np.bool_) for one in types):
            if all_are(int, np.integer):
                return "integer", present.astype(np.int64)
            if all_are(int, float, np.integer, np.floating, Decimal):
                return "number", present.astype(np.float64)
    except OverflowError:  # more than 64 bits
        pass
    texts = np.empty(len(present), object)
    texts[:] = [str(value) for value in present]
    return "mixed", texts


def typed(column: NDArray[Any]) -> Typed:
    """Return a column as `as_columns` makes it with its kind, in the type of that kind."""
    missing = is_missing(column)
    if not len(column):  # an empty list is one of numbers to NumPy
        return Typed("empty", column, missing)
    if column.dtype != object:
        kind = {"b": "boolean", "f": "number", "M": "time"}.get(column.dtype.kind, "integer")
        if column.dtype == np.uint64:
            kind = "unsigned"
        elif kind == "number":
            column = column.astype(np.float64, copy=False)  # half floats are known to few
        elif kind == "time":
            column = column.astype("datetime64[us]", copy=False)
        return Typed(kind, column, missing)
    kind, present = _converted(column[~missing])
    if not missing.any() and kind != "empty":
        return Typed(kind, present, missing)
    texts = present.dtype == object
    values = np.full(len(column), "", object) if texts else np.zeros(len(column), present.dtype)
    values[~missing] = present
    return Typed(kind, values, missing)


@dataclass(frozen=True)
class Loaded:
    """A table in a scratch database: its columns are c0, c1, ... there."""

    table: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: int

    def place(self, name: str) -> int:
        """Return the place of a column. Raises `NotFound` with the near names."""
        return self.names.index(known_column(name, self.names, self.table))

    def kind(self, name: str) -> str:
        """Return the kind of a column."""
        return self.kinds[self.names.index(name)]


def known_column(name: str, names: Iterable[str], table: str) -> str:
    """Return the name of a column that is there. Raises `NotFound` with the near names."""
    known = list(names)
    if name not in known:
        near = suggestion(name, known) or f" It has {', '.join(map(repr, known[:10]))}."
        raise NotFound(f"The data {table} has no column {name!r}.{near}")
    return name


def load(scratch: Workbench, table: str, data: Any) -> Loaded:
    """Bring a table, or the file at a path, into a scratch database under the name `table`.

    Raises:
        Invalid: it is no table, or the file cannot be read as one.
        NotFound: there is no such file.
    """
    if isinstance(data, str | PathLike):
        found = scratch.read(table, Path(data))
        names, kinds = [name for name, _ in found], [kind for _, kind in found]
    else:
        columns = {name: typed(column) for name, column in as_columns(data).items()}
        scratch.keep(table, [(one.kind, one.values, one.missing) for one in columns.values()])
        names, kinds = list(columns), [one.kind for one in columns.values()]
    ((rows,),) = scratch.rows(f"SELECT count(*) FROM {table}")  # noqa: S608
    return Loaded(table, tuple(names), tuple(kinds), rows)


@dataclass(frozen=True)
class ColumnReader:
    """A table whose columns are read one after the other, as they are needed."""

    rows: int
    names: tuple[str, ...]
    read: Callable[[str], Typed]


@contextmanager
def column_reader(data: Any, settings: Settings | None = None) -> Iterator[ColumnReader]:
    """Yield a table, or the file at a path, whose columns are read as they are needed.

    Of a Parquet file only the column that is asked for is read; any other file is brought into a
    database of the moment, which spills what does not fit into its memory.

    Raises:
        Invalid: it is no table, or the file cannot be read as one.
        NotFound: there is no such file.
    """
    if not isinstance(data, str | PathLike):
        columns = as_columns(data)
        rows = len(next(iter(columns.values()), ()))
        yield ColumnReader(rows, tuple(columns), lambda name: typed(columns[name]))
        return
    with Workbench(settings) as scratch:
        found = scratch.read("read", Path(data), lazily=True)
        places = {name: place for place, (name, _) in enumerate(found)}
        ((rows,),) = scratch.rows("SELECT count(*) FROM read")

        def read(name: str) -> Typed:
            place = places[name]
            arrays = scratch.arrays(f"SELECT c{place} FROM read")  # noqa: S608
            return typed(_column(found[place][1], arrays[f"c{place}"]))

        yield ColumnReader(rows, tuple(places), read)


def columns_of(data: Any, settings: Settings | None = None) -> Columns:
    """Return a table, or the file at a path, as columns.

    Raises:
        Invalid: it is no table, or the file cannot be read as one.
        NotFound: there is no such file.
    """
    if not isinstance(data, str | PathLike):
        return as_columns(data)
    with Workbench(settings) as scratch:
        table = load(scratch, "read", data)
        arrays = scratch.arrays("SELECT * FROM read")
    return {
        name: _column(kind, arrays[f"c{place}"])
        for place, (name, kind) in enumerate(zip(table.names, table.kinds, strict=True))
    }


def _column(kind: str, array: Any) -> NDArray[Any]:
    """Return a column as the database gives it in the form that `as_columns` has."""
    missing = np.ma.getmaskarray(array)
    values: NDArray[Any] = np.ma.getdata(array)
    if kind == "number":
        return np.where(missing, np.nan, values)
    if kind in ("integer", "unsigned", "boolean") and not missing.any():
        return values
    values = values.astype(object)
    values[missing] = None
    return values
