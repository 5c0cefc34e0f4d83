"""Concept drift: the estimate and the labels disagree, though both saw the same rows.

    concept_drift("auc", [(estimated, realised), ...])     # intervals (low, high) of each window

An estimate takes the relation between inputs and outcome from the reference. Where labels say
something else beyond both intervals, window after window, that relation has changed: this
difference is the only sign of it, as neither inputs nor scores need to move. Pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

IN_A_ROW = 2

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class ConceptDrift:
    """From which window on a realised metric is not what was estimated.

    `gap` is realised less estimated, by the middles of the intervals, in the last window that
    differs.
    """

    metric: str
    since: int  # the first of the windows in a row that differ
    last: int
    windows: int  # how many of them there are
    gap: float
    going_on: bool  # whether the last window that could be compared is one of them

    def to_dict(self) -> dict[str, Any]:
        """Return what was found as JSON can hold it."""
        return dict(vars(self))


def differ(estimated: Interval, realised: Interval) -> bool:
    """Return whether two intervals have nothing in common."""
    return estimated[1] < realised[0] or realised[1] < estimated[0]


def concept_drift(
    metric: str, windows: Sequence[tuple[Interval, Interval] | None], *, in_a_row: int = IN_A_ROW
) -> ConceptDrift | None:
    """Return since when labels say something else than the estimate; None if they never did.

    Given are for each window the estimated and the realised interval, or None where there are not
    enough labels, which neither breaks a row nor adds to it. The last row that is long enough is
    told.
    """
    row: list[int] = []
    found: list[int] = []
    for place, pair in enumerate(windows):
        if pair is None:
            continue
        row = [*row, place] if differ(*pair) else []
        if len(row) >= in_a_row:
            found = row
    if not found:
        return None
    pair = windows[found[-1]]
    assert pair is not None
    estimated, realised = pair
    gap = (sum(realised) - sum(estimated)) / 2
    return ConceptDrift(metric, found[0], found[-1], len(found), gap, going_on=found is row)
