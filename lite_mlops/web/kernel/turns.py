"""Carries out answers that are made together: one piece of work for all that one turn has read.

    turns = Turns(asyncio.get_running_loop(), limits)
    turns.add(deferred, told)

What comes in while a piece of work is done piles up in the kernel; the loop reads all of it at
once, and it is the next piece. So the size of a piece fits the load by itself: an idle server adds
no wait, a busy one spreads the fixed cost of a call over many requests.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import get_ident
from time import monotonic
from typing import Any, Protocol

from lite_mlops.errors import Busy
from lite_mlops.precedence import give_way
from lite_mlops.web.kernel.limits import Limits
from lite_mlops.web.kernel.together import Deferred, Done, Together

log = logging.getLogger("lite_mlops")

FULL = "too many requests wait for an answer; try again in a moment."


def _nothing() -> None:
    pass


def _several() -> int:
    return 2


class Calls(Protocol):
    """What calls functions in threads."""

    def call(self, function: Callable[[], Any], done: Done) -> None:
        """Call a function in a thread; `done` is told its result or exception, in the loop.

        Raises:
            Busy: too many calls wait already.
        """


class Workers:
    """A few threads for what waits for a disk, and a bound on what waits for them.

    They do not keep the process alive: a call that never returns cannot hold up its end.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, threads: int, most: int) -> None:
        self._loop = loop
        self._most = most
        self._pending = 0
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Done] | None] = queue.SimpleQueue()
        self._limit = threads
        self._threads: list[threading.Thread] = []

    def call(self, function: Callable[[], Any], done: Done) -> None:
        """Call a function in a thread, as `Calls` does."""
        if self._pending >= self._most:
            raise Busy(FULL)
        self._pending += 1
        if len(self._threads) < min(self._limit, self._pending):
            thread = threading.Thread(target=self._work, name="lite-mlops-worker", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._calls.put((function, done))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            function, done = call
            give_way()
            result: Any
            try:
                result = function()
            except Exception as error:  # noqa: BLE001 (`done` tells it)
                result = error
            try:
                self._loop.call_soon_threadsafe(self._return, done, result)
            except RuntimeError:  # the loop is closed; nobody waits any more
                return

    def _return(self, done: Done, result: Any) -> None:
        self._pending -= 1
        done(result)

    def close(self, seconds: float) -> None:
        """Let the threads end, and wait for them as long as `seconds`."""
        until = monotonic() + seconds
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(max(0.0, until - monotonic()))


class Turns:
    """The work that waits, carried out in an event loop, in which all of this is called.

    Args:
        loop: The event loop.
        limits: How many items may wait, and how long.
        calls: Calls what is slow in a thread.
        connections: How many connections are open; with a single one nothing lingers.
        after: Is called after each piece of work, so that its answers are written together.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        calls: Calls,
        connections: Callable[[], int] = _several,
        after: Callable[[], None] = _nothing,
    ) -> None:
        self._loop = loop
        self._limits = limits
        self._connections = connections
        self._after = after
        self._thread = get_ident()
        self._calls = calls
        # Work that waits for its turn, and by when the oldest of its items is given up.
        self._scheduled: dict[Together, float] = {}
        # Work that runs in the thread, and the items that came meanwhile.
        self._away: dict[Together, list[tuple[Any, Done, float]]] = {}
        self._late: deque[tuple[Done, Any]] = deque()  # results from the thread
        self.turning = False
        # Is told of each piece of work how long, in seconds, the oldest of its items had waited.
        self.on_delay: Callable[[float], None] | None = None

    @property
    def away(self) -> bool:
        """Whether work is done in the thread at the moment."""
        return bool(self._away)

    @property
    def waiting(self) -> int:
        """How many items wait for their piece of work."""
        held = sum(len(items) for items in self._away.values())
        # While work is in the thread it is not asked: that is for one thread at a time.
        return held + sum(w.waiting for w in self._scheduled if w not in self._away)

    def add(self, deferred: Deferred, done: Done, *, alone: bool = False) -> None:
        """Take work on; `done` is told its result, or the exception it ended with, in the loop.

        Where nobody else is there whose items could join (`alone`), it is not put off.

        Raises:
            Busy: too many items wait already.
        """
        work, limits = deferred.work, self._limits
        until = monotonic() + limits.queue_seconds
        told = partial(self._done, done)
        away = self._away.get(work)
        if away is not None:
            if len(away) >= limits.queue:
                raise Busy(FULL)
            away.append((deferred.item, told, until))
            return
        if work.waiting >= limits.queue:
            raise Busy(FULL)
        work.add(deferred.item, told, until)
        if work not in self._scheduled:
            self._scheduled[work] = until
            if alone:
                self._turn(work)
            else:
                self._loop.call_soon(self._linger, work)

    def _done(self, done: Done, result: Any) -> None:
        if get_ident() == self._thread:
            done(result)
        else:
            self._late.append((done, result))

    def _linger(self, work: Together) -> None:
        linger = work.linger
        if linger > 0 and self._connections() > 1:
            self._loop.call_later(linger, self._turn, work)
        else:
            self._turn(work)

    def _tell_delay(self, work: Together, told: Callable[[float], None]) -> None:
        now = monotonic()
        since = self._scheduled[work] - self._limits.queue_seconds
        told(max(0.0, now - since))
        # What is left over, or comes now, waits for its turn since this one began.
        self._scheduled[work] = now + self._limits.queue_seconds

    def _turn(self, work: Together) -> None:
        if self.on_delay is not None:
            self._tell_delay(work, self.on_delay)
        if work.slow:
            self._away[work] = []
            self._calls.call(work.turn, partial(self._back, work))
            return
        self.turning = True
        more: Any
        try:
            more = work.turn()
        except Exception as error:  # noqa: BLE001 (`_go_on` logs it)
            more = error
        finally:
            self.turning = False
        self._go_on(work, more)

    def _back(self, work: Together, more: Any) -> None:
        """Go on after a piece that was done in the thread."""
        self.turning = True
        while self._late:
            done, result = self._late.popleft()
            done(result)
        came = self._away.pop(work)
        if came:
            self._scheduled[work] = came[0][2]
        for item, told, until in came:
            work.add(item, told, until)
        self.turning = False
        self._go_on(work, more)

    def _go_on(self, work: Together, more: Any) -> None:
        if isinstance(more, Exception):
            log.error("A piece of work for several requests failed", exc_info=more)
        self._after()  # which may bring new items
        if more is True or work.waiting:
            self._loop.call_soon(self._turn, work)  # after what has come in meanwhile was read
        else:
            self._scheduled.pop(work, None)

    async def result(self, deferred: Deferred) -> Any:
        """Return the result of work. Raises `Busy`, and what the work ended with."""
        future = self._loop.create_future()

        def told(result: Any) -> None:
            if future.done():  # nobody waits any more
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.add(deferred, told)
        return await future
