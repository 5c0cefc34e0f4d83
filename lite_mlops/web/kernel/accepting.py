"""Takes connections from a listening socket, as many as there is room for, and to the very last.

The servers of asyncio drop what they have accepted but not begun when they are closed. Here a
server that stops first takes whatever has connected, and only then closes the port.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

from lite_mlops.web.kernel.connection import Connection
from lite_mlops.web.kernel.port import turn_deaf
from lite_mlops.web.kernel.traffic import Traffic

log = logging.getLogger("lite_mlops")

_AT_ONCE = 100  # between two looks at the connections that are open
_AT_ONCE_OF_SHARED = 1  # where others take from the same port, so that each gets some
_PAUSE_SECONDS = 0.05


class Accepting:
    """Takes connections until it is stopped.

    Args:
        listening: Where they come from.
        traffic: Where they go to.
        tls: How they are encrypted; None: not at all.
        shared: Whether other processes take connections from the same port.
    """

    def __init__(
        self,
        listening: socket.socket,
        traffic: Traffic,
        tls: ssl.SSLContext | None,
        *,
        shared: bool = False,
    ) -> None:
        self._at_once = _AT_ONCE_OF_SHARED if shared else _AT_ONCE
        self._listening = listening
        self._traffic = traffic
        self._tls = tls
        self._loop = traffic.loop
        self._begun: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._go_on()

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listening, self._accept)

    def _wait(self) -> None:
        """Leave further ones in the line of the system for a moment."""
        self._loop.remove_reader(self._listening)
        self._pause = self._loop.call_later(_PAUSE_SECONDS, self._go_on)

    def _accept(self) -> None:
        for _ in range(self._at_once):
            if self._traffic.elsewhere or self._traffic.left() <= len(self._begun):
                self._wait()
                return
            try:
                if not self._take():
                    return
            except OSError as error:  # no more files may be open
                log.warning("No connection can be accepted: %s", error.strerror)
                self._wait()
                return

    def _take(self) -> bool:
        """Take one connection; return whether there was one. Raises `OSError`."""
        try:
            taken, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionError:  # it has gone already
            return True
        taken.setblocking(False)
        task = self._loop.create_task(self._connect(taken))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        return True

    async def _connect(self, taken: socket.socket) -> None:
        seconds = None if self._tls is None else self._traffic.limits.head_seconds
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self._traffic),
                taken,
                ssl=self._tls,
                ssl_handshake_timeout=seconds,
                ssl_shutdown_timeout=seconds,
            )
        except OSError as error:  # which those of TLS are
            log.debug("A connection broke off: %s", error)

    def leave(self) -> None:
        """Take nothing more; the port, and who waits there, is left to others."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def stop(self) -> None:
        """Take what has already connected, and close the port."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        turn_deaf(self._listening)
        try:
            while self._take():
                pass
        except OSError as error:
            log.warning("No connection can be accepted: %s", error.strerror)
        self._listening.close()
