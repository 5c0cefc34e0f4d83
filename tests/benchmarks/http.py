"""The HTTP kernel by itself: an app that sends back what it gets, and one that answers in turns.

The floor is a protocol of asyncio that reads nothing of what comes and writes the same answer each
time; what lies between is parsing, the guard, routes, limits and order. The server of the standard
library, with a thread for each connection, stands beside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any, cast

from lite_mlops.web import App, Request, Response, Route
from lite_mlops.web.kernel import Deferred
from tests.benchmarks.load import _SPAWN, Asked, Serving, serving
from tests.benchmarks.measuring import Figure, compared

_FLOOR = "asyncio that parses nothing"
_GOALS = {("echo", "processor time a request, 64 connections"): 12e-6}

_BODY = b'{"rows": [[' + b", ".join([b"0.125"] * 30) + b"]]}"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY


def echo() -> App:
    """Return an app that sends a body back."""
    return App([Route("POST", "/echo", lambda request: Response(200, request.body))])


class _Echoes:
    """Work that is cheap: all items that wait at once."""

    linger = 0.0
    slow = False

    def __init__(self) -> None:
        self._items: list[tuple[Any, Callable[[Any], None]]] = []

    def add(self, item: Any, done: Callable[[Any], None], until: float) -> None:
        """Take an item."""
        if monotonic() > until:
            raise AssertionError("an item came too late")
        self._items.append((item, done))

    def turn(self) -> bool:
        """Hand all items back."""
        items, self._items = self._items, []
        for item, done in items:
            done(item)
        return False

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._items)

    def now(self, item: Any) -> Any:
        """Hand the item back."""
        return item


def together() -> App:
    """Return an app that sends bodies back, all of one turn of the loop together."""
    work = _Echoes()

    def answer(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body))

    return App([Route("POST", "/echo", answer)])


class _Bare(asyncio.Protocol):
    """Answers whatever comes with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        """Answer."""
        self._transport.write(_ANSWER)


def _serve_bare(pipe: Connection) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Bare, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


class _Library(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        """Send the body back."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Be silent."""


class _Threads(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Be silent about clients that have gone."""


def _serve_library(pipe: Connection) -> None:
    server = _Threads(("127.0.0.1", 0), _Library)
    pipe.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def _other(serve: Callable[[Connection], None]) -> Iterator[Serving]:
    """A server that is not ours, in a process of its own."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield Serving(f"http://127.0.0.1:{ours.recv()}", process.pid or 0)
    finally:
        process.terminate()
        process.join()


def measure(*, quick: bool) -> list[Figure]:
    """Measure time and processor time a request, with 1 and with 64 connections."""
    seconds, repetitions = (0.5, 1) if quick else (2.0, 5)
    asked = [Asked("POST", "/echo", _BODY, headers={"Accept": "*/*", "User-Agent": "load"})]
    found: dict[tuple[str, str], list[float]] = {}
    with (
        serving(echo) as ours,
        serving(together) as turns,
        _other(_serve_bare) as bare,
        _other(_serve_library) as library,
    ):
        sides = {"echo": ours, "in turns": turns, "http.server": library, _FLOOR: bare}
        for _ in range(repetitions):
            for connections in (1, 64):
                for name, server in sides.items():
                    result, cpu = server.load(asked, connections=connections, seconds=seconds)
                    assert set(result.statuses) == {200}, result.statuses
                    for what, value in (
                        ("p50", result.p50),
                        ("p99", result.p99),
                        ("time a request", 1 / result.rate),
                        ("processor time a request", cpu),
                    ):
                        key = f"{what}, {connections} connection{'s'[: connections - 1]}"
                        found.setdefault((name, key), []).append(value)
    return [
        compared(
            f"{name}: {key}",
            values,
            found[_FLOOR, key],
            floor_is=_FLOOR,
            at_most=_GOALS.get((name, key)),
        )
        for (name, key), values in found.items()
        if name != _FLOOR
    ]
