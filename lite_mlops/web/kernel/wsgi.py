"""The app as a WSGI app (PEP 3333), to be mounted in Flask, Django or what serves WSGI.

    flask_app.wsgi_app = DispatcherMiddleware(flask_app.wsgi_app, {"/models": app.wsgi})

Each request is answered by itself, in the thread that the server around it has for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lite_mlops.web.kernel.answers import reason
from lite_mlops.web.kernel.app import App
from lite_mlops.web.kernel.embedding import Embedded
from lite_mlops.web.kernel.http import Malformed, Request
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
        with Embedded(self._app, environ["REQUEST_METHOD"]) as embedded:
            taken = embedded.admit(_head(environ))
            if taken is not None:
                admitted, incoming = taken
                for part in _parts(environ):
                    incoming.add(part)
                embedded.answer = self._app.answered(admitted, incoming.end())
        assert embedded.answer is not None
        answer, headers = embedded.outgoing(embedded.answer)
        start_response(f"{answer.status} {reason(answer.status)}", headers)
        return [answer.body]


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
