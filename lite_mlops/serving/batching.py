"""Batching: rows of many requests are one question to the model.

All that came in while the model was busy is asked together next, so a server without load adds no
delay, and one under load batches by itself (no thread, no window). Where a call is dear, it pays to
wait for a few per cent of its cost for those who were just answered and will ask again.

    batching = Batching(ask)
    batching.add(table, done, until)
    while batching.turn(): ...
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lite_mlops.errors import Busy
from lite_mlops.models import Table

R = TypeVar("R")  # what is answered to some rows, such as arrays
Done = Callable[[Any], None]

# One call of the model should not keep others from being read for longer than this. Plans, which
# cost next to nothing beyond their rows, are asked in finer pieces.
PIECE_SECONDS, PLAN_SECONDS = 0.02, 0.001
_FIRST_PIECE, _LARGEST_PIECE = 1_024, 65_536  # rows
SMALLEST_PIECE, SMALLEST_OF_PLAN = 256, 64
# A call that takes longer than this is made in a thread, while the loop goes on.
_SLOW_SECONDS = 0.05
# Waiting for stragglers: only for calls dearer than this, and at most so long.
_DEAR_SECONDS, _LINGER_SHARE, _LINGER_SECONDS = 0.0005, 0.05, 0.001
_MEMORY = 0.2  # the weight of the latest call in the mean cost
_FORGETTING = 0.05  # by how much the cost of the quickest call grows with each that is slower


@dataclass(slots=True)
class _Waiting(Generic[R]):
    table: Table
    done: Done
    until: float
    parts: list[R] = field(default_factory=list)
    start: int = 0  # the first row that is not answered yet


class Batching(Generic[R]):
    """Asks for the rows of many requests at once; see `lite_mlops.web.kernel.Together`.

    Args:
        ask: Answers tables as if they were one; it gives one result for each, or raises.
        join: Makes one result of those of the parts of a table, in order.
        slow: Whether calls are always to be made in a thread.
        piece_seconds: How long a call of many rows should take at most, so that others get theirs.
        smallest: The rows of a call that is not made smaller for their sake.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Table]], list[R]],
        join: Callable[[Sequence[R]], R],
        *,
        slow: bool = False,
        piece_seconds: float = PIECE_SECONDS,
        smallest: int = SMALLEST_PIECE,
    ) -> None:
        self._smallest = smallest
        self._always_slow = slow
        self._ask = ask
        self._join = join
        self._small: deque[_Waiting[R]] = deque()
        self._large: deque[_Waiting[R]] = deque()
        self._large_is_next = False
        self._piece_seconds = piece_seconds
        self._piece = _FIRST_PIECE
        self._cost = 0.0  # seconds of a call, a moving mean
        self._least = math.inf  # about those of the quickest of the latest calls
        self._batches = (0, 0)  # the requests of the last two calls

    # -- what a loop asks -----------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._small) + len(self._large)

    @property
    def slow(self) -> bool:
        """Whether calls take so long that they are to be made in a thread."""
        return self._always_slow or self._cost > _SLOW_SECONDS

    @property
    def linger(self) -> float:
        """How many seconds to wait for those who were answered last and will ask again."""
        if self._cost < _DEAR_SECONDS or self.waiting >= sum(self._batches):
            return 0.0
        return min(_LINGER_SHARE * self._cost, _LINGER_SECONDS)

    # -- work -----------------------------------------------------------------------------------

    def add(self, item: Table, done: Done, until: float) -> None:
        """Take the rows of a request; `done` is told the result, or the exception."""
        queue = self._small if len(item) <= self._piece else self._large
        queue.append(_Waiting(item, done, until))

    def turn(self) -> bool:
        """Make one call for what waits, and return whether more waits."""
        if self._large and (self._large_is_next or not self._small):
            self._large_is_next = False
            self._some_of_large()
        elif self._small:
            self._large_is_next = True
            self._all_small()
        return bool(self._small or self._large)

    def now(self, item: Table) -> R:
        """Return the result for the rows of one request; in any thread."""
        (result,) = self._ask([item])
        return result

    def warm(self, item: Table) -> R:
        """Return the result for some rows, and learn from it what a call costs."""
        started = time.perf_counter()
        result = self.now(item)
        self._learn(time.perf_counter() - started, 1, len(item))
        return result

    def _all_small(self) -> None:
        taken: list[_Waiting[R]] = []
        rows = 0
        now = time.monotonic()
        while self._small and (
            not taken or rows + len(self._small[0].table) <= max(self._piece, self._smallest)
        ):
            one = self._small.popleft()
            if one.until < now:
                one.done(_overdue())
                continue
            taken.append(one)
            rows += len(one.table)
        if not taken:
            return
        started = time.perf_counter()
        try:
            results: Sequence[Any] = self._ask([one.table for one in taken])
        except Exception as error:  # noqa: BLE001 (whoever asked is told)
            results = [error] if len(taken) == 1 else [self._alone(one.table) for one in taken]
        self._learn(time.perf_counter() - started, len(taken), rows)
        for one, result in zip(taken, results, strict=True):
            one.done(result)

    def _alone(self, table: Table) -> Any:
        """Return the result for one of several requests that could not be answered together."""
        try:
            return self.now(table)
        except Exception as error:  # noqa: BLE001 (whoever asked is told)
            return error

    def _some_of_large(self) -> None:
        one = self._large[0]
        if not one.start and one.until < time.monotonic():
            self._large.popleft()
            one.done(_overdue())
            return
        stop = min(one.start + self._piece, len(one.table))
        started = time.perf_counter()
        try:
            one.parts.append(self.now(one.table.part(one.start, stop)))
        except Exception as error:  # noqa: BLE001 (whoever asked is told)
            self._large.popleft()
            one.done(error)
            return
        self._learn(time.perf_counter() - started, 1, stop - one.start)
        one.start = stop
        if stop == len(one.table):
            self._large.popleft()
            one.done(self._join(one.parts))

    def _learn(self, seconds: float, requests: int, rows: int) -> None:
        self._cost = seconds if not self._cost else self._cost + _MEMORY * (seconds - self._cost)
        self._batches = (self._batches[1], requests)
        self._least = min(seconds, (1 + _FORGETTING) * self._least)
        # Where a call takes about as long for a single row, fewer rows would not make it shorter.
        by_rows = seconds > 2 * self._least
        if seconds > self._piece_seconds and rows > self._smallest and by_rows:
            self._piece = max(self._smallest, rows // 2)
        elif seconds < self._piece_seconds / 2 and rows * 2 > self._piece:
            self._piece = min(_LARGEST_PIECE, self._piece * 2)


def _overdue() -> Busy:
    return Busy("The server is busy: the request waited too long for its turn. Try again.")
