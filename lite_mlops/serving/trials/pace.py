"""Pace: how long calls of the present version take, and which calls are slow beside it.

    pace = Pace()
    pace.saw(calls)                  # pairs: how many rows, how many microseconds
    pace.learn()                     # never from the calls that are judged next
    pace.slow([(1, 2_900), (1, 420)])

Calls are compared with those of about as many rows, since a version that gets more requests has
more of them in a call. What a request waits for its turn is no part of it: whoever is slow makes
others wait.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Calls: TypeAlias = Sequence[tuple[int, int]]

_SIZES = 18  # 1, 2 to 3, 4 to 7, ... rows
_TIMES = 160  # four to each doubling of the microseconds
_LEAST_CALLS = 20  # from which on one can tell what is usual
_USUAL = 0.95
_LEAST_MORE = 1_000  # microseconds; what is slower by less, nobody waits for


class Pace:
    """How long calls take, by how many rows they have.

    Args:
        tolerance: A call is slow that takes so many times as long as 95 of 100 usual ones, and at
            least a millisecond longer.
    """

    def __init__(self, tolerance: float = 2.0) -> None:
        self._tolerance = tolerance
        self._found = np.zeros((_SIZES, _TIMES), np.int64)
        self._slow = np.full(_SIZES, math.inf)

    def saw(self, calls: Calls) -> None:
        """Take note of usual calls."""
        sizes, microseconds = _sizes_and_times(calls)
        times = np.clip((4 * np.log2(microseconds + 1)).astype(np.int64), 0, _TIMES - 1)
        counts = np.bincount(sizes * _TIMES + times, minlength=_SIZES * _TIMES)
        self._found += counts.reshape(_SIZES, _TIMES)

    def slow(self, calls: Calls) -> int:
        """Return how many calls are slow beside what was usual when `learn` was called last."""
        sizes, microseconds = _sizes_and_times(calls)
        return int(np.count_nonzero(microseconds > self._slow[sizes]))

    def learn(self) -> None:
        """Find out what is usual now."""
        limit = math.inf  # where too little is known, calls of more rows tell
        for size in reversed(range(_SIZES)):
            usual = _usual(self._found[size])
            if usual is not None:
                limit = max(self._tolerance * usual, usual + _LEAST_MORE)
            self._slow[size] = limit


def _sizes_and_times(calls: Calls) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the place of each call by its rows, and its microseconds."""
    rows, microseconds = np.array(calls, np.float64).reshape(-1, 2).T
    sizes = np.frexp(rows)[1].astype(np.int64)  # the bits of a number
    return np.clip(sizes, 0, _SIZES - 1), microseconds


def _usual(found: NDArray[np.int64]) -> float | None:
    """Return what 95 of 100 calls took at most, in microseconds; None of too few."""
    total = found.sum()
    if total < _LEAST_CALLS:
        return None
    place = int(np.searchsorted(found.cumsum(), _USUAL * total))
    return float(2 ** ((place + 1) / 4))
