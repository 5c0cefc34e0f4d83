"""One connection at a time: order, bodies, gzip, half-closed clients, limits of time and size."""

from __future__ import annotations

import errno
import gzip
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from lite_mlops.errors import Busy, Invalid
from lite_mlops.web import App, Guard, Limits, Request, Response, Route, Server
from lite_mlops.web.kernel import Deferred, Later
from lite_mlops.web.kernel.accepting import Accepting
from tests.web.kernel.wire import GET, HOST, Client, post
from tests.web.kernel.works import Work

Serve = Callable[..., Server]
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Told:
    """An observer that notes what it is told."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, int, float]] = []

    def answered(self, route: str, status: int, seconds: float) -> None:
        self.answers.append((route, status, seconds))

    def count(self, route: str, status: int) -> int:
        return sum(one[:2] == (route, status) for one in self.answers)


def file_of(request: Request) -> Response:
    assert request.file is not None
    told = {"size": request.file.stat().st_size, "body": len(request.body)}
    return Response.json(told | {"path": str(request.file)})


def routes(work: Work) -> list[Route]:
    def together(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body, "text/plain"))

    def made_later(request: Request) -> Deferred:
        def make(body: bytes) -> Response:
            if body == b"bad":
                raise Invalid("it cannot be written.")
            name = threading.current_thread().name
            return Response(200, b"%b in %b" % (body, name.encode()), "text/plain")

        return Deferred(work, request.body, lambda body: Later(lambda: make(body)))

    def header(_: Request) -> Response:
        return Response(200, b"", headers={"X-Told": "a\r\nSet-Cookie: b"})

    def wait(request: Request) -> Response:
        work.gate.wait(30)
        return Response.json(threading.current_thread().name + request.body.decode())

    return [
        Route("GET", "/", lambda _: Response.json({"ok": True})),
        Route("POST", "/size", lambda request: Response.json(len(request.body))),
        Route("POST", "/echo", lambda request: Response(200, request.body, "text/plain")),
        Route("POST", "/large", lambda _: Response(200, b"", "text/plain"), body_bytes=3_000),
        Route("POST", "/together", together),
        Route("POST", "/made-later", made_later),
        Route("POST", "/wait", wait, waits=True),
        Route("POST", "/later", together, waits=True),
        Route("POST", "/file", file_of, to_file=True, body_bytes=50_000_000),
        Route("POST", "/waiting-file", file_of, to_file=True, waits=True),
        Route("GET", "/much", lambda _: Response(200, b"m" * 20_000_000, "image/png")),
        Route("GET", "/text", lambda _: Response.text("text " * 1_000)),
        Route("GET", "/empty", lambda _: Response(204, b"", "")),
        Route("GET", "/header", header),
    ]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def serve(work: Work) -> Iterator[Serve]:
    """Serves the routes with limits of one's own."""
    with ExitStack() as stack:

        def served(guard: Guard | None = None, observer: Any = None, **limits: Any) -> Server:
            app = App(routes(work), guard, Limits(**limits), observer=observer)
            return stack.enter_context(Server(app))

        yield served
        work.gate.set()


# -- answers and their order --------------------------------------------------------------------


def test_the_answer_says_what_browsers_need_and_no_more(serve: Serve) -> None:
    with Client(serve()) as client:
        answer = client.ask(GET)
        assert answer.json() == {"ok": True}
        date = answer.headers.pop("date")
        assert time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")
        assert answer.headers == {
            "server": "lite-mlops",
            "content-type": "application/json",
            "content-length": "12",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
        }


def test_pages_of_allowed_origins_may_read_the_answer(serve: Serve) -> None:
    server = serve(Guard(origins=("https://shop.example",)))
    with Client(server) as client:
        answer = client.ask(GET[:-2] + b"Origin: https://shop.example\r\n\r\n")
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "cross-origin-resource-policy" not in answer.headers


def test_answers_stand_in_the_order_of_the_requests(serve: Serve, work: Work) -> None:
    parts = [post("/together", b"a"), GET, post("/wait", b""), post("/together", b"b"), GET]
    with Client(serve()) as client:
        work.gate.clear()
        client.send(b"".join(parts))
        threading.Timer(0.05, work.gate.set).start()
        answers = [client.answer() for _ in parts]
    assert [answer.body[:6] for answer in answers if answer is not None] == [
        b"a",
        b'{"ok":',
        b'"lite-',
        b"b",
        b'{"ok":',
    ]


@pytest.mark.parametrize("path", ["/size", "/together"])
def test_thousands_of_requests_may_come_at_once(serve: Serve, path: str) -> None:
    with Client(serve()) as client:
        sender = threading.Thread(target=client.send, args=(post(path, b"x" * 50) * 5_000,))
        sender.start()
        statuses = {answer.status for _ in range(5_000) if (answer := client.answer())}
        sender.join()
        assert statuses == {200}
        assert client.ask(GET).status == 200


def test_head_and_empty_answers_have_no_body(serve: Serve) -> None:
    with Client(serve()) as client:
        client.send(GET.replace(b"GET", b"HEAD") + GET)
        head, whole = client.answer(to_head=True), client.answer()
        assert head is not None
        assert whole is not None
        assert head.headers["content-length"] == str(len(whole.body))
        empty = client.ask(GET.replace(b"/ ", b"/empty "))
        assert (empty.status, "content-length" in empty.headers) == (204, False)
        assert client.ask(GET).status == 200


@pytest.mark.parametrize(
    ("version", "connection", "told"),
    [
        (b"1.1", b"close", "close"),
        (b"1.0", b"", "close"),
        (b"1.0", b"keep-alive", "keep-alive"),
        (b"1.1", b"", None),
    ],
)
def test_a_connection_ends_when_the_client_wants_it(
    serve: Serve, version: bytes, connection: bytes, told: str | None
) -> None:
    line = b"Connection: " + connection + b"\r\n" if connection else b""
    with Client(serve()) as client:
        request = b"GET / HTTP/" + version + b"\r\n" + HOST + line + b"\r\n"
        answer = client.ask(request)
        assert answer.headers.get("connection") == told
        if told == "close":
            assert client.closed()
        else:
            assert client.ask(request).status == 200


def test_a_connection_ends_after_so_many_requests(serve: Serve) -> None:
    with Client(serve(requests=3)) as client:
        told = [client.ask(GET).headers.get("connection") for _ in range(3)]
        assert told == [None, None, "close"]
        assert client.closed()


@pytest.mark.parametrize("path", ["/size", "/together", "/wait", "/later", "/file"])
def test_who_closes_half_of_a_connection_gets_the_answer(serve: Serve, path: str) -> None:
    with Client(serve()) as client:
        client.send(GET + post(path, b"abc")).half_close()
        answers = [client.answer(), client.answer()]
        assert [one.status for one in answers if one] == [200, 200]
        assert client.closed()


def test_a_header_that_would_end_the_head_is_not_sent(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    with Client(serve()) as client:
        answer = client.ask(GET.replace(b"/ ", b"/header "))
        assert (answer.status, "set-cookie" in answer.headers) == (500, False)
        assert "cannot be a header" in caplog.text


# -- bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100, 70_000, 3_000_000])
def test_bodies_come_through_as_they_were_sent(serve: Serve, size: int) -> None:
    body = random.Random(1).randbytes(size)
    server = serve()
    for step in (7, 1_000, size or 1):
        if size / step > 10_000:
            continue
        chunks = b"".join(
            b"%x\r\n" % len(part) + part + b"\r\n"
            for part in (body[at : at + step] for at in range(0, size, step))
        )
        with Client(server) as client:
            chunked = post("/echo", b"").replace(b"Content-Length: 0\r\n", CHUNKED)
            assert client.ask(chunked, chunks + b"0\r\n\r\n").body == body
            whole = post("/echo", body)
            head = len(whole) - size
            parts = [whole[at : at + step] for at in range(head, len(whole), step)]
            assert client.ask(whole[:head], *parts).body == body


@pytest.mark.parametrize(("path", "room"), [("/size", 1_000), ("/large", 3_000)])
def test_a_route_has_a_limit_of_its_own(serve: Serve, path: str, room: int) -> None:
    server = serve(body_bytes=1_000)
    with Client(server) as client:
        assert client.ask(post(path, b"x" * room)).status == 200
        answer = client.ask(post(path, b"x" * (room + 1)))
        assert (answer.status, answer.message) == (413, f"the body is larger than {room:,} bytes.")
        assert client.closed()
    with Client(server) as client:
        chunks = b"190\r\n" + b"x" * 400 + b"\r\n"
        chunked = post(path, b"").replace(b"Content-Length: 0\r\n", CHUNKED)
        answer = client.ask(chunked, chunks * 20)
        assert (answer.status, answer.message) == (413, f"the body is larger than {room:,} bytes.")


@pytest.mark.parametrize("path", ["/file", "/waiting-file"])
def test_a_body_may_be_a_file_which_is_gone_afterwards(serve: Serve, path: str) -> None:
    with Client(serve()) as client:
        for size in (0, 10, 9_000_000):
            told = client.ask(post(path, b"x" * size)).json()
            assert (told["size"], told["body"]) == (size, 0)
            for _ in range(100):  # the answer may be faster
                if not Path(told["path"]).exists():
                    break
                time.sleep(0.01)
            assert not Path(told["path"]).exists()
    assert Path(told["path"]).parent.name.startswith("lite-mlops-bodies-")


def test_a_file_of_which_only_a_part_comes_is_gone_too(serve: Serve) -> None:
    server = serve()
    with Client(server) as client:
        folder = Path(client.ask(post("/file", b"x")).json()["path"]).parent
        client.send(post("/file", b"x" * 100_000)[:-1])
        client.reset()
    with Client(server) as client:
        client.ask(GET)
        while server.connections > 1:
            client.ask(GET)
    assert list(folder.iterdir()) == []
    server.stop()
    server._thread.join(5)
    assert not folder.exists()


def test_a_client_may_wait_for_the_word_to_go_on(serve: Serve) -> None:
    expecting = post("/size", b"abc", b"Expect: 100-continue")
    with Client(serve(body_bytes=10)) as client:
        for before in (b"", post("/together", b"a")):
            client.send(before + expecting[:-3])
            if before:
                assert client.answer() is not None
            go_on = client.answer()
            assert go_on is not None
            assert (go_on.status, go_on.headers) == (100, {})
            assert client.ask(b"abc").json() == 3
        assert client.ask(expecting).json() == 3  # one that does not wait
        refused = client.ask(post("/size", b"a" * 11, b"Expect: 100-continue")[:-11])
        assert refused.status == 413
        assert client.closed()
    with Client(serve()) as client:
        assert client.ask(expecting.replace(b"/size", b"/none")[:-3]).status == 404
        assert client.closed()  # whether the body comes is not known


@pytest.mark.parametrize(
    ("line", "status"), [(b"POST /none", 404), (b"PUT /size", 405), (b"POST /size", 403)]
)
def test_what_is_refused_by_its_head_is_answered_before_its_body(
    serve: Serve, line: bytes, status: int
) -> None:
    origin = b"Origin: http://evil.example\r\n" if status == 403 else b""
    head = line + b" HTTP/1.1\r\n" + HOST + origin
    with Client(serve(body_bytes=1_000)) as client:
        answer = client.ask(head + b"Content-Length: 4\r\n\r\n")
        assert (answer.status, "connection" in answer.headers) == (status, False)
        assert client.ask(b"abcd", GET).status == 200  # the connection goes on behind it
        answer = client.ask(head + CHUNKED + b"\r\n2\r\nab\r\n")
        assert (answer.status, "connection" in answer.headers) == (status, False)
        assert client.ask(b"0\r\n\r\n", GET).status == 200
        answer = client.ask(head + b"Content-Length: 1001\r\n\r\n")
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert client.closed()
    with Client(serve(body_bytes=1_000)) as client:
        client.ask(head + CHUNKED + b"\r\n")
        client.send(b"3e8\r\n" + b"a" * 1_000 + b"\r\n1\r\na\r\n")
        assert client.closed()  # it was answered already


# -- gzip ---------------------------------------------------------------------------------------

GZIP = b"Content-Encoding: gzip"


@pytest.mark.parametrize("path", ["/size", "/file"])
def test_a_packed_body_is_unpacked(serve: Serve, path: str) -> None:
    packed = gzip.compress(random.Random(1).randbytes(300_000))
    with Client(serve()) as client:
        told = client.ask(post(path, packed, GZIP)).json()
        assert (told if path == "/size" else told["size"]) == 300_000
        assert client.ask(post(path, packed, b"Content-Encoding: identity")).status == 200
        assert client.ask(post("/size", b"", GZIP)).json() == 0


BOMB = gzip.compress(bytes(20_000_000), mtime=0)
PACKED = gzip.compress(b"abc", mtime=0)  # the time would give each worker tests of its own


@pytest.mark.parametrize(
    ("body", "coding", "status", "message"),
    [
        (BOMB, b"gzip", 413, "the body is larger than 1,000,000 bytes when unpacked."),
        (b"abc", b"gzip", 400, "the body is not gzip."),
        (PACKED[:-1], b"gzip", 400, "the gzip of the body is cut off."),
        (PACKED[:-8] + bytes(8), b"GZIP", 400, "the body is not gzip."),
        (
            PACKED * 2,
            b"gzip",
            400,
            "the gzip of the body has something behind it.",
        ),
        (
            b"abc",
            b"br",
            415,
            "the Content-Encoding 'br' is not known; use gzip or none.",
        ),
        (
            gzip.compress(PACKED, mtime=0),
            b"gzip, gzip",
            415,
            "the Content-Encoding 'gzip, gzip' is not known; use gzip or none.",
        ),
    ],
    ids=["bomb", "none", "cut off", "checksum", "two", "br", "twice"],
)
@pytest.mark.parametrize("path", ["/size", "/file"])
def test_what_cannot_be_unpacked_is_refused(
    serve: Serve, path: str, body: bytes, coding: bytes, status: int, message: str
) -> None:
    if path == "/file" and status == 413:
        pytest.skip("its limit is larger")
    with Client(serve(body_bytes=1_000_000)) as client:
        answer = client.ask(post(path, body, b"Content-Encoding: " + coding))
        assert (answer.status, answer.message) == (status, message)
        assert client.closed()


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        (None, False),
        ("gzip", True),
        ("GZIP;q=0.5, deflate", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("identity, gzip;q=0.5", False),
        ("br", False),
        ("gzip;q=much", False),
        ("", False),
    ],
)
def test_answers_are_packed_for_who_takes_them_so(
    serve: Serve,
    accepted: str | None,
    packed: bool,  # noqa: FBT001
) -> None:
    told = b"" if accepted is None else f"Accept-Encoding: {accepted}\r\n".encode()
    with Client(serve()) as client:
        answer = client.ask(b"GET /text HTTP/1.1\r\n" + HOST + told + b"\r\n")
        assert answer.headers["vary"] == "Accept-Encoding"
        assert ("content-encoding" in answer.headers) == packed
        body = gzip.decompress(answer.body) if packed else answer.body
        assert body == b"text " * 1_000
        small = client.ask(b"GET / HTTP/1.1\r\n" + HOST + told + b"\r\n")
        assert "content-encoding" not in small.headers


# -- work together and in threads ---------------------------------------------------------------


def test_what_comes_while_work_is_done_is_the_next_piece(serve: Serve, work: Work) -> None:
    server = serve()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server)) for _ in range(20)]
        work.gate.clear()
        clients[0].send(post("/together", b"first"))
        for client in clients[1:]:
            client.send(post("/together", b"x"))
        work.gate.set()
        for client in clients:
            assert client.answer() is not None
    assert sum(len(piece) for piece in work.pieces) == 20
    assert len(work.pieces) < 20


def test_slow_work_runs_in_a_thread_while_others_are_answered(serve: Serve, work: Work) -> None:
    server = serve()
    work.slow = True
    with Client(server) as slow, Client(server) as other, Client(server) as third:
        work.gate.clear()
        slow.send(post("/together", b"a"))
        for _ in range(3):
            assert other.ask(GET).status == 200
        third.send(post("/together", b"b"))
        assert other.ask(GET).status == 200
        work.gate.set()
        answers = [slow.answer(), third.answer()]
        assert [one.body for one in answers if one] == [b"a", b"b"]
    assert work.threads == {"lite-mlops-worker"}


def test_what_takes_long_to_answer_is_made_in_a_thread_and_keeps_its_place(serve: Serve) -> None:
    server = serve()
    with Client(server) as client:
        asked = [post("/made-later", body) for body in (b"a", b"bad")]
        client.send(b"".join([*asked, post("/together", b"b")]))
        first, failed, last = (client.answer() for _ in range(3))
        assert first is not None
        assert failed is not None
        assert last is not None
        assert (first.status, first.body) == (200, b"a in lite-mlops-worker")
        assert (failed.status, failed.message) == (422, "it cannot be written.")
        assert last.body == b"b"


def test_work_that_fails_is_told(
    serve: Serve, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(request_seconds=0.3)
    with Client(server) as client:
        assert client.ask(post("/together", b"fail")).status == 500
        lost = client.ask(post("/together", b"raise"))  # its piece ends without a result
        assert (lost.status, lost.message) == (503, "the answer took longer than 0.3 s.")
        assert client.ask(post("/together", b"ok")).body == b"ok"
    assert "A piece of work for several requests failed" in caplog.text


@pytest.mark.parametrize("path", ["/together", "/wait", "/later"])
def test_an_answer_that_takes_too_long_is_given_up(serve: Serve, work: Work, path: str) -> None:
    work.slow = True
    server = serve(request_seconds=0.2, queue_seconds=60)
    with Client(server) as client:
        work.gate.clear()
        answer = client.ask(post(path, b"late"))
        assert (answer.status, answer.message) == (503, "the answer took longer than 0.2 s.")
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert client.ask(GET).status == 200
        assert server.in_flight == 0
        work.gate.set()
        assert client.ask(post(path, b"next")).body != b"late"  # the late one is dropped


def test_no_more_wait_than_may(serve: Serve, work: Work) -> None:
    work.slow = True
    server = serve(queue=3)
    with Client(server) as client:
        work.gate.clear()
        client.send(post("/together", b"away"))
        while server.in_flight < 1:
            pass
        client.send(post("/together", b"x") * 8)
        with Client(server) as other:
            while server.in_flight < 4:
                assert other.ask(GET).status == 200
            work.gate.set()
        answers = [client.answer() for _ in range(9)]
    statuses = [one.status for one in answers if one]
    assert statuses == [200] * 4 + [503] * 5
    full = answers[-1]
    assert full is not None
    assert full.message == "too many requests wait for an answer; try again in a moment."
    assert full.headers["retry-after"] == "1"


def test_what_waits_too_long_is_refused(serve: Serve, work: Work) -> None:
    work.slow = True
    server = serve(queue_seconds=0.0)
    with Client(server) as client, Client(server) as other:
        work.gate.clear()
        client.send(post("/together", b"a"))
        other.send(post("/together", b"b"))
        while server.in_flight < 2:
            pass
        work.gate.set()
        refused = other.answer()
        assert refused is not None
        assert (refused.status, refused.message) == (503, "it waited too long.")


def test_a_handful_of_threads_and_a_bounded_line_before_them(serve: Serve, work: Work) -> None:
    told = Told()
    server = serve(observer=told)
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server)) for _ in range(80)]
        work.gate.clear()
        for client in clients:
            client.send(post("/wait", b""))
        with Client(server) as other:
            while server.in_flight < 64 or told.count("/wait", 503) < 16:
                assert other.ask(GET).status == 200
        threads = [one for one in threading.enumerate() if one.name == "lite-mlops-worker"]
        assert len(threads) == 4
        work.gate.set()
        answers = [client.answer() for client in clients]
    assert sorted(one.status for one in answers if one) == [200] * 64 + [503] * 16


# -- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"GET / HT", "the head of the request did not come within 0.2 s."),
        (GET[:-2], "the head of the request did not come within 0.2 s."),
        (post("/size", b"abc")[:-1], "the body of the request did not come within 0.2 s."),
        (post("/file", b"abc")[:-1], "the body of the request did not come within 0.2 s."),
    ],
)
def test_who_is_too_slow_is_told_so(serve: Serve, sent: bytes, message: str) -> None:
    server = serve(head_seconds=0.2, body_seconds=0.2, idle_seconds=30)
    with Client(server) as client:
        client.send(GET)
        assert client.answer() is not None
        begin = time.monotonic()
        answer = client.ask(sent)
        assert (answer.status, answer.message) == (408, message)
        assert 0.2 <= time.monotonic() - begin < 2
        assert client.closed()


def test_a_slow_trickle_does_not_extend_the_time(serve: Serve) -> None:
    server = serve(head_seconds=0.3, idle_seconds=30)
    with Client(server) as client:
        begin = time.monotonic()
        client.socket.settimeout(0.02)
        for byte in GET * 100:
            client.send(
                bytes(
                    [
                        byte,
                    ]
                )
                if byte != 10
                else b"x"
            )
            try:
                if client.socket.recv(1 << 16):
                    break
            except TimeoutError:
                continue
        assert time.monotonic() - begin < 2


def test_a_silent_connection_is_closed(serve: Serve) -> None:
    server = serve(idle_seconds=0.2)
    with Client(server) as silent, Client(server) as client:
        assert client.ask(GET).status == 200
        assert client.closed()
        assert silent.closed()


def test_a_silent_connection_is_kept_while_its_answer_is_made(serve: Serve, work: Work) -> None:
    work.slow = True
    server = serve(idle_seconds=0.1, head_seconds=0.1)
    with Client(server) as client:
        work.gate.clear()
        client.send(post("/together", b"a"))
        threading.Timer(0.5, work.gate.set).start()
        answer = client.answer()
        assert answer is not None
        assert answer.status == 200


def test_who_does_not_read_is_cut_off(serve: Serve) -> None:
    server = serve(write_seconds=0.3)
    with Client(server) as lazy, Client(server) as other:
        assert lazy.ask(GET).status == other.ask(GET).status == 200
        begin = time.monotonic()
        lazy.send(GET.replace(b"/ ", b"/much ") * 3)
        while server.connections == 2:
            assert other.ask(GET).status == 200
            assert time.monotonic() - begin < 5
        got = 0
        with suppress(ConnectionError):
            while block := lazy.socket.recv(1 << 18):
                got += len(block)
        assert got < 60_000_000


def test_what_is_not_read_is_not_made(serve: Serve) -> None:
    process = psutil.Process()
    server = serve(write_seconds=0.5)
    with Client(server) as lazy, Client(server) as other:
        assert lazy.ask(GET).status == 200
        assert other.ask(GET.replace(b"/ ", b"/much ")).status == 200
        before = process.memory_info().rss
        lazy.send(GET.replace(b"/ ", b"/much ") * 500)  # 10 GB in all
        while server.connections == 2:
            assert other.ask(GET).status == 200
            assert process.memory_info().rss - before < 200_000_000


def test_a_slow_reader_gets_all_of_it(serve: Serve) -> None:
    server = serve(write_seconds=0.3)
    with Client(server) as client:
        client.send(GET.replace(b"/ ", b"/much "))
        got = 0
        begin = time.monotonic()
        while got < 20_000_000 and (block := client.socket.recv(1 << 18)):
            got += len(block)
            if time.monotonic() - begin < 1.0:
                time.sleep(0.02)
        assert got > 20_000_000


# -- too many -----------------------------------------------------------------------------------


def test_connections_beyond_the_limit_are_told_so(serve: Serve) -> None:
    server = serve(connections=2)
    with Client(server) as first, Client(server) as second, Client(server) as third:
        assert first.ask(GET).status == second.ask(GET).status == 200
        refused = third.ask(GET)
        assert (refused.status, refused.message) == (
            503,
            "This server has as many connections as it takes; try again in a moment.",
        )
        assert 1 <= int(refused.headers["retry-after"]) <= 3
        assert third.closed()
        assert first.ask(GET).status == 200
        traffic = server._traffic
        assert traffic is not None
        third.socket.close()
        while traffic.reserve:
            second.ask(GET)
        with Client(server) as waiting:
            while not traffic.reserve:
                second.ask(GET)
            first.socket.close()
            while server.connections > 1:
                second.ask(GET)
            assert waiting.ask(GET).status == 200  # there is room by now


def test_however_many_there_are_each_is_told_so(serve: Serve) -> None:
    server = serve(connections=1)
    with Client(server) as first, ExitStack() as stack:
        assert first.ask(GET).status == 200
        others = [stack.enter_context(Client(server)) for _ in range(100)]  # more than are told
        for client in others:
            client.send(GET)
        for client in others:
            refused = client.answer()
            assert refused is not None
            assert refused.status == 503
            client.socket.close()
        assert first.ask(GET).status == 200


def test_running_out_of_files_is_no_end(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take, failures = Accepting._take, [OSError(errno.EMFILE, "Too many open files")]

    def failing(accepting: Accepting) -> bool:
        if failures:
            raise failures.pop()
        return take(accepting)

    monkeypatch.setattr(Accepting, "_take", failing)
    with Client(serve()) as client:
        assert client.ask(GET).status == 200
    assert "No connection can be accepted: Too many open files" in caplog.text


def test_what_is_told_of_answers(serve: Serve) -> None:
    told = Told()
    server = serve(observer=told)
    with Client(server) as client:
        for sent in (GET, post("/together", b"a"), post("/wait", b""), post("/none", b"")):
            client.ask(sent)
        client.ask(b"\0")
    assert [one[:2] for one in told.answers] == [
        ("/", 200),
        ("/together", 200),
        ("/wait", 200),
        ("", 404),
        ("", 400),
    ]
    assert all(0 <= seconds < 5 for _, _, seconds in told.answers)


def test_an_error_keeps_the_form_that_its_path_has() -> None:
    def form(status: int, message: str, _: Any) -> Response:
        return Response.json({"error": message}, status)

    app = App(
        [Route("POST", "/v2/infer", lambda _: Response(200, b""))],
        limits=Limits(body_bytes=10),
        error_forms={"/v2": form},
    )
    with Server(app) as server, Client(server) as client:
        answer = client.ask(post("/v2/infer", b"x" * 11))
        assert (answer.status, json.loads(answer.body)) == (
            413,
            {"error": "the body is larger than 10 bytes."},
        )


def test_tokens_are_looked_at_with_every_request() -> None:
    known = {"secret"}
    app = App(routes(Work()), Guard(tokens=lambda token: token in known))
    asked = GET[:-2] + b"X-API-Key: secret\r\n\r\n"
    with Server(app) as server, Client(server) as client:
        assert [client.ask(asked).status for _ in range(3)] == [200] * 3
        known.clear()
        assert client.ask(asked).status == 401


def test_a_failing_guard_is_a_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: str) -> bool:
        raise Busy("the tokens cannot be read.")

    with Server(App(routes(Work()), Guard(tokens=fail))) as server, Client(server) as client:
        answer = client.ask(GET[:-2] + b"X-API-Key: secret\r\n\r\n")
        assert (answer.status, answer.message) == (503, "the tokens cannot be read.")
