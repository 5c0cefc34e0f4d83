"""What changes: answers of then beside those of a candidate, row by row, all rows at once.

pairs = paired(recorded, asked, signature, positive=None, tolerance=0.0)
pairs.changed.sum(), largest_changes([pairs])[0].prediction_id, compared([pairs])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.gates.replay.asking import Asked
from lite_mlops.gates.replay.coded import Array, Coded, Rows, as_numbers, coded
from lite_mlops.gates.replay.recorded import Recorded, class_place
from lite_mlops.models import Signature
from lite_mlops.tracking.comparing import Verdict
from lite_mlops.tracking.comparing.verdicts import verdicts

LARGEST = 20  # changes that are listed
_SAME = 1e-9  # numbers that differ by less, of their size, are the same


@dataclass(frozen=True, eq=False)
class Pairs:
    """What was said then and what the candidate says, of the rows that it answered."""

    places: NDArray[np.int64]
    then: Coded
    now: Coded | NDArray[np.float64]  # numbers of what answers with numbers
    score_then: NDArray[np.float64] | None
    score_now: NDArray[np.float64] | None
    changed: Rows
    labels: Array | None


def paired(
    kept: Recorded, said: Asked, signature: Signature, *, positive: Any, tolerance: float
) -> Pairs:
    """Return what was said then beside what the candidate says.

    Args:
        kept: The recorded requests of a version.
        said: What the candidate says to them.
        signature: That of the candidate.
        positive: The class whose probability is the score; None: the one that sorts last.
        tolerance: By how much a number may differ and count as the same answer.
    """
    places, then, score_then, labels = kept.places, kept.then, kept.score, kept.labels
    if said.failed.any():
        good = ~said.failed
        places, then = places[good], then.part(good)
        score_then = None if score_then is None else score_then[good]
        labels = None if labels is None else labels[good]
    if not len(said.predicted):
        return Pairs(places, then, then, None, None, np.zeros(0, np.bool_), labels)
    if not signature.classes and said.predicted.dtype.kind in "iuf":
        before, now = then.numbers(), said.predicted.astype(np.float64)
        gap = np.abs(now - before)
        changed = ~(gap <= np.maximum(tolerance, _SAME * np.abs(before)))
        return Pairs(places, then, now, before, now, changed, labels)
    place = class_place(signature.classes, positive)
    score_now = None if said.scores is None or place is None else said.scores[:, place]
    texts = coded(said.predicted)
    return Pairs(places, then, texts, score_then, score_now, then.unlike(texts), labels)


@dataclass(frozen=True)
class Change:
    """A row that is answered otherwise, by its place in the table of all predictions."""

    place: int
    then: str
    now: str
    score_then: float | None
    score_now: float | None

    @property
    def size(self) -> tuple[bool, float]:
        """By which changes are sorted, the largest first: other answers, then the scores."""
        known = self.score_then is not None and self.score_now is not None
        apart = abs(self.score_now - self.score_then) if known else 0.0  # type: ignore[operator]
        return self.then == self.now, -apart


def largest_changes(pairs: Sequence[Pairs]) -> list[Change]:
    """Return the rows that changed most, other answers first; at most 20."""
    found = [row for one in pairs for row in _largest(one)]
    return sorted(found, key=lambda row: row.size)[:LARGEST]


def _largest(pairs: Pairs) -> list[Change]:
    """Return the rows that changed most: by their scores, else those that get another answer."""
    then, now = pairs.score_then, pairs.score_now
    if then is None or now is None:
        rows = np.flatnonzero(pairs.changed)[:LARGEST]
    else:
        size = np.nan_to_num(np.abs(now - then), nan=-1.0) + pairs.changed  # others come last
        size[~pairs.changed & (size <= 0)] = -1.0
        count = min(LARGEST, int((size > 0).sum()))
        rows = np.argpartition(-size, count - 1)[:count] if count else np.zeros(0, np.int64)
        rows = rows[np.argsort(-size[rows], kind="stable")]
    before, after = pairs.then.texts(rows), _texts(pairs.now, rows)
    return [
        Change(
            int(pairs.places[row]),
            str(before[at]),
            str(after[at]),
            _plain(then, row),
            _plain(now, row),
        )
        for at, row in enumerate(rows.tolist())
    ]


def _texts(answers: Coded | NDArray[np.float64], rows: Any) -> Array:
    return answers.texts(rows) if isinstance(answers, Coded) else answers[rows]


def _plain(values: NDArray[np.float64] | None, place: int) -> float | None:
    if values is None or np.isnan(values[place]):
        return None
    return float(values[place])


def compared(pairs: Sequence[Pairs]) -> tuple[tuple[Verdict, ...], int]:
    """Return verdicts on the candidate where the true answers are known, and on how many rows."""
    parts, labels = [], []
    for one in pairs:
        if one.labels is not None:
            rows = np.flatnonzero(one.labels != None)  # noqa: E711
            parts.append((one, rows))
            labels.append(one.labels[rows])
    truth = np.concatenate(labels) if labels else np.empty(0)
    if not len(truth):
        return (), 0
    then = np.concatenate([one.then.texts(rows) for one, rows in parts])
    now = np.concatenate([_texts(one.now, rows) for one, rows in parts])
    if now.dtype.kind == "f":
        columns = [as_numbers(one) for one in (truth, then, now)]
        fine = ~np.isnan(np.column_stack(columns)).any(axis=1)
        columns = [one[fine] for one in columns]
        return (verdicts(*columns), int(fine.sum())) if fine.any() else ((), 0)
    columns = [one.astype(str) for one in (truth, then, now)]
    both = [
        [one.score_then[rows], one.score_now[rows]]
        for one, rows in parts
        if one.score_then is not None and one.score_now is not None
    ]
    if len(both) < len(parts) or len(np.unique(columns[0])) != 2:
        return verdicts(*columns), len(truth)
    scores = np.concatenate(both, axis=1)
    return verdicts(*columns, *(() if np.isnan(scores).any() else scores)), len(truth)
