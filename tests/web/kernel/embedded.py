"""An app as it is mounted in the frameworks of others, and what it answers in any of them."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path
from typing import Any

from lite_mlops.web import App, Guard, Limits, Request, Response, Route
from lite_mlops.web.kernel import Deferred
from tests.web.kernel.works import Work

PREFIX = "/models"
JSON = {"content-type": "application/json"}

# The time in a packed body would give each worker tests of its own.
PACKED = gzip.compress(b"x" * 1_000, mtime=0)
BOMB = gzip.compress(bytes(200_000), mtime=0)

# Method, path below the prefix, body, headers; then the status, and what the JSON says.
CASES: list[tuple[str, str, bytes, dict[str, str], int, Any]] = [
    ("GET", "/", b"", {}, 200, {"ok": True}),
    ("GET", "/?a=b&c=%20", b"", {}, 200, {"ok": True}),
    ("GET", "/args?a=b&c=%20", b"", {}, 200, {"a": "b", "c": " "}),
    ("POST", "/size", b"x" * 70_000, {}, 200, 70_000),
    ("POST", "/size", b"", {}, 200, 0),
    ("POST", "/together", b'"a"', JSON, 200, "a"),
    ("POST", "/file", b"x" * 5_000, {}, 200, 5_000),
    ("POST", "/wait", b"", {}, 200, "waited"),
    ("GET", "/named/a%20b/%C3%A9", b"", {}, 200, {"first": "a b", "second": "é"}),
    (
        "POST",
        "/size",
        PACKED,
        {"content-encoding": "gzip"},
        200,
        1_000,
    ),
    ("POST", "/size", b"xyz", {"content-encoding": "gzip"}, 400, "the body is not gzip."),
    (
        "POST",
        "/size",
        BOMB,
        {"content-encoding": "gzip"},
        413,
        None,
    ),
    ("POST", "/size", b"x" * 100_001, {}, 413, "the body is larger than 100,000 bytes."),
    ("POST", "/json", b"{", JSON, 400, None),
    ("GET", "/none", b"", {}, 404, "There is nothing at /none."),
    ("GET", "/named/%2e%2e/", b"", {}, 404, None),
    ("PUT", "/size", b"x", {}, 405, "/size answers POST, not PUT."),
    ("GET", "/", b"", {"origin": "http://evil.example"}, 403, None),
    ("GET", "/", b"", {"host": "evil.example"}, 421, None),
    ("POST", "/together", b'"raise"', {}, 500, "The server failed; its log says why."),
    ("GET", "/%00", b"", {}, 400, "the address has a control character in it."),
]

IDS = [f"{place} {case[0]} {case[1]} {case[4]}" for place, case in enumerate(CASES)]


def make(guard: Guard | None = None, **limits: Any) -> App:
    """Return the app."""
    work = Work()

    def together(request: Request) -> Deferred:
        return Deferred(work, request.json(), lambda value: Response.json(checked(value)))

    def checked(value: Any) -> Any:
        if value == "raise":
            raise ZeroDivisionError
        return value

    def file(request: Request) -> Response:
        assert isinstance(request.file, Path)
        return Response.json(request.file.stat().st_size)

    def wait(_: Request) -> Response:
        return Response.json("waited" if threading.current_thread().name else "")

    return App(
        [
            Route("GET", "/", lambda _: Response.json({"ok": True})),
            Route("GET", "/args", lambda request: Response.json(request.arguments())),
            Route("POST", "/size", lambda request: Response.json(len(request.body))),
            Route("POST", "/json", lambda request: Response.json(request.json())),
            Route("GET", "/text", lambda _: Response.text("text " * 1_000)),
            Route("GET", "/empty", lambda _: Response(204, b"", "")),
            Route("POST", "/together", together),
            Route("POST", "/file", file, to_file=True),
            Route("POST", "/wait", wait, waits=True),
            Route(
                "GET",
                "/named/{first}/{second}",
                lambda request: Response.json(dict(request.params)),
            ),
        ],
        guard or Guard(hosts={"testserver", "localhost", "127.0.0.1"}),
        Limits(**{"body_bytes": 100_000, **limits}),
    )
