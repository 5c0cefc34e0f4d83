"""Rows of any form against a signature: typed arrays, or all that does not fit.

The layout comes first (which value belongs to which column), then each column by itself. Rows and
arrays of nothing but numbers take a shortcut through one matrix; whatever it cannot decide goes the
long way, which names the problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lite_mlops.models.signature import tensors
from lite_mlops.models.signature.layout import Head, Layout
from lite_mlops.models.signature.problems import Problems
from lite_mlops.models.signature.reading import Raw
from lite_mlops.models.signature.shortcut import Shortcut
from lite_mlops.models.signature.single import Single
from lite_mlops.models.signature.table import Table
from lite_mlops.models.signature.typing_columns import careful, quick

if TYPE_CHECKING:
    from lite_mlops.models.signature.values import Column, Signature


def _typed(column: Column, values: Raw, problems: Problems, rows: list[int] | None) -> NDArray[Any]:
    array = quick(column, values)
    return careful(column, values, problems, rows) if array is None else array


class Validator:
    """A signature, prepared for checking rows again and again."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._columns = signature.columns
        self._head = Head(signature.columns)
        plain = signature.numeric and bool(self._columns)
        self._shortcut = Shortcut(self._columns) if plain else None
        timeless = all(column.type != "datetime" for column in self._columns)
        self._single = Single(self._columns) if self._columns and timeless else None

    def validate(self, rows: Any, *, ignore_unknown: bool = False) -> Table:
        """Return rows as a table; see `Signature.validate`."""
        if self._single is not None:
            values = self._single.values(rows)
            if values is not None:
                return Table(self._signature, row=values, rows=1)
        if self._shortcut is not None:
            matrix = self._shortcut.matrix(rows)
            if matrix is not None:
                return Table(self._signature, matrix=matrix, rows=len(matrix))
        problems = Problems()
        if self._signature.tensor is not None:
            array = tensors.validate(self._signature.tensor, rows, problems)
            problems.tell()
            return Table(self._signature, arrays=[array], rows=len(array))
        layout = Layout(self._head, problems, ignore_unknown=ignore_unknown)
        columns, numbers_of_rows = layout.columns_of(rows)
        arrays = [
            _typed(column, values, problems, numbers_of_rows)
            for column, values in zip(self._columns, columns, strict=True)
            if values is not None
        ]
        problems.tell()
        return Table(self._signature, arrays=arrays, rows=len(arrays[0]) if arrays else 0)
