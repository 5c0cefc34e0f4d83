"""Processes that are told to end under load: whoever was let in is answered, and it ends well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.web.kernel.wire import GET, Client, post

# How often; LITE_MLOPS_TEST_STOPS=50 for a longer look.
STOPS = int(os.environ.get("LITE_MLOPS_TEST_STOPS", "4"))
ASKED = [GET, post("/together", b"abc"), post("/wait", b""), post("/together", b"d" * 5_000)]


@contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and where it answers."""
    started = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.web.kernel.stopped"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        yield started, started.stdout.readline().strip()
    finally:
        started.kill()
        started.communicate()


class Asking:
    """A client that asks until it is refused; each request it could send has to be answered.

    Attributes:
        seen: How many answers of each status there were.
        lost: Requests that were let in and got no answer.
    """

    def __init__(self, url: str, *, kept: bool) -> None:
        self.url = url
        self.kept = kept
        self.seen: Counter[int] = Counter()
        self.lost = 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        number = 0
        while True:
            try:
                client = Client(self.url)
            except ConnectionRefusedError:
                return
            with client:
                goes_on = True
                while goes_on:
                    number += 1
                    goes_on = self._ask(client, ASKED[number % len(ASKED)]) and self.kept

    def _ask(self, client: Client, wire: bytes) -> bool:
        try:
            answer = client.send(wire).answer()
        except ConnectionError:
            answer = None
        if answer is None:
            self.lost += 1
            return False
        self.seen[answer.status] += 1
        return answer.headers.get("connection") != "close"


@pytest.mark.parametrize("number", range(STOPS))
def test_no_request_that_was_let_in_is_lost(number: int) -> None:
    told = (signal.SIGTERM, signal.SIGINT)[number % 2]
    with process() as (server, url):
        clients = [Asking(url, kept=kept) for kept in (True, True, True, True, False, False)]
        while sum(sum(client.seen.values()) for client in clients) < 50 + 13 * number:
            time.sleep(0.001)
        begin = time.monotonic()
        server.send_signal(told)
        out, errors = server.communicate(timeout=12)
        assert time.monotonic() - begin < 12
        for client in clients:
            client.thread.join()
        assert [client.lost for client in clients] == [0] * len(clients)
        assert set(sum((client.seen for client in clients), Counter())) == {200}
        assert (server.returncode, out.strip(), errors) == (0, told.name, "")


def test_a_silent_connection_does_not_hold_it_up() -> None:
    with process() as (server, url), Client(url) as silent, Client(url) as half:
        assert silent.ask(GET).status == 200
        half.send(GET[:-2])
        server.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        assert silent.closed()
        answer = half.answer()
        assert answer is not None
        assert answer.status == 503
        half.socket.close()
        assert server.wait(12) == 0
        assert time.monotonic() - begin < 12


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(second: signal.Signals) -> None:
    with process() as (server, url), Client(url) as client:
        client.send(post("/stay", b""))
        with Client(url) as other:  # the loop works for a minute, and looks at nothing
            other.socket.settimeout(0.1)
            with suppress(TimeoutError):
                while True:
                    other.ask(GET)
        server.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.2)
        server.send_signal(second)
        assert server.wait(5) == -second
