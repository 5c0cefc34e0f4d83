"""Hostile clients over raw sockets against one server: refused or cut off in time, harming nobody.

While all of this goes on, a good client asks again and again; in the end the server holds no more
memory, files and threads than before.
"""

from __future__ import annotations

import gc
import gzip
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import psutil
import pytest

from lite_mlops.web import App, Guard, Limits, Request, Response, Route, Server
from lite_mlops.web.kernel import Deferred
from tests.web.kernel.wire import GET, HOST, Answer, Client, post
from tests.web.kernel.works import Work

LIMITS = Limits(
    head_seconds=0.4,
    body_seconds=0.4,
    idle_seconds=0.8,
    write_seconds=0.5,
    body_bytes=100_000,
    connections=300,
)
IN_TIME = 3.0  # seconds; far beyond the limits, as the machine may be busy
CHUNKED = b"Transfer-Encoding: chunked\r\n"
JSON = b"Content-Type: application/json"


def app() -> App:
    work = Work()

    def together(request: Request) -> Deferred:
        value = request.json()
        return Deferred(work, value, Response.json)

    return App(
        [
            Route("GET", "/", lambda _: Response.json({"ok": True})),
            Route("POST", "/predict", together),
            Route("POST", "/models/{name}/predict", together),
            Route("GET", "/models/{name}", lambda request: Response.json(dict(request.params))),
            Route("POST", "/file", lambda _: Response.json(1), to_file=True),
        ],
        Guard(origins=("https://shop.example",)),
        LIMITS,
    )


@dataclass
class Prober:
    """A good client, which notes how long its answers take."""

    server: Server
    latencies: list[float] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.ended.wait(0.01):
            begin = time.monotonic()
            try:
                with Client(self.server, seconds=IN_TIME) as client:
                    for _ in range(10):
                        answer = client.ask(post("/predict", b"[1]", JSON))
                        if (answer.status, answer.body) != (200, b"[1]"):
                            self.failures.append(answer)
            except (OSError, AssertionError) as error:
                self.failures.append(error)
            self.latencies.append((time.monotonic() - begin) / 10)


def open_on(server: Server) -> int:
    return server.connections


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all of this, with a good client beside."""
    process = psutil.Process()
    with Server(app()) as serving:
        with Client(serving) as client, Client(serving) as other:  # what is there once is there
            client.ask(GET)
            other.ask(post("/predict", b" " * 70_000 + b"1"))  # read in a thread
            client.ask(post("/file", b"x"))
            client.ask(post("/predict", b"1"))
        gc.collect()
        while open_on(serving):
            time.sleep(0.01)
        memory, files = process.memory_info().rss, process.num_fds()
        threads = threading.active_count()
        prober = Prober(serving)
        probing = threading.Thread(target=prober.run)
        probing.start()
        yield serving
        prober.ended.set()
        probing.join()
        deadline = time.monotonic() + IN_TIME
        while open_on(serving) and time.monotonic() < deadline:
            time.sleep(0.01)
        gc.collect()
        assert prober.failures == []
        assert sorted(prober.latencies)[len(prober.latencies) // 2] < 0.1
        assert (open_on(serving), serving.in_flight) == (0, 0)
        assert process.num_fds() <= files
        assert threading.active_count() <= threads
        assert process.memory_info().rss - memory < 50_000_000


def outcome(server: Server, *parts: bytes, ends: bool = False) -> list[Answer]:
    """Send bytes; return the answers until the server closes, which has to be in time."""
    begin = time.monotonic()
    answers = []
    with Client(server, seconds=IN_TIME) as client:
        with suppress(ConnectionError):  # it may close before all is sent
            client.send(*parts)
            if ends:
                client.half_close()
        while (answer := client.answer()) is not None:
            answers.append(answer)
    assert time.monotonic() - begin < IN_TIME
    return answers


def statuses(answers: list[Answer]) -> list[int]:
    for answer in answers:
        if answer.status >= 400:
            assert answer.message  # in the form that errors have, and without a traceback
            assert "Traceback" not in answer.message
    return [answer.status for answer in answers]


# -- framing: one refusal, and nothing behind it is taken for a request --------------------------

SMUGGLED = b"GET /models/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /predict HTTP/1.1\r\n" + HOST
FRAMING = {
    "length and chunks": POST + b"Content-Length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "chunks and length": POST + CHUNKED + b"Content-Length: 6\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "the same length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n1",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\n1",
    "a plus": POST + b"Content-Length: +1\r\n\r\n1",
    "a minus": POST + b"Content-Length: -1\r\n\r\n",
    "hexadecimal": POST + b"Content-Length: 0x1\r\n\r\n1",
    "underscores": POST + b"Content-Length: 1_0\r\n\r\n1",
    "a fraction": POST + b"Content-Length: 1.0\r\n\r\n1",
    "an exponent": POST + b"Content-Length: 1e1\r\n\r\n1",
    "no digits": POST + b"Content-Length: \r\n\r\n",
    "letters": POST + b"Content-Length: one\r\n\r\n",
    "other digits": POST + b"Content-Length: \xd9\xa1\r\n\r\n1",
    "a folded length": POST + b"Content-Length:\r\n 1\r\n\r\n1",
    "a space before the colon": POST + b"Content-Length : 1\r\n\r\n1",
    "a tab before the colon": POST + b"Content-Length\t: 1\r\n\r\n1",
    "a space before the name": POST + b" Content-Length: 1\r\n\r\n1",
    "chunked twice": POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "chunked, chunked": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked with a tab": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked;q=1": POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding with a space": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded chunked": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunks in 1.0": b"POST /predict HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n",
    "a chunk extension": POST + CHUNKED + b"\r\n1;a=b\r\n1\r\n0\r\n\r\n",
    "a chunk of 0x1": POST + CHUNKED + b"\r\n0x1\r\n1\r\n0\r\n\r\n",
    "a chunk of -1": POST + CHUNKED + b"\r\n-1\r\n1\r\n0\r\n\r\n",
    "a chunk with spaces": POST + CHUNKED + b"\r\n1 \r\n1\r\n0\r\n\r\n",
    "a chunk of nothing": POST + CHUNKED + b"\r\n\r\n1\r\n0\r\n\r\n",
    "a chunk that is longer": POST + CHUNKED + b"\r\n1\r\n12\r\n0\r\n\r\n",
    "a chunk that ends in LF": POST + CHUNKED + b"\r\n1\n1\n0\n\n",
    "a chunk of 2**64": POST + CHUNKED + b"\r\n10000000000000000\r\n1\r\n0\r\n\r\n",
    "trailers": POST + CHUNKED + b"\r\n1\r\n1\r\n0\r\nContent-Length: 9\r\n\r\n",
    "no end of chunks": POST + CHUNKED + b"\r\n1\r\n1\r\n0\r\n",
    "lines of LF": POST.replace(b"\r\n", b"\n") + b"Content-Length: 1\n\n1",
    "a line of LF": POST + b"A: b\nContent-Length: 1\r\n\r\n1",
    "a lone CR": POST + b"A: b\rContent-Length: 1\r\n\r\n1",
    "NUL": POST + b"A: \0\r\nContent-Length: 1\r\n\r\n1",
    "NUL in a name": POST + b"A\0: b\r\nContent-Length: 1\r\n\r\n1",
    "an empty name": POST + b": b\r\nContent-Length: 1\r\n\r\n1",
    "no colon": POST + b"A b\r\nContent-Length: 1\r\n\r\n1",
    "an empty line before": b"\r\n" + POST + b"Content-Length: 1\r\n\r\n1",
    "two spaces": POST.replace(b" /", b"  /") + b"Content-Length: 1\r\n\r\n1",
    "no version": b"POST /predict\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": POST.replace(b"1.1", b"1.2") + b"\r\n",
    "http/1.1": POST.replace(b"HTTP/", b"http/") + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "random": bytes(range(256)) * 4,
    "no Host": b"POST /predict HTTP/1.1\r\nContent-Length: 1\r\n\r\n1",
    "two Hosts": POST + HOST + b"Content-Length: 1\r\n\r\n1",
    "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "a Host with a user": b"GET / HTTP/1.1\r\nHost: a@localhost\r\n\r\n",
    "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "another authority": b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the address": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "another expectation": POST + b"Expect: tea\r\nContent-Length: 1\r\n\r\n1",
    "two tokens": POST + b"X-API-Key: a\r\nX-API-Key: b\r\nContent-Length: 1\r\n\r\n1",
    "a long line": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long header": GET[:-2] + b"A: " + b"b" * 20_000 + b"\r\n\r\n",
    "a header of 1 MB": GET[:-2] + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n",
    "5,000 headers": GET[:-2] + b"A: b\r\n" * 5_000 + b"\r\n",
    "101 headers": GET[:-2] + b"A:\r\n" * 100 + b"\r\n",
    "10 GB declared": POST + b"Content-Length: 10000000000\r\n\r\n",
    "many digits": POST + b"Content-Length: " + b"9" * 4_000 + b"\r\n\r\n",
    "one byte too much": POST + b"Content-Length: 100001\r\n\r\n",
    "a chunk too large": POST + CHUNKED + b"\r\n186a1\r\n",
    "chunks too large": POST + CHUNKED + b"\r\n" + b"2710\r\n%b\r\n" % (b"1" * 10_000) * 11,
}


@pytest.mark.parametrize("wire", FRAMING.values(), ids=FRAMING.keys())
def test_what_is_no_clear_request_ends_the_connection(server: Server, wire: bytes) -> None:
    answers = outcome(server, wire + SMUGGLED)
    assert len(answers) == 1
    assert 400 <= statuses(answers)[0] < 500
    assert answers[0].headers["connection"] == "close"


# -- paths ---------------------------------------------------------------------------------------

TRAVERSAL = [
    *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\x"),
    *("%252e%252e%252fetc", "....//etc", "/etc/passwd", "file:///etc/passwd", "..;/x", "~root"),
    *("%c0%ae%c0%ae/etc", "%00", "a%00.json", "%0d%0aX:%20y", "%u002e", "..%5c..%5cx", "C:%5cx"),
]
POSITIONS = ["/{}", "/models/{}", "/models/{}/predict", "/predict/{}", "/{}/predict", "/?file={}"]


@pytest.mark.parametrize("position", POSITIONS)
def test_no_text_in_an_address_reaches_a_file(server: Server, position: str) -> None:
    for text in TRAVERSAL:
        wire = b"GET " + position.format(text).encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n"
        with Client(server, seconds=IN_TIME) as client:
            answer = client.ask(wire)
            assert b"root:" not in answer.body
            assert "x" not in answer.headers
            if answer.status == 200:  # a name like any other, or a query that nobody reads
                assert set(answer.json()) <= {"name", "ok"}
            else:
                assert 400 <= answer.status < 500


# -- browsers ------------------------------------------------------------------------------------

BROWSERS = [
    (b"Host: evil.example\r\n", 421),
    (b"Host: localhost.evil.example\r\n", 421),
    (b"Host: 127.0.0.1.evil.example:80\r\n", 421),
    (b"Host: 127.0.0.2\r\n", 421),
    (b"Host: [::2]\r\n", 421),
    (b"Host: 0\r\n", 421),
    (HOST + b"Origin: null\r\n", 403),
    (HOST + b"Origin: http://evil.example\r\n", 403),
    (HOST + b"Origin: http://localhost:1\r\n", 403),
    (HOST + b"Origin: https://shop.example.evil.example\r\n", 403),
    (HOST + b"Origin: file://\r\n", 403),
    (HOST + b"Sec-Fetch-Site: cross-site\r\n", 403),
    (HOST + b"Sec-Fetch-Site: same-site\r\n", 403),
    (HOST + b"Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n", 403),
]


@pytest.mark.parametrize(("headers", "status"), BROWSERS)
def test_no_foreign_page_is_answered(server: Server, headers: bytes, status: int) -> None:
    for line in (b"GET /", b"GET /none", b"POST /predict", b"OPTIONS /predict", b"DELETE /"):
        wire = line + b" HTTP/1.1\r\n" + headers + b"Content-Length: 1\r\n\r\n1"
        with Client(server, seconds=IN_TIME) as client:
            answer = client.ask(wire)
            assert answer.status == status
            assert "access-control-allow-origin" not in answer.headers


# -- bodies --------------------------------------------------------------------------------------

BODIES: dict[str, tuple[bytes, bytes, int]] = {
    "depth": (b"[" * 33 + b"]" * 33, b"", 400),
    "great depth": (b"[" * 50_000 + b"]" * 50_000, b"", 400),
    "depth without an end": (b"[" * 90_000, b"", 400),
    "deep objects": (b'{"a":' * 15_000, b"", 400),
    "bad UTF-8": (b'["\xff\xfe"]', b"", 400),
    "half a pair": (b"\xed\xa0\x80", b"", 400),
    "UTF-16 that is none": (b"\xff\xfe[", b"", 400),
    "NaN": (b"[NaN]", b"", 400),
    "Infinity": (b"[-Infinity]", b"", 400),
    "a number of 5,000 digits": (b"1" * 5_000, b"", 400),
    "cut off": (b'{"a": [1, 2', b"", 400),
    "a comma": (b"[1,]", b"", 400),
    "nothing": (b"", b"", 400),
    "a pickle": (b"cos\nsystem\n(S'true'\ntR.", b"", 400),
    "a bomb": (gzip.compress(bytes(10_000_000)), b"Content-Encoding: gzip", 413),
    "no gzip": (b"[1]", b"Content-Encoding: gzip", 400),
    "brotli": (b"[1]", b"Content-Encoding: br", 415),
}


@pytest.mark.parametrize(("body", "header", "status"), BODIES.values(), ids=BODIES.keys())
def test_a_bad_body_is_refused(server: Server, body: bytes, header: bytes, status: int) -> None:
    wire = post("/predict", body, JSON, *([header] if header else []))
    with Client(server, seconds=IN_TIME) as client:
        answer = client.ask(wire)
        assert answer.status == status
        assert answer.message
        json.loads(answer.body)


# -- slow and silent -----------------------------------------------------------------------------

SLOW = {
    "nothing": b"",
    "one byte": b"G",
    "half a line": b"GET / HT",
    "half a head": GET[:-2],
    "half a body": post("/predict", b"[1]")[:-1],
    "no body": post("/predict", b"[1]")[:-3],
    "half a chunk": POST + CHUNKED + b"\r\n5\r\n12",
    "no further chunk": POST + CHUNKED + b"\r\n1\r\n1\r\n",
    "half a file": post("/file", b"x" * 50_000)[:-1],
    "a refused request without its body": post("/none", b"[1]")[:-1],
    "no word to go on with": post("/predict", b"[1]", b"Expect: 100-continue")[:-3],
}


@pytest.mark.slow
@pytest.mark.parametrize("wire", SLOW.values(), ids=SLOW.keys())
def test_who_goes_silent_is_cut_off(server: Server, wire: bytes) -> None:
    found = statuses(outcome(server, wire))
    assert found in ([], [408], [404], [100, 408])
    assert found or not wire


def test_two_hundred_silent_connections_harm_nobody(server: Server) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server, seconds=IN_TIME)) for _ in range(200)]
        for number, client in enumerate(clients):
            client.send((b"", b"GET / HT", post("/predict", b"[1]")[:-1])[number % 3])
        with Client(server, seconds=IN_TIME) as good:
            assert good.ask(post("/predict", b"[1]")).status == 200
        begin = time.monotonic()
        for client in clients:
            assert client.rest()[9:12] in (b"", b"408")
        assert time.monotonic() - begin < IN_TIME


def test_a_head_that_comes_byte_by_byte_is_cut_off(server: Server) -> None:
    with Client(server, seconds=IN_TIME) as client:
        begin = time.monotonic()
        client.send(b"GET / HTTP/1.1\r\n" + HOST + b"A: ")
        client.socket.settimeout(0.02)
        with suppress(ConnectionError):
            while time.monotonic() - begin < IN_TIME:
                client.send(b"b")
                with suppress(TimeoutError):
                    assert client.socket.recv(1 << 12)[9:12] == b"408"
                    break
        assert time.monotonic() - begin < IN_TIME


def test_who_asks_for_much_and_reads_nothing_is_cut_off(server: Server) -> None:
    with Client(server, seconds=IN_TIME) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.socket.settimeout(0.5)
        body = post("/predict", json.dumps("x" * 90_000).encode())
        begin = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - begin < IN_TIME:
                client.send(body)
        client.socket.settimeout(IN_TIME)
        with suppress(ConnectionError):
            while client.socket.recv(1 << 18):
                pass
        assert time.monotonic() - begin < 2 * IN_TIME


def test_going_away_in_the_middle_leaves_nothing(server: Server) -> None:
    parts = [b"", b"GE", GET[:-1], GET, post("/predict", b"[1]")[:-1], post("/file", b"x" * 9)[:-1]]
    for part in parts * 5:
        client = Client(server, seconds=IN_TIME)
        client.send(part)
        client.reset()


def test_random_bytes_never_hurt(server: Server) -> None:
    seed = post("/predict", b"[1]", JSON) + GET
    noise = random.Random(7)
    for _ in range(300):
        wire = bytearray(seed)
        for _ in range(noise.randint(1, 4)):
            wire[noise.randrange(len(wire))] = noise.randrange(256)
        found = statuses(outcome(server, bytes(wire), ends=True))
        assert all(status < 500 for status in found), (bytes(wire), found)
