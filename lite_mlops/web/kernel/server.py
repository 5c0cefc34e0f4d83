"""The socket side: an app on a port, in an event loop of its own.

    with Server(app) as server:      # a free port, or the one asked for; in a thread
        print(server.url)

    Server(app, 8000).run()          # in this thread, until SIGTERM or Ctrl-C

Whoever is stopped by a signal says that it is not ready any more, takes no further connection,
answers what was asked, and ends within `drain_seconds`. A second signal ends the process at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from lite_mlops.errors import Invalid
from lite_mlops.precedence import Yielding
from lite_mlops.web.kernel.accepting import Accepting
from lite_mlops.web.kernel.app import App
from lite_mlops.web.kernel.port import LOOPBACK, bound, listen, url_of
from lite_mlops.web.kernel.signals import STOPPING, told_to_end
from lite_mlops.web.kernel.traffic import Traffic

log = logging.getLogger("lite_mlops")

# How long a thread that is in the middle of a piece of work may keep the loop waiting.
_SWITCH_SECONDS = 0.0003
# New objects between two looks of the garbage collector; a request makes some twenty.
_COLLECTED_FROM = 10_000
# A client of a kept connection that sends within this time is answered before it is closed.
GRACE_SECONDS = 0.5


class Server:
    """Serves an app; as a context, in a thread of its own.

    Args:
        app: What answers.
        port: 0 takes a free one.
        host: The address of this machine to listen on, or a name of it.
        certfile, keyfile: A certificate with its chain and its key, both PEM; then it speaks TLS.
        shared: A bound socket that other processes take connections from as well, in the place of
            a port of its own.

    Attributes:
        stopping: Whether it takes no further connections; what tells that it is ready looks here.
        on_start: Called in the event loop when it begins to answer.
        on_stop: Called in the event loop when it begins to stop; not if it leaves.
        loop_factory: Makes the event loop.

    Raises:
        Busy: the port is taken.
        Invalid: the port, the host or the certificate cannot be used.
    """

    def __init__(
        self,
        app: App,
        port: int = 0,
        *,
        host: str = LOOPBACK,
        certfile: str | Path | None = None,
        keyfile: str | Path | None = None,
        shared: socket.socket | None = None,
    ) -> None:
        self.app = app
        self.stopping = False
        self.on_start: list[Callable[[], None]] = []
        self.on_stop: list[Callable[[], None]] = []
        # One kind of loop everywhere: the other one of Windows cannot wait for a listening socket.
        self.loop_factory: Callable[[], asyncio.AbstractEventLoop] = _loop
        self._tls = None if certfile is None else _tls(certfile, keyfile)
        self._shared = shared is not None
        self._leaving = False
        self._socket = listen(bound(host, port) if shared is None else shared)
        self._host = host
        self._port: int = self._socket.getsockname()[1]
        self._traffic: Traffic | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._grace = 0.0
        self._signal: signal.Signals | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lite-mlops-server")

    @property
    def url(self) -> str:
        """Where it answers."""
        return url_of(self._host, self._port, tls=self._tls is not None)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return 0 if self._traffic is None else len(self._traffic.connections)

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return 0 if self._traffic is None else self._traffic.in_flight

    # -- running --------------------------------------------------------------------------------

    def run(self) -> signal.Signals | None:
        """Answer until the process is told to end; return the signal that told it.

        The process is taken for the server's own: what is loaded by now stays, so the garbage
        collector is to leave it alone, and to look less often at what comes and goes with requests;
        and other threads hold up the loop for less time.
        """
        gc.freeze()
        gc.set_threshold(_COLLECTED_FROM, *gc.get_threshold()[1:])
        sys.setswitchinterval(_SWITCH_SECONDS)
        with told_to_end(self._signalled):
            self._run()
        return self._signal

    @property
    def traffic(self) -> Traffic | None:
        """Its connections; None while it does not run. For the thread of its event loop."""
        return self._traffic

    def stop(self, grace: float = 0.0) -> None:
        """Take no further connections, answer what was asked, and end; from any thread.

        Kept connections on which nothing was asked are closed after `grace` seconds.
        """
        self._grace = max(self._grace, grace)
        self.stopping = True
        loop, end = self._loop, self._end
        if loop is not None and end is not None and not loop.is_closed():
            loop.call_soon_threadsafe(end.set)

    def leave(self) -> None:
        """End as with `stop`, but leave the port, and who waits there, to the other processes."""
        self._leaving = True
        self.stop(GRACE_SECONDS)

    def close(self) -> None:
        """Let the port go, if it never ran."""
        self._socket.close()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self.loop_factory) as runner:
                runner.run(self._serve())
        finally:
            self._socket.close()
            self._ready.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_of_loop)
        self._loop, self._end = loop, asyncio.Event()
        self._traffic = traffic = Traffic(self.app, loop)
        accepting = Accepting(self._socket, traffic, self._tls, shared=self._shared)
        for told in self.on_start:
            told()
        self._ready.set()
        try:
            if not self.stopping:
                await self._end.wait()
            if self._leaving:
                accepting.leave()
            else:
                accepting.stop()
            traffic.stop(self._grace)
            for told in () if self._leaving else self.on_stop:
                told()
            await traffic.drained(self.app.limits.drain_seconds)
            await asyncio.sleep(0)  # so that connections that were broken off are closed
        finally:
            traffic.close()

    def _signalled(self, number: int, _: FrameType | None) -> None:
        self._signal = signal.Signals(number)
        self._grace = GRACE_SECONDS
        for second in STOPPING:
            if signal.getsignal(second) is not signal.SIG_IGN:
                signal.signal(second, signal.SIG_DFL)
        self.stop()


def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(Yielding())


def _tls(certfile: str | Path, keyfile: str | Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a password would ask for it at a console that may not be there.
        context.load_cert_chain(certfile, keyfile, password=lambda: "")
    except (OSError, ssl.SSLError) as error:
        key = "" if keyfile is None else f" with the key {keyfile}"
        raise Invalid(f"The certificate {certfile}{key} cannot be used: {error}.") from None
    return context


def _log_of_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what went wrong in a connection; clients that break off are no failure of ours."""
    error = context.get("exception")
    if isinstance(error, OSError):  # which those of TLS are
        log.debug("A connection broke off: %s", error)
    else:
        log.error("%s", context.get("message"), exc_info=error)
