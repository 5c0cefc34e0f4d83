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

from lite_mlops.gates.case import last_of
from lite_mlops.gates.replay.asking import Asked
from lite_mlops.gates.replay.recorded import Array, Recorded, Rows
from lite_mlops.gates.replay.replayed import ChangedRow
from lite_mlops.models import Signature
from lite_mlops.tracking.comparing import Verdict
from lite_mlops.tracking.comparing.verdicts import verdicts

LARGEST = 20  # changes that are listed
_SAME = 1e-9  # numbers that differ by less, of their size, are the same


@dataclass(frozen=True, eq=False)
class Pairs:
    """What was said then and what the candidate says, of the rows that it answered."""

    ids: Array
    then: Array  # texts
    now: Array  # texts, or numbers of what answers with numbers
    score_then: NDArray[np.float64] | None
    score_now: NDArray[np.float64] | None
    changed: Rows
    labels: Array


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
    good = ~said.failed
    then, ids, labels = (
        (one[good] if said.failed.any() else one) for one in (kept.then, kept.ids, kept.labels)
    )
    if not len(said.predicted):
        nothing = np.zeros(0, np.bool_)
        return Pairs(ids, then, then, None, None, nothing, labels)
    if not signature.classes and said.predicted.dtype.kind in "iuf":
        before, now = _as_numbers(then), said.predicted.astype(np.float64)
        gap = np.abs(now - before)
        changed = ~(gap <= np.maximum(tolerance, _SAME * np.abs(before)))
        return Pairs(ids, then, now, before, now, changed, labels)
    now = _texts(said.predicted)
    before_scores = None if kept.scores is None else kept.scores[good]
    score_then = _score(before_scores, kept.version.signature.classes, positive)
    score_now = _score(said.scores, signature.classes, positive)
    return Pairs(ids, then, now, score_then, score_now, np.asarray(then != now, np.bool_), labels)


def _texts(answers: Array) -> Array:
    """Return answers as they are recorded: as texts; each different one is written once."""
    if answers.dtype.kind in "US":
        return answers.astype(object)
    if answers.dtype.kind in "biu":
        different, places = np.unique(answers, return_inverse=True)
        written = np.array([str(one) for one in different.tolist()], object)
        found: Array = written[places]
        return found
    written = np.empty(len(answers), object)
    written[:] = [str(one) for one in answers.tolist()]
    return written


def _as_numbers(texts: Array) -> NDArray[np.float64]:
    """Return texts as numbers, NaN where one is none."""
    try:
        return texts.astype(np.float64)
    except (ValueError, TypeError):
        return np.array([_as_number(one) for one in texts.tolist()], np.float64)


def _as_number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


def _score(
    scores: NDArray[np.float64] | None, classes: Sequence[Any], positive: Any
) -> NDArray[np.float64] | None:
    """Return the probability of the positive class; None if there is none."""
    if scores is None or not classes:
        return None
    wanted = last_of(tuple(classes)) if positive is None else positive
    return scores[:, list(classes).index(wanted)] if wanted in classes else None


def largest_changes(pairs: Sequence[Pairs]) -> tuple[ChangedRow, ...]:
    """Return the rows that changed most, other answers first; at most 20."""
    found = [row for one in pairs for row in _largest(one)]
    found.sort(key=lambda row: (row.then == row.now, -abs(row.change or 0.0)))
    return tuple(found[:LARGEST])


def _largest(pairs: Pairs) -> list[ChangedRow]:
    """Return the rows that changed most: by their scores, else those that get another answer."""
    then, now = pairs.score_then, pairs.score_now
    if then is None or now is None:
        places = np.flatnonzero(pairs.changed)[:LARGEST]
    else:
        size = np.nan_to_num(np.abs(now - then), nan=-1.0) + pairs.changed  # others come last
        size[~pairs.changed & (size <= 0)] = -1.0
        count = min(LARGEST, int((size > 0).sum()))
        places = np.argpartition(-size, count - 1)[:count] if count else np.zeros(0, np.int64)
        places = places[np.argsort(-size[places], kind="stable")]
    return [
        ChangedRow(
            str(pairs.ids[place]),
            str(pairs.then[place]),
            str(pairs.now[place]),
            _plain(then, place),
            _plain(now, place),
        )
        for place in places.tolist()
    ]


def _plain(values: NDArray[np.float64] | None, place: int) -> float | None:
    if values is None or np.isnan(values[place]):
        return None
    return float(values[place])


def compared(pairs: Sequence[Pairs]) -> tuple[tuple[Verdict, ...], int]:
    """Return verdicts on the candidate where the true answers are known, and on how many rows."""
    labels = np.concatenate([one.labels for one in pairs])
    known = np.asarray(labels != None, np.bool_)  # noqa: E711
    count = int(known.sum())
    if not count:
        return (), 0
    then = np.concatenate([one.then for one in pairs])[known]
    now = np.concatenate([one.now for one in pairs])[known]
    truth = labels[known]
    if now.dtype.kind == "f":
        columns = [_as_numbers(one) for one in (truth, then, now)]
        fine = ~np.isnan(np.column_stack(columns)).any(axis=1)
        columns = [one[fine] for one in columns]
        return (verdicts(*columns), int(fine.sum())) if fine.any() else ((), 0)
    columns = [one.astype(str) for one in (truth, then, now)]
    scores: tuple[NDArray[np.float64], ...] = ()
    if all(one.score_then is not None and one.score_now is not None for one in pairs):
        both = [
            np.concatenate([part for one in pairs if (part := getattr(one, name)) is not None])
            for name in ("score_then", "score_now")
        ]
        scores = tuple(one[known] for one in both)
        if len(np.unique(columns[0])) != 2 or any(np.isnan(one).any() for one in scores):
            scores = ()
    return verdicts(*columns, *scores), count
