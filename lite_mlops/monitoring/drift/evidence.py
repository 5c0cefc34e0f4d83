"""What shows a change: how values are spread on both sides, and rows that broke a rule.

    spread_of_numbers(np.sort(old), np.sort(new)).edges
    example_rows(broken, typed(new))                      # places of three rows, the first ones

Small enough to keep with a report and to draw: at most twenty bars a column. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.charts import Pair
from lite_mlops.data import NUMERIC, Typed
from lite_mlops.monitoring.drift.effects import Counts, Floats
from lite_mlops.monitoring.drift.quality import Broken

BARS = 20
MOST_CATEGORIES = 12
EXAMPLES = 3
OTHERS = "other values"
_TAIL = 0.005  # share of the values at each end that lies in the outermost bars
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Distribution:
    """How the present values of a column are spread: shares of each side, which add up to 1.

    Of numbers there are `edges`, one more than bars; the outermost bars also hold what lies beyond.
    Of categories there are their names, as text; the last may stand for all others.
    """

    reference: tuple[float, ...]
    current: tuple[float, ...]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def pair(self) -> Pair:
        """The shares as they are drawn."""
        names: Sequence[str] = self.categories
        if self.edges:
            names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(self.edges)]
        return Pair(names, self.reference, self.current, self.edges)

    def to_dict(self) -> dict[str, Any]:
        """Return the shares as JSON can hold them."""
        return {name: list(values) for name, values in vars(self).items() if values}


def _shares(counts: Counts) -> tuple[float, ...]:
    return tuple((counts / max(int(counts.sum()), 1)).round(6).tolist())


def spread_of_numbers(reference: Floats, current: Floats) -> Distribution:
    """Return how sorted numbers are spread over bars of one width; neither side is empty."""
    sides = (reference, current)
    low = min(float(side[int(_TAIL * (len(side) - 1))]) for side in sides)
    high = max(float(side[-1 - int(_TAIL * (len(side) - 1))]) for side in sides)
    if low == high:
        reach = max(abs(low) / 2, 0.5)
        low, high = low - reach / 2, high + reach / 2
    halves = np.linspace(low / 2, high / 2, BARS + 1)  # the range itself may be no number
    edges = np.unique(2 * halves)
    counted = []
    for side in sides:
        ends = np.searchsorted(side, edges[1:-1], "right")
        counted.append(np.diff(np.concatenate([[0], ends, [len(side)]])).astype(np.int64))
    return Distribution(_shares(counted[0]), _shares(counted[1]), edges=tuple(edges.tolist()))


def spread_of_bins(
    reference: Counts, current: Counts, edges: Sequence[float], range_: tuple[float, float]
) -> Distribution:
    """Return how numbers are spread over the bins of a profile, whose inner edges are given."""
    low, high = min(range_[0], edges[0]), max(range_[1], edges[-1])
    return Distribution(_shares(reference), _shares(current), edges=(low, *edges, high))


def spread_of_categories(names: Sequence[Any], reference: Counts, current: Counts) -> Distribution:
    """Return how categories are spread: those with the largest shares, and all others together."""
    largest = np.maximum(
        reference / max(int(reference.sum()), 1), current / max(int(current.sum()), 1)
    )
    kept = np.argsort(-largest, kind="stable")
    told = kept if len(names) <= MOST_CATEGORIES else kept[: MOST_CATEGORIES - 1]
    sides = []
    for side in (reference, current):
        counts = side[told].tolist()
        sides.append(np.array([*counts, int(side.sum()) - sum(counts)], np.int64))
    texts = [str(names[place])[:_LONGEST_NAME] for place in told.tolist()]
    if len(told) == len(names):
        sides = [side[:-1] for side in sides]
    else:
        texts.append(OTHERS)
    return Distribution(_shares(sides[0]), _shares(sides[1]), categories=tuple(texts))


# -- rows that broke a rule ---------------------------------------------------------------------


def _where(broken: Broken, column: Typed) -> NDArray[np.bool_] | None:
    """Return which rows break a rule, where that can be said of each row."""
    about: Mapping[str, Any] = broken.about or {}
    if broken.rule == "missing":
        return column.missing
    if column.kind in NUMERIC:
        numbers = column.values.astype(np.float64, copy=False)
        if broken.rule == "infinite":
            return np.isinf(numbers) & ~column.missing
        if "low" in about:
            with np.errstate(invalid="ignore"):
                out = (numbers < float(about["low"])) | (numbers > float(about["high"]))
            return np.asarray(out & np.isfinite(numbers) & ~column.missing)
    if "names" in about:
        wanted = set(about["names"])
        found = map(wanted.__contains__, column.values.tolist())
        return np.fromiter(found, np.bool_, len(column.values)) & ~column.missing
    return None


def example_rows(broken: Broken, column: Typed) -> list[int]:
    """Return the places of a few rows of the present that break a rule, the first ones."""
    if broken.about is not None and "start" in broken.about:
        numbers = column.values.astype(np.float64, copy=False)
        finite = np.flatnonzero(np.isfinite(numbers) & ~column.missing)
        start = broken.about["start"]
        return [int(place) for place in finite[start : start + EXAMPLES]]
    found = _where(broken, column)
    if found is None:
        found = ~column.missing
    return [int(place) for place in np.flatnonzero(found)[:EXAMPLES]]
