"""Rows of any form against a signature: typed arrays, or all that does not fit.

The layout comes first (which value belongs to which column), then each column by itself. Rows and
arrays of nothing but numbers take a shortcut through one matrix; whatever it cannot decide goes the
long way, which names the problems.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature import tensors
from lite_mlops.models.signature.kinds import EXACT
from lite_mlops.models.signature.layout import Layout, getter
from lite_mlops.models.signature.problems import Problems
from lite_mlops.models.signature.reading import Raw
from lite_mlops.models.signature.table import Table
from lite_mlops.models.signature.typing_columns import careful, finite, numbers, quick, whole

if TYPE_CHECKING:
    from lite_mlops.models.signature.values import Column, Signature

_NULLABLE = {int, float, type(None)}


def _typed(column: Column, values: Raw, problems: Problems, rows: list[int] | None) -> NDArray[Any]:
    array = quick(column, values)
    return careful(column, values, problems, rows) if array is None else array


class Validator:
    """A signature, prepared for checking rows again and again."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature
        self._columns = signature.columns
        self._names = signature.features
        self._width = len(self._names)
        self._get = getter(self._names)
        self._numeric = signature.tensor is None and signature.numeric and bool(self._columns)
        self._whole = [p for p, one in enumerate(self._columns) if one.type == "integer"]
        self._required = [p for p, one in enumerate(self._columns) if not one.missing]

    def validate(self, rows: Any, *, ignore_unknown: bool = False) -> Table:
        """Return rows as a table; see `Signature.validate`."""
        if self._numeric:
            matrix = self._as_matrix(rows)
            if matrix is not None:
                return Table(self._signature, matrix=matrix, rows=len(matrix))
        problems = Problems()
        if self._signature.tensor is not None:
            array = tensors.validate(self._signature.tensor, rows, problems)
            problems.tell()
            return Table(self._signature, arrays=[array], rows=len(array))
        layout = Layout(self._columns, self._get, problems, ignore_unknown=ignore_unknown)
        columns, numbers_of_rows = layout.columns_of(rows)
        arrays = [
            _typed(column, values, problems, numbers_of_rows)
            for column, values in zip(self._columns, columns, strict=True)
            if values is not None
        ]
        problems.tell()
        return Table(self._signature, arrays=arrays, rows=len(arrays[0]) if arrays else 0)

    # -- nothing but numbers --------------------------------------------------------------------

    def _as_matrix(self, rows: Any) -> NDArray[np.float64] | None:
        """Return rows as one matrix, if they are plain numbers that fit; else None."""
        matrix: NDArray[np.float64] | None
        if isinstance(rows, list):
            matrix = self._matrix_of_rows(rows)
        elif isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == self._width:
            matrix = self._matrix_of_array(rows)
        else:
            return None
        return matrix if matrix is not None and self._fits(matrix) else None

    def _matrix_of_rows(self, rows: list[Any]) -> NDArray[np.float64] | None:
        kinds = set(map(type, rows))
        if set(map(len, rows)) != {self._width} if kinds <= {dict, list, tuple} else True:
            return None
        if kinds == {dict}:
            try:
                values = list(chain.from_iterable(map(self._get, rows)))
            except KeyError:
                return None
        elif dict not in kinds:
            values = list(chain.from_iterable(rows))
        else:
            return None
        types = set(map(type, values))
        if not types <= _NULLABLE:
            return None
        matrix = numbers(values, types)
        return None if matrix is None else matrix.reshape(-1, self._width)

    def _matrix_of_array(self, rows: NDArray[Any]) -> NDArray[np.float64] | None:
        kind = rows.dtype.kind
        if kind in "iu" and rows.size and (rows.max() > EXACT or rows.min() < -EXACT):
            return None
        if kind not in "iuf" or isinstance(rows, np.ma.MaskedArray):
            return None
        return rows.astype(np.float64, copy=False)

    def _fits(self, matrix: NDArray[np.float64]) -> bool:
        if not finite(matrix, missing=True):
            return False
        if self._required and len(self._required) < self._width:
            required = matrix[:, self._required]
        else:
            required = matrix
        if self._required and np.isnan(required).any():
            return False
        return not self._whole or whole(matrix[:, self._whole])
