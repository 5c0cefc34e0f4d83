"""Beside: while a server answers, its monitors look now and then, in a process of their own.

    watching = WatchingBeside(project.store, lambda: project.monitors.all())
    watching.start()
    watching.stop()

Of all servers and workers of a project one does it at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lite_mlops.settings import file_state, tables_of
from lite_mlops.store import Beside, Store

if TYPE_CHECKING:
    from lite_mlops.monitoring.monitors.monitor import Monitor


class WatchingBeside(Beside):
    """Has the monitors of a project look while this process answers.

    Args:
        store: The store of the project.
        monitors: Returns its monitors.
    """

    command = ("monitor", "run", "--due", "--quiet")
    what = "monitors"
    fine = (0, 4)  # nothing fires, or something does

    def __init__(self, store: Store, monitors: Callable[[], Sequence[Monitor]]) -> None:
        super().__init__(store)
        self._monitors = monitors
        self._known: tuple[Hashable, float | None] = (None, None)

    def every(self) -> float | None:
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

    def since_last(self) -> float | None:
        """Return how long ago a monitor looked, in whatever process, in seconds."""
        with self._store.reading(folded=True) as database:
            rows = database.dicts("last_monitor_runs")
        last: datetime | None = max((row["ran_at"] for row in rows), default=None)
        if last is None:
            return None
        return (datetime.now(UTC) - last.replace(tzinfo=UTC)).total_seconds()
