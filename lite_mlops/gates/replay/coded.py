"""Answers as numbers of the few different ones there are, so that 100,000 are compared as numbers.

then, now = Coded(["no", "yes"], codes), coded(np.array(["no", "no", "yes"]))
then.unlike(now)          # which rows differ
then.texts(rows)          # array(["no", ...])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rows = NDArray[np.bool_]

_FEW = 16  # different answers, up to which looking for each is quicker than sorting all


class Coded:
    """Texts, of which each different one stands there once.

    Args:
        different: The texts.
        codes: Their place, row by row; -1 where there is no text.
    """

    def __init__(self, different: Sequence[str], codes: NDArray[np.integer[Any]]) -> None:
        self.different = list(different)
        self.codes = codes

    def __len__(self) -> int:
        return len(self.codes)

    def part(self, rows: Rows) -> Coded:
        """Return some of the rows."""
        return Coded(self.different, self.codes[rows])

    def texts(self, rows: Any) -> Array:
        """Return the texts of some rows, None where there is none."""
        found: Array = np.array([*self.different, None], object)[self.codes[rows]]
        return found

    def numbers(self) -> NDArray[np.float64]:
        """Return the texts as numbers, NaN where one is none."""
        found: NDArray[np.float64] = np.append(as_numbers(self.different), np.nan)[self.codes]
        return found

    def unlike(self, other: Coded) -> Rows:
        """Return in which rows the texts are others than those of `other`."""
        places = {text: place for place, text in enumerate(self.different)}
        same = [places.get(text, -2) for text in other.different]
        return np.asarray(self.codes != np.array([*same, -1])[other.codes], np.bool_)


def coded(answers: Array) -> Coded:
    """Return answers as they are recorded: as texts."""
    found = _few(answers)
    if found is not None:
        return found
    if answers.dtype.kind in "biuUS":
        different, codes = np.unique(answers, return_inverse=True)
        return Coded(list(map(str, different.tolist())), codes.reshape(-1))
    texts = list(map(str, answers.tolist()))
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return Coded(list(places), np.fromiter(map(places.__getitem__, texts), np.int64, len(texts)))


def _few(answers: Array) -> Coded | None:
    """Return answers of a few different values; None: there are more, or others may look alike."""
    kind = answers.dtype.kind
    if kind not in "biuUSO":
        return None
    codes = np.full(len(answers), -1, np.int64)
    different: list[str] = []
    left = np.ones(len(answers), np.bool_)
    while len(different) < _FEW:
        if not left.any():
            return Coded(different, codes)
        value = answers[left.argmax()]
        if kind == "O" and type(value) is not str:
            return None
        alike = np.asarray(answers == value, np.bool_)
        codes[alike] = len(different)
        different.append(str(value))
        left &= ~alike
    return None if left.any() else Coded(different, codes)


def as_numbers(texts: Sequence[Any] | Array) -> NDArray[np.float64]:
    """Return texts as numbers, NaN where one is none."""
    try:
        return np.asarray(texts, object).astype(np.float64)
    except (ValueError, TypeError):
        return np.array([_as_number(one) for one in texts], np.float64)


def _as_number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")
