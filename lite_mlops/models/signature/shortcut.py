"""Rows of nothing but numbers as one matrix at once: what most models take, most of the time.

Whatever it cannot decide at a glance it leaves to the long way, which decides value by value.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature.kinds import EXACT
from lite_mlops.models.signature.layout import alike, getter
from lite_mlops.models.signature.typing_columns import finite, floats, numbers, plain, whole
from lite_mlops.models.signature.values import Column

_PIECE = 256  # rows
_INT = {int}
_NULLABLE = {int, float, type(None)}


class Shortcut:
    """The columns of a signature, all of numbers, prepared for rows and arrays of numbers."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._width = {len(columns)}
        self._shape = (-1, len(columns))
        self._get = getter([column.name for column in columns])
        self._whole = [place for place, one in enumerate(columns) if one.type == "integer"]
        self._required = [place for place, one in enumerate(columns) if not one.missing]
        self._all_required = len(self._required) == len(columns)

    def matrix(self, rows: Any) -> NDArray[np.float64] | None:
        """Return rows as a matrix (rows x columns), or None: they need a look."""
        if type(rows) is list:
            try:
                kind = alike(rows, self._width)
                if kind is None:
                    return None
                if len(rows) > _PIECE:
                    return self._of_many(rows)
                each = rows if kind is list else map(self._get, rows)
                return self._of_values(list(chain.from_iterable(each)))
            except KeyError:
                return None
        if type(rows) is np.ndarray and rows.ndim == 2 and {rows.shape[1]} == self._width:
            return self._of_array(rows)
        return None

    def _of_many(self, rows: list[Any]) -> NDArray[np.float64] | None:
        """Return many rows as a matrix, in pieces: each of them holds up other threads."""
        pieces = []
        for start in range(0, len(rows), _PIECE):
            piece = self.matrix(rows[start : start + _PIECE])
            if piece is None:
                return None
            pieces.append(piece)
        return np.concatenate(pieces)

    def _of_values(self, values: Sequence[Any]) -> NDArray[np.float64] | None:
        types = set(map(type, values))
        if (types == _INT or not self._whole) and plain(values, types):
            return floats(values).reshape(self._shape)
        if not types <= _NULLABLE:
            return None
        array = numbers(values, types)
        return None if array is None else self._fitting(array.reshape(self._shape))

    def _of_array(self, rows: NDArray[Any]) -> NDArray[np.float64] | None:
        kind = rows.dtype.kind
        if kind in "iu":
            if rows.size and (rows.max() > EXACT or rows.min() < -EXACT):
                return None
            return rows.astype(np.float64)
        return self._fitting(rows.astype(np.float64, copy=False)) if kind == "f" else None

    def _fitting(self, matrix: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return a matrix if it fits, else None."""
        if not finite(matrix, missing=True):
            return None
        required = matrix if self._all_required else matrix[:, self._required]
        if np.isnan(required).any():
            return None
        return matrix if not self._whole or whole(matrix[:, self._whole]) else None
