"""A port that several servers take connections from: they share them out, and one may leave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from lite_mlops.web import App, Request, Response, Route, Server
from lite_mlops.web.kernel import Deferred
from lite_mlops.web.kernel.port import bound
from tests.conftest import wait_until
from tests.web.kernel.wire import GET, Client, post
from tests.web.kernel.works import Work


def named(name: str) -> App:
    """An app that tells its name."""
    return App([Route("GET", "/", lambda _: Response.json(name))])


@contextmanager
def two() -> Iterator[tuple[Server, Server]]:
    """Two servers on one port."""
    with bound("127.0.0.1", 0) as port:
        first = Server(named("first"), shared=port.dup())
        second = Server(named("second"), shared=port.dup())
        with first, second:
            yield first, second


def share(server: Server, most: int, keep: int | None) -> None:
    """Tell a server, in its loop, what it may have."""
    done = threading.Event()
    traffic = server.traffic
    assert traffic is not None

    def told() -> None:
        traffic.share(most, keep)
        done.set()

    traffic.loop.call_soon_threadsafe(told)
    assert done.wait(10)


def test_both_answer_at_one_address() -> None:
    with two() as (first, second), ExitStack() as clients:
        assert first.url == second.url
        share(first, 10, 0)
        client = clients.enter_context(Client(first.url))
        assert client.ask(GET).json() == "second"
        share(second, 10, 0)
        share(first, 10, None)
        assert clients.enter_context(Client(first.url)).ask(GET).json() == "first"


def test_what_is_beyond_its_share_ends_with_its_next_answer() -> None:
    with two() as (first, second), ExitStack() as stack:
        share(second, 10, 0)
        clients = [stack.enter_context(Client(first.url)) for _ in range(5)]
        for client in clients:
            assert client.ask(GET).json() == "first"
        share(second, 10, None)
        share(first, 10, 3)
        kept = [client.ask(GET).headers.get("connection") for client in clients]
        assert kept == ["close"] * 2 + [None] * 3
        assert all(client.closed() for client in clients[:2])  # they have been answered
        again = [stack.enter_context(Client(first.url)) for _ in range(2)]
        assert [client.ask(GET).json() for client in again] == ["second"] * 2
        for client in clients[2:]:  # nothing more ends
            assert client.ask(GET).headers.get("connection") is None
        share(first, 10, 3)  # the same share again takes nothing more away
        assert [c.ask(GET).headers.get("connection") for c in clients[2:]] == [None] * 3


def test_requests_that_were_sent_together_are_answered_before_a_connection_ends() -> None:
    with two() as (first, second), ExitStack() as stack:
        share(second, 10, 0)
        client = stack.enter_context(Client(first.url))
        client.ask(GET)
        share(first, 10, 0)
        client.send(GET * 3)
        found = [client.answer() for _ in range(3)]
        assert [one is not None and one.json() for one in found] == ["first"] * 3
        assert [one.headers.get("connection") for one in found if one] == [None, None, "close"]


def test_its_share_of_the_connections_is_the_most_that_it_answers() -> None:
    with two() as (first, second), ExitStack() as stack:
        share(second, 10, 0)
        share(first, 2, None)
        clients = [stack.enter_context(Client(first.url)) for _ in range(3)]
        assert [client.ask(GET).status for client in clients] == [200, 200, 503]


def test_one_that_leaves_answers_what_it_has_and_leaves_the_port_to_the_other() -> None:
    stopped: list[str] = []
    with two() as (first, second), ExitStack() as stack:
        first.on_stop.append(partial(stopped.append, "first"))
        second.on_stop.append(partial(stopped.append, "second"))
        share(second, 10, 0)
        early = stack.enter_context(Client(first.url))
        assert early.ask(GET).json() == "first"
        early.send(GET[:-2])
        first.leave()
        share(second, 10, None)

        def answered_by() -> str:
            with Client(second.url) as late:
                return str(late.ask(GET).json())

        wait_until(lambda: answered_by() == "second")  # it leaves between two turns of its loop
        assert [answered_by() for _ in range(3)] == ["second"] * 3
        last = early.ask(b"\r\n")  # the rest of what it had begun to ask
        assert (last.json(), last.headers["connection"]) == ("first", "close")
        early.socket.close()
        wait_until(lambda: first.connections == 0)
        assert stopped == []
    assert stopped == ["second"]


def test_how_long_requests_wait_for_their_work_is_told() -> None:
    work = Work(0.05)
    told: list[float] = []

    def together(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body))

    app = App([Route("POST", "/together", together)])
    with Server(app) as server, Client(server) as one, Client(server) as other:
        assert server.traffic is not None
        server.traffic.turns.on_delay = told.append
        for client in (one, other):
            client.send(post("/together", b"x"))
        assert [client.answer() is not None for client in (one, other)] == [True, True]
    assert told
    assert all(0 <= delay < 10 for delay in told)
