"""Trials: one worker judges a canary, by what all of them have counted.

If each judged by what it counted itself, a harmless canary would be rolled back as often as there
are workers, and a bad one would be found out later. So each worker leaves its counts in a file of
the private folder; the one that judges adds them to its own. Those of workers that are gone are
not counted any more, which only makes it take longer.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from lite_mlops.serving import Both, Counts
from lite_mlops.web.workers.sums import COUNTED, write_whole

_MOST = 64  # trials of which counts are kept


class Counted:
    """What is counted of trials; called by who judges, see `CountsOf` of `lite_mlops.serving`.

    Attributes:
        judges: Whether this worker is the one that judges.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.judges = False
        self._folder = folder
        self._path = folder / f"{number}{COUNTED}"
        self._told: dict[str, list[dict[str, int]]] = {}

    def __call__(self, trial: str, both: Both) -> Both | None:
        """Return what all workers counted of a trial; None if another one judges."""
        told = [{name: int(value) for name, value in one.to_dict().items()} for one in both]
        if self._told.get(trial) != told:
            self._told[trial] = told
            while len(self._told) > _MOST:
                del self._told[next(iter(self._told))]
            write_whole(self._path, json.dumps(self._told))
        return self._of_all(trial, both) if self.judges else None

    def _of_all(self, trial: str, both: Both) -> Both:
        for path in self._folder.glob(f"*{COUNTED}"):
            if path != self._path:
                told = {}
                with suppress(FileNotFoundError):  # it has ended meanwhile
                    told = json.loads(path.read_text(encoding="utf-8"))
                if trial in told:
                    present, canary = (Counts(**one) for one in told[trial])
                    both = Both(both.present.plus(present), both.canary.plus(canary))
        return both
