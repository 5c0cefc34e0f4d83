"""What the ASGI and the WSGI app share: the server around them reads and writes, we do the rest."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lite_mlops.errors import LiteMlopsError
from lite_mlops.web.kernel.answers import protected
from lite_mlops.web.kernel.app import Admitted, App
from lite_mlops.web.kernel.bodies import Body
from lite_mlops.web.kernel.compression import packed, unpacker
from lite_mlops.web.kernel.http import Malformed, Request, Response, TooLarge, status_of
from lite_mlops.web.kernel.parsing import Refused


class Incoming:
    """The body of one admitted request while it is read."""

    def __init__(self, app: App, admitted: Admitted, head: Request) -> None:
        route = admitted.route
        self._head = head
        self._room = route.body_bytes or app.limits.body_bytes
        folder = Path(tempfile.gettempdir()) if route.to_file else None
        length = head.headers.get("content-length") or "0"
        if not (length.isascii() and length.isdecimal()):
            raise Malformed(f"the Content-Length {length[:60]!r} is not a number.")
        self._check(int(length[:20]))
        self._body = Body(folder, unpacker(head.headers, self._room))

    def _check(self, size: int) -> None:
        if size > self._room:
            raise TooLarge(f"the body is larger than {self._room:,} bytes.")

    def add(self, part: bytes) -> None:
        """Take the next bytes. Raises `TooLarge`, `Malformed`."""
        self._check(self._body.received + len(part))
        self._body.add(part)

    def end(self) -> Request:
        """Return the whole request. Raises `Malformed`."""
        content, file = self._body.end()
        return self._head.given(body=content, file=file)

    def drop(self) -> None:
        """Forget the body, and the file it lies in."""
        self._body.drop()


def refusal(app: App, request: Request, error: LiteMlopsError) -> Response:
    """Return the answer to a request that cannot be read."""
    status = error.status if isinstance(error, Refused) else status_of(error)
    return app.error(request, status, str(error), error)


def outgoing(
    app: App, request: Request, answer: Response
) -> tuple[Response, list[tuple[str, str]]]:
    """Return an answer as it goes out, and its headers."""
    answer = packed(answer, request.headers)
    try:
        headers = protected(answer)
    except ValueError as error:
        answer = app.failed(request, error)
        headers = protected(answer)
    if answer.status not in (204, 304):
        headers.append(("Content-Length", str(len(answer.body))))
        headers.append(("Content-Type", answer.media))
    if request.method == "HEAD":
        answer = Response(answer.status, b"", answer.media)
    return answer, headers
