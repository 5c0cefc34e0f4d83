"""Beside: while a server answers, something is done now and then, in a process of its own.

    class Watching(Beside):
        command, what = ("monitor", "run", "--due", "--quiet"), "monitors"
        def every(self): return 300.0

    watching = Watching(store)
    watching.start()
    watching.stop()

A thread looks at the clock once a second, and little more. When something is due and the server has
a quiet moment, a process of the lowest priority is started, which does what the command does: it
folds, reads and decides, and neither its memory nor its threads are those that answer.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Hashable
from contextlib import suppress
from typing import Any, ClassVar

from lite_mlops.errors import LiteMlopsError
from lite_mlops.settings import environment_for_child
from lite_mlops.store.store import Store

log = logging.getLogger("lite_mlops")

_LOOK_SECONDS = 1.0
_QUIET_BYTES = 200_000  # that came in between two looks
_PATIENCE = 0.25  # of the time between two runs may a quiet moment be waited for
_MOST_SECONDS = 60.0  # for a quiet moment
_IDLE_SECONDS = 300.0  # after which it runs although nothing was logged
_END_SECONDS = 5.0
_NICE, _LOW = 19, 10
# The path is that of this process, so that the same modules are found.
_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]; sys.argv[1:] = []; "
    "from lite_mlops.cli import main; main({words})"
)


class Beside:
    """Has a command run now and then while this process answers.

    Attributes:
        command: The words behind `lite-mlops`.
        what: What it is for, as messages tell it.
        fine: Exit codes with which it ends well.
    """

    command: ClassVar[tuple[str, ...]]
    what: ClassVar[str]
    fine: ClassVar[tuple[int, ...]] = (0,)

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._before = 0  # bytes that waited to be folded, at the last look
        self._started_at = -float("inf")  # of the last process
        self._seen: Hashable = None  # the state of the store when it was started
        self._told = ""

    def every(self) -> float | None:
        """Return how often it is to run, in seconds; None: never."""
        raise NotImplementedError

    def since_last(self) -> float | None:
        """Return how long ago it ran for any process, in seconds; None if nobody knows."""
        return None

    def look(self) -> None:
        """Start the process, if it is due and the moment is good."""
        if self._runs():
            return
        every = self.every()
        waiting = self._store.unfolded_bytes
        came, self._before = waiting - self._before, waiting
        if every is None:
            return
        since = time.monotonic() - self._started_at
        if since < every or (self._store.state() == self._seen and since < _IDLE_SECONDS):
            return
        elsewhere = self.since_last()
        if elsewhere is not None and elsewhere < every:  # another server or worker had it run
            self._started_at = time.monotonic() - elsewhere
            return
        if came > _QUIET_BYTES and since - every < min(_PATIENCE * every, _MOST_SECONDS):
            return
        self._started_at, self._seen = time.monotonic(), self._store.state()
        self._process = self._begun()

    def _runs(self) -> bool:
        process = self._process
        if process is None or process.poll() is None:
            return process is not None
        if process.returncode not in self.fine:
            self._tell(f"The {self.what} could not be run (exit code {process.returncode}).")
        else:
            self._told = ""
            self._seen = self._store.state()  # what it wrote itself is nothing new
        self._process = None
        return False

    def _begun(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *_warnings(), "-c", _CODE.format(words=[*self.command]), *sys.path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment_for_child(self._store.layout.folder, None),
            **_apart(),
        )

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:
            self._told = trouble
            log.warning("%s", trouble)

    # -- the thread -----------------------------------------------------------------------------

    def start(self) -> None:
        """Look again and again, in a thread, until `stop`."""
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, name=f"lite-mlops-{self.what}", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
            except (LiteMlopsError, OSError) as error:  # such as a table that cannot be used
                self._tell(f"The {self.what} cannot be run at the moment: {error}")

    def stop(self) -> None:
        """End the thread, and the process if it runs; what it did until then stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        process, self._process = self._process, None
        if process is not None:
            end_process(process, _END_SECONDS)


def end_process(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end, and kill it if it has not after so many seconds.

    On Windows only one that leads a group can be asked; another one is ended at once.
    """
    if process.poll() is None:
        _ask(process)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ask(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":  # pragma: no cover
        with suppress(OSError):  # it leads no group, or there is no console
            process.send_signal(signal.CTRL_BREAK_EVENT)
            return
    process.terminate()


def lower_priority(by: int = _NICE) -> None:
    """Have this process run behind others; by default, when nothing else wants to.

    Args:
        by: From 0 to 19, as `nice` has it; Windows has two lower classes of priority.
    """
    if sys.platform == "win32":  # pragma: no cover
        import ctypes

        lowest, low = subprocess.IDLE_PRIORITY_CLASS, subprocess.BELOW_NORMAL_PRIORITY_CLASS
        if by > 0:
            ourselves = ctypes.c_void_p(-1)
            ctypes.windll.kernel32.SetPriorityClass(ourselves, lowest if by > _LOW else low)
    else:
        os.nice(by)


def _apart() -> dict[str, Any]:
    """Return how a process is started that no Ctrl-C of ours reaches.

    It stays in our session: where each session gets the same share of the processors, one in a
    session of its own would get as much as we do, however low its priority is.
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.IDLE_PRIORITY_CLASS
        return {"creationflags": flags}
    else:  # noqa: RET505  type checkers see one of both
        return {"process_group": 0}


def _warnings() -> list[str]:
    return [part for one in sys.warnoptions for part in ("-W", one)]
