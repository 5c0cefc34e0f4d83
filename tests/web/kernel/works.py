"""Work of several requests together, as slow and as faulty as a test needs it."""

from __future__ import annotations

import threading
import time
from typing import Any

from lite_mlops.errors import Busy
from lite_mlops.web.kernel.together import Done


class Work:
    """Gives items back; notes the pieces, and the threads they ran in.

    Attributes:
        seconds: How long a piece takes.
        most: Items of a piece.
        gate: A piece waits until it is set.
    """

    def __init__(
        self, seconds: float = 0.0, *, most: int = 1_000, slow: bool = False, linger: float = 0.0
    ) -> None:
        self.seconds = seconds
        self.most = most
        self.slow = slow
        self.linger = linger
        self.pieces: list[list[Any]] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self._items: list[tuple[Any, Done, float]] = []

    def add(self, item: Any, done: Done, until: float) -> None:
        self._items.append((item, done, until))

    def turn(self) -> bool:
        self.gate.wait(30)
        self.threads.add(threading.current_thread().name)
        now = time.monotonic()
        late = [one for one in self._items if one[2] < now]
        fresh = [one for one in self._items if one[2] >= now]
        piece, self._items = fresh[: self.most], fresh[self.most :]
        for _, done, _ in late:
            done(Busy("it waited too long."))
        if piece:
            if self.seconds:
                time.sleep(self.seconds)
            self.pieces.append([item for item, _, _ in piece])
            if any(item == b"raise" for item, _, _ in piece):
                raise ZeroDivisionError
            for item, done, _ in piece:
                done(ValueError("why") if item == b"fail" else item)
        return bool(self._items)

    @property
    def waiting(self) -> int:
        return len(self._items)

    def now(self, item: Any) -> Any:
        return item
