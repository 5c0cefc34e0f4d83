"""An app: routes behind one guard. Calling it with a request gives the answer.

    app = App([Route("GET", "/health", lambda request: Response.json({"ok": True}))])
    app(Request("GET", "/health"))

A server goes the same way in steps, so that it can refuse before it reads a body and gather work:
`admit` the head, `begin` with the whole request, `finish` what was deferred.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from lite_mlops.errors import LiteMlopsError
from lite_mlops.web.kernel.guard import Guard
from lite_mlops.web.kernel.http import ErrorForm, Request, Response, plain_error, status_of
from lite_mlops.web.kernel.limits import Limits
from lite_mlops.web.kernel.routes import Match, Route, Routes
from lite_mlops.web.kernel.together import Deferred, Later

if TYPE_CHECKING:
    from lite_mlops.web.kernel.asgi import Asgi
    from lite_mlops.web.kernel.wsgi import Wsgi

log = logging.getLogger("lite_mlops")

_ALLOWED_HEADERS = "authorization, content-type, x-api-key, x-canary-key"
_PREFLIGHT_SECONDS = "600"


class Observer(Protocol):
    """What is told of every answer."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Take note of an answer; `route` is the path of the route, empty if none was found."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that passed the guard and found its route."""

    route: Route
    params: Mapping[str, str]


class App:
    """Routes behind one guard.

    Args:
        routes: Its routes.
        guard: Who may ask; by default whoever addresses it by a name of loopback.
        limits: What may be asked.
        error_forms: The form of errors below a path, by its beginning, such as `/v2`; elsewhere
            they are `{"error": {"status": ..., "message": ...}}`.
        observer: Is told of every answer.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        guard: Guard | None = None,
        limits: Limits | None = None,
        error_forms: Mapping[str, ErrorForm] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.routes = Routes(routes)
        self.guard = guard or Guard()
        self.limits = limits or Limits()
        self.observer = observer
        self._error_forms = dict(error_forms or {})

    def __call__(self, request: Request) -> Response:
        """Answer a request; nothing is raised."""
        admitted = self.admit(request)
        if isinstance(admitted, Response):
            return admitted
        return self.answered(admitted, request)

    @cached_property
    def asgi(self) -> Asgi:
        """The same as an ASGI app, to be mounted in one of FastAPI or Starlette."""
        from lite_mlops.web.kernel.asgi import Asgi  # asyncio

        return Asgi(self)

    @cached_property
    def wsgi(self) -> Wsgi:
        """The same as a WSGI app, to be mounted in one of Flask or Django."""
        from lite_mlops.web.kernel.wsgi import Wsgi

        return Wsgi(self)

    # -- in steps -------------------------------------------------------------------------------

    def admit(self, head: Request) -> Admitted | Response:
        """Return the route of a request, of which only the head is there yet, or a refusal.

        Where no tokens are needed, an equal head gets the same answer again; servers rely on it.
        """
        match = self.routes.find(head.method, head.path)
        refusal = self.guard.refuse(head, match.route)
        if refusal is not None:
            return replace(
                self.error(head, refusal.status, refusal.message), headers=dict(refusal.headers)
            )
        if match.route is None:
            return self._unmatched(head, match)
        return Admitted(match.route, match.params)

    def begin(self, admitted: Admitted, request: Request) -> Response | Deferred:
        """Have the route answer the whole request, now or together with others."""
        if admitted.params and request.params is not admitted.params:
            request = replace(request, params=admitted.params)
        try:
            answer = admitted.route.handler(request)
        except Exception as error:  # noqa: BLE001 (a server has to go on; `failed` logs it)
            answer = self.failed(request, error)
        return self._shared(request, answer) if isinstance(answer, Response) else answer

    def finish(self, request: Request, deferred: Deferred, result: Any) -> Response:
        """Return the answer to a request whose work is done, or ended with an exception."""
        answer = self.finish_soon(request, deferred, result)
        return self.made(request, answer) if isinstance(answer, Later) else answer

    def finish_soon(self, request: Request, deferred: Deferred, result: Any) -> Response | Later:
        """Return as `finish`, or what takes long to make, for `made`."""
        try:
            if isinstance(result, Exception):
                if deferred.instead is None:
                    raise result
                result = deferred.instead(result)
            answer = deferred.finish(result)
        except Exception as error:  # noqa: BLE001 (a server has to go on; `failed` logs it)
            answer = self.failed(request, error)
        return answer if isinstance(answer, Later) else self._shared(request, answer)

    def made(self, request: Request, later: Later) -> Response:
        """Return an answer that takes long to make; in any thread."""
        try:
            answer = later.make()
        except Exception as error:  # noqa: BLE001 (a server has to go on; `failed` logs it)
            answer = self.failed(request, error)
        return self._shared(request, answer)

    def answered(self, admitted: Admitted, request: Request) -> Response:
        """Return the answer to a whole request; work that could be done with others is not."""
        answer = self.begin(admitted, request)
        if isinstance(answer, Response):
            return answer
        try:
            result = answer.work.now(answer.item)
        except Exception as error:  # noqa: BLE001 (`finish` tells it)
            result = error
        return self.finish(request, answer, result)

    # -- errors ---------------------------------------------------------------------------------

    def failed(self, request: Request, error: Exception) -> Response:
        """Return the answer to a request that ended with an error."""
        if not isinstance(error, LiteMlopsError):
            log.error("Answering %s %s failed", request.method, request.path, exc_info=error)
            return self.error(request, 500, "The server failed; its log says why.")
        status = status_of(error)
        answer = self.error(request, status, str(error), error)
        return replace(answer, headers={"Retry-After": "1"}) if status == 503 else answer

    def error(
        self, request: Request, status: int, message: str, error: LiteMlopsError | None = None
    ) -> Response:
        """Return an error in the form that its path has."""
        for beginning, form in self._error_forms.items():
            if request.path.startswith(beginning):
                return form(status, message, error)
        return plain_error(status, message, error)

    def observed(self, route: str, answer: Response, seconds: float) -> Response:
        """Tell the observer of an answer, and return it."""
        if self.observer is not None:
            self.observer.answered(route, answer.status, seconds)
        return answer

    def _unmatched(self, request: Request, match: Match) -> Response:
        if not match.allowed:
            return self.error(request, 404, f"There is nothing at {request.path}.")
        if self.guard.is_preflight(request):
            asked = {
                "Access-Control-Allow-Methods": ", ".join(match.allowed),
                "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
                "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
            }
            return self._shared(request, Response(204, b"", "", asked))
        allowed = ", ".join(match.allowed)
        message = f"{request.path} answers {allowed}, not {request.method}."
        return replace(self.error(request, 405, message), headers={"Allow": allowed})

    def _shared(self, request: Request, answer: Response) -> Response:
        """Return an answer that the page of an allowed origin may read."""
        origin = request.headers.get("origin")
        if origin is None or not self.guard.allows(origin):
            return answer
        return replace(
            answer,
            headers={**answer.headers, "Access-Control-Allow-Origin": origin, "Vary": "Origin"},
        )
