"""Answers that are made together: what one turn of the event loop has read is one piece of work.

A handler returns `Deferred(work, item, finish)` instead of an answer. Where there is an event loop
it gathers all items that came in with the same turn before the work is done; where there is none,
`now()` does the work for this one item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lite_mlops.web.kernel.http import Response

Done = Callable[[Any], None]


class Together(Protocol):
    """Work on items that is cheaper for many at once. Not for several threads at a time."""

    def add(self, item: Any, done: Done, until: float) -> None:
        """Take an item; `done` is told its result, or the exception that its work ended with.

        An item whose work did not begin by `until` (`time.monotonic()`) is given up with `Busy`.
        """

    def turn(self) -> bool:
        """Do one piece of the work that waits, and return whether more of it waits.

        A piece is bounded in time, so that others get their turn.
        """

    @property
    def waiting(self) -> int:
        """How many items wait."""

    @property
    def linger(self) -> float:
        """How many seconds it pays to wait for more items before the next piece; mostly 0."""

    @property
    def slow(self) -> bool:
        """Whether a piece takes so long that the loop has to go on meanwhile, in a thread."""

    def now(self, item: Any) -> Any:
        """Do the work for one item at once, in any thread, and return its result or raise."""


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes long to make, as a large one does: others are answered meanwhile."""

    make: Callable[[], Response]


@dataclass(slots=True, eq=False)  # making a frozen one takes four times as long
class Deferred:
    """An answer that waits for work which is done together with that of other requests.

    `finish` makes the answer of the result, in the loop; or it returns what makes it, in a thread.
    Both may raise errors of the package. Where the work may
    be done otherwise, `instead` is told the exception it ended with, and returns another result or
    raises.
    """

    work: Together
    item: Any
    finish: Callable[[Any], Response | Later]
    instead: Callable[[Exception], Any] | None = None
