"""Sparse rows: what a one-hot encoder gives by default, as codes instead of ones and zeros."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.parts import Unsure, all_finite


class Codes:
    """The one-hot columns of one column: where the one is in each row, -1 where there is none."""

    __slots__ = ("places", "width")

    def __init__(self, places: NDArray[np.intp], width: int) -> None:
        self.places, self.width = places, width

    def dense(self, out: NDArray[Any]) -> None:
        """Write the ones into zeros of the shape (rows, width)."""
        known = self.places >= 0
        if known.all():
            out[np.arange(len(out)), self.places] = 1
        else:
            out[known.nonzero()[0], self.places[known]] = 1


def rows_of(row: Sequence[Any]) -> NDArray[Any] | Sparse:
    """Return a single row of plain values, and of one-hot columns, as the rows that models take.

    Raises:
        Unsure: not all of it is a number.
    """
    if tuple not in map(type, row):
        array = np.array([row])
        if array.dtype.kind not in "fiub":
            raise Unsure
        return array
    blocks: list[NDArray[Any] | Codes] = []
    for value in row:
        if type(value) is tuple:
            place, width = value
            blocks.append(Codes(np.array([place]), width))
        else:
            blocks.append(np.array([[value]], np.float64))
    return Sparse(blocks, 1)


def spread(row: Sequence[Any]) -> Sequence[Any]:
    """Return a single row with the ones and zeros of its one-hot columns."""
    found: list[Any] = []
    for value in row:
        if type(value) is tuple:
            place, width = value
            ones = [0.0] * width
            if place >= 0:
                ones[place] = 1.0
            found += ones
        else:
            found.append(value)
    return found


class Sparse:
    """Blocks side by side: arrays, and one-hot columns as codes."""

    __slots__ = ("blocks", "rows", "width")

    def __init__(self, blocks: Sequence[NDArray[Any] | Codes], rows: int) -> None:
        self.blocks, self.rows = blocks, rows
        self.width = sum(
            block.width if isinstance(block, Codes) else block.shape[1] for block in blocks
        )

    def dense(self) -> NDArray[np.float64]:
        """Return the rows as one array."""
        made = np.zeros((self.rows, self.width))
        at = 0
        for block in self.blocks:
            if isinstance(block, Codes):
                block.dense(made[:, at : at + block.width])
                at += block.width
            else:
                made[:, at : at + block.shape[1]] = block
                at += block.shape[1]
        return made

    def _check(self) -> None:
        for block in self.blocks:
            if not isinstance(block, Codes):
                all_finite(block)

    def times(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the product with a matrix, adding up entry by entry as SciPy does."""
        self._check()
        total = np.zeros((self.rows, *matrix.shape[1:]))
        at = 0
        for block in self.blocks:
            if isinstance(block, Codes):
                # The last place, which stands for no code, is a row of zeros.
                part = np.zeros((block.width + 1, *matrix.shape[1:]))
                part[:-1] = matrix[at : at + block.width]
                total += part[block.places]
                at += block.width
                continue
            for place in range(block.shape[1]):
                column = block[:, place]
                total += (column[:, None] if matrix.ndim == 2 else column) * matrix[at + place]
            at += block.shape[1]
        return total
