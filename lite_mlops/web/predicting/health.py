"""Whether the server lives, and whether it is to be asked.

GET /health    lives; the word for people and load balancers
GET /livez     lives; touches neither model nor database
GET /readyz    200, or 503 with the reason while it loads, drains or stops

    readiness = Readiness("loading")     # not ready yet
    readiness.up()
    readiness.down("stopping")
"""

from __future__ import annotations

from dataclasses import dataclass

from lite_mlops.serving import Served
from lite_mlops.web.kernel import Operation, Request, Response, Route
from lite_mlops.web.predicting.schemas import answer


@dataclass
class Readiness:
    """Whether requests are welcome; `reason` says why not, and is empty if they are."""

    reason: str = ""

    @property
    def ready(self) -> bool:
        """Whether requests are welcome."""
        return not self.reason

    def up(self) -> None:
        """Say that requests are welcome."""
        self.reason = ""

    def down(self, reason: str) -> None:
        """Say that requests are not welcome, such as because of "stopping"."""
        self.reason = reason


_STATUS = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
}


def routes(served: Served, readiness: Readiness) -> list[Route]:
    """Return the routes of health; they are open without a token."""

    def health(_: Request) -> Response:
        return Response.json({"status": "ok", "model": served.default.version.name})

    def live(_: Request) -> Response:
        return Response.json({"status": "ok"})

    def ready(_: Request) -> Response:
        if readiness.ready:
            return Response.json({"status": "ready"})
        return Response.json({"status": readiness.reason}, 503, {"Retry-After": "1"})

    lives = {"200": answer("It lives", _STATUS)}
    refused = {"503": answer("It loads, drains or stops", _STATUS)}
    return [
        Route(
            "GET", "/health", health, open=True, about=Operation(summary="Health", answers=lives)
        ),
        Route("GET", "/livez", live, open=True, about=Operation(summary="Liveness", answers=lives)),
        Route(
            "GET",
            "/readyz",
            ready,
            open=True,
            about=Operation(summary="Readiness", answers=lives | refused),
        ),
    ]
