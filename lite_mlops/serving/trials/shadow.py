"""A shadow: a version that is asked what the present one answered; nobody gets its answers.

    shadow = Shadow(loaded)
    shadow.offer(rows, answers)      # takes a fraction of a microsecond; never waits, never fails
    shadow.comparison().changed      # rows of which it says something else

It is asked in a thread of its own, while no request waits, and for a quarter of the time at most.
What it has no time for is dropped and counted. A call that does not return in time has failed, and
all else is dropped until it returns.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.serving.answers import Answers
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.patience import Patience
from lite_mlops.serving.trials.judging import Rules

log = logging.getLogger("lite_mlops")

_MOST_REQUESTS, _MOST_ROWS = 500, 20_000  # that wait
_SPARE = 3.0  # times as long as it was asked, it is not
_RETRY_SECONDS = 0.002  # while requests wait
_END_SECONDS = 1.0  # a model may hang
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a shadow said, beside the present version.

    Attributes:
        requests: That it was asked.
        dropped: For which there was no time.
        failed: That it could not answer.
        rows: That both answered.
        changed: Of these, those of which it says something else.
        numbers: Rows in which numbers could be compared: predictions, or probabilities.
        difference: Sum of the absolute differences of these; of a row, the largest one.
        largest: The largest of these differences.
        microseconds: That its model took for the rows, each request asked by itself.
    """

    requests: int = 0
    dropped: int = 0
    failed: int = 0
    rows: int = 0
    changed: int = 0
    numbers: int = 0
    difference: float = 0.0
    largest: float = 0.0
    microseconds: int = 0

    @property
    def mean(self) -> float | None:
        """The mean difference of a row; None where there are no numbers."""
        return self.difference / self.numbers if self.numbers else None

    def with_answers(self, present: Answers, shadow: Answers) -> Comparison:
        """Return the comparison with the answers to one more request."""
        rows = len(present.predicted)
        differences = differences_of(present, shadow)
        found: NDArray[np.float64] = np.empty(0)
        if differences is not None:
            found = differences[np.isfinite(differences)]
        return replace(
            self,
            requests=self.requests + 1,
            rows=self.rows + rows,
            changed=self.changed + changed_of(present.predicted, shadow.predicted),
            numbers=self.numbers + len(found),
            difference=self.difference + float(np.sum(found)),
            largest=max([self.largest, *([float(np.max(found))] if len(found) else ())]),
            microseconds=self.microseconds + shadow.latency_us * rows,
        )


def _by_row(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(len(values), -1)


def changed_of(present: NDArray[Any], shadow: NDArray[Any]) -> int:
    """Return in how many rows two versions do not say the same.

    Numbers are the same up to a billionth of them, and two NaN are.
    """
    if present.shape != shadow.shape:
        return len(present)
    kinds = {present.dtype.kind, shadow.dtype.kind}
    if "f" in kinds and kinds <= set("fiu"):
        same = np.isclose(present, shadow, rtol=_SAME, atol=0.0, equal_nan=True)
    else:
        same = present == shadow
    return int(np.count_nonzero(~_by_row(np.asarray(same, bool)).all(axis=1)))


def differences_of(present: Answers, shadow: Answers) -> NDArray[np.float64] | None:
    """Return by row the largest absolute difference of the probabilities, or of the numbers.

    None where there are neither, or the classes are others.
    """
    one, other = present.scores, shadow.scores
    if one is None and other is None:
        one, other = present.predicted, shadow.predicted
    elif present.version.signature.classes != shadow.version.signature.classes:
        return None
    if one is None or other is None or one.shape != other.shape:
        return None
    if not {one.dtype.kind, other.dtype.kind} <= set("fiu"):
        return None
    differences = np.abs(_by_row(one).astype(np.float64) - _by_row(other).astype(np.float64))
    found: NDArray[np.float64] = differences.max(axis=1)
    return found


class Shadow:
    """Asks a version in a thread, and compares.

    Args:
        loaded: The version.
        seconds: How long a call of up to a thousand rows may take.

    Attributes:
        loaded: The version.
        present: The present version, whose requests go first.
    """

    def __init__(self, loaded: Loaded, seconds: float = Rules.seconds) -> None:
        self.loaded = loaded
        self._patience = Patience(loaded.version.name, seconds)
        by_plan = loaded.asking.by_plan  # which does not hang
        self._batching = loaded.batching if by_plan else loaded.within(self._patience)[0]
        self.present: Loaded | None = None
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Any, Answers]] = deque()
        self._rows = 0  # that wait
        self._dropped = 0
        self._asked = Comparison()
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, rows: Any, answers: Answers) -> None:
        """Have the version asked for rows that were answered, if there is time."""
        with self._lock:
            full = len(self._waiting) >= _MOST_REQUESTS or self._rows >= _MOST_ROWS
            if full or self._patience.hangs:
                self._dropped += 1
                return
            self._rows += len(answers.predicted)
            self._waiting.append((rows, answers))
        if not self._wanted.is_set():
            self._wanted.set()

    @property
    def hangs(self) -> bool:
        """Whether a call has not returned in time, so that it is asked nothing for now."""
        return self._patience.hangs

    def comparison(self) -> Comparison:
        """Return what was found until now."""
        return replace(self._asked, dropped=self._dropped)

    # -- the thread -----------------------------------------------------------------------------

    def start(self) -> None:
        """Ask from now on, until `stop`."""
        if self._thread is None:
            self._stop = threading.Event()  # one that hangs keeps its own
            self._thread = threading.Thread(
                target=self._run, args=(self._stop,), name="lite-mlops-shadow", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ask no more, and forget what waits; a model that hangs is left to itself."""
        self._stop.set()
        with self._lock:
            self._waiting.clear()
            self._rows = 0
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
            self._thread = None
        self._patience.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._wanted.wait()
            self._wanted.clear()
            while not stop.is_set():
                if not self._next_is_due():
                    stop.wait(_RETRY_SECONDS)
                    continue
                started = time.perf_counter()
                if not self._next():
                    break
                stop.wait(_SPARE * (time.perf_counter() - started))

    def _next_is_due(self) -> bool:
        """Return whether nobody waits for an answer of the present version."""
        return self.present is None or not self.present.batching.waiting

    def _next(self) -> bool:
        """Ask for the next request, and return whether there was one."""
        with self._lock:
            if self._patience.hangs:
                self._dropped += len(self._waiting)
                self._waiting.clear()
                self._rows = 0
            if not self._waiting:
                return False
            rows, present = self._waiting.popleft()
            self._rows -= len(present.predicted)
        try:
            table = self.loaded.table(rows, ignore_unknown=True)
            answers = self._batching.now(table)
            self._asked = self._asked.with_answers(present, answers)
        except Exception as error:  # noqa: BLE001 (whatever a model does, nobody hears of it)
            log.debug("%s fails as a shadow: %r", self.loaded.version.name, error)
            asked = self._asked
            self._asked = replace(asked, requests=asked.requests + 1, failed=asked.failed + 1)
        return True
