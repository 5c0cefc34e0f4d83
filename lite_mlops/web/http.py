"""The HTTP kernel: requests, answers, and routes as values; no sockets in here.

app = App([Route("GET", "/health", lambda request: Response.json({"ok": True}))])
app(Request("GET", "/health"))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from lite_mlops.errors import (
    Busy,
    Conflict,
    Damaged,
    Denied,
    Invalid,
    LiteMlopsError,
    NotFound,
)
from lite_mlops.jsontext import json_text

# The one place where kinds of errors become status codes.
STATUS: dict[type[LiteMlopsError], int] = {
    Invalid: 422,
    NotFound: 404,
    Conflict: 409,
    Denied: 403,
    Busy: 503,
    Damaged: 500,
}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


@dataclass(frozen=True)
class Request:
    """What came in; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Return the body as JSON. Raises `Invalid`."""
        if not self.headers.get("content-type", "").startswith("application/json"):
            raise Invalid("the body must be JSON, with the header Content-Type: application/json.")
        try:
            return json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"the body is not valid JSON: {error}.") from None


@dataclass(frozen=True)
class Response:
    """What goes out."""

    status: int
    body: bytes
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Response:
        """Return an answer that carries JSON."""
        return cls(status, json_text(value).encode())

    @classmethod
    def error(cls, status: int, message: str) -> Response:
        """Return an answer that says what went wrong, in the one form that all errors have."""
        return cls.json({"error": {"status": status, "message": message}}, status)


Handler = Callable[[Request], Response]


@dataclass(frozen=True)
class Route:
    """A method and a path, and the function that answers."""

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True)
class App:
    """Routes behind one guard; calling it with a request gives the answer."""

    routes: Sequence[Route]
    # Names under which the server may be addressed. A web page that has its own name resolve to
    # this machine (DNS rebinding) comes with a foreign Host and is turned away.
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})

    def __call__(self, request: Request) -> Response:
        """Answer a request; errors of the package become answers, others are left to the server."""
        refusal = self._guard(request)
        if refusal is not None:
            return refusal
        found = [route for route in self.routes if route.path == request.path]
        method = "GET" if request.method == "HEAD" else request.method  # the server leaves the body
        if not found:
            return Response.error(404, f"There is nothing at {request.path}.")
        for route in found:
            if route.method == method:
                try:
                    return route.handler(request)
                except LiteMlopsError as error:
                    kind = next(kind for kind in STATUS if isinstance(error, kind))
                    return Response.error(STATUS[kind], str(error))
        allowed = ", ".join(route.method for route in found)
        refused = Response.error(405, f"{request.path} answers {allowed}, not {request.method}.")
        return replace(refused, headers={"Allow": allowed})

    def _guard(self, request: Request) -> Response | None:
        """Return why a request is turned away before it reaches any route; None if it is not."""
        host = request.headers.get("host", "")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name.lower() not in self.hosts:
            return Response.error(421, f"This server does not answer for the host {host!r}.")
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return Response.error(403, f"Requests from the page {origin} are not answered.")
        if request.headers.get("sec-fetch-site") == "cross-site":
            return Response.error(403, "Requests from other sites are not answered.")
        return None
