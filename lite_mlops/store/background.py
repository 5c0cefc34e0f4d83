"""Background: work that nobody has to wait for, in one thread of the process.

    store.background.do(write_file, size=len(data), seconds=1.0)
    store.background.wait()     # what reads the store waits first, so that it sees all of it

The thread lives as long as there is work, and does it in its order. A process that ends waits for
it as long as it goes on: for each piece of work its `seconds`, and says what it could not wait for.
A forked or spawned process does its work at once, since it may end without a word; unless the work
says that its loss is worth less than the time of those who leave it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

log = logging.getLogger("lite_mlops")

# Beyond these, work is done at once, so that neither memory nor the end of the process suffers.
MAX_PIECES = 20
MAX_WAITING = 64_000_000  # bytes that wait in memory


class _Work(NamedTuple):
    action: Callable[[], None]
    size: int
    seconds: float


_all: weakref.WeakSet[Background] = weakref.WeakSet()


class Background:
    """The work behind one store."""

    def __init__(self) -> None:
        self._start()
        _all.add(self)

    def _start(self) -> None:
        """Begin with nothing; also the state of a forked child, whose parent does what waits."""
        self._waiting: deque[_Work] = deque()
        self._size = 0
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._wanted = threading.Event()  # somebody waits for the end of the work

    def __len__(self) -> int:
        return len(self._waiting)

    def do(
        self, action: Callable[[], None], *, size: int, seconds: float, may_be_lost: bool = False
    ) -> None:
        """Have `action` done soon; `size` is what it holds in memory, in bytes.

        It tells its own failures. `seconds` is how long the end of the process may wait for it.
        With `may_be_lost` it is left to the thread in a forked or spawned process too, which waits
        for it only if it ends by itself.
        """
        with self._changed:
            room = len(self._waiting) < MAX_PIECES and self._size + size <= MAX_WAITING
            at_once = _Process.ending or (_is_left_alone() and not may_be_lost)
            if room and not at_once and self._runs():
                self._waiting.append(_Work(action, size, seconds))
                self._size += size
                return
        action()

    def _runs(self) -> bool:
        """Return whether there is a thread, started if need be; the lock is held."""
        if not _Process.waits_at_end:
            _Process.waits_at_end = True
            atexit.register(_wait_for_all)  # so late that it comes before journals are closed
            if _is_child():  # which ends without what is registered with `atexit`
                from multiprocessing.util import Finalize

                Finalize(None, _wait_for_all, exitpriority=0)
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="lite-mlops-background", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down, or there are too many threads
                self._thread = None
        return self._thread is not None

    def _work(self) -> None:
        changed = self._changed
        while True:
            with changed:
                if not self._waiting:
                    self._thread = None
                    changed.notify_all()
                    return
                work = self._waiting[0]
            try:
                work.action()
            except Exception as error:  # noqa: BLE001 - whatever it is, other work has to go on
                log.error("A piece of work in the background failed: %r.", error)
            with changed:
                self._waiting.popleft()
                self._size -= work.size
                changed.notify_all()
            del work  # and what it holds

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until nothing is left to do; return whether that is so after `seconds`."""
        if threading.current_thread() is self._thread:  # the work itself reads the store
            return True
        self._wanted.set()
        with self._changed:
            done = self._changed.wait_for(lambda: self._thread is None, seconds)
        self._wanted.clear()
        return done

    def pause(self, seconds: float) -> None:
        """Within a piece of work: let more of it gather, unless somebody waits for its end."""
        if threading.current_thread() is self._thread:
            self._wanted.wait(seconds)

    def wait_at_end(self) -> None:
        """Wait at the end of the process, for each piece no longer than it may take."""
        self._wanted.set()
        with self._changed:
            while self._waiting:
                first = self._waiting[0]
                if not self._changed.wait_for(lambda: self._is_done(first), first.seconds):  # noqa: B023
                    log.warning(
                        "%d pieces of work were still to be written %.3g s after the program had "
                        "ended; they are lost.",
                        len(self._waiting),
                        first.seconds,
                    )
                    return

    def _is_done(self, work: _Work) -> bool:
        return not self._waiting or self._waiting[0] is not work

    def forget(self) -> None:
        """In a forked child: leave what waits to the parent."""
        self._start()


class _Process:
    """What this process is: its work is done at once where nobody will wait for it."""

    forked = False
    ending = False
    waits_at_end = False


def _is_left_alone() -> bool:
    """Return whether nobody will wait: in a child of `multiprocessing`, or at the very end."""
    return _is_child() or _Process.forked or _Process.ending


def _is_child() -> bool:
    """Return whether `multiprocessing` started this process."""
    processes = sys.modules.get("multiprocessing.process")
    return processes is not None and processes.parent_process() is not None


def _forget_all() -> None:
    _Process.forked, _Process.waits_at_end = True, False
    for background in list(_all):
        background.forget()


def _wait_for_all() -> None:
    _Process.ending = True
    for background in list(_all):
        background.wait_at_end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
