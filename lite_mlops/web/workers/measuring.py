"""Measuring: how busy an event loop is, and how long requests wait in it.

Both cost a worker a look at the clock for each turn. A server of one process counts only how long
requests wait.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from time import monotonic

from lite_mlops.precedence import Yielding


class Idling(Yielding):
    """A selector that knows how long it has waited for something to happen."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as any selector does."""
        begun = monotonic()
        try:
            found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
            return found
        finally:
            self.waited += monotonic() - begun


class Measuring:
    """What one event loop is measured by, since it was last asked."""

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._selector = Idling()
        self._begun = monotonic()
        self._waited = 0.0
        self._delays = 0.0
        self._turns = 0

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that is measured."""
        return asyncio.SelectorEventLoop(self._selector)

    def delay(self, seconds: float) -> None:
        """Take note of how long the oldest request of a turn has waited."""
        self._delays += seconds
        self._turns += 1
        self._observe(seconds)

    def taken(self, *, away: bool) -> tuple[float, float]:
        """Return the mean delay and the share of the time that it was busy, since the last time.

        Where work is `away` in a thread, the loop waits for that and is not free.
        """
        now, waited = monotonic(), self._selector.waited
        lasted = max(now - self._begun, 1e-9)
        busy = 1.0 if away else min(1.0, max(0.0, 1.0 - (waited - self._waited) / lasted))
        delay = self._delays / self._turns if self._turns else 0.0
        self._begun, self._waited = now, waited
        self._delays, self._turns = 0.0, 0
        return delay, busy
