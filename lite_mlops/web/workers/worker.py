"""One worker: serves as `lite-mlops serve` does, on a port that it shares, as it is told to.

It ends when it is told to, and when nobody is there who could tell it: once its standard input is
closed it takes who waits at the port, answers, and goes, so that no port is held by an orphan.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import queue
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, Any

from lite_mlops import errors
from lite_mlops.errors import LiteMlopsError
from lite_mlops.project import Project
from lite_mlops.security.tokens import matches
from lite_mlops.serving import open_bundle
from lite_mlops.web.kernel import Limits
from lite_mlops.web.kernel.server import GRACE_SECONDS
from lite_mlops.web.serving import Doors, Serving, ServingServer, serve_references
from lite_mlops.web.start import start_lines
from lite_mlops.web.workers.measuring import Measuring
from lite_mlops.web.workers.messages import Asked, Standing, line_of
from lite_mlops.web.workers.sums import Published
from lite_mlops.web.workers.trials import Counted

_TELL_SECONDS = 0.1
_PUBLISH_EVERY = 5  # times that it tells
_WAITING = 20  # messages, beyond which how it stands is not told: nobody reads
_LAST_SECONDS = 2.0  # beyond what draining takes


def main() -> None:
    """Serve what the first line of the standard input says, until told to end."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the supervisor is told, and tells us
        signal.signal(number, signal.SIG_IGN)
    # Whatever else is printed in this process must not come between our lines.
    telling = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    first = sys.stdin.readline()
    if first:
        Worker(json.loads(first), sys.stdin, telling).run()


class Worker:
    """What runs in the process of a worker.

    Args:
        told: What it is to serve, and where.
        orders: Where further orders come from.
        telling: Where it tells how it stands.
    """

    def __init__(self, told: dict[str, Any], orders: IO[str], telling: IO[str]) -> None:
        self._number: int = told["number"]
        self._folder = Path(told["folder"])
        self._asked = Asked.from_dict(told["asked"])
        self._port = _socket_of(told["port"])
        self._orders = orders
        self._telling = telling
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._teller = threading.Thread(target=self._tell, name="lite-mlops-tell", daemon=True)
        self._published = Published(self._folder)
        self._counted = Counted(self._folder, self._number)
        self._ticks = 0
        self._put = ""
        self._orphan = False
        self._serving: Serving
        self._server: ServingServer
        self._measuring: Measuring
        self._begun = threading.Event()
        self._loop: asyncio.AbstractEventLoop

    def run(self) -> None:
        """Serve until told to end."""
        self._teller.start()
        threading.Thread(target=self._listen, name="lite-mlops-orders", daemon=True).start()
        try:
            self._serving = _serving(self._asked, self._say, self._counted)
            self._server = self._serving.on(
                host=self._asked.host,
                certfile=self._asked.certfile,
                keyfile=self._asked.keyfile,
                shared=self._port,
            )
        except LiteMlopsError as error:
            self._port.close()
            self._lines.put(line_of("failed", error=_kind_of(error), text=str(error)))
            self._end_telling()
            return
        self._measure()
        self._server.run()
        self._publish()
        self._lines.put(self._standing_line(delay=0.0, busy=0.0))
        self._end_telling()
        if self._orphan:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _measure(self) -> None:
        server = self._server.server
        self._measuring = Measuring(self._serving.delays.observe)
        server.loop_factory = self._measuring.loop
        server.on_start.append(self._begin)
        self._serving.meter.whole = self._whole

    # -- in the event loop ----------------------------------------------------------------------

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._begun.set()
        traffic = self._server.server.traffic
        assert traffic is not None
        traffic.turns.on_delay = self._measuring.delay
        lines = start_lines(self._serving, self._server.url, needed=self._asked.needs_token)
        served = [reference for reference, _ in self._serving.opened.served]
        self._lines.put(line_of("ready", lines=lines, served=served))
        self._tick()

    def _tick(self) -> None:
        self._loop.call_later(_TELL_SECONDS, self._tick)
        traffic = self._server.server.traffic
        away = traffic is not None and traffic.turns.away
        delay, busy = self._measuring.taken(away=away)
        if self._lines.qsize() < _WAITING:
            self._lines.put(self._standing_line(delay, busy))
        self._ticks += 1
        if self._ticks % _PUBLISH_EVERY == 0:
            self._publish()

    def _standing_line(self, delay: float, busy: float) -> str:
        connections = self._server.server.connections
        standing = Standing(connections, delay, busy, **asdict(self._serving.tally()))
        return line_of("standing", **asdict(standing))

    def _publish(self) -> None:
        text = self._serving.meter.expose()
        if text != self._put:  # an idle server writes nothing
            self._put = text
            self._published.put(self._number, text)

    def _whole(self, text: str) -> str:
        """Return what all workers count, of which this one has counted `text`."""
        self._published.put(self._number, text)
        return self._published.whole()

    # -- orders, in a thread --------------------------------------------------------------------

    def _listen(self) -> None:
        """Follow orders; until it answers, the only one is to end."""
        for line in self._orders:
            order = json.loads(line)
            kind = order.pop("kind")
            if kind == "share":
                self._in_loop(partial(self._share, **order))
            elif kind == "readiness":
                self._serving.readiness.reason = order["reason"]
            elif kind == "judge":
                self._counted.judges = order["on"]
            elif kind == "leave":
                self._server.server.leave()
            elif kind == "end":
                break
        else:
            self._orphan = True
        if not self._begun.is_set():  # it has answered nobody
            os._exit(0)
        self._server.server.stop(GRACE_SECONDS)
        # A model that never returns must not hold the port.
        threading.Event().wait(self._serving.app.limits.drain_seconds + _LAST_SECONDS)
        os._exit(1)

    def _in_loop(self, action: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action)

    def _share(self, most: int, keep: int | None) -> None:
        traffic = self._server.server.traffic
        if traffic is not None:
            traffic.share(most, keep)

    # -- telling, in a thread -------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self._lines.put(line_of("say", text=text))

    def _tell(self) -> None:
        with suppress(OSError):  # nobody is there who would read it
            while (line := self._lines.get()) is not None:
                self._telling.write(line)
                self._telling.flush()

    def _end_telling(self) -> None:
        self._lines.put(None)
        self._teller.join()
        with suppress(OSError):
            self._telling.close()


def _socket_of(port: Any) -> socket.socket:
    if sys.platform == "win32":  # pragma: no cover
        if isinstance(port, str):
            return socket.fromshare(base64.b64decode(port))
    return socket.socket(fileno=port)


def _serving(asked: Asked, say: Callable[[str], None], counts: Counted) -> Serving:
    """Return what serves what is asked. Raises as `serve_references` and `serve_bundle`."""
    limits = Limits(**asked.limits)
    doors = Doors(hosts=asked.hosts, origins=asked.origins, limits=limits)
    if asked.project is not None:
        return serve_references(
            Project(asked.project, **asked.settings),
            asked.references,
            doors=doors,
            require_token=asked.require_token,
            say=say,
            counts=counts,
            **asked.options,
            **asked.decided,
        )
    known = asked.token_hash
    if known is not None:
        doors = Doors(
            hosts=asked.hosts,
            origins=asked.origins,
            limits=limits,
            tokens=lambda token: matches(token, [known]),
        )
    return Serving(open_bundle(Path(asked.references[0]), **asked.options), None, doors)


def _kind_of(error: LiteMlopsError) -> str:
    """Return the name of the kind of an error, of which `errors` has the class."""
    return next(one.__name__ for one in type(error).__mro__ if hasattr(errors, one.__name__))
