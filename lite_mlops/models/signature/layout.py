"""Which value of some rows belongs to which column, whatever form the rows have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature import reading
from lite_mlops.models.signature.kinds import WANTED
from lite_mlops.models.signature.problems import Problems, shown
from lite_mlops.models.signature.reading import Raw
from lite_mlops.models.signature.values import Column

_TOLD_NAMES = 5
_ROWS = {dict, list, tuple}

Getter = Callable[[Any], tuple[Any, ...]]


def getter(names: Sequence[Any]) -> Getter:
    """Return what takes the values of these names, or places, from a row, as a tuple."""
    if len(names) == 1:
        (name,) = names
        return lambda row: (row[name],)
    return itemgetter(*names) if names else lambda row: ()  # noqa: ARG005


def alike(rows: Sequence[Any], width: set[int]) -> type | None:
    """Return whether all rows are dictionaries (`dict`) or lists (`list`) of the right width.

    `width` is a set of the one right width. None: they are neither, and need a look each.
    """
    kinds = set(map(type, rows))
    if not kinds or set(map(len, rows) if kinds <= _ROWS else ()) != width:
        return None
    return dict if kinds == {dict} else None if dict in kinds else list


class Head:
    """The columns of a signature, prepared for laying rows out."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.names = [column.name for column in columns]
        self.known = frozenset(self.names)
        self.width = len(columns)
        self.get = getter(self.names)


class Layout:
    """Lays rows out for the columns of a signature; what does not fit is added to `problems`."""

    def __init__(self, head: Head, problems: Problems, *, ignore_unknown: bool) -> None:
        self._columns = head.columns
        self._names = head.names
        self._known = head.known
        self._width = head.width
        self._get = head.get
        self._problems = problems
        self._ignore_unknown = ignore_unknown

    def columns_of(self, data: Any) -> tuple[list[Raw | None], list[int] | None]:
        """Return the raw values of each column, None where it is missing.

        Also the numbers of the rows, where some were left out because they are no rows.
        """
        if hasattr(data, "tocsr") and hasattr(data, "toarray"):
            data = data.toarray()
        if reading.is_frame(data):
            places = self._places(reading.frame_names(data))
            return [
                None if place is None else reading.frame_column(data, place).values
                for place in places
            ], None
        if isinstance(data, np.ndarray) and data.dtype.names is not None:
            data = {name: data[name] for name in data.dtype.names}
        if isinstance(data, np.ndarray):
            return self._of_array(data), None
        if isinstance(data, Mapping):
            if reading.is_columns(data):
                return self._of_columns(data), None
            data = [data]
        if isinstance(data, Sequence) and not isinstance(data, str | bytes):
            return self._of_rows(data)
        self._problems.add(None, None, f"a {type(data).__name__}", "a list of rows, or a table")
        return [None] * self._width, None

    def _places(self, names: Sequence[Any]) -> list[int | None]:
        """Return where each column stands among the names."""
        found: dict[Any, int] = {}
        only = self._only()
        for place, name in enumerate(names):
            if name in found:
                self._problems.add(None, str(name), "there twice", "one column of each name")
            found[name] = place
            if name not in self._known and not self._ignore_unknown:
                self._problems.add(None, str(name), "not known", only)
        for column in self._columns:
            if column.name not in found:
                self._problems.add(None, column.name, "missing", WANTED[column.type])
        return [found.get(name) for name in self._names]

    def _only(self) -> str:
        told = ", ".join(self._names[:_TOLD_NAMES])
        more = self._width - _TOLD_NAMES
        return f"only the columns {told}" + (f" and {more} more" if more > 0 else "")

    def _of_columns(self, data: Mapping[Any, Any]) -> list[Raw | None]:
        places = self._places(list(data))
        found = [
            None if place is None else reading.raw(data[name]).values
            for name, place in zip(self._names, places, strict=True)
        ]
        lengths = [len(values) for values in found if values is not None]
        if len(set(lengths)) > 1:
            for column, values in zip(self._columns, found, strict=True):
                if values is not None and len(values) != lengths[0]:
                    text, wanted = f"of {len(values):,} values", f"{lengths[0]:,}, as in the first"
                    self._problems.add(None, column.name, text, wanted)
        return found

    def _of_array(self, data: NDArray[Any]) -> list[Raw | None]:
        if data.ndim == 2 and data.shape[1] == self._width:
            return [reading.plain(data[:, place]) for place in range(self._width)]
        shape = " x ".join(map(str, data.shape)) or "a single value"
        self._problems.add(None, None, f"an array of {shape}", f"rows x {self._width}")
        return [None] * self._width

    def _of_rows(self, rows: Sequence[Any]) -> tuple[list[Raw | None], list[int] | None]:
        columns = self._at_once(rows)
        if columns is not None:
            return columns, None
        ordered, left_out = [], False
        kept: list[int] = []
        for number, row in enumerate(rows):
            values = self._ordered(number, row)
            if values is None:
                left_out = True
            else:
                ordered.append(values)
                kept.append(number)
        found: list[Any] = list(zip(*ordered, strict=True)) if ordered else [()] * self._width
        return found, kept if left_out else None

    def _at_once(self, rows: Sequence[Any]) -> list[Any] | None:
        """Return the columns of rows that are all alike; None if they need a look each."""
        kind = alike(rows, {self._width})
        if kind is list:
            return list(zip(*rows, strict=True))
        try:  # column by column: no row is made anew, which would wake the garbage collector
            names = self._names if kind is dict else ()
            return [list(map(itemgetter(name), rows)) for name in names] or None
        except KeyError:
            return None

    def _ordered(self, number: int, row: Any) -> Sequence[Any] | None:
        """Return the values of a row in the order of the columns; None if it is none."""
        if isinstance(row, Mapping):
            if len(row) == self._width or self._ignore_unknown:
                try:
                    return self._get(row)
                except KeyError:
                    pass
            self._tell_names(number, row)
            return None
        if reading.is_row(row):
            if len(row) == self._width:
                return list(row.tolist() if isinstance(row, np.ndarray) else row)
            self._problems.add(number, None, f"of length {len(row):,}", f"length {self._width}")
            return None
        wanted = f"an object of the columns, or a list of {self._width} values"
        self._problems.add(number, None, shown(row), wanted)
        return None

    def _tell_names(self, number: int, row: Mapping[Any, Any]) -> None:
        for column in self._columns:
            if column.name not in row:
                self._problems.add(number, column.name, "missing", WANTED[column.type])
        if not self._ignore_unknown:
            only = self._only()
            for name in row:
                if name not in self._known:
                    self._problems.add(number, str(name), "not known", only)
