"""Beside: while a server answers, its monitors look now and then, in a process of their own.

    watching = WatchingBeside(project.store, lambda: project.monitors.all())
    watching.start()
    watching.stop()

A thread looks at the clock once a second, and little more. When a monitor is due and the server
has a quiet moment, a process of the lowest priority is started, which does what
`lite-mlops monitor run --due` does: it folds, reads, checks and tells, and neither its memory nor
its threads are those that answer. Of all servers and workers of a project one does it at a time.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import LiteMlopsError
from lite_mlops.settings import environment_for_child, file_state, tables_of
from lite_mlops.store import Store

if TYPE_CHECKING:
    from lite_mlops.monitoring.monitors.monitor import Monitor

log = logging.getLogger("lite_mlops")

_LOOK_SECONDS = 1.0
_QUIET_BYTES = 200_000  # that came in between two looks
_PATIENCE = 0.25  # of the time between two looks of a monitor may a quiet moment be waited for
_MOST_SECONDS = 60.0  # for a quiet moment
_IDLE_SECONDS = 300.0  # after which it is looked although nothing was logged
_END_SECONDS = 5.0
_NICE = 19
# The path is that of this process, so that the same modules are found.
_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]; sys.argv[1:] = []; "
    "from lite_mlops.cli import main; main(['monitor', 'run', '--due', '--quiet'])"
)


class WatchingBeside:
    """Has the monitors of a project look while this process answers.

    Args:
        store: The store of the project.
        monitors: Returns its monitors.
    """

    def __init__(self, store: Store, monitors: Callable[[], Sequence[Monitor]]) -> None:
        self._store = store
        self._monitors = monitors
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._before = 0  # bytes that waited to be folded, at the last look
        self._started_at = -float("inf")  # of the last process
        self._seen: Hashable = None  # the state of the store when it was started
        self._told = ""
        self._known: tuple[Hashable, float | None] = (None, None)

    def look(self) -> None:
        """Start the process that looks, if something is due and the moment is good."""
        if self._runs():
            return
        every = self._every()
        waiting = self._store.unfolded_bytes
        came, self._before = waiting - self._before, waiting
        if every is None:
            return
        since = time.monotonic() - self._started_at
        if since < every or (self._store.state() == self._seen and since < _IDLE_SECONDS):
            return
        elsewhere = self._since_last()
        if elsewhere is not None and elsewhere < every:  # another server or worker has looked
            self._started_at = time.monotonic() - elsewhere
            return
        if came > _QUIET_BYTES and since - every < min(_PATIENCE * every, _MOST_SECONDS):
            return
        self._started_at, self._seen = time.monotonic(), self._store.state()
        self._process = self._begun()

    def _every(self) -> float | None:
        """Return how often the most frequent monitor looks, in seconds; None without monitors."""
        state = self._store.folded_state(), file_state(self._store.layout.folder.parent)
        if state != self._known[0]:
            # Who has no monitor does not load what one needs.
            monitors = self._monitors() if self._are_any() else []
            spans = [one.every.total_seconds() for one in monitors]
            self._known = (state, min(spans, default=None))
        return self._known[1]

    def _are_any(self) -> bool:
        if tables_of(self._store.layout.folder.parent, "monitor"):
            return True
        with self._store.reading(folded=True) as database:
            return bool(database.rows("monitor_definitions"))

    def _since_last(self) -> float | None:
        """Return how long ago a monitor looked, in whatever process, in seconds."""
        with self._store.reading(folded=True) as database:
            rows = database.dicts("last_monitor_runs")
        last: datetime | None = max((row["ran_at"] for row in rows), default=None)
        if last is None:
            return None
        return (datetime.now(UTC) - last.replace(tzinfo=UTC)).total_seconds()

    def _runs(self) -> bool:
        process = self._process
        if process is None or process.poll() is None:
            return process is not None
        if process.returncode not in (0, 4):
            self._tell(f"The monitors could not look (exit code {process.returncode}).")
        else:
            self._told = ""
            self._seen = self._store.state()  # what it wrote itself is nothing new
        self._process = None
        return False

    def _begun(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *_warnings(), "-c", _CODE, *sys.path],
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
        self._thread = threading.Thread(target=self._run, name="lite-mlops-monitors", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            try:
                self.look()
            except (LiteMlopsError, OSError) as error:  # such as a table that cannot be used
                self._tell(f"Monitors do not look at the moment: {error}")

    def stop(self) -> None:
        """End the thread, and the process if it is looking; what it did until then stays."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def lower_priority() -> None:
    """Have this process run when nothing else wants to, as far as the system knows that."""
    if hasattr(os, "nice"):
        os.nice(_NICE)


def _apart() -> dict[str, Any]:
    """Return how a process is started that no Ctrl-C of ours reaches.

    It stays in our session: where each session gets the same share of the processors, one in a
    session of its own would get as much as we do, however low its priority is.
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.IDLE_PRIORITY_CLASS
        return {"creationflags": flags}
    return {"process_group": 0}


def _warnings() -> list[str]:
    return [part for one in sys.warnoptions for part in ("-W", one)]
