"""A single row as plain values, which most requests are.

Arrays of one value each are dear, and seldom needed: a plan reads plain values, and rows of several
requests become arrays together. Whatever it cannot decide at a glance it leaves to the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from lite_mlops.models.signature.kinds import Type
from lite_mlops.models.signature.layout import Getter, getter
from lite_mlops.models.signature.typing_columns import plain
from lite_mlops.models.signature.values import Column

_FLOAT = {float}
_TYPES: dict[Type, set[type]] = {
    "boolean": {bool},
    "integer": {int},
    "float": {float, int},
    "text": {str},
}
_MOST = 256  # combinations of types that are kept; missing values make some


class _Fit(NamedTuple):
    """How a row whose values are of certain types is checked."""

    numbers: Getter
    types: set[type]  # of these
    whole: list[int]  # where a float is written as a whole number


class Single:
    """The columns of a signature, prepared for single rows; no column is of times."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._count = len(columns)
        self._get = getter([column.name for column in columns])
        self._only_floats = all(column.type == "float" for column in columns)
        self._fits: dict[tuple[type, ...], _Fit | None] = {}

    def values(self, rows: Any) -> tuple[Any, ...] | None:
        """Return the values of a row, None where one is missing; or None: it needs a look."""
        if type(rows) is not list or len(rows) != 1:
            return None
        (row,) = rows
        kind = type(row)
        if (kind is not dict and kind is not list) or len(row) != self._count:
            return None
        try:
            values = self._get(row) if kind is dict else tuple(row)
        except KeyError:
            return None
        return self._of_floats(values) if self._only_floats else self._of_types(values)

    def _of_floats(self, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        types = set(map(type, values))
        if not plain(values, types):
            return None
        return values if types == _FLOAT else tuple(map(float, values))

    def _of_types(self, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        types = tuple(map(type, values))
        fit = self._fits[types] if types in self._fits else self._fit(types)
        if fit is None or not plain(fit.numbers(values), fit.types):
            return None
        if not fit.whole:
            return values
        listed = list(values)
        for place in fit.whole:
            listed[place] = float(listed[place])
        return tuple(listed)

    def _fit(self, types: tuple[type, ...]) -> _Fit | None:
        """Return how to check values of these types; None if one is not of its column."""
        fit = None
        if all(
            kind in _TYPES[column.type] or (kind is type(None) and column.missing)
            for column, kind in zip(self._columns, types, strict=True)
        ):
            numbers = [place for place, kind in enumerate(types) if kind in (int, float)]
            whole = [p for p in numbers if types[p] is int and self._columns[p].type == "float"]
            fit = _Fit(getter(numbers), {types[place] for place in numbers}, whole)
        if len(self._fits) < _MOST:
            self._fits[types] = fit
        return fit
