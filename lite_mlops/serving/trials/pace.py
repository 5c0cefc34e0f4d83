"""Pace: how long calls of the present version take, and which calls are slow beside it.

    pace = Pace()
    pace.saw(rows=1, microseconds=420)
    pace.learn()                         # now and then, never from the call that is judged
    pace.is_slow(rows=1, microseconds=2_900)

Calls are compared with those of about as many rows, since a version that gets more requests has
more of them in a call. What a request waits for its turn is no part of it: whoever is slow makes
others wait.
"""

from __future__ import annotations

import math

_SIZES = 18  # 1, 2 to 3, 4 to 7, ... rows
_TIMES = 160  # four to each doubling of the microseconds
_LEAST_CALLS = 20  # from which on one can tell what is usual
_USUAL = 0.95
_LEAST_MORE = 1_000  # microseconds; what is slower by less, nobody waits for


def _size(rows: int) -> int:
    return min(rows.bit_length(), _SIZES - 1)


def _time(microseconds: float) -> int:
    return min(int(4 * math.log2(microseconds + 1)), _TIMES - 1)


class Pace:
    """How long calls take, by how many rows they have.

    Args:
        tolerance: A call is slow that takes so many times as long as 95 of 100 usual ones, and at
            least a millisecond longer.
    """

    def __init__(self, tolerance: float = 2.0) -> None:
        self._tolerance = tolerance
        self._found = [[0] * _TIMES for _ in range(_SIZES)]
        self._slow = [math.inf] * _SIZES

    def saw(self, rows: int, microseconds: float) -> None:
        """Take note of a usual call."""
        self._found[_size(rows)][_time(microseconds)] += 1

    def is_slow(self, rows: int, microseconds: float) -> bool:
        """Return whether a call is slow beside what was usual when `learn` was called last."""
        return microseconds > self._slow[_size(rows)]

    def learn(self) -> None:
        """Find out what is usual now."""
        limit = math.inf  # where too little is known, calls of more rows tell
        for size in reversed(range(_SIZES)):
            usual = _quantile(self._found[size])
            if usual is not None:
                limit = max(self._tolerance * usual, usual + _LEAST_MORE)
            self._slow[size] = limit


def _quantile(found: list[int]) -> float | None:
    """Return what 95 of 100 calls took at most, in microseconds; None of too few."""
    total = sum(found)
    if total < _LEAST_CALLS:
        return None
    sofar = 0
    for place, count in enumerate(found):
        sofar += count
        if sofar >= _USUAL * total:
            return float(2 ** ((place + 1) / 4))
    raise AssertionError("the counts sum up to their total")
