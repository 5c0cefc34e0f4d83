"""What all connections of one server share, and the sweep over them that keeps the time limits."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from lite_mlops.web.kernel.answers import Answers
from lite_mlops.web.kernel.app import Admitted, App
from lite_mlops.web.kernel.http import Response
from lite_mlops.web.kernel.parsing import Head, Heads
from lite_mlops.web.kernel.routes import Route
from lite_mlops.web.kernel.turns import Turns, Workers

_SWEEP_SECONDS = 0.5
_THREADS, _CALLS = 4, 64  # of routes that wait
_READERS = 1  # of large bodies: several would only take the interpreter from each other
_TURNERS = 4  # threads of slow work: a version that is tried must not keep others waiting
_PARTIAL_SECONDS = 2.0  # for a request that is not whole when the server stops
_JOIN_SECONDS = 0.5
_BUFFER = 1 << 18
_RESERVE = 64  # connections beyond the limit that are told so


class Swept(Protocol):
    """A connection, as the sweep and the turns see it."""

    def sweep(self, now: float) -> None:
        """Look at the time limits."""

    def flush(self) -> None:
        """Write what is answered."""

    def abort(self) -> None:
        """Break off."""

    @property
    def stays(self) -> bool:
        """Whether it goes on after its next answer."""


class Traffic:
    """The connections of a server and what they share.

    Attributes:
        buffer: What connections are read into.
        connections: Those that are answered.
        reserve: Those beyond the limit, which are only told so.
        in_flight: Requests that came whole and wait for their answer.
        stopping: Whether every answer is the last of its connection.
        parting: So many connections are to end with their next answer.
        elsewhere: Whether further connections are left to the other processes of the server.
    """

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.limits = app.limits
        self.loop = loop
        self.heads = Heads(app.limits)
        self.answers = Answers()
        self.answers.tick()
        self.buffer = memoryview(bytearray(_BUFFER))
        self._turner = Workers(loop, _TURNERS, 1_000_000)  # what waits for it is bounded before
        self.turns = Turns(
            loop, app.limits, self._turner, lambda: len(self.connections), self.flush
        )
        self.workers = Workers(loop, _THREADS, _CALLS)
        self.readers = Workers(loop, _READERS, _CALLS)
        self.connections: set[Swept] = set()
        self.reserve: set[Swept] = set()
        self.touched: list[Swept] = []
        self.in_flight = 0
        self.stopping = self.elsewhere = False
        self.parting = 0.0
        self._most = app.limits.connections
        self.idle_until = self.partial_until = float("inf")
        self._same_again = app.guard.tokens is None
        self._folder: Path | None = None
        self._interval = min(_SWEEP_SECONDS, self._shortest() / 4)
        self._timer = loop.call_later(self._interval, self._sweep)

    def _shortest(self) -> float:
        limits = self.limits
        times = (limits.head_seconds, limits.body_seconds, limits.idle_seconds)
        return max(0.05, min(*times, limits.request_seconds, limits.write_seconds))

    def admit(self, head: Head) -> Admitted | Response:
        """Return the route of a request, or why it is turned away."""
        kept = head.kept
        if kept is not None:
            return kept  # type: ignore[no-any-return]
        request = head.request
        try:
            admitted = self.app.admit(request)
        except Exception as error:  # noqa: BLE001 (a server has to go on; `failed` logs it)
            return self.app.failed(request, error)
        if isinstance(admitted, Admitted):
            head.request = request.given(params=admitted.params)
            if self._same_again:
                head.kept = admitted
                head.whole = self._is_plain(head, admitted.route)
        return admitted

    def _is_plain(self, head: Head, route: Route) -> bool:
        room = route.body_bytes or self.limits.body_bytes
        packed = "content-encoding" in head.request.headers
        return 0 <= head.length <= room and not packed and not route.to_file

    def has_room(self) -> bool:
        """Return whether one more connection may be answered."""
        return len(self.connections) < self._most

    def left(self) -> int:
        """Return how many more connections can be taken, to be answered or told of the limit."""
        return self._most + _RESERVE - len(self.connections) - len(self.reserve)

    def share(self, most: int, keep: int | None) -> None:
        """Answer at most so many connections, as others answer the rest.

        With `keep` no further ones are taken, and what is beyond that number ends with its next
        answer: clients connect again, and others take them.
        """
        self._most = most
        self.elsewhere = keep is not None
        if not self.stopping:
            staying = sum(connection.stays for connection in self.connections)
            self.parting = 0.0 if keep is None else max(0.0, float(staying - keep))

    def folder(self) -> Path:
        """Return where bodies lie that are taken as files."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lite-mlops-bodies-"))
        return self._folder

    def flush(self) -> None:
        """Write the answers that a piece of work has brought."""
        touched, self.touched = self.touched, []
        for connection in touched:
            connection.flush()

    # -- time -----------------------------------------------------------------------------------

    def _sweep(self) -> None:
        self._timer = self.loop.call_later(self._interval, self._sweep)
        self.sweep()

    def sweep(self) -> None:
        """Look at the time limits of all connections."""
        self.answers.tick()
        now = self.loop.time()
        for connection in [*self.connections, *self.reserve]:
            connection.sweep(now)

    # -- the end --------------------------------------------------------------------------------

    def stop(self, grace: float) -> None:
        """Have every answer be the last of its connection; silent ones are closed after `grace`."""
        now = self.loop.time()
        self.stopping = True
        self.parting = float("inf")
        self.idle_until = now + grace
        self.partial_until = now + grace + _PARTIAL_SECONDS

    async def drained(self, seconds: float) -> None:
        """Return when no connection is left; after `seconds` those that are get broken off."""
        until = self.loop.time() + seconds
        while self._open() and self.loop.time() < until:
            self.sweep()
            await asyncio.sleep(0.01)
        for connection in [*self.connections, *self.reserve]:
            connection.abort()

    def _open(self) -> bool:
        """Return whether there are connections, or some that have been accepted and will be."""
        return bool(self.connections or self.reserve) or len(asyncio.all_tasks(self.loop)) > 1

    def close(self) -> None:
        """Let go of threads and files."""
        self._timer.cancel()
        self._turner.close(_JOIN_SECONDS)
        self.workers.close(_JOIN_SECONDS)
        self.readers.close(_JOIN_SECONDS)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
