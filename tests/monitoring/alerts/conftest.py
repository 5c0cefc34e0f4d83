"""Real receivers: an HTTP server that keeps what it was posted, and a small SMTP server."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lite_mlops.monitoring.alerts.channels import Line, Message

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def message(*sentences: str, **values: Any) -> Message:
    """A message with a line for each sentence."""
    lines = tuple(
        Line("6b07df7be25929ff324a", "drift", "age", "opened", "alert", one, AT)
        for one in sentences or ("age: KS 0.674",)
    )
    return Message("6b07df7bff0262fbe569", "churn", "churn/1", lines, AT, **values)


@dataclass
class Receiver:
    """A server that answers what it is told to, and keeps what it was posted."""

    url: str = ""
    answers: list[int] = field(default_factory=list)  # the next statuses; then 200
    location: str = ""
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    hold: Callable[[], None] = lambda: None

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.got]


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver on this machine."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append((self.path, dict(self.headers), body))
            found.hold()
            self.send_response(found.answers.pop(0) if found.answers else 200)
            if found.location:
                self.send_header("Location", found.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    scheme = "http" if context is None else "https"
    found.url = f"{scheme}://127.0.0.1:{server.server_port}/hook?key=s3cret"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@dataclass
class Post:
    """What an SMTP server was told, and the mails that it took."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    refuse: str = ""  # the answer to DATA, if it is to be refused


class _Clerk(socketserver.BaseRequestHandler):
    server: Any

    def handle(self) -> None:
        self.connection = self.request
        self.file = self.connection.makefile("rwb")
        self.secure = False
        self.say("220 here")
        while line := self.file.readline():
            command = line.decode().strip()
            self.server.post.commands.append(("TLS " if self.secure else "") + command)
            word = command.split(" ")[0].upper()
            if word == "QUIT":
                self.say("221 bye")
                break
            answer = {"EHLO": self.greet, "STARTTLS": self.encrypt, "DATA": self.take}.get(word)
            if answer is not None:
                answer()
            else:
                self.say("235 yes" if word == "AUTH" else "250 yes")
        self.file.close()
        self.connection.close()

    def say(self, text: str) -> None:
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def greet(self) -> None:
        more = "250-STARTTLS\r\n" if self.server.context is not None and not self.secure else ""
        self.say(f"250-here\r\n{more}250 AUTH PLAIN")

    def encrypt(self) -> None:
        assert self.server.context is not None
        self.say("220 go on")
        self.file.close()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.file, self.secure = self.connection.makefile("rwb"), True

    def take(self) -> None:
        if self.server.post.refuse:
            self.say(self.server.post.refuse)
            return
        self.say("354 go on")
        lines = []
        while (one := self.file.readline()) != b".\r\n":
            lines.append(one.decode())
        self.server.post.mails.append("".join(lines))
        self.say("250 taken")


@contextmanager
def post_office(context: ssl.SSLContext | None) -> Iterator[Post]:
    """Run a mail server on this machine; with a context it knows STARTTLS."""
    post = Post()

    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Clerk)
    server.post, server.context = post, context
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    post.port = server.server_address[1]
    try:
        yield post
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
