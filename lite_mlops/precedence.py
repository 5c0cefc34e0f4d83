"""Precedence: threads that do large pieces of work give way to an event loop that is at work.

    loop = asyncio.SelectorEventLoop(Yielding())     # in the thread of the loop
    give_way()                                       # in others, between two pieces of work

Each call of the system in the loop lets another thread take the interpreter, and it takes that
thread's next pause to get it back: with dozens of calls in a turn, the answers to single rows would
wait for many pieces of the work on large bodies. So a turn waits for one piece at most.
"""

from __future__ import annotations

import os
import selectors
import threading

# How long work waits before each piece: it has to go on beside a loop that never rests.
_SECONDS = 0.005


class _Turn:
    """The turn of the event loop of this process; it is taken while the loop is at work."""

    taken = threading.Lock()
    by: int | None = None  # the thread of the loop

    @classmethod
    def forget(cls) -> None:
        """In a forked child, which has no loop yet."""
        cls.taken, cls.by = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Turn.forget)


def give_way() -> None:
    """Wait until the loop has nothing to do, for a few milliseconds at most; not in the loop."""
    if _Turn.by is None or _Turn.by == threading.get_ident():
        return
    lock = _Turn.taken
    if lock.acquire(timeout=_SECONDS):
        lock.release()


class Yielding(selectors.DefaultSelector):
    """A selector by which it is known whether its loop is at work."""

    def __init__(self) -> None:
        super().__init__()
        self._at_work = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as any selector does; who gave way may go on meanwhile."""
        if timeout is None or timeout > 0:
            self._rest()
        found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
        # Of several loops of a process one has the turn; and a thread may just be looking.
        if not self._at_work and _Turn.taken.acquire(blocking=False):
            self._at_work, _Turn.by = True, threading.get_ident()
        return found

    def _rest(self) -> None:
        if self._at_work:
            self._at_work, _Turn.by = False, None
            _Turn.taken.release()

    def close(self) -> None:
        """Let go, as any selector does."""
        self._rest()
        super().close()
