"""Validated rows: typed arrays, one for each column, and what models take made of them.

table = signature.validate(rows)
table["age"]          # array([41, 38])
table.matrix()        # rows x columns as float64, if all are numbers
table.frame()         # a DataFrame of pandas

    boolean    bool; objects with None if some are missing
    integer    int64; float64 with NaN if some are missing, which is exact up to 2**53
    float      float64 with NaN
    text       objects: str, and None where missing
    datetime   datetime64[us] in UTC with NaT
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models.signature.typing_columns import joined, joined_numbers

if TYPE_CHECKING:
    from lite_mlops.models.signature.values import Column, Signature

_MAX_RECORDED = 1_000  # values of one row of a tensor


def _as_integers(values: NDArray[np.float64]) -> NDArray[Any]:
    """Return whole numbers as int64, or as they are where some are missing."""
    return values if np.isnan(values).any() else values.astype(np.int64)


class Table:
    """Rows that fit a signature. Arrays are not copied, so they are not to be written to."""

    __slots__ = ("_arrays", "_matrix", "_row", "_signature", "rows")

    def __init__(
        self,
        signature: Signature,
        *,
        arrays: Sequence[NDArray[Any]] | None = None,
        matrix: NDArray[np.float64] | None = None,
        row: tuple[Any, ...] | None = None,
        rows: int,
    ) -> None:
        self._signature = signature
        self._arrays = arrays
        self._matrix = matrix
        self._row = row
        self.rows = rows

    @classmethod
    def joined(cls, tables: Sequence[Table]) -> Table:
        """Return tables of one signature as one, in their order; there is at least one."""
        first = tables[0]
        listed = [one for one in (table.known_row for table in tables) if one is not None]
        if len(listed) == len(tables):
            if first.signature.numeric:
                return cls(first.signature, matrix=_matrix(listed), rows=len(listed))
            return cls(first.signature, arrays=_arrays(first.columns, listed), rows=len(listed))
        rows = sum(table.rows for table in tables)
        matrices = [one for one in (table.known_matrix for table in tables) if one is not None]
        if len(matrices) == len(tables):
            return cls(first.signature, matrix=np.concatenate(matrices), rows=rows)
        each = zip(*(table.arrays for table in tables), strict=True)
        # Whole numbers of one table may stand beside those of another that lacks some, as floats.
        return cls(first.signature, arrays=[np.concatenate(one) for one in each], rows=rows)

    def part(self, start: int, stop: int) -> Table:
        """Return the rows from `start` to before `stop`; nothing is copied."""
        rows = min(stop, self.rows) - start
        if self._matrix is not None:
            return Table(self._signature, matrix=self._matrix[start:stop], rows=rows)
        arrays = [array[start:stop] for array in self.arrays]
        return Table(self._signature, arrays=arrays, rows=rows)

    def __len__(self) -> int:
        return self.rows

    @property
    def signature(self) -> Signature:
        """The signature that the rows fit."""
        return self._signature

    @property
    def known_matrix(self) -> NDArray[np.float64] | None:
        """The values as one matrix, if they are nothing but numbers."""
        if self._matrix is None and self._row is not None and self._signature.numeric:
            self._matrix = _matrix([self._row])
        return self._matrix

    @property
    def known_row(self) -> tuple[Any, ...] | None:
        """The plain values, None where one is missing, if that is how a single row is kept."""
        return self._row

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in the order of the arrays."""
        return self._signature.columns

    @property
    def arrays(self) -> Sequence[NDArray[Any]]:
        """The values of each column; of a tensor, the one array."""
        if self._arrays is not None:
            return self._arrays
        matrix = self.known_matrix
        if matrix is None:
            assert self._row is not None
            self._arrays = _arrays(self.columns, [self._row])
        else:
            self._arrays = [
                _as_integers(matrix[:, place]) if column.type == "integer" else matrix[:, place]
                for place, column in enumerate(self.columns)
            ]
        return self._arrays

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[self._signature.features.index(name)]

    def matrix(self) -> NDArray[np.float64]:
        """Return the values as float64: rows x columns, or the tensor; booleans are 0 and 1.

        Raises:
            Invalid: there are texts or times among them.
        """
        known = self.known_matrix
        if known is not None:
            return known
        if self._signature.tensor is not None:
            if self._signature.tensor.type == "text":
                raise Invalid("a text in each row is no matrix of numbers.")
            return self.arrays[0].astype(np.float64, copy=False)
        for column in self.columns:
            if column.type in ("text", "datetime"):
                raise Invalid(
                    f"column {column.name!r} is of the type {column.type}; a matrix is of numbers."
                )
        matrix = np.empty((self.rows, len(self.columns)))
        for place, array in enumerate(self.arrays):
            matrix[:, place] = array
        self._matrix = matrix
        return matrix

    def objects(self) -> NDArray[Any]:
        """Return the values as one array of objects, rows x columns."""
        matrix = np.empty((self.rows, len(self.columns)), object)
        for place, array in enumerate(self.arrays):
            matrix[:, place] = array
        return matrix

    def frame(self) -> Any:
        """Return a DataFrame of pandas, with the categoricals and time zones of the training data.

        A category that the training data did not have is missing in a categorical.

        Raises:
            ImportError: pandas is not installed.
            Invalid: it is a tensor.
        """
        import pandas as pd

        if self._signature.tensor is not None:
            raise Invalid("a tensor is no table of columns.")
        if self.known_matrix is not None and all(column.type == "float" for column in self.columns):
            return pd.DataFrame(self._matrix, columns=list(self._signature.features), copy=False)
        series = {}
        for column, array in zip(self.columns, self.arrays, strict=True):
            values: Any = array
            if column.categorical and column.categories is not None:
                known = pd.Index(list(column.categories))
                values = pd.Categorical.from_codes(known.get_indexer_for(array), known)
            elif column.zone is not None:
                values = pd.Series(array).dt.tz_localize("UTC").dt.tz_convert(column.zone)
            series[column.name] = values
        return pd.DataFrame(series, index=pd.RangeIndex(self.rows))

    # -- for the record -------------------------------------------------------------------------

    def numbers_and_texts(self) -> list[tuple[list[float | None], list[str | None] | None]]:
        """Return each row as it is recorded with a prediction: its numbers, and its texts.

        Both have a place for each column. Booleans are the numbers 0 and 1; a time is a text in
        ISO 8601, in UTC. What is missing, or belongs to the other list, is None. Where all columns
        are numbers there is no list of texts. A row of a tensor is flat; one of more than 1,000
        values is not recorded.
        """
        tensor = self._signature.tensor
        if tensor is not None:
            if tensor.type == "text" and not tensor.shape:
                return [([None], [text]) for text in self.arrays[0].tolist()]
            if tensor.type == "text" or self.arrays[0][:1].size > _MAX_RECORDED:
                return [([], None)] * self.rows
            numbers = _nullable(self.matrix().reshape(self.rows, -1))
            return [(row, None) for row in numbers]
        if self._signature.numeric:
            return [(row, None) for row in _nullable(self.matrix())]
        absent = [None] * self.rows
        numeric: list[list[float | None]] = []
        textual: list[list[str | None]] = []
        for column, array in zip(self.columns, self.arrays, strict=True):
            if column.type in ("text", "datetime"):
                numeric.append(list(absent))
                textual.append(_as_texts(column, array))
            else:
                numeric.append(_nullable(array.astype(np.float64)))
                textual.append(list(absent))
        rows = zip(zip(*numeric, strict=True), zip(*textual, strict=True), strict=True)
        return [(list(values), list(texts)) for values, texts in rows]


def _matrix(rows: Sequence[tuple[Any, ...]]) -> NDArray[np.float64]:
    """Return rows of numbers, and None, as a matrix."""
    values = list(chain.from_iterable(rows))
    return joined_numbers(values).reshape(len(rows), -1)


def _arrays(columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> list[NDArray[Any]]:
    """Return the columns of rows of plain values as arrays."""
    each = zip(*rows, strict=True)
    return [joined(column, values) for column, values in zip(columns, each, strict=True)]


def _nullable(numbers: NDArray[np.float64]) -> list[Any]:
    """Return numbers as lists in which a missing one is None."""
    absent = np.isnan(numbers)
    values: NDArray[Any] = numbers
    if absent.any():
        values = numbers.astype(object)
        values[absent] = None
    listed: list[Any] = values.tolist()
    return listed


def _as_texts(column: Column, array: NDArray[Any]) -> list[str | None]:
    texts: list[str | None]
    if column.type == "text":
        texts = array.tolist()
    else:
        texts = [None if text == "NaT" else text for text in np.datetime_as_string(array).tolist()]
    return texts


def input_for(signature: Signature, model: Any) -> Callable[[Table], Any]:
    """Return what makes a table into what `model` takes; see `Signature.input_for`."""
    if signature.tensor is not None:
        return lambda table: table.arrays[0]
    framed = signature.framed or hasattr(model, "feature_names_in_")
    if framed:
        try:
            import pandas as pd  # noqa: F401
        except ImportError:
            framed = False
    if framed:
        return Table.frame
    plain = all(column.type not in ("text", "datetime") for column in signature.columns)
    return Table.matrix if plain else Table.objects
