"""An arm: one of the two versions that answer during a trial, and what is counted of it."""

from __future__ import annotations

import threading

from lite_mlops.serving.answers import Answers
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.pace import Pace


class Arm:
    """A version, and counts that threads share.

    Args:
        loaded: The version.
        pace: What is usual for calls of the present version.
        usual: Whether this is the present version, from which `pace` learns.
    """

    __slots__ = ("_counts", "_lock", "_pace", "_usual", "loaded")

    def __init__(self, loaded: Loaded, pace: Pace, *, usual: bool) -> None:
        self.loaded = loaded
        self._pace = pace
        self._usual = usual
        self._counts = Counts()
        self._lock = threading.Lock()

    def listen(self, *, on: bool) -> None:
        """Be told of the calls of the model, or no more."""
        self.loaded.on_called = self._called if on else None

    def answered(self, answers: Answers) -> None:
        """Count a request that it answered."""
        with self._lock:
            counts = self._counts
            counts.requests += 1
            counts.rows += len(answers.predicted)
            if answers.departures:
                counts.doubtful += 1

    def failed(self) -> None:
        """Count a request that it could not answer."""
        with self._lock:
            self._counts.requests += 1
            self._counts.failed += 1

    def counts(self) -> Counts:
        """Return what was counted until now."""
        with self._lock:
            return Counts().plus(self._counts)

    def _called(self, rows: int, microseconds: int) -> None:
        with self._lock:
            counts = self._counts
            counts.calls += 1
            counts.microseconds += microseconds
            if self._pace.is_slow(rows, microseconds):
                counts.slow += 1
            if self._usual:
                self._pace.saw(rows, microseconds)
