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
    """An SMTP server, as far as it is needed: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, QUIT."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    refuse: str = ""  # the answer to DATA, if it is to be refused


@contextmanager
def post_office(context: ssl.SSLContext | None) -> Iterator[Post]:
    """Run a mail server on this machine; with a context it knows STARTTLS."""
    post = Post()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection = self.request
            file = connection.makefile("rwb")

            def say(text: str) -> None:
                file.write(text.encode() + b"\r\n")
                file.flush()

            secure = False
            say("220 here")
            while line := file.readline():
                command = line.decode().strip()
                post.commands.append(("TLS " if secure else "") + command)
                word = command.split(" ")[0].upper()
                if word == "EHLO":
                    more = "250-STARTTLS\r\n" if context is not None and not secure else ""
                    say(f"250-here\r\n{more}250 AUTH PLAIN")
                elif word == "STARTTLS" and context is not None:
                    say("220 go on")
                    file.close()
                    connection = context.wrap_socket(connection, server_side=True)
                    file, secure = connection.makefile("rwb"), True
                elif word == "AUTH":
                    say("235 yes")
                elif word == "DATA":
                    if post.refuse:
                        say(post.refuse)
                        continue
                    say("354 go on")
                    lines = []
                    while (one := file.readline()) != b".\r\n":
                        lines.append(one.decode())
                    post.mails.append("".join(lines))
                    say("250 taken")
                elif word == "QUIT":
                    say("221 bye")
                    break
                else:
                    say("250 yes")
            file.close()
            connection.close()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
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
