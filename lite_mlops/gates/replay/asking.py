"""Asking again: a candidate answers recorded rows in batches, and what it cannot answer is found.

asker = Asker(asking, columns, rows)
asker.ask().failed, asker.why, asker.seconds
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.gates.case import asked
from lite_mlops.gates.replay.coded import Array, Rows
from lite_mlops.models import Asking, InvalidRows

BATCH_ROWS = 1 << 16
_FIRST_ROWS = 1 << 12  # of the first batch; each is twice as large as the one before
_TRIES = 200  # batches that are asked to find the rows that fail; what is left counts as failed


@dataclass(eq=False)
class Asked:
    """What the candidate answered, row by row; nothing where it failed."""

    predicted: Array
    scores: NDArray[np.float64] | None
    failed: Rows
    why: str | None = None


def _batches(rows: int) -> Iterator[tuple[int, int]]:
    """Return where batches start and stop."""
    start, size = 0, min(_FIRST_ROWS, BATCH_ROWS)
    while start < rows:
        yield start, min(start + size, rows)
        start, size = start + size, min(2 * size, BATCH_ROWS)


class Asker:
    """Asks the candidate batch by batch, and finds the rows that it cannot answer by halving.

    Batches begin small: while a plan answers the first ones, a model that is faster with many rows
    is loaded beside it, and answers the large ones.
    """

    def __init__(self, asking: Asking, columns: Mapping[str, Array], rows: int) -> None:
        self._asking = asking
        self._columns = columns
        self._rows = rows
        self._tries = _TRIES
        self.why: str | None = None
        self.seconds = 0.0  # that the model itself took

    def ask(self) -> Asked:
        """Return what the candidate answers. Raises `Invalid` if it is not one value a row."""
        parts = [part for start, stop in _batches(self._rows) for part in self._asked(start, stop)]
        good = [one for one in parts if one[2] is not None]
        failed = np.zeros(self._rows, np.bool_)
        for start, stop, answers in parts:
            failed[start:stop] = answers is None
        if not good:
            return Asked(np.empty(0), None, failed, self.why)
        predicted = np.concatenate([one[2].predicted for one in good])
        scored = [one[2].probabilities for one in good if one[2].probabilities is not None]
        scores = np.concatenate(scored) if len(scored) == len(good) else None
        return Asked(predicted, scores, failed, self.why)

    def _asked(self, start: int, stop: int) -> Iterator[tuple[int, int, Any]]:
        """Return pieces of the rows with their answers, or None where there are none."""
        part = {name: values[start:stop] for name, values in self._columns.items()}
        begin = time.perf_counter()
        try:
            table = self._asking.signature.validate(part, ignore_unknown=True)
            answers = asked(self._asking, table)
        except Invalid as error:
            self.why = self.why or str(error)
            yield from self._halved(start, stop, error)
            return
        finally:
            self.seconds += time.perf_counter() - begin
        if answers.predicted.ndim != 1 or len(answers.predicted) != stop - start:
            raise Invalid("the candidate does not answer with one value for each row.")
        yield start, stop, answers

    def _halved(self, start: int, stop: int, error: Invalid) -> Iterator[tuple[int, int, Any]]:
        whole = isinstance(error, InvalidRows) and any(one.row is None for one in error.problems)
        self._tries -= 1
        if stop - start == 1 or whole or self._tries <= 0:
            yield start, stop, None
            return
        middle = (start + stop) // 2
        yield from self._asked(start, middle)
        yield from self._asked(middle, stop)
