"""The socket side: HTTP/1.1 on loopback, by the server of the standard library.

with Server(app) as server:      # a free port, or the one asked for
    print(server.url)
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from lite_mlops.errors import Busy, Invalid
from lite_mlops.web.kernel.app import App
from lite_mlops.web.kernel.http import Request, Response

log = logging.getLogger("lite_mlops")

LOOPBACK = "127.0.0.1"
MAX_BODY = 10_000_000  # bytes
_IDLE_SECONDS = 15
_DRAIN_SECONDS, _DRAIN_BYTES = 2, 10 * MAX_BODY


class _Exchange(BaseHTTPRequestHandler):
    """Reads one request after the other from a connection and writes the answers."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    # Small answers go out at once instead of waiting for more.
    disable_nagle_algorithm = True
    wbufsize = -1
    app: App

    def _answer(self) -> None:
        try:
            body = self._body()
        except Invalid as error:
            self.close_connection = True
            self._send(Response.error(413 if "larger" in str(error) else 400, str(error)))
            self._drain()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        path = unquote(path)
        try:
            response = self.app(Request(self.command, path, headers, body, query))
        except Exception:
            log.exception("Answering %s %s failed", self.command, path)
            response = Response.error(500, "The server failed; its log says why.")
        self._send(response)

    def _body(self) -> bytes:
        """Return the body. Raises `Invalid` if its length is not told, or too large."""
        if self.headers.get("Transfer-Encoding") is not None:
            raise Invalid("send the body with a Content-Length, not in chunks.")
        text, *more = self.headers.get_all("Content-Length", ["0"])
        if more:
            raise Invalid("the Content-Length stands there more than once.")
        if not text.isdecimal():
            raise Invalid(f"the Content-Length {text[:60]!r} is not a number.")
        if len(text) > 18 or int(text) > MAX_BODY:
            raise Invalid(f"the body is larger than {MAX_BODY:,} bytes.")
        body = self.rfile.read(int(text))
        if len(body) < int(text):
            raise Invalid("the body is shorter than its Content-Length.")
        return body

    def _drain(self) -> None:
        """Read on for a moment: closing on what was not read would take the answer away."""
        self.connection.settimeout(_DRAIN_SECONDS)
        left = _DRAIN_BYTES
        with suppress(OSError):
            while left > 0 and (block := self.rfile.read1(min(left, 1 << 16))):
                left -= len(block)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request, in the form that all errors have."""
        self.close_connection = True
        self.request_version = self.protocol_version
        self.command = self.command or ""
        # An unknown method or version is no failure of the server.
        status = code if 400 <= code < 500 else 400
        self._send(Response.error(status, f"{message or explain or HTTPStatus(code).phrase}."))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.media)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer  # noqa: N815

    def version_string(self) -> str:
        """Say what answers, and nothing about the versions beneath."""
        return "lite-mlops"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log requests quietly; predictions are recorded in the project."""
        log.debug(format, *args)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Log a client that goes away in the middle; it is no failure of ours."""
        log.debug("The connection of %s broke off: %s", client_address, sys.exception())


class Server:
    """Serves an app on a port of this machine; as a context, in a thread of its own."""

    def __init__(self, app: App, port: int = 0) -> None:
        exchange = type("_AppExchange", (_Exchange,), {"app": app})
        try:
            self._listener = _Listener((LOOPBACK, port), exchange)
        except OSError as error:
            raise Busy(f"Port {port} cannot be used ({error.strerror}); choose another.") from None
        except OverflowError:
            raise Invalid(f"{port} is not a port: 0 to 65535.") from None
        self._listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self._listener.server_address[1]}"

    def run(self) -> None:
        """Answer until the process is interrupted."""
        try:
            self._listener.serve_forever()
        finally:
            self._listener.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
