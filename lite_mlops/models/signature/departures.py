"""How validated rows depart from the training data: no error, but worth a word.

for departure in signature.outside(table):
    departure.column, departure.what, departure.rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lite_mlops.models.signature.table import Table
    from lite_mlops.models.signature.values import Column, Signature


@dataclass(frozen=True, eq=False)
class Departure:
    """Rows in which a column is not as it was in the training data.

    `what` is `range` (below the lowest or above the highest), `category` (never seen) or `missing`
    (a value is, and in the training data none was); `rows` are their numbers, ascending.
    """

    column: str
    what: Literal["range", "category", "missing"]
    rows: NDArray[np.int64]
    expected: str

    def to_dict(self) -> dict[str, Any]:
        """Return the departure as JSON can hold it."""
        return vars(self) | {"rows": self.rows.tolist()}


def _gaps(array: NDArray[Any]) -> NDArray[np.bool_]:
    absent: Any = np.zeros(len(array), np.bool_)
    if array.dtype.kind == "f":
        absent = np.isnan(array)
    elif array.dtype.kind == "M":
        absent = np.isnat(array)
    elif array.dtype == object:
        absent = array == None  # noqa: E711
    return np.asarray(absent, np.bool_)


def _bounds(column: Column) -> tuple[Any, Any]:
    """Return the lowest and the highest value of the training data."""
    if column.type == "datetime":
        return np.datetime64(str(column.low)), np.datetime64(str(column.high))
    return column.low, column.high


def _beyond(column: Column, array: NDArray[Any]) -> NDArray[np.bool_]:
    low, high = _bounds(column)
    found: NDArray[np.bool_] = (array < low) | (array > high)  # what is missing is neither
    return found


def _unseen(column: Column, array: NDArray[Any]) -> list[int]:
    assert column.categories is not None
    known = {*column.categories, None}
    values = array.tolist()
    if set(values) <= known:
        return []
    return [place for place, value in enumerate(values) if value not in known]


def _of_column(column: Column, array: NDArray[Any]) -> list[Departure]:
    found = []

    def add(what: Literal["range", "category", "missing"], rows: Any, expected: str) -> None:
        rows = np.flatnonzero(rows) if isinstance(rows, np.ndarray) else np.array(rows, np.int64)
        if len(rows):
            found.append(Departure(column.name, what, rows, expected))

    if column.missing_share == 0:
        add("missing", _gaps(array), "a value, as in all of the training data")
    if column.low is not None and column.high is not None:
        add("range", _beyond(column, array), f"{column.low} to {column.high}")
    elif column.categories is not None:
        told = ", ".join(map(str, column.categories[:5]))
        more = len(column.categories) - 5
        add("category", _unseen(column, array), told + (f" and {more} more" if more > 0 else ""))
    return found


class Usual:
    """What the training data were like, prepared for a look at many tables.

    It does not see everything that is usual: what it leaves to `departures` is looked at again.
    """

    def __init__(self, signature: Signature) -> None:
        columns = signature.columns
        self._bounds: list[tuple[int, Any, Any]] = []
        self._categories: list[tuple[int, frozenset[Any]]] = []
        self._never_missing = []
        for place, one in enumerate(columns):
            never = one.missing_share == 0
            if one.low is not None and one.high is not None:
                low, high = _bounds(one)
                self._bounds.append((place, low, high))  # what is missing is not between them
            elif one.categories is not None:
                gap = () if never else (None,)
                self._categories.append((place, frozenset({*one.categories, *gap})))
            elif never:
                self._never_missing.append(place)
        self._span = _Span(columns) if signature.numeric else None

    def holds(self, table: Table) -> bool:
        """Return whether all rows are for certain as the training data were."""
        row = table.known_row
        if row is not None:
            return self._of_row(row)
        matrix = table.known_matrix
        if matrix is not None and self._span is not None:
            return self._span.holds(matrix)
        return self._of_arrays(table.arrays)

    def _of_row(self, row: Sequence[Any]) -> bool:
        try:
            for place, low, high in self._bounds:
                if not low <= row[place] <= high:
                    return False
        except TypeError:  # None
            return False
        for place, known in self._categories:
            if row[place] not in known:
                return False
        return all(row[place] is not None for place in self._never_missing)

    def _of_arrays(self, arrays: Sequence[NDArray[Any]]) -> bool:
        if not arrays or not len(arrays[0]):
            return True
        for place, low, high in self._bounds:
            array = arrays[place]
            if not (low <= array.min() and array.max() <= high):
                return False
        for place, known in self._categories:
            if not known.issuperset(arrays[place].tolist()):
                return False
        return not any(_gaps(arrays[place]).any() for place in self._never_missing)


class _Span:
    """What the numbers of the training data lay between, column by column."""

    def __init__(self, columns: Sequence[Column]) -> None:
        bounds = [
            (-np.inf, np.inf) if one.low is None or one.high is None else (one.low, one.high)
            for one in columns
        ]
        self._low, self._high = np.array(bounds, np.float64).reshape(-1, 2).T.copy()
        self._never = [place for place, one in enumerate(columns) if one.missing_share == 0]
        self._all_never = len(self._never) == len(columns)

    def holds(self, matrix: NDArray[np.float64]) -> bool:
        """Return whether all rows (rows x columns) are as the training data was."""
        watched = matrix if self._all_never else matrix[:, self._never]
        if np.isnan(watched).any():
            return False
        return not ((matrix < self._low).any() or (matrix > self._high).any())


def departures(signature: Signature, table: Table) -> list[Departure]:
    """Return how a table departs from the training data, column by column."""
    if signature.tensor is not None or signature.usual.holds(table):
        return []
    return [
        one
        for column, array in zip(signature.columns, table.arrays, strict=True)
        for one in _of_column(column, array)
    ]
