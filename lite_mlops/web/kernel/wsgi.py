"""The app as a WSGI app (PEP 3333), to be mounted in Flask, Django or what serves WSGI.

    flask_app.wsgi_app = DispatcherMiddleware(flask_app.wsgi_app, {"/models": app.wsgi})

Each request is answered by itself, in the thread that the server around it has for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any

from lite_mlops.errors import LiteMlopsError
from lite_mlops.web.kernel.answers import reason
from lite_mlops.web.kernel.app import Admitted, App
from lite_mlops.web.kernel.embedding import Incoming, outgoing, refusal
from lite_mlops.web.kernel.http import Malformed, Request, Response
from lite_mlops.web.kernel.parsing import checked_path

Environ = dict[str, Any]

_BLOCK = 1 << 16
_UNPREFIXED = {"CONTENT_TYPE": "content-type", "CONTENT_LENGTH": "content-length"}


class Wsgi:
    """An app as WSGI sees it."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        begun = monotonic()
        request, route = Request(environ["REQUEST_METHOD"].upper(), ""), ""
        incoming: Incoming | None = None
        try:
            request = _head(environ)
            admitted = self._app.admit(request)
            if isinstance(admitted, Admitted):
                route = admitted.route.path
                incoming = Incoming(self._app, admitted, request)
                for part in _parts(environ):
                    incoming.add(part)
                request = incoming.end()
                answer = self._answer(admitted, request)
            else:
                answer = admitted
        except LiteMlopsError as error:
            answer = refusal(self._app, request, error)
        finally:
            if incoming is not None:
                incoming.drop()
        answer, headers = outgoing(self._app, request, answer)
        self._app.observed(route, answer, monotonic() - begun)
        start_response(f"{answer.status} {reason(answer.status)}", headers)
        return [answer.body]

    def _answer(self, admitted: Admitted, request: Request) -> Response:
        answer = self._app.begin(admitted, request)
        return answer if isinstance(answer, Response) else self._app.carried_out(request, answer)


def _head(environ: Environ) -> Request:
    """Return the head of a request. Raises `Malformed`."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name, ours in _UNPREFIXED.items():
        if environ.get(name):
            headers[ours] = environ[name]
    path = checked_path(environ.get("PATH_INFO", "").encode("latin-1")) or "/"
    method = environ["REQUEST_METHOD"].upper()
    return Request(method, path, headers, query=environ.get("QUERY_STRING", ""))


def _parts(environ: Environ) -> Iterator[bytes]:
    """Return the body in parts; where its length is not told, the server says where it ends."""
    source = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    left = int(length) if length else None
    if left is None and not environ.get("wsgi.input_terminated"):
        return
    while left != 0:
        part = source.read(_BLOCK if left is None else min(_BLOCK, left))
        if not part:
            if left:
                raise Malformed("the body is shorter than was told.")
            return
        if left is not None:
            left -= len(part)
        yield part
