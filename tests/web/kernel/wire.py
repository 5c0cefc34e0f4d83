"""A client that sends bytes, and the answers that come back."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from lite_mlops.web import Server

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


def address(url: str) -> tuple[str, int]:
    """Return where to connect to."""
    parts = urlsplit(url)
    return str(parts.hostname), parts.port or 0


def post(path: str, body: bytes, *headers: bytes) -> bytes:
    """Return a request with a body."""
    lines = [b"POST " + path.encode() + b" HTTP/1.1", b"Host: localhost", *headers]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])


@dataclass
class Answer:
    """What came back for one request; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return what the JSON says."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What the JSON says went wrong."""
        return str(self.json()["error"]["message"])


class Client:
    """One connection. Waiting longer than `seconds` for anything is an error."""

    def __init__(
        self, server: Server | str, seconds: float = 10.0, tls: ssl.SSLContext | None = None
    ) -> None:
        url = server if isinstance(server, str) else server.url
        self.socket = socket.create_connection(address(url), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._got = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> Self:
        """Send bytes."""
        for part in parts:
            self.socket.sendall(part)
        return self

    def half_close(self) -> Self:
        """Say that nothing more comes."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Go away without a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def _until(self, enough: int | bytes) -> bool:
        while len(self._got) < enough if isinstance(enough, int) else enough not in self._got:
            try:
                block = self.socket.recv(1 << 18)
            except ConnectionError:
                return False
            if not block:
                return False
            self._got += block
        return True

    def answer(self, *, to_head: bool = False) -> Answer | None:
        """Return the next answer; None if the connection is closed before it is there."""
        if not self._until(b"\r\n\r\n"):
            return None
        raw, _, self._got = self._got.partition(b"\r\n\r\n")
        line, *fields = raw.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (field.partition(": ") for field in fields)
        }
        length = 0 if to_head else int(headers.get("content-length", 0))
        if not self._until(length):
            return None
        body, self._got = self._got[:length], self._got[length:]
        return Answer(int(line.split(" ")[1]), headers, body)

    def ask(self, *parts: bytes) -> Answer:
        """Send a request and return its answer, which has to come."""
        answer = self.send(*parts).answer()
        assert answer is not None, "the connection was closed without an answer"
        return answer

    def rest(self) -> bytes:
        """Return all that comes until the server closes."""
        while self._until(len(self._got) + 1):
            pass
        return self._got

    def closed(self) -> bool:
        """Wait until the server closes; return whether nothing more came before."""
        return self.rest() == b""
