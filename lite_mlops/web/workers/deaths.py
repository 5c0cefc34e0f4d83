"""Deaths: a worker that dies is replaced, and at some point no more.

What kills one worker soon kills the next; starting them for ever would hide that, and burn a
processor. So after a few deaths within a minute no more is started, and somebody has to look.
"""

from __future__ import annotations

import signal
from collections import deque
from contextlib import suppress

MOST, SECONDS = 5, 60.0


class Deaths:
    """When workers died, as far as it still counts."""

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most = most
        self._seconds = seconds
        self._times: deque[float] = deque()

    def add(self, at: float) -> bool:
        """Take note of one, and return whether it is one too many."""
        self._times.append(at)
        while self._times[0] <= at - self._seconds:
            self._times.popleft()
        return len(self._times) > self._most

    def too_many(self, last: str) -> str:
        """Return why no more is started, in a sentence."""
        return (
            f"{len(self._times)} workers died within {self._seconds:.0f} s, the last of {last}; no "
            "more is started. Look for the cause, and start the server again."
        )


def cause_of(code: int) -> str:
    """Return what a process ended of, by its exit code as `subprocess` tells it."""
    if code < 0:
        name = ""
        with suppress(ValueError):
            name = f" ({signal.Signals(-code).name})"
        return f"signal {-code}{name}"
    return f"exit code {code}"
