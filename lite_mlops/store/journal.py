"""The journal: each process appends its events to a file of its own, without waiting for anybody.

    journal = Journal(folder / "journal", durability="normal")
    journal.append(Note(run=run_id, text="warm start").body())

One event is one line and one unbuffered write, so what has returned survives `kill -9`. The file is
locked while its process lives; a lock that is gone tells everybody that the writer is dead. Logging
never raises because of the disk: while it cannot be written to, events wait in memory.
"""

from __future__ import annotations

import atexit
import errno
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from os import write
from pathlib import Path
from time import time_ns
from zlib import crc32

from lite_mlops.errors import Denied
from lite_mlops.store.clock import new_id
from lite_mlops.store.disk import sync, sync_folder
from lite_mlops.store.events import EventsDropped, JournalOpened
from lite_mlops.store.filelock import try_lock
from lite_mlops.store.lines import START, encode

log = logging.getLogger("lite_mlops")

_SYNC_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
_MB = 1_000_000
NEW = ".new"  # the ending of a journal that has no first line yet

_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


# Where the present file stands: its chain, with the checksum as text, and its bytes. One tuple, so
# that an interrupt finds all of it noted or nothing.
State = tuple[int, str, int, int]
_BEGIN: State = (START[0], START[1].decode(), START[2], 0)


def _next(state: State, ts: int, body: str) -> tuple[bytes, State]:
    n, checksum, crc, size = state
    line, (n, last, crc) = encode((n, checksum.encode(), crc), ts, body)
    return line, (n, last.decode(), crc, size + len(line))


class Journal:
    """The journal of this process in one project; safe for threads, signals and forks."""

    __slots__ = (  # attributes in slots make an append measurably cheaper
        "__weakref__",
        "_backlog",
        "_backlog_limit",
        "_backlog_size",
        "_busy",
        "_deferred",
        "_dropped",
        "_failed_at",
        "_fd",
        "_full",
        "_inflight",
        "_limit",
        "_make_folder",
        "_mutex",
        "_part",
        "_rotate_at",
        "_state",
        "_synced",
        "_syncing",
        "_ts",
        "_unsynced",
        "_warned",
        "folder",
        "writer",
    )

    def __init__(
        self,
        folder: Path,
        *,
        durability: str = "normal",
        backlog_mb: float = 64.0,
        rotate_mb: float = 8.0,
        make_folder: Callable[[], None] | None = None,
    ) -> None:
        self.folder = folder
        self._make_folder = make_folder or partial(folder.mkdir, parents=True, exist_ok=True)
        self._full = durability == "full"
        self._backlog_limit = int(backlog_mb * _MB)
        self._rotate_at = int(rotate_mb * _MB)
        self._start()
        _journals.add(self)

    def _start(self) -> None:
        """Begin with nothing: a new writer, no file yet. Also the state of a forked child."""
        self.writer = new_id()
        self._mutex = threading.RLock()
        self._busy = False
        self._deferred: deque[str] = deque()  # appended by a signal handler during an append
        self._part = 0
        self._fd = -1
        self._state: State = _BEGIN
        self._inflight: tuple[bytes, State] = (b"", self._state)
        self._ts = 0
        self._limit = -1  # size up to which it may be written to; -1 while it may not
        self._unsynced: list[int] = []  # earlier files of this writer, still to be synced
        self._synced = 0
        self._syncing = False
        self._backlog: deque[tuple[int, str]] = deque()
        self._backlog_size = 0
        self._dropped = 0
        self._failed_at: float | None = None
        self._warned = False

    @property
    def path(self) -> Path:
        """The file that is written at present."""
        return self.folder / f"{self.writer}-{self._part}.ndjson"

    @property
    def waiting(self) -> int:
        """Events that wait in memory because the disk could not be written to."""
        return len(self._backlog)

    # -- appending ------------------------------------------------------------------------------

    def append(self, body: str) -> int:
        """Append one event, given as its body, and return its time; never raises for the disk."""
        with self._mutex:
            if self._busy:
                self._deferred.append(body)
                return self._ts
            self._busy = True
            try:
                # Strictly increasing, so that the time alone orders the events of one writer,
                # even when the clock of the machine is set back.
                ts = time_ns() // 1000
                if ts <= self._ts:
                    ts = self._ts + 1
                self._ts = ts
                # The usual case is written out here: what logging costs is decided by these lines.
                n, checksum, crc, size = self._state
                if size < self._limit:
                    head = f'{{"n":{n},"ts":{ts}{body},"c":"{checksum}'.encode()
                    crc = crc32(head, crc)
                    checksum = crc.to_bytes(4, "big").hex()
                    tail = f'{checksum}"}}\n'.encode()
                    line = head + tail
                    after = (n + 1, checksum, crc32(tail, crc), size + len(line))
                    self._inflight = line, after
                    if write(self._fd, line) == len(line):
                        self._state = after
                    else:
                        self._cut_back()
                        self._wait_in_memory(ts, body)
                    if not self._syncing:
                        self._start_syncing()
                else:
                    self._wait_in_memory(ts, body)
                if self._deferred:
                    self._append_deferred()
            except OSError as error:
                self._fail(error)
                self._wait_in_memory(ts, body)
            except UnicodeEncodeError:  # half a surrogate pair, which `encode` replaces
                self._wait_in_memory(ts, body)
            except BaseException:
                self._settle()
                raise
            finally:
                self._busy = False
            return ts

    def append_durably(self, *bodies: str) -> int:
        """Append events and sync them; for decisions, which are either on the disk or not made.

        Several are written at once: a process that dies leaves all of them or none.

        Raises:
            Denied: the journal cannot be written to.
        """
        with self._mutex:
            self._ts = ts = max(time_ns() // 1000, self._ts + 1)
            if not (self._drain(force=True) and self._write(ts, *bodies)):
                raise Denied(
                    f"The decision was not made, because the journal in {self.folder} cannot be "
                    "written to. Look at free space and permissions, then try again."
                )
            self._ts += len(bodies) - 1  # each has a time of its own
            self._sync_now()
            return ts

    def _append_deferred(self) -> None:
        while self._deferred:
            self._ts += 1
            self._wait_in_memory(self._ts, self._deferred.popleft())

    def _write(self, ts: int, *bodies: str) -> bool:
        """Write lines to the present file; False, and nothing of them on disk, if that fails."""
        lines, after = b"", self._state
        for place, body in enumerate(bodies):
            line, after = _next(after, ts + place, body)
            lines += line
        self._inflight = lines, after
        try:
            if write(self._fd, lines) != len(lines):
                self._cut_back()
                return False
        except OSError as error:
            self._fail(error)
            return False
        self._state = after
        if not self._syncing:
            self._start_syncing()
        return True

    def _cut_back(self) -> None:
        """Take a line that was written in part, because the disk is full, away again."""
        os.ftruncate(self._fd, self._state[3])
        self._fail(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _settle(self) -> None:
        """After an interrupt such as Ctrl-C: find out whether the line at work was written."""
        if self._fd < 0:
            return
        line, after = self._inflight
        size = os.fstat(self._fd).st_size
        if size == after[3]:
            self._state = after
        elif size != self._state[3]:
            self._let_go()  # in doubt, go on in the next file
            return
        if self._backlog and self._state is after and b'"ts":%d,' % self._backlog[0][0] in line:
            self._backlog_size -= len(self._backlog.popleft()[1])

    def _let_go(self) -> None:
        """Leave the present file to be synced and closed."""
        self._unsynced.append(self._fd)
        self._fd = self._limit = -1

    def _open_next(self) -> bool:
        """Start the next file of this writer; the earlier one is let go only afterwards."""
        import socket  # a process that only reads never needs it

        self._part += 1
        program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
        opened = JournalOpened(
            writer=self.writer, pid=os.getpid(), host=socket.gethostname(), program=program
        )
        line, after = _next(_BEGIN, self._ts, opened.body())
        try:
            self._make_folder()
            fd = self._create(line)
        except OSError as error:
            self._fail(error)
            return False
        if self._fd >= 0:
            self._let_go()
        self._state, self._synced = after, 0
        self._limit = self._rotate_at
        self._fd = fd  # last, so that an interrupt before it leaves the earlier file untouched
        return True

    def _create(self, first_line: bytes) -> int:
        """Create the present file, locked and with its first line, and return its descriptor."""
        # It gets its name when it has both: nobody ever meets a journal without a lock and takes
        # its writer for dead. Windows cannot rename an open file.
        made_as = self.path if sys.platform == "win32" else self.path.with_suffix(NEW)
        fd = os.open(made_as, _FLAGS, 0o600)
        try:
            while not try_lock(fd):  # someone probes it; they let go at once
                time.sleep(0.0005)
            if write(fd, first_line) != len(first_line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            made_as.replace(self.path)
            sync_folder(self.folder)
        except BaseException:
            os.close(fd)
            raise
        return fd

    # -- while the disk cannot be written to ----------------------------------------------------

    def _fail(self, error: OSError) -> None:
        self._failed_at, self._limit = time.monotonic(), -1
        if not self._warned:
            self._warned = True
            log.warning(
                "The journal in %s cannot be written to (%s). Training goes on; events are kept "
                "in memory, up to %g MB, and are written as soon as that is possible.",
                self.folder,
                error.strerror or error,
                self._backlog_limit / _MB,
            )

    def _wait_in_memory(self, ts: int, body: str) -> None:
        """Queue an event behind those that wait, and try to write them all."""
        if self._backlog_size + len(body) > self._backlog_limit:
            self._drain()
        if self._failed_at is None or self._backlog_size + len(body) <= self._backlog_limit:
            self._backlog.append((ts, body))
            self._backlog_size += len(body)
            self._drain()
            return
        if self._dropped == 0:
            log.error(
                "%d events wait in memory for the journal in %s and no more are kept; from now on "
                "events are dropped until it can be written to.",
                len(self._backlog),
                self.folder,
            )
        self._dropped += 1

    def _drain(self, *, force: bool = False) -> bool:
        """Write what waits in memory; return whether the file is ready for more."""
        failed = self._failed_at
        if not force and failed is not None and time.monotonic() - failed < _RETRY_SECONDS:
            return False
        while self._backlog or self._fd < 0:
            if (self._fd < 0 or self._state[3] >= self._rotate_at) and not self._open_next():
                return False
            if not self._backlog:
                break
            ts, body = self._backlog[0]
            if not self._write(ts, body):
                return False
            self._backlog.popleft()
            self._backlog_size -= len(body)
        if self._dropped and self._write(self._ts, EventsDropped(count=self._dropped).body()):
            self._dropped = 0
        self._failed_at, self._warned, self._limit = None, False, self._rotate_at
        return True

    # -- durability -----------------------------------------------------------------------------

    def _start_syncing(self) -> None:
        if self._full:
            self._sync_now()
            return
        self._syncing = True
        thread = threading.Thread(target=self._sync_soon, name="lite-mlops-sync", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down; closing will sync
            self._syncing = False

    def _sync_soon(self) -> None:
        """Sync once a second until nothing new was written for a second."""
        mutex = self._mutex
        while True:
            time.sleep(_SYNC_SECONDS)
            with mutex:
                if mutex is not self._mutex:  # the journal was closed and began anew
                    return
                size, earlier = self._state[3], self._unsynced
                self._unsynced = []
                if size == self._synced and not earlier:
                    self._syncing = False
                    return
                fds = [*earlier, *self._duplicate()]
            self._sync_files(fds)
            with mutex:
                self._synced = size

    def _sync_files(self, fds: list[int]) -> None:
        """Sync and close files; a failure is told and never retried, as the pages may be gone."""
        for fd in fds:
            try:
                sync(fd)
            except OSError as error:
                log.error(
                    "Syncing the journal in %s failed (%s): the last events may not survive a "
                    "power cut. Look at the disk.",
                    self.folder,
                    error.strerror or error,
                )
            finally:
                os.close(fd)

    def _sync_now(self) -> None:
        earlier, self._unsynced = self._unsynced, []
        self._sync_files([*earlier, *self._duplicate()])
        self._synced = self._state[3]

    def _duplicate(self) -> list[int]:
        """Return a descriptor of the present file that closing the journal cannot pull away."""
        return [os.dup(self._fd)] if self._fd >= 0 else []

    def close(self) -> None:
        """Write what waits, sync, and let the file go: its writer counts as gone from now on."""
        with self._mutex:
            self._shut()
            self._start()

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # else it was never begun
            self._shut()

    def _shut(self) -> None:
        if self._backlog or self._dropped:
            self._drain(force=True)
        if lost := len(self._backlog) + self._dropped:
            log.error(
                "%d events could not be written to the journal in %s and are lost.",
                lost,
                self.folder,
            )
        self._sync_now()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def forget(self) -> None:
        """In a forked child: leave the parent's files to the parent and begin with nothing."""
        for fd in (*self._unsynced, self._fd):
            if fd >= 0:
                os.close(fd)
        self._start()


def _close_all() -> None:
    for journal in list(_journals):
        journal.close()


def _forget_all() -> None:
    for journal in list(_journals):
        journal.forget()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
