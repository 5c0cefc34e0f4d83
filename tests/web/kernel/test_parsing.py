"""The parser: what it takes and refuses, in any pieces, with h11 as a second opinion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lite_mlops.web.kernel import Limits
from lite_mlops.web.kernel.parsing import Head, Heads, Parser, Refused

LIMITS = Limits(head_bytes=1_000, headers=20, body_bytes=500)

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /p HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"

Read = tuple[str, str, str, dict[str, str], bytes]


@dataclass
class Outcome:
    """The requests that were read, and the refusal after them."""

    requests: list[Read] = field(default_factory=list)
    refused: tuple[int, str] | None = None

    @property
    def status(self) -> int:
        """What the last request would be answered, as far as the parser knows."""
        if self.refused:
            return self.refused[0]
        return 200 if self.requests else 0


def read(pieces: Sequence[bytes], heads: Heads | None = None, *, ends: bool = True) -> Outcome:
    """Read pieces as a connection does."""
    parser, outcome = Parser(heads or Heads(LIMITS)), Outcome()
    try:
        if _read(parser, pieces, outcome) and ends:
            parser.end()
    except Refused as error:
        outcome.refused = (error.status, str(error))
    return outcome


def _read(parser: Parser, pieces: Sequence[bytes], outcome: Outcome) -> bool:
    """Read until the end, or until a request is the last; return whether more could come."""
    head: Head | None = None
    body = b""
    for piece in pieces:
        parser.feed(piece)
        while True:
            if head is None:
                head, body = parser.head(), b""
                if head is None:
                    break
                if head.length:
                    parser.expect(LIMITS.body_bytes)
            while part := parser.part():
                body += part
            if not parser.complete:
                break
            request = head.request
            outcome.requests.append(
                (request.method, request.path, request.query, dict(request.headers), body)
            )
            if not head.keep:
                return False
            head = None
    return True


# -- what is taken ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "method", "path", "query", "body"),
    [
        (GET + b"\r\n", "GET", "/", "", b""),
        (b"GET /a?b=c&d=%20?e HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/a", "b=c&d=%20?e", b""),
        (b"GET /a%20b/%c3%a9 HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/a b/é", "", b""),
        (b"GET /%2e%2e/%252e HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/../%2e", "", b""),
        (b"GET http://LOCALHOST/a?b HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/a", "b", b""),
        (b"GET http://localhost?b HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/", "b", b""),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", "OPTIONS", "*", "", b""),
        (b"brew / HTTP/1.1\r\n" + HOST + b"\r\n", "brew", "/", "", b""),
        (b"GET / HTTP/1.0\r\n\r\n", "GET", "/", "", b""),
        (POST + b"Content-Length: 3\r\n\r\nabc", "POST", "/p", "", b"abc"),
        (POST + b"Content-Length: 0003\r\n\r\nabc", "POST", "/p", "", b"abc"),
        (POST + b"Content-Length: 0\r\n\r\n", "POST", "/p", "", b""),
        (POST + CHUNKED + b"\r\n0\r\n\r\n", "POST", "/p", "", b""),
        (POST + CHUNKED + b"\r\n1\r\na\r\n00B\r\n0123456789x\r\n0\r\n\r\n", "POST", "/p", "",
         b"a0123456789x"),
        (POST + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", "POST", "/p", "", b""),
        (POST + b"Expect: 100-Continue\r\nContent-Length: 1\r\n\r\na", "POST", "/p", "", b"a"),
    ],
)  # fmt: skip
def test_requests_are_read(wire: bytes, method: str, path: str, query: str, body: bytes) -> None:
    outcome = read([wire])
    assert outcome.refused is None
    assert [(*one[:3], one[4]) for one in outcome.requests] == [(method, path, query, body)]


def test_headers_are_named_in_lower_case_and_joined() -> None:
    wire = GET + b"X-A: 1\r\nACCEPT:a\r\nAccept: \t b \r\nCookie: c=1\r\nCookie: d=2\r\nE:\r\n\r\n"
    assert read([wire]).requests[0][3] == {
        "host": "localhost",
        "x-a": "1",
        "accept": "a, b",
        "cookie": "c=1; d=2",
        "e": "",
    }


@pytest.mark.parametrize(
    ("version", "connection", "keep"),
    [
        (b"1.1", None, True),
        (b"1.1", b"close", False),
        (b"1.1", b"Keep-Alive, CLOSE", False),
        (b"1.1", b"upgrade", True),
        (b"1.0", None, False),
        (b"1.0", b"keep-alive", True),
        (b"1.0", b"keep-alive, close", False),
    ],
)
def test_a_connection_goes_on_as_the_client_wants(
    version: bytes, connection: bytes | None, keep: object
) -> None:
    told = b"" if connection is None else b"Connection: " + connection + b"\r\n"
    parser = Parser(Heads(LIMITS))
    parser.feed(b"GET / HTTP/" + version + b"\r\n" + HOST + told + b"\r\n")
    head = parser.head()
    assert head is not None
    assert head.keep is keep


def test_requests_that_come_together_are_read_one_by_one() -> None:
    wire = POST + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n" + POST + CHUNKED + b"\r\n"
    outcome = read([wire + b"1\r\nx\r\n0\r\n\r\n" + GET + b"\r\n"])
    assert [(one[0], one[4]) for one in outcome.requests] == [
        ("POST", b"abc"),
        ("GET", b""),
        ("POST", b"x"),
        ("GET", b""),
    ]


def test_a_head_that_was_seen_is_not_read_again_and_their_number_is_bounded() -> None:
    heads = Heads(LIMITS)
    for number in range(1_000):
        read([b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n"], heads)
        assert 0 < len(heads.known) <= 256
    known = dict(heads.known)
    first = read([GET + b"\r\n", GET + b"\r\n"], heads)
    assert first.requests[0] == first.requests[1]
    assert len(heads.known) == len(known) + 1
    read([GET + b"X: " + b"a" * 900 + b"\r\n\r\n"], Heads(Limits(head_bytes=400)))
    large = Heads(Limits())
    read([GET + b"X: " + b"a" * 3_000 + b"\r\n\r\n"], large)
    assert large.known == {}


# -- what is refused ----------------------------------------------------------------------------

REFUSED = [
    # lines
    (GET.replace(b"\r\n", b"\n") + b"\n", 400),
    (GET + b"A: b\n\r\n", 400),
    (GET + b"A: b\r\r\n\r\n", 400),
    (GET + b"A: b\rc\r\n\r\n", 400),
    (b"\r\n" + GET + b"\r\n", 400),
    (b"\n" + GET + b"\r\n", 400),
    (b"\r\n\r\n", 400),
    (b" " + GET + b"\r\n", 400),
    (GET + b"A: b\r\n c\r\n\r\n", 400),
    (GET + b"A: b\r\n\tc\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    # the first line
    (b"GET /\r\n" + HOST + b"\r\n", 400),
    (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 400),
    (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"A" * 33 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    # the address
    (b"GET a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET http://other/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET http://a@localhost/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET ftp://localhost/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%2 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /% HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%0a HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%7f HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%c2%85 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    (b"GET /%c0%ae HTTP/1.1\r\n" + HOST + b"\r\n", 400),  # a dot, too long
    (b"GET /%ed%a0%80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),  # half of a pair
    # headers
    (GET + b"A : b\r\n\r\n", 400),
    (GET + b"A\r\n\r\n", 400),
    (GET + b": b\r\n\r\n", 400),
    (GET + b"A\xe9: b\r\n\r\n", 400),
    (GET + b"A: \0\r\n\r\n", 400),
    (GET + b"A: \x01\r\n\r\n", 400),
    (GET + b"A: \x7f\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (GET + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.0\r\n" + HOST + HOST + b"\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n", 400),
    (GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n", 400),
    (GET + b"Origin: a\r\norigin: a\r\n\r\n", 400),
    (GET + b"Expect: else\r\n\r\n", 417),
    (GET + b"Expect: 100-continue, else\r\n\r\n", 417),
    # lengths
    (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
    (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    (POST + b"Content-Length: +1\r\n\r\na", 400),
    (POST + b"Content-Length: -1\r\n\r\na", 400),
    (POST + b"Content-Length: 0x1\r\n\r\na", 400),
    (POST + b"Content-Length: 1_0\r\n\r\na", 400),
    (POST + b"Content-Length: 1 \x0b\r\n\r\na", 400),
    (POST + b"Content-Length: \xb2\r\n\r\na", 400),  # a digit to str.isdigit
    (POST + b"Content-Length: \r\n\r\na", 400),
    (POST + b"Content-Length: 501\r\n\r\n", 413),
    (POST + b"Content-Length: 9999999999999999999\r\n\r\n", 413),
    (POST + b"Content-Length: " + b"9" * 900 + b"\r\n\r\n", 413),
    (POST + b"Content-Length: 2\r\n\r\na", 400),  # and no more comes
    # chunks
    (POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\nx\r\n", 400),
    (POST + CHUNKED + b"\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n0x1\r\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n+1\r\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n-1\r\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n 1\r\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1 \r\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1;a=b\r\na\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1\r\na\n0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1\r\na0\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n0\r\nA: b\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n0\r\n\n", 400),
    (POST + CHUNKED + b"\r\n" + b"0" * 17 + b"\r\n\r\n", 400),
    (POST + CHUNKED + b"\r\n1f5\r\n", 413),
    (POST + CHUNKED + b"\r\nffffffffffffffff\r\n", 413),
    (POST + CHUNKED + b"\r\n" + b"fa\r\n" + b"a" * 250 + b"\r\nfb\r\n", 413),
    (POST + CHUNKED + b"\r\n1\r\na\r\n", 400),  # and no more comes
    # sizes
    (b"GET /" + b"a" * 1_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    (b"G" * 5_000, 414),
    (GET + b"A: " + b"b" * 1_000 + b"\r\n\r\n", 431),
    (GET + b"A: b\r\n" * 200 + b"\r\n", 431),
    (GET + b"A:\r\n" * 20 + b"\r\n", 431),
    (GET + b"A: b\r\n", 400),  # and no more comes
]


@pytest.mark.parametrize(("wire", "status"), REFUSED, ids=lambda one: repr(one)[-60:])
def test_what_could_be_read_in_two_ways_is_refused(wire: bytes, status: int) -> None:
    outcome = read([wire])
    assert outcome.requests == []
    assert outcome.status == status
    byte_by_byte = read([wire[at : at + 1] for at in range(len(wire))])
    assert byte_by_byte == outcome


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\nHost: localhost\n\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"\0",
        POST + CHUNKED + b"\r\nz",
        POST + CHUNKED + b"\r\n" + b"0" * 17,
    ],
)
def test_nobody_waits_for_the_rest_of_what_is_no_request(wire: bytes) -> None:
    assert read([wire], ends=False).status == 400


@pytest.mark.parametrize("more", [0, 1])
def test_the_limits_are_those_that_are_set(more: int) -> None:
    room = LIMITS.head_bytes - len(GET + b"A: \r\n\r\n") + more
    assert read([GET + b"A: " + b"b" * room + b"\r\n\r\n"]).status == (431 if more else 200)
    fields = b"A:\r\n" * (LIMITS.headers - 1 + more)
    assert read([GET + fields + b"\r\n"]).status == (431 if more else 200)
    size = LIMITS.body_bytes + more
    plain = POST + b"Content-Length: %d\r\n\r\n" % size + b"a" * size
    assert read([plain]).status == (413 if more else 200)
    chunks = POST + CHUNKED + b"\r\n%x\r\n" % size + b"a" * size + b"\r\n0\r\n\r\n"
    assert read([chunks]).status == (413 if more else 200)


# -- any pieces, and a second opinion -----------------------------------------------------------

TOKENS = st.sampled_from(
    [
        *(b"GET", b"POST", b"/", b"/p", b"/%41", b"?a=b", b" ", b"HTTP/1.1", b"HTTP/1.0", b"\r\n"),
        *(b"\r\n\r\n", b"\n", b"\r", b"Host: a", b"Host: b:80", b"Content-Length: 5", b"hello"),
        *(b"Content-Length: 3", b"Transfer-Encoding: chunked", b"5\r\nhello\r\n", b"0\r\n\r\n"),
        *(b"A: b", b" c", b"\0", b":", b"Connection: close", b"Expect: 100-continue", b"\xe9"),
        *(b"http://a/", b"5;x\r\n", b"a" * 300, b"A: " + b"b" * 900),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that is mostly right."""
    method = draw(st.sampled_from([b"GET", b"POST", b"PUT", b"get", b"M-SEARCH"]))
    path = draw(st.sampled_from([b"/", b"/a/b", b"/a%20b", b"/%C3%A9", b"/a?b=%zz", b"http://a/x"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"]))
    headers = draw(
        st.lists(
            st.sampled_from(
                [b"A: b", b"A:c", b"B: \t\xe9 ", b"Connection: keep-alive", b"Connection: close",
                 b"Cookie: a", b"Cookie: b", b"Expect: 100-continue", b"X-API-Key: k",
                 b"Content-Type: application/json", b"Upgrade: h2c"]
            ),
            max_size=4,
        )
    )  # fmt: skip
    body = draw(st.binary(max_size=40))
    framing = draw(st.sampled_from(["none", "length", "chunks"]))
    sent = b""
    if framing == "length":
        headers.append(b"Content-Length: %d" % len(body))
        sent = body
    elif framing == "chunks":
        headers.append(b"Transfer-Encoding: chunked")
        cut = draw(st.integers(0, len(body)))
        for part in (body[:cut], body[cut:]):
            if part:
                sent += b"%x\r\n" % len(part) + part + b"\r\n"
        sent += b"0\r\n\r\n"
    order = draw(st.permutations([b"Host: a", *headers]))
    return b"\r\n".join([b"%b %b HTTP/%b" % (method, path, version), *order, b"", sent])


@st.composite
def wires(draw: st.DrawFn) -> bytes:
    """Requests behind each other, mostly with something wrong in them, or quite other bytes."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.binary(max_size=200))
    if kind == 1:
        return b"".join(draw(st.lists(TOKENS, max_size=20)))
    wire = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 2)) if kind > 4 else 0):
        at = draw(st.integers(0, len(wire)))
        gone = draw(st.integers(0, 2))
        wire = wire[:at] + draw(TOKENS | st.binary(max_size=2)) + wire[at + gone :]
    return wire


@st.composite
def cut(draw: st.DrawFn) -> list[bytes]:
    """A wire in pieces."""
    wire = draw(wires())
    places = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    return [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True)]


@given(cut())
@example([b"GET / HTTP/1.1\r", b"\nHost: a\r\n", b"\r\n"])
@example([b"GET / HTTP/1.1\r", b"Host: a\r\n", b"\r\n"])
@example([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n\r", b"\nGET"])
def test_it_does_not_matter_how_the_bytes_are_cut(pieces: list[bytes]) -> None:
    heads = Heads(LIMITS)
    whole = read([b"".join(pieces)], heads)
    assert read(pieces, heads) == whole  # with the heads known
    assert read(pieces) == whole


def second_opinion(wire: bytes, count: int) -> list[Read]:
    """What h11 reads; as many requests as we did."""
    found: list[Read] = []
    while len(found) < count:
        # A new one for each: it does not go on with HTTP/1.0, and after an upgrade.
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=10_000)
        connection.receive_data(wire)
        asked = connection.next_event()
        assert isinstance(asked, h11.Request), asked
        body = b""
        while isinstance(event := connection.next_event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage), event
        headers: dict[str, str] = {}
        for raw_name, raw_value in asked.headers:
            name, value = raw_name.decode(), raw_value.decode("latin-1")
            joint = "; " if name == "cookie" else ", "
            headers[name] = headers[name] + joint + value if name in headers else value
        target = asked.target.decode()
        if target[:1] != "/":
            target = target.partition(urlsplit(target).netloc)[2] or "/"
        path, _, query = target.partition("?")
        found.append((asked.method.decode(), unquote(path), query, headers, body))
        wire = connection.trailing_data[0]
    return found


@given(wires())
def test_h11_reads_the_same_in_all_that_is_taken(wire: bytes) -> None:
    ours = read([wire])
    # Bodies of h11 have no limit, and are told in parts; so only whole requests are compared.
    assert second_opinion(wire, len(ours.requests)) == ours.requests


STRICTER = {
    "a length and chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "the same length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\na",
    "folded lines": GET + b"A: b\r\n c\r\n\r\n",
    "lines that end in LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "chunk extensions": POST + CHUNKED + b"\r\n1;a=b\r\na\r\n0\r\n\r\n",
    "trailers": POST + CHUNKED + b"\r\n0\r\nA: b\r\n\r\n",
    "control bytes": GET + b"A: \x01\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "other versions": b"GET / HTTP/1.7\r\n" + HOST + b"\r\n",
    "a foreign authority": b"GET http://b/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "other expectations": GET + b"Expect: else\r\n\r\n",
    "bad escapes": b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n",
    "two tokens": GET + b"X-API-Key: a\r\nX-API-Key: b\r\n\r\n",
}


@pytest.mark.parametrize("wire", STRICTER.values(), ids=STRICTER.keys())
def test_these_kinds_of_requests_h11_takes_and_we_refuse(wire: bytes) -> None:
    assert read([wire]).refused is not None
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(wire)
    assert isinstance(connection.next_event(), h11.Request)
