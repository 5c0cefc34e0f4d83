"""The socket side: real connections, well-behaved and not, and never a failure of ours."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lite_mlops.errors import Busy, Invalid
from lite_mlops.web import App, Limits, Request, Response, Route, Server
from lite_mlops.web.kernel import Deferred
from lite_mlops.web.kernel.port import LOOPBACK
from tests.web.kernel.wire import GET, Client, post
from tests.web.kernel.works import Work

MAX_BODY = Limits().body_bytes
HOST = b"Host: localhost\r\n"


def fail(_: Request) -> Response:
    return Response.json({"never": 1 // 0})


WORK = Work(slow=True)


def together(request: Request) -> Deferred:
    return Deferred(WORK, request.body, lambda body: Response(200, body))


APP = App(
    [
        Route("GET", "/", lambda _: Response.json({"ok": True})),
        Route("GET", "/fail", fail),
        Route("POST", "/together", together),
        Route("POST", "/size", lambda request: Response.json(len(request.body))),
    ]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(APP) as serving:
        yield serving


@pytest.fixture
def work() -> Iterator[Work]:
    yield WORK
    WORK.gate.set()


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


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 300])
def test_a_host_that_is_not_this_machine_is_refused(host: str) -> None:
    with pytest.raises(Invalid, match=r"is not an address of this machine\."):
        Server(APP, host=host)


def test_it_may_listen_on_ipv6() -> None:
    with Server(APP, host="::1") as server, Client(server) as client:
        assert server.url.startswith("http://[::1]:")
        assert client.ask(GET.replace(b"localhost", b"[::1]")).status == 200


# -- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


def test_it_speaks_tls(certificate: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    certfile, keyfile = certificate
    trusting = ssl.create_default_context(cafile=str(certfile))
    limits = Limits(head_seconds=0.3)
    with Server(App(APP.routes.all, limits=limits), certfile=certfile, keyfile=keyfile) as server:
        assert server.url.startswith("https://127.0.0.1:")
        with Client(server, tls=trusting) as client:
            assert client.ask(GET).json() == {"ok": True}
            body = bytes(3_000_000)
            assert client.ask(post("/size", body)).json() == len(body)
            assert client.ask(post("/nothing", b"abc")).status == 404
            assert client.ask(GET + GET).status == 200
            assert client.answer() is not None
            assert client.ask(post("/size", b"x", b"Content-Length: 2")).status == 400
        with Client(server) as plain:
            plain.send(GET)
            plain.rest()  # an alert, or nothing
        with Client(server) as silent:
            assert silent.closed()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(certfile)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Client(server, tls=old)
        with Client(server, tls=trusting) as client:
            assert client.ask(GET).status == 200
    assert caplog.records == []


def test_a_certificate_that_is_none_is_refused(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    certfile, keyfile = certificate
    for cert, key in ((tmp_path / "none", keyfile), (keyfile, certfile), (certfile, None)):
        with pytest.raises(Invalid, match=r"The certificate .* cannot be used: "):
            Server(APP, certfile=cert, keyfile=key)


# -- the end ------------------------------------------------------------------------------------


def test_who_is_being_answered_when_it_stops_gets_the_answer(work: Work) -> None:
    told: list[bool] = []
    with Server(APP) as server, Client(server) as client, Client(server) as kept:
        server.on_stop.append(lambda: told.append(server.stopping))
        assert kept.ask(GET).headers.get("connection") is None
        work.gate.clear()
        client.send(post("/together", b"a"))
        while not server.in_flight:
            pass
        server.stop()
        assert kept.closed()
        with pytest.raises(ConnectionRefusedError):
            Client(server)
        work.gate.set()
        answer = client.answer()
        assert answer is not None
        assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"a", "close")
        assert client.closed()
    assert told == [True]


def test_what_takes_longer_than_it_may_is_broken_off(work: Work) -> None:
    app = App(APP.routes.all, limits=Limits(drain_seconds=0.2))
    with Server(app) as server, Client(server) as client:
        work.gate.clear()
        client.send(post("/together", b"a"))
        while not server.in_flight:
            pass
        server.stop()
        assert client.closed()
        work.gate.set()


def test_a_request_that_is_not_whole_when_it_stops_is_told_so() -> None:
    with Server(APP) as server, Client(server) as client:
        client.send(GET + post("/size", b"abc")[:-1])
        assert client.answer() is not None
        server.stop()
        answer = client.answer()
        assert answer is not None
        assert (answer.status, answer.message) == (503, "This server stops.")


def test_a_server_that_never_ran_lets_the_port_go() -> None:
    server = Server(APP)
    server.close()
    with Server(APP, port_of(server)):
        pass


def test_only_this_machine_is_listened_to(server: Server) -> None:
    assert server.url == f"http://127.0.0.1:{port_of(server)}"


def test_a_large_body_is_read_in_a_thread_while_others_are_there() -> None:
    read_by: list[str] = []

    def read(request: Request) -> Response:
        read_by.append(threading.current_thread().name)
        return Response.json(len(request.body))

    large = b"x" * 200_000
    with (
        Server(App([Route("POST", "/size", read)])) as server,
        Client(server) as client,
    ):
        for body in (b"x", large):
            assert client.ask(post("/size", body)).json() == len(body)
        with Client(server) as other:
            for body in (b"x", large):
                assert other.ask(post("/size", body)).json() == len(body)
    loop, worker = "lite-mlops-server", "lite-mlops-worker"
    assert read_by == [loop, loop, loop, worker]
