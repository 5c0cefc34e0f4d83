"""The guard: every request passes it before it reaches any route, and is refused by default.

Loopback is no wall: every page that is open in a browser can send requests to it. So a server
answers only to its own names (a page that has its own name resolve to this machine comes with a
foreign Host), only to its own pages, and beyond loopback only with a token.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Collection
from dataclasses import dataclass

from lite_mlops.web.kernel.http import Request
from lite_mlops.web.kernel.routes import Route

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})

# Tells whether a token is one that is known and not revoked, in constant time.
TokenCheck = Callable[[str], bool]


@dataclass(frozen=True)
class Refusal:
    """Why a request is turned away."""

    status: int
    message: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Guard:
    """Who may ask.

    Attributes:
        hosts: Names under which the server may be addressed, without port; None: any.
        origins: Pages of other origins that may ask (CORS), such as `https://shop.example`; `*`
            stands for all.
        tokens: Checks a token; None: none is needed.
    """

    hosts: Collection[str] | None = LOOPBACK_NAMES
    origins: Collection[str] = ()
    tokens: TokenCheck | None = None

    def refuse(self, request: Request, route: Route | None) -> Refusal | None:
        """Return why a request is turned away; None if it is not."""
        headers = request.headers
        host = headers.get("host")
        if self.hosts is not None and host is not None and _name(host) not in self.hosts:
            return Refusal(
                421,
                f"This server does not answer for the host {host[:100]!r}. If it is meant to, name "
                "that host when it is started.",
            )
        origin = headers.get("origin")
        if origin is not None and not (
            self.allows(origin) or (host is not None and _same(origin, host))
        ):
            return Refusal(403, f"Requests from the page {origin[:100]} are not answered.")
        if (
            headers.get("sec-fetch-site") in ("cross-site", "same-site")
            and not (origin is not None and self.allows(origin))
            and not (route is not None and route.page and _is_link(request))
        ):
            return Refusal(403, "Requests from pages of other sites are not answered.")
        if self.tokens is not None and not (
            (route is not None and route.open) or self.is_preflight(request)
        ):
            token = token_of(request)
            if token is None or not self.tokens(token):
                what = "needs a token" if token is None else "does not know this token"
                return Refusal(
                    401,
                    f"This server {what}: send it as `Authorization: Bearer ...`, as X-API-Key, or "
                    "as the password of Basic.",
                    (("WWW-Authenticate", 'Basic realm="lite-mlops", charset="UTF-8"'),),
                )
        return None

    def is_preflight(self, request: Request) -> bool:
        """Return whether a browser asks what a page of an allowed origin may send."""
        return (
            request.method == "OPTIONS"
            and "access-control-request-method" in request.headers
            and self.allows(request.headers.get("origin", ""))
        )

    def allows(self, origin: str) -> bool:
        """Return whether pages of another origin may ask."""
        return bool(self.origins) and ("*" in self.origins or origin in self.origins)


def _name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() else host).lower()


def _same(origin: str, host: str) -> bool:
    return origin.partition("://")[2].lower() == host.lower()


def _is_link(request: Request) -> bool:
    headers = request.headers
    return (
        request.method in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def token_of(request: Request) -> str | None:
    """Return the token that a request carries; None if there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic" and value:
        try:
            _, colon, password = b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return password if colon and password else None
    return request.headers.get("x-api-key") or None
