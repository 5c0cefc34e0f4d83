"""The socket side: real connections, well-behaved and not, and never a failure of ours."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from lite_mlops.errors import Busy, Invalid
from lite_mlops.web import App, Limits, Request, Response, Route, Server
from lite_mlops.web.kernel.server import LOOPBACK

MAX_BODY = Limits().body_bytes
HOST = b"Host: localhost\r\n"


def fail(_: Request) -> Response:
    return Response.json({"never": 1 // 0})


APP = App(
    [
        Route("GET", "/", lambda _: Response.json({"ok": True})),
        Route("GET", "/fail", fail),
        Route("POST", "/size", lambda request: Response.json(len(request.body))),
    ]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(APP) as serving:
        yield serving


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


@pytest.fixture
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(LOOPBACK, port_of(server), timeout=10)
    yield made
    made.close()


def sent(server: Server, *parts: bytes, half_closed: bool = True) -> tuple[int, bytes]:
    """Send bytes on a connection of their own; return the status and everything that came back."""
    with socket.create_connection((LOOPBACK, port_of(server)), timeout=10) as client:
        for part in parts:
            client.sendall(part)
        if half_closed:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while block := client.recv(1 << 16):
            answer += block
    status = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/") else b"0"
    return int(status), answer


def message(answer: bytes) -> str:
    """What the JSON of an answer says went wrong."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json\r\n" in head + b"\r\n"
    return str(json.loads(body)["error"]["message"])


# -- well-behaved -------------------------------------------------------------------------------


def test_several_requests_go_over_one_connection(
    connection: http.client.HTTPConnection,
) -> None:
    connection.connect()
    first = connection.sock
    for size in (0, 1, 100_000, 0):
        connection.request("POST", "/size", b"x" * size)
        response = connection.getresponse()
        assert (response.status, json.load(response)) == (200, size)
        connection.request("GET", "/nothing")
        missing = connection.getresponse()
        assert missing.status == 404
        missing.read()
    assert connection.sock is first  # it was never opened again


def test_requests_that_come_together_are_answered_in_their_order(server: Server) -> None:
    one = b"POST /size HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc"
    other = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    _, answer = sent(server, one + other + one)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.index(b"\r\n\r\n3") < answer.index(b'{"ok": true}') < answer.rindex(b"\r\n\r\n3")


def test_the_answer_says_little_about_the_server(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/?a=b")
    response = connection.getresponse()
    assert json.load(response) == {"ok": True}
    assert response.headers["Server"] == "lite-mlops"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Type"] == "application/json"


def test_head_has_the_headers_and_no_body(server: Server) -> None:
    status, answer = sent(server, b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert status == 200
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 12\r\n" in answer


def test_many_clients_are_answered_at_once(server: Server) -> None:
    with socket.create_connection((LOOPBACK, port_of(server))) as silent:
        silent.sendall(b"POST /size HTTP/1.1\r\n")  # and nothing more
        assert sent(server, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200


# -- badly behaved ------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [b"x", b"-1", b"+1", b"1.0", b"0x1", b"1 1", b"", b"9" * 5_000])
def test_a_length_that_is_no_number_is_refused(server: Server, length: bytes) -> None:
    head = b"POST /size HTTP/1.1\r\n" + HOST + b"Content-Length: " + length + b"\r\n\r\n"
    status, answer = sent(server, head, b"x")
    assert status in (400, 413)
    assert message(answer)
    assert answer.count(b"HTTP/1.1 ") == 1  # what follows is not taken for a request


def test_a_body_that_is_too_large_is_not_read(server: Server) -> None:
    head = (
        b"POST /size HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: %d\r\n\r\n" % (Limits().body_bytes + 1)
    )
    status, answer = sent(server, head)
    assert status == 413
    assert message(answer) == "the body is larger than 10,000,000 bytes."
    assert b"\r\nConnection: close\r\n" in answer


def test_who_sends_a_body_that_is_too_large_gets_the_answer(
    connection: http.client.HTTPConnection,
) -> None:
    connection.request("POST", "/size", b"x" * (2 * MAX_BODY))
    assert connection.getresponse().status == 413


def test_a_body_in_chunks_is_taken_but_not_with_a_length_too(server: Server) -> None:
    head = b"POST /size HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    status, answer = sent(server, head, b"1\r\nx\r\n", b"a\r\n0123456789\r\n0\r\n\r\n")
    assert (status, answer.rpartition(b"\r\n")[2]) == (200, b"11")
    both = head.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n")
    status, answer = sent(server, both, b"1\r\nx")
    assert status == 400
    assert message(answer) == "the request has a Content-Length and a Transfer-Encoding."


@pytest.mark.parametrize("lengths", [(b"3", b"4"), (b"4", b"3")])
def test_two_lengths_are_refused(server: Server, lengths: tuple[bytes, bytes]) -> None:
    fields = b"".join(b"Content-Length: %b\r\n" % length for length in lengths)
    status, answer = sent(server, b"POST /size HTTP/1.1\r\n" + HOST + fields + b"\r\nabcd")
    assert status == 400
    assert message(answer)


@pytest.mark.parametrize(
    "line",
    [
        *(b"garbage", b"GET", b"GET / HTTP/1.1 x", b"GET / HTTP/x", b"GET / FTP/1.1"),
        *(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0\0\0\0", b"BREW / HTTP/1.1"),
        *(b"GET / HTTP/2.0", b"GET / HTTP/9.9", b"GET /" + b"a" * 70_000 + b" HTTP/1.1"),
        *(b"TRACE / HTTP/1.1", b"CONNECT / HTTP/1.1", b"GET \xff\xfe HTTP/1.1"),
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200,
        b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000,
    ],
    ids=lambda line: repr(line[:20]),
)
def test_what_is_no_request_is_the_fault_of_the_client(server: Server, line: bytes) -> None:
    status, answer = sent(server, line + b"\r\n" + HOST + b"\r\n")
    assert 400 <= status < 500
    assert message(answer)


def test_a_client_that_goes_away_harms_nobody(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /size HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n"
    for part in (b"", b"GE", head, head + b"x"):
        with socket.create_connection((LOOPBACK, port_of(server))) as client:
            client.sendall(part)
            linger = b"\1\0\0\0\0\0\0\0"  # a reset instead of a goodbye
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert sent(server, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_body_that_ends_too_early_is_no_request(server: Server) -> None:
    head = b"POST /size HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nx"
    status, answer = sent(server, head)
    assert (status, message(answer)) == (400, "the body is shorter than was told.")


def test_a_failure_of_ours_says_nothing_of_its_cause(
    connection: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.request("GET", "/fail")
    response = connection.getresponse()
    told = json.load(response)
    assert response.status == 500
    assert told["error"]["message"] == "The server failed; its log says why."
    assert "ZeroDivisionError" in caplog.text
    connection.request("GET", "/")
    assert connection.getresponse().status == 200


# -- the port -----------------------------------------------------------------------------------


def test_the_port_is_let_go_at_the_end() -> None:
    before = set(threading.enumerate())
    with Server(APP) as serving:
        port = port_of(serving)
        with pytest.raises(Busy, match=rf"Port {port} cannot be used \(.*\); choose another\."):
            Server(APP, port)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port))
    assert set(threading.enumerate()) <= before
    with Server(APP, port) as again:
        assert port_of(again) == port


@pytest.mark.parametrize("port", [-1, 65_536, 10**20])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(Invalid, match=rf"{port} is not a port: 0 to 65535\."):
        Server(APP, port)


def test_only_this_machine_is_listened_to(server: Server) -> None:
    assert server.url == f"http://127.0.0.1:{port_of(server)}"
