"""What the ASGI and the WSGI app share: the server around them reads and writes, we do the rest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

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


class Embedded:
    """One request on its way through an app inside another server; as a context.

    An error of the package that leaves the context is its answer.

    Attributes:
        answer: What is answered; None until that is known.
    """

    def __init__(self, app: App, method: str) -> None:
        self._app = app
        self._begun = monotonic()
        self._request = Request(method.upper(), "")
        self._route = ""
        self._incoming: Incoming | None = None
        self.answer: Response | None = None

    def __enter__(self) -> Self:
        return self

    def admit(self, head: Request) -> tuple[Admitted, Incoming] | None:
        """Return the route of a request and what reads its body; None if it is turned away.

        Raises:
            TooLarge, WrongMedia, Malformed: its body cannot be taken.
        """
        self._request = head
        admitted = self._app.admit(head)
        if isinstance(admitted, Response):
            self.answer = admitted
            return None
        self._route = admitted.route.path
        self._incoming = Incoming(self._app, admitted, head)
        return admitted, self._incoming

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._incoming is not None:
            self._incoming.drop()
        if not isinstance(error, LiteMlopsError):
            return False
        status = error.status if isinstance(error, Refused) else status_of(error)
        self.answer = self._app.error(self._request, status, str(error), error)
        return True

    def outgoing(self, answer: Response) -> tuple[Response, list[tuple[str, str]]]:
        """Return an answer as it goes out and its headers; the observer is told of it."""
        answer = packed(answer, self._request.headers)
        try:
            headers = protected(answer)
        except ValueError as error:
            answer = self._app.failed(self._request, error)
            headers = protected(answer)
        if answer.status not in (204, 304):
            headers.append(("Content-Length", str(len(answer.body))))
            headers.append(("Content-Type", answer.media))
        self._app.observed(self._route, answer, monotonic() - self._begun)
        if self._request.method == "HEAD":
            answer = Response(answer.status, b"", answer.media)
        return answer, headers
