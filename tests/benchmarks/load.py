"""Load for HTTP servers: kept connections, fixed bodies, from a process of its own.

    with serving(app_of_mine) as server:
        found, cpu = server.load([Asked("POST", "/predict", body)], connections=64, seconds=2)
        found.rate, found.p50, found.p99, cpu

`app_of_mine` is a function at the top of a module that returns an app; it is called in the process
of the server. Every connection sends a request when it has the answer to the one before (a closed
loop), so the rate is what the server can do with that many clients.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import psutil

from lite_mlops.web import App, Server
from tests.benchmarks.measuring import percentile

_SPAWN = multiprocessing.get_context("spawn")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WARM_UP = 0.3  # of a load, in seconds
_IDLE_SECONDS = 3.0
_SECONDS = 60.0


@dataclass(frozen=True)
class Asked:
    """A request that is sent again and again."""

    method: str
    path: str
    body: bytes = b""
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def wire(self, host: str) -> bytes:
        """Return it as it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines += [f"Content-Type: {self.media}", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Load:
    """What a load has found; times are seconds."""

    seconds: float
    count: int
    statuses: dict[int, int]
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.count / self.seconds


class _Client:
    """One connection, which always waits for one answer."""

    __slots__ = ("address", "begun", "closes", "got", "place", "socket")

    def __init__(self, address: tuple[str, int], place: int) -> None:
        self.address = address
        self.place = place
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self.address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.closes = False
        self.got = b""
        self.begun = 0.0

    def ask(self, wires: Sequence[bytes]) -> None:
        self.place = (self.place + 1) % len(wires)
        self.begun = time.perf_counter()
        self.socket.sendall(wires[self.place])

    def answer(self) -> int:
        """Return the status once the answer is there, else 0."""
        block = self.socket.recv(1 << 18)
        if not block:
            raise ConnectionError("the server closed a connection")
        self.got = self.got + block if self.got else block
        end = self.got.find(b"\r\n\r\n")
        if end < 0:
            return 0
        length = _LENGTH.search(self.got, 0, end + 2)
        if len(self.got) < end + 4 + (int(length[1]) if length else 0):
            return 0
        status = int(self.got[9:12])
        self.closes = b"\r\nConnection: close\r\n" in self.got[: end + 2]
        self.got = b""
        return status


def _drive(
    address: tuple[str, int], wires: Sequence[bytes], connections: int, seconds: float, pid: int
) -> tuple[Load, float]:
    clients = [_Client(address, place) for place in range(connections)]
    processes = _family(pid)
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.ask(wires)
        begin = time.perf_counter()
        counted = begin + min(_WARM_UP, seconds / 2)
        cpu = 0.0
        latencies: list[float] = []
        statuses: Counter[int] = Counter()
        while (now := time.perf_counter()) < begin + seconds:
            if now >= counted and not cpu and processes:
                counted, cpu = now, _cpu(processes)
                latencies.clear()
                statuses.clear()
            for key, _ in selector.select(1.0):
                client = key.data
                status = client.answer()
                if status:
                    latencies.append(time.perf_counter() - client.begun)
                    statuses[status] += 1
                    if client.closes:  # another worker of the server is to have it
                        selector.unregister(client.socket)
                        client.socket.close()
                        client.connect()
                        selector.register(client.socket, selectors.EVENT_READ, client)
                    client.ask(wires)
        took = time.perf_counter() - (counted if cpu else begin)
        used = _cpu(processes) - cpu
    for client in clients:
        client.socket.close()
    _wait_until_idle(processes)
    found = Load(
        took,
        len(latencies),
        dict(statuses),
        percentile(latencies, 0.5) if latencies else took,
        percentile(latencies, 0.99) if latencies else took,
    )
    return found, used


def _family(pid: int) -> list[Any]:
    """Return a server and the processes that work for it."""
    if not pid:
        return []
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def _wait_until_idle(processes: Sequence[Any]) -> None:
    """Wait for a server that goes on working for clients which have gone, for a few seconds."""
    used, until = _cpu(processes), time.perf_counter() + _IDLE_SECONDS
    while time.perf_counter() < until:
        time.sleep(0.05)
        before, used = used, _cpu(processes)
        if used - before <= 0.01:
            return


def _cpu(processes: Sequence[Any]) -> float:
    """Return the processor seconds of processes so far."""
    times = [process.cpu_times() for process in processes]
    return float(sum(one.user + one.system for one in times))


@dataclass
class Serving:
    """A server in a process of its own.

    Attributes:
        url: Where it answers.
        pid: Its process.
    """

    url: str
    pid: int

    def load(
        self, asked: Sequence[Asked], *, connections: int, seconds: float
    ) -> tuple[Load, float]:
        """Put a load on it; return what came back and its processor seconds for each answer."""
        found, used = _in_process(self.url, asked, connections, seconds, self.pid)
        return found, used / max(1, found.count)

    def load_beside(
        self,
        asked: tuple[Sequence[Asked], int],
        others: tuple[Sequence[Asked], int],
        *,
        seconds: float,
    ) -> Load:
        """Put two loads on it at once, each some requests and connections; return the first."""
        begun = [_begun(self.url, *one, seconds, 0) for one in (others, asked)]
        *_, found = [one.result()[0] for one in begun]
        return found


def load(url: str, asked: Sequence[Asked], *, connections: int, seconds: float) -> Load:
    """Put a load on any server, from a process of its own."""
    return _in_process(url, asked, connections, seconds, 0)[0]


def _in_process(
    url: str, asked: Sequence[Asked], connections: int, seconds: float, pid: int
) -> tuple[Load, float]:
    return _begun(url, asked, connections, seconds, pid).result()


def _begun(
    url: str, asked: Sequence[Asked], connections: int, seconds: float, pid: int
) -> Future[tuple[Load, float]]:
    parts = urlsplit(url)
    address = (str(parts.hostname), parts.port or 80)
    wires = [one.wire(parts.netloc) for one in asked]
    return _drivers().submit(_drive, address, wires, connections, seconds, pid)


@cache
def _drivers() -> ProcessPoolExecutor:
    """Return the processes of all loads: starting one takes longer than most loads."""
    return ProcessPoolExecutor(2, mp_context=_SPAWN)


def _serve(pipe: Connection, make: Callable[..., App], given: tuple[Any, ...]) -> None:
    server = Server(make(*given))
    pipe.send(server.url)
    server.run()


@contextmanager
def serving(make: Callable[..., App], *given: Any) -> Iterator[Serving]:
    """Serve the app that `make(*given)` returns, in a process of its own, for the time being."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, make, given))
    process.start()
    try:
        if not ours.poll(_SECONDS):
            raise TimeoutError("the server did not start")
        yield Serving(ours.recv(), process.pid or 0)
    finally:
        process.terminate()
        process.join()


def rows(count: int, columns: int) -> bytes:
    """Return a body of JSON with rows of numbers."""
    row = [round(0.1 * place, 3) for place in range(columns)]
    return json.dumps({"rows": [row] * count}).encode()
