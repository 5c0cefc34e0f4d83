"""One connection: requests are read, answers written in their order, and neither side runs away.

A request is admitted by its head, before its body is read. What waits for an answer is an
`Exchange`; its place in the line of its connection is the order of the answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, cast

from lite_mlops.errors import Busy, LiteMlopsError
from lite_mlops.web.kernel.answers import CONTINUE
from lite_mlops.web.kernel.app import Admitted
from lite_mlops.web.kernel.bodies import Body, Passed
from lite_mlops.web.kernel.compression import packed, unpacker
from lite_mlops.web.kernel.http import Request, Response, status_of
from lite_mlops.web.kernel.parsing import Head, Parser, Refused
from lite_mlops.web.kernel.together import Deferred, Later
from lite_mlops.web.kernel.traffic import Traffic

log = logging.getLogger("lite_mlops")

_PIPELINED = 16  # requests of one connection that wait for their answers at a time
_WRITTEN_AT_ONCE = 1 << 16  # bytes of answers before a look at whether they are read
_LINGER_SECONDS = 2.0
_LINGER_BODIES = 10
_WORTH_PACKING = 1_024
_LARGE_BODY = 1 << 17
_RESERVE_SECONDS = 1.0

_NO_REQUEST = Head(Request("", ""), 0, keep=False, minor=1, expects=False)


class State:
    """How far a connection is. Plain numbers: members of an Enum take a while to look up."""

    OVER = 0  # one too many: it is told so as soon as it asks
    OPEN = 1
    ENDING = 2  # what was asked is answered, nothing more is read
    LINGERING = 3  # all is answered; what still comes is passed over, lest it undo the answer
    CLOSED = 4


class Exchange:
    """A request whose answer is not there yet."""

    __slots__ = ("begun", "connection", "data", "deferred", "head", "keep", "request", "route")

    def __init__(
        self, connection: Connection, head: Head, request: Request, route: str, begun: float
    ) -> None:
        self.connection = connection
        self.head = head
        self.request = request
        self.route = route
        self.begun = begun
        self.deferred: Deferred | None = None
        self.data: bytes | None = None  # the answer, when it is there
        connection.traffic.in_flight += 1

    def began(self, answer: Any) -> None:
        """Take what a route answered that ran in a thread."""
        app = self.connection.traffic.app
        if isinstance(answer, Deferred):
            self.defer(answer)
        elif isinstance(answer, Response):
            self.end(answer)
        else:
            self.end(app.failed(self.request, answer))

    def defer(self, deferred: Deferred, *, alone: bool = False) -> None:
        """Have the work be done together with that of others."""
        traffic = self.connection.traffic
        self.deferred = deferred
        try:
            traffic.turns.add(deferred, self.done, alone=alone)
        except Exception as error:  # noqa: BLE001 (`failed` logs it)
            self.end(traffic.app.failed(self.request, error))

    def done(self, result: Any) -> None:
        """Take the result of the work."""
        request, deferred = self.request, cast("Deferred", self.deferred)
        traffic = self.connection.traffic
        app = traffic.app
        answer = app.finish_soon(request, deferred, result)
        if isinstance(answer, Later):
            try:
                traffic.readers.call(partial(app.made, request, answer), self.end)
            except Busy as error:
                self.end(app.failed(request, error))
            return
        if self.data is None and request.file is None:
            self.answer(answer)
        else:
            self.end(answer)

    def end(self, answer: Response) -> None:
        """Take the answer; one that comes too late is dropped."""
        if self.request.file is not None:
            self.request.file.unlink(missing_ok=True)
        if self.data is None:
            self.answer(answer)

    def answer(self, answer: Response) -> None:
        """Have the answer be written when those before it are."""
        connection = self.connection
        traffic = connection.traffic
        traffic.in_flight -= 1
        self.data = connection.encoded(answer, self.head, self.route, self.begun, self)
        if traffic.turns.turning:
            traffic.touched.append(connection)
        elif not connection.advancing:
            connection.flush()


class Connection(asyncio.BufferedProtocol):
    """One connection of a client.

    All connections are read into one buffer, from which each read is copied at once: asking the
    system for a large piece of memory for every small read would cost more than all the rest.
    """

    __slots__ = (
        "_admitted",
        "_blocked",
        "_body",
        "_count",
        "_eof",
        "_exchanges",
        "_head",
        "_out",
        "_outgoing",
        "_parser",
        "_passed",
        "_paused",
        "_since",
        "_stalled",
        "_state",
        "_transport",
        "_unread",
        "advancing",
        "traffic",
    )

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.advancing = False
        self._parser = Parser(traffic.heads)
        self._state = State.OPEN
        self._exchanges: deque[Exchange] = deque()
        self._out: list[bytes] = []
        self._outgoing = 0  # bytes of it
        self._head: Head | None = None  # the request whose body is being read
        self._admitted: Admitted | None = None
        self._body: Body | None = None
        self._count = 0
        self._eof = self._paused = self._blocked = False
        self._passed = 0
        self._since = monotonic()  # when the present phase began: idle, head, body, lingering
        self._unread = 0
        self._stalled = 0.0

    # -- called by the event loop ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        traffic = self.traffic
        if traffic.has_room():
            traffic.connections.add(self)
        else:
            self._state = State.OVER
            traffic.reserve.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return where to read to."""
        return self.traffic.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        self.take(bytes(self.traffic.buffer[:nbytes]))

    def take(self, data: bytes) -> None:
        """Take bytes that have come."""
        if self._state == State.OPEN:
            if (
                not self._exchanges
                and self._head is None
                and self._parser.idle
                and not self._blocked
                and (head := self._parser.known(data)) is not None
            ):
                self._count += 1
                content = data[len(data) - head.length :]
                self._answer(head, head.kept, content, alone=len(self.traffic.connections) == 1)
                if self._out or self._state != State.OPEN:
                    self._write()
                return
            if self._parser.idle and self._head is None:
                self._since = monotonic()
            self._parser.feed(data)
            self._advance()
        elif self._state == State.OVER:
            self._over(data)
        else:
            self._passed += len(data)
            if self._passed > _LINGER_BODIES * self.traffic.limits.body_bytes:
                self.abort()

    def eof_received(self) -> bool:
        """Answer what is whole; nothing more comes, but the client may still be reading."""
        self._eof = True
        if self._state == State.OPEN:
            self._advance()
        elif self._state in (State.OVER, State.LINGERING):
            self._close()
        return self._transport.can_write_eof()  # TLS has no half of a connection

    def pause_writing(self) -> None:
        """Stop reading until the client has read."""
        self._blocked = True
        self._balance()

    def resume_writing(self) -> None:
        """Go on."""
        self._blocked = False
        self._advance()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """Forget the client."""
        self._state = State.CLOSED
        self.traffic.connections.discard(self)
        self.traffic.reserve.discard(self)
        self._drop_body()
        for exchange in self._exchanges:
            if exchange.data is None:
                exchange.data = b""
                self.traffic.in_flight -= 1
        self._exchanges.clear()
        self._out.clear()

    # -- reading --------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Take what has come as far as it goes, and write what is answered."""
        while True:
            self.advancing = True
            self._read_on()
            self.advancing = False
            held = self._held()
            self._write()
            if not held or self._held():
                break
        self._balance()

    def _read_on(self) -> None:
        try:
            while (
                self._state == State.OPEN
                and not self._held()
                and (self._head is not None or self._next())
                and self._read()
            ):
                pass
            if self._eof and self._state == State.OPEN and not self._held():
                self._end_of_input()
        except LiteMlopsError as error:  # of the framing, or of an encoding
            self._refuse(status_of(error), str(error), error)
        except OSError as error:  # of the disk that bodies are written to
            self._answer_refusal(self.traffic.app.failed(self._request(), error))

    def _next(self) -> bool:
        """Begin the next request; return whether it is there."""
        head = self._parser.head()
        if head is None:
            return False
        self._count += 1
        self._since = monotonic()
        self._head = head
        admitted = self.traffic.admit(head)
        if isinstance(admitted, Response):
            self._turn_away(head, admitted)
            return self._head is not None
        self._admitted = admitted
        if head.length or admitted.route.to_file:
            self._expect(head, admitted)
        return True

    def _expect(self, head: Head, admitted: Admitted) -> None:
        """Prepare for the body."""
        route, headers = admitted.route, head.request.headers
        room = route.body_bytes or self.traffic.limits.body_bytes
        self._parser.expect(room)
        if route.to_file or "content-encoding" in headers:
            folder = self.traffic.folder() if route.to_file else None
            self._body = Body(folder, unpacker(headers, room))
        if head.expects and self._parser.idle:
            self._queue(CONTINUE)

    def _read(self) -> bool:
        """Read the body as far as it has come; return whether the request is whole."""
        parser, head = self._parser, cast("Head", self._head)
        content, file = b"", None
        if not parser.complete or self._body is not None:
            part = parser.part()
            if self._body is None:
                if parser.complete:
                    content = part  # all in one piece, as most are
                else:
                    self._body = Body(None, None)
            if (body := self._body) is not None:
                while part:
                    body.add(part)
                    part = parser.part()
                if not parser.complete:
                    return False
                content, file = body.end()
                self._body = None
        admitted, self._head, self._admitted = self._admitted, None, None
        if admitted is not None:
            self._answer(head, admitted, content, file)
        else:
            self._since = monotonic()
        return True

    def _end_of_input(self) -> None:
        if self._admitted is not None or (self._head is None and not self._parser.idle):
            self._parser.end()
        self._state = State.ENDING

    def _held(self) -> bool:
        """Return whether reading waits for answers to be made, to be written or to be read."""
        return (
            self._blocked
            or len(self._exchanges) >= _PIPELINED
            or self._outgoing >= _WRITTEN_AT_ONCE
        )

    def _balance(self) -> None:
        """Read on, or not, as fast as answers are made and read."""
        if self._state in (State.OPEN, State.ENDING):
            hold = self._held()
            if hold != self._paused and not self._transport.is_closing():
                self._paused = hold
                if hold:
                    self._transport.pause_reading()
                else:
                    self._since = monotonic()  # the time of the hold is not the client's
                    self._transport.resume_reading()

    # -- answering ------------------------------------------------------------------------------

    def _answer(
        self,
        head: Head,
        admitted: Admitted,
        content: bytes,
        file: Path | None = None,
        *,
        alone: bool = False,
    ) -> None:
        """Have a whole request be answered."""
        traffic, route = self.traffic, admitted.route
        request = head.request
        if content or file is not None:
            request = request.given(body=content, file=file)
        if not head.keep or self._count >= traffic.limits.requests:
            self._state = State.ENDING
        begun = self._since = monotonic()
        # Reading a large body takes milliseconds, in which others are to be answered.
        large = len(content) >= _LARGE_BODY and len(traffic.connections) > 1
        if route.waits or large:
            exchange = self._exchange(head, request, route.path, begun)
            calls = traffic.workers if route.waits else traffic.readers
            try:
                calls.call(lambda: traffic.app.begin(admitted, request), exchange.began)
            except Busy as error:
                exchange.end(traffic.app.failed(request, error))
            return
        answer = traffic.app.begin(admitted, request)
        if isinstance(answer, Deferred):
            self._exchange(head, request, route.path, begun).defer(answer, alone=alone)
            return
        self._queue(self.encoded(answer, head, route.path, begun))
        if file is not None:
            file.unlink(missing_ok=True)

    def _exchange(self, head: Head, request: Request, route: str, begun: float) -> Exchange:
        exchange = Exchange(self, head, request, route, begun)
        self._exchanges.append(exchange)
        return exchange

    def _queue(self, data: bytes) -> None:
        """Have bytes be written behind all answers that are still being made."""
        if self._exchanges:
            exchange = self._exchange(_NO_REQUEST, _NO_REQUEST.request, "", 0.0)
            exchange.data = data
            self.traffic.in_flight -= 1
        else:
            self._out.append(data)
            self._outgoing += len(data)

    def encoded(
        self, answer: Response, head: Head, route: str, begun: float, exchange: Any = None
    ) -> bytes:
        """Return an answer as it goes over the wire, and tell the observer of it."""
        traffic = self.traffic
        if len(answer.body) >= _WORTH_PACKING:
            answer = packed(answer, head.request.headers)
        keep = head.keep
        if self._state != State.OPEN or traffic.parting:
            keep = keep and self._goes_on(exchange)
        message, observer = traffic.answers.message, traffic.app.observer
        only_head = head.request.method == "HEAD"
        try:
            data = message(answer, keep=keep, minor=head.minor, head=only_head)
        except ValueError as error:
            answer = traffic.app.failed(head.request, error)
            data = message(answer, keep=keep, minor=head.minor, head=only_head)
        if observer is not None:
            observer.answered(route, answer.status, monotonic() - begun)
        return data

    def _goes_on(self, exchange: Exchange | None) -> bool:
        """Return whether something follows an answer, now that the connection is to end."""
        if exchange is not None and self._exchanges[-1] is not exchange:
            return True
        if self._state != State.OPEN:
            return False
        if self._parser.idle and (exchange is not None or not self._exchanges):
            self._state = State.ENDING
            self.traffic.parting -= 1
            return False
        return True

    def flush(self) -> None:
        """Write what is answered by now, and go on reading if that waited for it."""
        held = self._held()
        self._write()
        if held and not self._held():
            self._advance()

    def _write(self) -> None:
        """Write what is answered, as far as the order allows."""
        exchanges, out = self._exchanges, self._out
        while exchanges and exchanges[0].data is not None:
            out.append(exchanges.popleft().data or b"")
        if out:
            if self._state != State.CLOSED:
                self._transport.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
            self._outgoing = 0
        if self._state == State.ENDING and not exchanges:
            self._finish()

    # -- refusing -------------------------------------------------------------------------------

    def _request(self) -> Request:
        return _NO_REQUEST.request if self._head is None else self._head.request

    def _refuse(self, status: int, message: str, error: LiteMlopsError | None = None) -> None:
        """Answer what cannot be read on, and end the connection."""
        if isinstance(error, Refused):
            status = error.status
        self._answer_refusal(self.traffic.app.error(self._request(), status, message, error))

    def _answer_refusal(self, answer: Response) -> None:
        answered = isinstance(self._body, Passed)
        head = self._head or _NO_REQUEST
        self._drop_body()
        self._state = State.ENDING
        if not answered:
            self._queue(self.encoded(answer, head, "", self._since))
        self._head = self._admitted = None

    def _turn_away(self, head: Head, refusal: Response) -> None:
        """Answer a request that is not admitted, and go on behind its body if that is near."""
        room = self.traffic.limits.body_bytes
        if head.length and (head.expects or head.length > room or not head.keep):
            self._state = State.ENDING
            self._head = None
        elif head.length:
            self._parser.expect(room)
            self._body = Passed(None, None)
        elif not head.keep:
            self._state = State.ENDING
        self._queue(self.encoded(refusal, head, "", self._since))

    def _over(self, data: bytes) -> None:
        """Answer a client that is one too many, unless another has gone meanwhile."""
        traffic = self.traffic
        if traffic.has_room():
            traffic.reserve.discard(self)
            traffic.connections.add(self)
            self._state = State.OPEN
            self.take(data)
            return
        self._refuse(503, "This server has as many connections as it takes; try again in a moment.")
        self.flush()

    # -- the end --------------------------------------------------------------------------------

    def _finish(self) -> None:
        """All is answered: say so, and wait a moment for the client to say the same."""
        transport = self._transport
        halves = transport.can_write_eof()
        if self._eof or transport.is_closing() or not (halves or not self._parser.idle):
            self._close()
            return
        self._state = State.LINGERING
        self._since = monotonic()
        if halves:
            transport.write_eof()
        if self._paused:
            self._paused = False
            transport.resume_reading()

    def _close(self) -> None:
        self._state = State.CLOSED
        self._transport.close()

    @property
    def stays(self) -> bool:
        """Whether it goes on after its next answer."""
        return self._state == State.OPEN

    def abort(self) -> None:
        """Break off."""
        self._state = State.CLOSED
        self._transport.abort()

    def _drop_body(self) -> None:
        if self._body is not None:
            self._body.drop()
            self._body = None

    # -- time -----------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Look at the time limits."""
        if self._unread_too_long(now):
            self.abort()
        elif self._state == State.OPEN:
            self._sweep_answers(now)
            self._sweep_input(now)
        elif self._state == State.ENDING:
            self._sweep_answers(now)
        elif self._state == State.LINGERING:
            if now - self._since > _LINGER_SECONDS and not self._unread:
                self._close()
        elif self._state == State.OVER and now - self._since > _RESERVE_SECONDS:
            self._over(b"")

    def _unread_too_long(self, now: float) -> bool:
        unread = self._transport.get_write_buffer_size()
        if not self._unread or unread < self._unread:
            self._stalled = now
        self._unread = unread
        return unread > 0 and now - self._stalled > self.traffic.limits.write_seconds

    def _sweep_answers(self, now: float) -> None:
        limit = self.traffic.limits.request_seconds
        if self._exchanges and self._head is None and self._parser.idle:
            self._since = now  # silence begins with the answer
        for exchange in list(self._exchanges):
            if exchange.data is None and now - exchange.begun > limit:
                exchange.answer(
                    self.traffic.app.error(
                        exchange.request, 503, f"the answer took longer than {limit:g} s."
                    )
                )

    def _sweep_input(self, now: float) -> None:
        limits, traffic = self.traffic.limits, self.traffic
        if self._state != State.OPEN or self._paused:
            return
        lasted = now - self._since
        if self._head is not None:
            received = 0 if self._body is None else self._body.received
            allowed = limits.body_seconds * max(1.0, received / limits.body_bytes)
            if lasted > allowed:
                self._too_slow("body", allowed)
            elif now > traffic.partial_until:
                self._stopped()
        elif not self._parser.idle:
            if lasted > limits.head_seconds:
                self._too_slow("head", limits.head_seconds)
            elif now > traffic.partial_until:
                self._stopped()
        elif not self._exchanges:
            # Who has asked before may be silent for longer.
            silent = limits.idle_seconds if self._count else limits.head_seconds
            if lasted > min(silent, limits.idle_seconds) or now > traffic.idle_until:
                self._close()

    def _too_slow(self, what: str, seconds: float) -> None:
        self._refuse(408, f"the {what} of the request did not come within {seconds:g} s.")
        self.flush()

    def _stopped(self) -> None:
        self._refuse(503, "This server stops.")
        self.flush()
