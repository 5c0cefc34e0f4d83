"""The app as an ASGI app (version 3), to be mounted in FastAPI, Starlette or what serves ASGI.

    fastapi_app.mount("/models", app.asgi)

Answers that are made together are so here as well: all that one turn of the loop has brought. Time
limits of heads and idle connections are those of the server around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

from lite_mlops.errors import Busy
from lite_mlops.web.kernel.app import Admitted, App
from lite_mlops.web.kernel.embedding import Embedded, Incoming
from lite_mlops.web.kernel.http import Request, Response
from lite_mlops.web.kernel.parsing import Refused, checked_path, gathered
from lite_mlops.web.kernel.together import Deferred, Done
from lite_mlops.web.kernel.turns import FULL, Turns

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_MOST_CALLS = 64  # that wait for a thread


class _Threads:
    """The threads that the loop has anyway, and ends itself; with a bound on what waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pending: set[asyncio.Future[Any]] = set()

    def call(self, function: Callable[[], Any], done: Done) -> None:
        if len(self._pending) >= _MOST_CALLS:
            raise Busy(FULL)
        future = self._loop.run_in_executor(None, function)
        self._pending.add(future)

        def ended(ran: asyncio.Future[Any]) -> None:
            self._pending.discard(ran)
            if not ran.cancelled():
                done(ran.exception() or ran.result())

        future.add_done_callback(ended)

    async def result(self, function: Callable[[], Any]) -> Any:
        future = self._loop.create_future()
        self.call(function, lambda result: None if future.done() else future.set_result(result))
        return await future


class Asgi:
    """An app as ASGI sees it."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._carried: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Turns, _Threads]] = (
            WeakKeyDictionary()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the server around it."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send)
        else:
            raise NotImplementedError(f"ASGI of the type {scope['type']}")

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Embedded(self._app, scope["method"]) as embedded:
            taken = embedded.admit(_head(scope))
            if taken is not None:
                admitted, incoming = taken
                request = await self._whole(incoming, receive)
                if request is None:
                    return
                embedded.answer = await self._answer(admitted, request)
        if embedded.answer is not None:
            answer, headers = embedded.outgoing(embedded.answer)
            raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
            await send({"type": "http.response.start", "status": answer.status, "headers": raw})
            await send({"type": "http.response.body", "body": answer.body})

    async def _whole(self, incoming: Incoming, receive: Receive) -> Request | None:
        """Return the whole request; None if the client went away before it was."""
        seconds = self._app.limits.body_seconds
        try:
            async with asyncio.timeout(seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    incoming.add(message.get("body", b""))
                    more = message.get("more_body", False)
        except TimeoutError:
            raise Refused(
                408, f"the body of the request did not come within {seconds:g} s."
            ) from None
        return incoming.end()

    async def _answer(self, admitted: Admitted, request: Request) -> Response:
        turns, threads = self._in_this_loop()
        seconds = self._app.limits.request_seconds
        try:
            async with asyncio.timeout(seconds):
                answer: Response | Deferred
                if admitted.route.waits:
                    answer = await threads.result(lambda: self._app.begin(admitted, request))
                else:
                    answer = self._app.begin(admitted, request)
                if isinstance(answer, Response):
                    return answer
                result: Any
                try:
                    result = await turns.result(answer)
                except TimeoutError:
                    raise
                except Exception as error:  # noqa: BLE001 (`finish` tells it)
                    result = error
                return self._app.finish(request, answer, result)
        except TimeoutError:
            raise Busy(f"the answer took longer than {seconds:g} s.") from None

    def _in_this_loop(self) -> tuple[Turns, _Threads]:
        loop = asyncio.get_running_loop()
        carried = self._carried.get(loop)
        if carried is None:
            threads = _Threads(loop)
            carried = Turns(loop, self._app.limits, threads), threads
            self._carried[loop] = carried
        return carried


def _head(scope: Scope) -> Request:
    """Return the head of a request. Raises `Refused`."""
    headers = gathered(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in scope["headers"]
    )
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :]
    query = scope.get("query_string", b"").decode("latin-1")
    # Servers decode with surrogates or without; what is no text is refused either way.
    path = checked_path((path or "/").encode("utf-8", "surrogatepass"))
    return Request(scope["method"].upper(), path, headers, query=query)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
