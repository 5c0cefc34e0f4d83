"""An arm: one of the two versions that answer during a trial, and what is counted of it."""

from __future__ import annotations

import logging
import threading
from collections import deque

from lite_mlops.serving.answers import Answers
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.patience import Patience
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.pace import Pace

log = logging.getLogger("lite_mlops")

_FAILED = 0
# Where nobody looks, it is summed up after so many requests.
_MOST = 50_000


class Arm:
    """A version, and counts that threads share.

    Who answers only leaves behind what happened, without a lock; who looks sums it up.

    Args:
        loaded: The version.
        pace: What is usual for calls of the present version.
        usual: Whether this is the present version, from which `pace` learns.
        seconds: How long a call may take, see `Patience`; None: it is waited for. A plan is, which
            runs nothing of a model file, and is asked at once.

    Attributes:
        batching, explaining: What asks the version.
    """

    __slots__ = (
        "_calls",
        "_counts",
        "_failures",
        "_lock",
        "_pace",
        "_patience",
        "_requests",
        "_usual",
        "batching",
        "explaining",
        "loaded",
    )

    def __init__(
        self, loaded: Loaded, pace: Pace, *, usual: bool, seconds: float | None = None
    ) -> None:
        self.loaded = loaded
        self.batching, self.explaining = loaded.batching, loaded.explaining
        self._patience: Patience | None = None
        if seconds is not None and not loaded.asking.by_plan:
            self._patience = Patience(loaded.version.name, seconds)
            self.batching, self.explaining = loaded.within(self._patience)
        self._pace = pace
        self._usual = usual
        self._counts = Counts()
        self._failures: dict[str, int] = {}
        self._lock = threading.Lock()
        # For each request its rows, less than nothing if one of them is doubtful.
        self._requests: deque[int] = deque()
        # Of more calls the first ones are forgotten: it is only looked how many of them are slow.
        self._calls: deque[tuple[int, int]] = deque(maxlen=_MOST)

    @property
    def hangs(self) -> bool:
        """Whether a call has not returned in time, so that it gets no requests for now."""
        return self._patience is not None and self._patience.hangs

    def listen(self, *, on: bool) -> None:
        """Be told of the calls of the model, or no more."""
        self.loaded.on_called = self._calls.append if on else None
        if not on and self._patience is not None:
            self._patience.close()

    def answered(self, answers: Answers) -> None:
        """Count a request that it answered."""
        rows = len(answers.predicted)
        self._requests.append(-rows if answers.departures else rows)
        if len(self._requests) > _MOST:
            self.counts()

    def failed(self, error: Exception) -> None:
        """Count a request that it could not answer; the first of a kind is told."""
        kind = type(error).__name__
        if kind not in self._failures:
            log.warning("%s, which is on trial, fails: %r", self.loaded.version.name, error)
        self._failures[kind] = self._failures.get(kind, 0) + 1
        self._requests.append(_FAILED)

    @property
    def failures(self) -> dict[str, int]:
        """How often it failed with which kind of exception."""
        return dict(self._failures)

    def counts(self) -> Counts:
        """Return what was counted until now.

        Calls are slow or not by what `pace` has learned before.
        """
        with self._lock:
            counts = self._counts
            requests = [self._requests.popleft() for _ in range(len(self._requests))]
            counts.requests += len(requests)
            counts.failed += requests.count(_FAILED)
            counts.doubtful += sum(rows < 0 for rows in requests)
            counts.rows += sum(map(abs, requests))
            calls = [self._calls.popleft() for _ in range(len(self._calls))]
            counts.calls += len(calls)
            counts.microseconds += sum(microseconds for _, microseconds in calls)
            if calls:
                counts.slow += self._pace.slow(calls)
                if self._usual:
                    self._pace.saw(calls)
            return Counts().plus(counts)
