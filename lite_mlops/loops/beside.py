"""Beside: while a server answers, the loops of its project are taken further.

LoopingBeside(project.store).start()
"""

from __future__ import annotations

from lite_mlops.settings import tables_of
from lite_mlops.store import Beside

_SECONDS = 10.0


class LoopingBeside(Beside):
    """Has the loops of a project taken further while this process answers."""

    command = ("loop", "run", "--due", "--quiet")
    what = "loops"

    def every(self) -> float | None:
        """Return how often they are looked after, in seconds; None without loops."""
        return _SECONDS if tables_of(self._store.layout.folder.parent, "loop") else None
