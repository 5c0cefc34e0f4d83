"""Locks of the operating system: they end with their process, however it ends.

    with ProjectLock(folder).exclusive("fold", wait_seconds=30):
        ...

`flock` is used and not `lockf`: a POSIX record lock is dropped as soon as its process closes any
descriptor of the file. Windows has byte-range locks; the byte lies far behind the end of the file,
because there a lock also forbids reading.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lite_mlops.errors import Busy

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    _FAR = 2**62

    def try_lock(fd: int, *, shared: bool = False) -> bool:  # noqa: ARG001
        """Take the lock of an open file without waiting; a shared one is exclusive on Windows."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(fd: int) -> None:
        """Give the lock of an open file back."""
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(fd: int, *, shared: bool = False) -> bool:
        """Take the lock of an open file without waiting; return whether it was free."""
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(fd: int) -> None:
        """Give the lock of an open file back; explicit, as a forked child may hold a copy."""
        fcntl.flock(fd, fcntl.LOCK_UN)


# Constant, not growing: growing pauses starve some of many waiters.
_POLL_SECONDS = 0.002


class ProjectLock:
    """The one lock of a project: exclusive to fold or decide, shared to read.

    Whoever wants it first takes the gate, a second lock that is held only while waiting. Readers
    that come later queue at the gate behind a waiting writer, so a steady stream of readers cannot
    starve it.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = folder / "lock"
        self._gate = folder / "lock.gate"

    @contextmanager
    def exclusive(self, purpose: str, wait_seconds: float) -> Iterator[None]:
        """Hold the project alone. Raises `Busy` with the holder's process after `wait_seconds`."""
        with self._held(purpose, wait_seconds, shared=False):
            yield

    @contextmanager
    def shared(self, purpose: str, wait_seconds: float) -> Iterator[None]:
        """Hold the project together with other readers. Raises `Busy` after `wait_seconds`."""
        with self._held(purpose, wait_seconds, shared=True):
            yield

    @contextmanager
    def _held(self, purpose: str, wait_seconds: float, *, shared: bool) -> Iterator[None]:
        deadline = time.monotonic() + wait_seconds
        with _opened(self._lock) as lock:
            with _opened(self._gate) as gate:
                self._wait(gate, deadline, shared=False)
                try:
                    self._wait(lock, deadline, shared=shared)
                finally:
                    unlock(gate)
            try:
                if not shared:
                    _leave_card(lock, purpose)
                yield
            finally:
                unlock(lock)

    def _wait(self, fd: int, deadline: float, *, shared: bool) -> None:
        while not try_lock(fd, shared=shared):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"The project in {self._lock.parent} is held by {self._holder()}. "
                    "Nothing is lost: what is logged meanwhile is kept in the journal. "
                    "Try again when it is done, or raise the setting wait_seconds."
                )
            time.sleep(_POLL_SECONDS)

    def _holder(self) -> str:
        try:
            card = json.loads(self._lock.read_text(encoding="utf-8"))
            return f"process {card['pid']} ({card['purpose']})"
        except (OSError, ValueError, KeyError):  # no card yet, or one that is being rewritten
            return "another process"


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock of a file if nobody else does, without waiting; tell whether it is held."""
    with _opened(path) as fd:
        yield try_lock(fd)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def _leave_card(fd: int, purpose: str) -> None:
    """Write who holds the lock into its file, for the message of those who wait in vain."""
    card = json.dumps({"pid": os.getpid(), "purpose": purpose}).encode()
    with contextlib.suppress(OSError):  # a full disk must not keep anybody from reading
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, card)
        os.ftruncate(fd, len(card))
