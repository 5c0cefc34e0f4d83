r"""HTTP/1.1 requests from bytes, in whatever pieces they come; no sockets and no clock in here.

    parser = Parser(Heads(limits))
    parser.feed(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
    parser.head(); parser.expect(limits.body_bytes); parser.part(); parser.complete

What is not needed is refused (RFC 9110, RFC 9112): two readings of one message are how requests are
smuggled. So there is one framing, one line end, one Host, no folded lines, no chunk extensions and
no trailers; a target is decoded once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from lite_mlops.web.kernel.http import Malformed, Request
from lite_mlops.web.kernel.limits import Limits

CHUNKED = -1

_END = b"\r\n\r\n"
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_LINE = re.compile(rb"(" + _TOKEN + rb"{1,32}) ([\x21-\x7e]+) HTTP/1\.([01])")
_VERSION = re.compile(rb"[^ ]+ [^ ]+ HTTP/[0-9]\.[0-9]")
_FIELD = re.compile(rb"(" + _TOKEN + rb"+):([\t\x20-\x7e\x80-\xff]*)")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DIGITS = re.compile(r"[0-9]+")
_LENGTH_DIGITS = 18
_STRAY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?=[^\n])")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")
_SIZE_BEGUN = re.compile(rb"[0-9A-Fa-f]{0,16}|[0-9A-Fa-f]{1,16}\r")

# Two of these would leave it open which one counts.
_ONCE = frozenset(
    """host content-length transfer-encoding content-type content-encoding expect authorization
    x-api-key origin sec-fetch-site sec-fetch-mode sec-fetch-dest""".split()
)

_KNOWN_HEADS, _KNOWN_BYTES = 256, 2_048


class Refused(Malformed):
    """What came is no request that is answered; the connection ends with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True, eq=False)
class Head:
    """The head of a request.

    Attributes:
        request: The request without its body.
        length: Bytes of the body; `CHUNKED` if it comes in chunks.
        keep: Whether the client wants to go on with the connection.
        minor: 1 of HTTP/1.1, 0 of HTTP/1.0.
        expects: Whether the body comes only after `100 Continue`.
        kept: What its user found out about it and wants again with an equal head.
        whole: Whether a body that comes in one piece with it needs no second look.
    """

    request: Request
    length: int
    keep: bool
    minor: int
    expects: bool
    kept: Any = None
    whole: bool = False


# -- pure functions -----------------------------------------------------------------------------


def read_head(raw: bytes, limits: Limits) -> Head:
    """Return what a head says that stands between two line ends. Raises `Refused`."""
    line, *fields = raw.split(b"\r\n")
    found = _LINE.fullmatch(line)
    if found is None:
        if _VERSION.fullmatch(line) and not line.endswith((b"HTTP/1.0", b"HTTP/1.1")):
            raise Refused(400, "this server speaks HTTP/1.1 and HTTP/1.0.")
        raise Refused(400, "the first line is none of a request of HTTP/1.1.")
    if len(fields) > limits.headers:
        raise Refused(431, f"the request has more than {limits.headers} header fields.")
    method, minor = found[1].decode(), int(found[3])
    headers = _headers(fields)
    host = headers.get("host")
    if host is None and minor:
        raise Refused(400, "the request has no Host.")
    if host is not None and not _HOST.fullmatch(host):
        raise Refused(400, f"the Host {host[:100]!r} is none.")
    path, query = _address(method, found[2].decode(), host)
    return Head(
        Request(method, path, headers, query=query),
        _length(headers, minor),
        _keeps(headers, minor),
        minor,
        _expects(headers) and minor == 1,
    )


def _headers(fields: list[bytes]) -> dict[str, str]:
    pairs = []
    for field in fields:
        found = _FIELD.fullmatch(field)
        if found is None:
            raise Refused(400, "a header is not a name, a colon and a value on one line.")
        pairs.append((found[1].decode().lower(), found[2].strip(b" \t").decode("latin-1")))
    return gathered(pairs)


def gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by their names, which are in lower case. Raises `Refused`."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            raise Refused(400, f"the header {name} stands there more than once.")
        else:
            headers[name] += ("; " if name == "cookie" else ", ") + value
    return headers


def _address(method: str, target: str, host: str | None) -> tuple[str, str]:
    """Return path and query of a target."""
    if absolute := _ABSOLUTE.fullmatch(target):
        if host is None or absolute[1].lower() != host.lower():
            raise Refused(400, "the address names another host than the header Host.")
        target = absolute[2]
        if target[:1] != "/":
            target = f"/{target}"
    elif target == "*" and method == "OPTIONS":
        return "*", ""
    if target[:1] != "/" or "#" in target:
        raise Refused(400, "the address is not a path that begins with a slash.")
    path, _, query = target.partition("?")
    return (path if "%" not in path else _decoded(path)), query


def _decoded(path: str) -> str:
    if _BAD_ESCAPE.search(path):
        raise Refused(400, "the address has a per cent sign without two hexadecimal digits.")
    return checked_path(unquote_to_bytes(path))


def checked_path(path: bytes) -> str:
    """Return a path, whose per cent signs are decoded, as text. Raises `Refused`."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        raise Refused(400, "the address is not UTF-8.") from None
    if _CONTROL.search(text):
        raise Refused(400, "the address has a control character in it.")
    return text


def _length(headers: Mapping[str, str], minor: int) -> int:
    """Return how long the body is; `CHUNKED` if it tells that as it goes."""
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None:
        if length is not None:
            raise Refused(400, "the request has a Content-Length and a Transfer-Encoding.")
        if minor == 0:
            raise Refused(400, "HTTP/1.0 has no Transfer-Encoding.")
        if coding.lower() != "chunked":
            raise Refused(400, f"the Transfer-Encoding {coding[:60]!r} is not known; use chunked.")
        return CHUNKED
    if length is None:
        return 0
    if not _DIGITS.fullmatch(length):
        raise Refused(400, f"the Content-Length {length[:60]!r} is not a number.")
    if len(length) > _LENGTH_DIGITS:
        raise Refused(413, "the body is larger than this server takes.")
    return int(length)


def _keeps(headers: Mapping[str, str], minor: int) -> bool:
    told = headers.get("connection")
    if told is None:
        return minor == 1
    options = [option.strip().lower() for option in told.split(",")]
    return "close" not in options and (minor == 1 or "keep-alive" in options)


def _expects(headers: Mapping[str, str]) -> bool:
    expectation = headers.get("expect")
    if expectation is None:
        return False
    if expectation.lower() != "100-continue":
        raise Refused(417, f"the expectation {expectation[:60]!r} cannot be met.")
    return True


# -- what is kept between pieces ----------------------------------------------------------------


class Heads:
    """Reads heads, and knows those it has seen: a client sends the same one again and again."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.known: dict[bytes, Head] = {}

    def read(self, raw: bytes) -> Head:
        """Return what a head says that was not known yet. Raises `Refused`."""
        head = read_head(raw, self.limits)
        if len(raw) < _KNOWN_BYTES:
            if len(self.known) >= _KNOWN_HEADS:
                self.known.clear()
            self.known[raw] = head
        return head


class Parser:
    """Takes the bytes of one connection apart. Each step raises `Refused`; there is none after it.

    A request is read in this order: `head` until it is there, `expect` once, `part` until
    `complete`. However the bytes are cut into pieces, the outcome is the same.
    """

    __slots__ = (
        "_at",
        "_data",
        "_heads",
        "_left",
        "_most",
        "_room",
        "_scanned",
        "_step",
        "complete",
    )

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._data = b""
        self._at = 0  # what stands before it is done with
        self._scanned = 0  # bytes of an unfinished head that were looked at
        self._left = 0  # of the body, or of the chunk
        self._most = self._room = 0  # what the body may be of, and still grow by
        self._step = _plain_part
        self.complete = False

    def feed(self, data: bytes) -> None:
        """Take bytes that have come."""
        if self._at < len(self._data):
            self._data = self._data[self._at :] + data
        else:
            self._data = data
        self._at = 0

    @property
    def idle(self) -> bool:
        """Whether all that has come is done with."""
        return self._at == len(self._data)

    def known(self, data: bytes) -> Head | None:
        """Return the head of what has come, if that is one whole request whose head is known.

        Only for an idle parser; such a request needs no `feed`, and its body ends the data.
        """
        end = data.find(_END)
        head = self._heads.known.get(data[:end])
        if head is None or not head.whole or end + 4 + head.length != len(data) or end < 0:
            return None
        return head

    def head(self) -> Head | None:
        """Return the head of the next request; None if it is not there yet."""
        data, at = self._data, self._at
        end = data.find(_END, at)
        if end < 0:
            if at < len(data):
                self._check(data[at : at + self._heads.limits.head_bytes], whole=False)
            return None
        raw = data[at:end]
        head = self._heads.known.get(raw)
        if head is None:
            self._check(data[at : end + len(_END)], whole=True)
            head = self._heads.read(raw)
        self._at, self._scanned = end + len(_END), 0
        self._left = head.length
        self.complete = head.length == 0
        return head

    def _check(self, head: bytes, *, whole: bool) -> None:
        """Look for what no head has, so that nobody waits for the end of one that is none."""
        limit = self._heads.limits.head_bytes
        if _STRAY.search(head[:limit], max(self._scanned - 1, 0)):
            raise Refused(400, "the request has control bytes, or lines that do not end in CRLF.")
        if len(head) > limit or (len(head) == limit and not whole):
            if b"\r\n" in head[:limit]:
                raise Refused(431, f"the headers are larger than {limit:,} bytes.")
            raise Refused(414, f"the address is longer than {limit:,} bytes.")
        self._scanned = len(head)

    def expect(self, room: int) -> None:
        """Have the body be read, which may be of `room` bytes."""
        self._most = self._room = room
        if self._left > room:
            raise too_large(room)
        if self._left == CHUNKED:
            self._left, self._step = 0, _chunk_size
        else:
            self._step = _plain_part

    def part(self) -> bytes:
        """Return the next bytes of the body; none if it is `complete` or more have to come."""
        return b"" if self.complete else self._step(self)

    def end(self) -> None:
        """Take note that no more bytes come. Raises `Refused` in the middle of a request."""
        if self._step is not _plain_part or self._left > 0:
            raise Refused(400, "the body is shorter than was told.")
        if not self.idle:
            raise Refused(400, "the request ends in the middle of its head.")

    def _take(self, most: int) -> bytes:
        part = self._data[self._at : self._at + most]
        self._at += len(part)
        return part


def too_large(room: int) -> Refused:
    """Return the refusal of a body that may be of `room` bytes."""
    return Refused(413, f"the body is larger than {room:,} bytes.")


# -- the steps within a body: each returns bytes of it, or none ---------------------------------


def _plain_part(self: Parser) -> bytes:
    part = self._take(self._left)
    self._left -= len(part)
    self.complete = self._left == 0
    return part


def _chunk_size(self: Parser) -> bytes:
    found = _SIZE.match(self._data, self._at)
    if found is None:
        if not _SIZE_BEGUN.fullmatch(self._data, self._at):
            raise Refused(400, "the size of a chunk is not a hexadecimal number alone on its line.")
        return b""
    self._at = found.end()
    self._left = int(found[1], 16)
    if self._left > self._room:
        raise too_large(self._most)
    self._step = _chunk if self._left else _chunks_end
    return self._step(self)


def _chunk(self: Parser) -> bytes:
    part = self._take(self._left)
    self._left -= len(part)
    self._room -= len(part)
    if self._left == 0:
        self._step = _chunk_end
    return part


def _line_end(self: Parser, what: str) -> bool:
    line = self._data[self._at : self._at + 2]
    if not b"\r\n".startswith(line):
        raise Refused(400, what)
    if len(line) < 2:
        return False
    self._at += 2
    return True


def _chunk_end(self: Parser) -> bytes:
    if not _line_end(self, "a chunk is not as long as its size says."):
        return b""
    self._step = _chunk_size
    return _chunk_size(self)


def _chunks_end(self: Parser) -> bytes:
    if _line_end(self, "headers after the last chunk are not taken."):
        self._step = _plain_part
        self.complete = True
    return b""
