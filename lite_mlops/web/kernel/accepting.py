"""Takes connections from a listening socket, as many as there is room for, and to the very last.

The servers of asyncio drop what they have accepted but not begun when they are closed. Here a
server that stops first takes whatever has connected, and only then closes the port.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import socket
import ssl
import struct
import sys
from contextlib import suppress

from lite_mlops.web.kernel.connection import Connection
from lite_mlops.web.kernel.traffic import Traffic

log = logging.getLogger("lite_mlops")

_AT_ONCE = 100  # between two looks at the connections that are open
_PAUSE_SECONDS = 0.05

_ATTACH_FILTER, _BPF_RETURN = 26, 6  # of Linux: SO_ATTACH_FILTER, and BPF_RET | BPF_K


def _turn_deaf(listening: socket.socket) -> None:
    """Have the system drop what knocks from now on, as nobody will be let in any more.

    Otherwise a client could get in between the last look and the closing, and be cut off. It
    knocks again after a second, and is refused.
    """
    if sys.platform != "linux":
        return
    dropping = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RETURN, 0, 0, 0))
    program = struct.pack("HP", 1, ctypes.addressof(dropping))
    with suppress(OSError):  # where it may not, the moment stays
        listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


class Accepting:
    """Takes connections until it is stopped."""

    def __init__(
        self,
        listening: socket.socket,
        traffic: Traffic,
        tls: ssl.SSLContext | None,
    ) -> None:
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
        for _ in range(_AT_ONCE):
            if self._traffic.left() <= len(self._begun):
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

    def stop(self) -> None:
        """Take what has already connected, and close the port."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        _turn_deaf(self._listening)
        try:
            while self._take():
                pass
        except OSError as error:
            log.warning("No connection can be accepted: %s", error.strerror)
        self._listening.close()
