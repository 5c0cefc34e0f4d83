"""One column against its reference: sizes, a test, and the rules it breaks. Pure functions.

    measure("age", sample(typed(old)), sample(typed(new)))
    measure_bins("age", bins, counts)                # of numbers that are known by their bins only

What is measured here is judged in `verdict`, together with the other columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import kolmogorov_smirnov
from lite_mlops.data.wording import number, percent
from lite_mlops.monitoring.drift import effects, quality
from lite_mlops.monitoring.drift.evidence import (
    Distribution,
    spread_of_bins,
    spread_of_categories,
    spread_of_numbers,
)
from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.drift.samples import (
    FEW_VALUES,
    Categories,
    Nothing,
    Numbers,
    Sample,
    Times,
    aligned,
)
from lite_mlops.monitoring.drift.tests import (
    homogeneity_p,
    pooled,
    smallest_shift,
    two_samples_p,
)

MIN_ROWS = 50  # present values on each side below which nothing is said of the distribution
_BINS = 10
LEVEL = 0.01  # at which a shift is told that too few rows could have shown
_IDENTIFIER = 0.5  # share of different texts from which on a column names rows


@dataclass(frozen=True)
class Measured:
    """What was measured of a column; what does not apply to its kind is None.

    `kolmogorov_smirnov` and `excess_variation` are from 0 to 1, `wasserstein` is in standard
    deviations of the reference. `untold` says why there is no test.
    """

    column: str
    kind: str  # number, category, time, identifier, nothing
    reference_rows: int
    current_rows: int
    reference_missing: float = 0.0
    current_missing: float = 0.0
    p_value: float | None = None
    kolmogorov_smirnov: float | None = None
    wasserstein: float | None = None
    excess_variation: float | None = None
    psi: float | None = None  # beyond what sampling alone gives
    jensen_shannon: float | None = None
    change: str = ""  # the change in words
    untold: str = ""
    broken: tuple[Broken, ...] = field(default=())
    binned: bool = False
    distribution: Distribution | None = None
    examples: Mapping[str, Sequence[int]] = field(default_factory=dict)  # rows, by the rule
    role: str = "feature"  # or answer, score

    def replaced(self, **changes: Any) -> Measured:
        """Return the same with some fields replaced."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Bins:
    """What a profile knows of the numbers of a column."""

    edges: Sequence[float]  # the inner ones; a value on one belongs to the bin below it
    counts: Sequence[int]
    missing: int
    lowest: float
    highest: float
    infinite: int = 0


@dataclass(frozen=True)
class BinCounts:
    """Present numbers in the same bins, and those beside them."""

    counts: Sequence[int]
    missing: int
    infinite: int = 0
    negative: int = 0
    far_out: int = 0  # a whole range of the reference away from it
    lowest: float | None = None
    highest: float | None = None


def _kept(*found: Broken | None) -> tuple[Broken, ...]:
    return tuple(one for one in found if one is not None)


def too_few(reference: int, current: int, *, numbers: bool = False) -> str:
    """Return that a side has too few values, and what shift so few could have shown at best."""
    fewest = min(reference, current)
    where = "the reference" if reference <= current else "the present"
    told = f"{where} has {fewest:,} of the {MIN_ROWS} values that a verdict needs"
    if not numbers or not fewest:
        return told
    shift = smallest_shift(reference, current, LEVEL)
    if shift is None:
        return f"{told}; so few could not show any shift"
    return f"{told}; so few could show a shift of {shift:.2g} standard deviations at best"


def measure(column: str, reference: Sample, current: Sample) -> Measured:
    """Return what is found of a column that both tables have."""
    facts: dict[str, Any] = {
        "column": column,
        "kind": _kind(reference, current),
        "reference_rows": reference.rows,
        "current_rows": current.rows,
        "reference_missing": reference.missing_share,
        "current_missing": current.missing_share,
    }
    if not {type(reference), type(current)} & {Nothing} and type(reference) is not type(current):
        change = f"{_type(reference)} became {_type(current)}"
        return Measured(**facts, broken=(Broken("type", change),))
    if min(reference.rows, current.rows) < MIN_ROWS:
        numeric = isinstance(reference, Numbers)
        untold = too_few(reference.rows, current.rows, numbers=numeric)
        return Measured(**facts, untold=untold, distribution=_spread(reference, current))
    broken = _kept(quality.missing(reference, current))
    if isinstance(reference, Nothing):
        facts["untold"] = "the reference has no value"
    elif isinstance(current, Nothing):
        facts["untold"] = "the present has no value"
    elif isinstance(reference, Times):
        facts["untold"] = "time moves by itself"
    elif isinstance(reference, Numbers) and isinstance(current, Numbers):
        if len(reference.ordered) and len(current.ordered):
            facts |= _numbers(reference, current)
        else:
            facts["untold"] = "one side has no finite number"
        before, now = reference.infinite, current.infinite
        broken += _kept(quality.infinite(before, now, reference.present, current.present))
    elif isinstance(reference, Categories) and isinstance(current, Categories):
        facts |= _categories(reference.counts(), current.counts())
    return Measured(**facts | {"broken": (*facts.get("broken", ()), *broken)})


def _spread(reference: Sample, current: Sample) -> Distribution | None:
    """Return how the values are spread on both sides, where both have some of one kind."""
    if isinstance(reference, Numbers) and isinstance(current, Numbers):
        if len(reference.ordered) and len(current.ordered):
            return spread_of_numbers(reference.ordered, current.ordered)
    elif isinstance(reference, Categories) and isinstance(current, Categories):
        return spread_of_categories(*aligned(reference.counts(), current.counts()))
    return None


def _type(one: Sample) -> str:
    if isinstance(one, Numbers):
        return "numbers"
    if isinstance(one, Times):
        return "times"
    booleans = isinstance(one, Categories) and all(isinstance(v, bool) for v in one.counted)
    return "booleans" if booleans else "texts"


def _kind(reference: Sample, current: Sample) -> str:
    known = current if isinstance(reference, Nothing) else reference
    names = {Numbers: "number", Categories: "category", Times: "time"}
    return names.get(type(known), "nothing")


# -- numbers ------------------------------------------------------------------------------------


def _numbers(reference: Numbers, current: Numbers) -> dict[str, Any]:
    if reference.numbered and current.numbered:
        return {"kind": "identifier", "untold": "it numbers the rows"}
    if reference.numbered and current.distinct < len(current.values):
        twice = len(current.values) - current.distinct
        again = _kept(quality.repeated(twice, len(current.values), len(reference.values)))
        if again:
            untold = "it numbers the rows of the reference"
            return {"kind": "identifier", "untold": untold, "broken": again}
    if reference.distinct <= FEW_VALUES:
        return _categories(reference.counts(), current.counts())
    old, new = reference.ordered, current.ordered
    spread = spread_of_numbers(old, new)
    if min(len(old), len(new)) < MIN_ROWS:
        return {"untold": too_few(len(old), len(new), numbers=True), "distribution": spread}
    apart = effects.distances(old, new)
    edges = np.unique(reference.quantiles(np.linspace(0, 1, _BINS + 1)[1:-1]))
    bins = [
        np.diff(np.concatenate([[0], np.searchsorted(side, edges, "right"), [len(side)]]))
        for side in (old, new)
    ]
    return {
        "p_value": two_samples_p(apart.kolmogorov_smirnov, old, new),
        "kolmogorov_smirnov": apart.kolmogorov_smirnov,
        "wasserstein": _ratio(apart.wasserstein, effects.spread(old)),
        "psi": effects.excess_psi(bins[0], bins[1]),
        "jensen_shannon": effects.jensen_shannon(bins[0], bins[1]),
        "change": f"median {_median(reference)} -> {_median(current)}",
        "broken": _rules_of_numbers(reference, current),
        "distribution": spread,
    }


def _ratio(distance: float, spread: float) -> float | None:
    """Return the distance in units of the spread; None where both are too large or too small."""
    with np.errstate(all="ignore"):
        found = float(np.divide(distance, spread))
    return None if np.isnan(found) else found


def _rules_of_numbers(reference: Numbers, current: Numbers) -> tuple[Broken, ...]:
    old, new = reference.ordered, current.ordered
    rows = len(old), len(new)
    range_ = float(old[0]), float(old[-1])
    size = quality.unit(*(one.quantiles(quality.SHARES) for one in (reference, current)))
    if size is None:
        far, factor = quality.far_out(reference, current)
        size = quality.out_of_range(far, range_, *rows, factor)
    below = int(np.searchsorted(new, 0.0, "left"))
    if new[0] == new[-1]:
        first, last = (int(np.searchsorted(old, new[0], side)) for side in ("left", "right"))
        still = quality.constant(last - first, *rows, float(new[0]))
    else:
        still = quality.stuck(reference, current)
    return _kept(size, quality.negative(range_[0], below, *rows), still)


def _median(one: Numbers) -> str:
    return number(float(one.ordered[len(one.ordered) // 2]))


# -- categories ---------------------------------------------------------------------------------


def _categories(reference: Mapping[Any, int], current: Mapping[Any, int]) -> dict[str, Any]:
    rows, new_rows = sum(reference.values()), sum(current.values())
    if min(rows, new_rows) < MIN_ROWS:
        spread = spread_of_categories(*aligned(reference, current))
        untold = too_few(rows, new_rows)
        return {"kind": "category", "untold": untold, "distribution": spread}
    still = None
    if len(current) == 1:
        (only,) = current
        still = quality.constant(reference.get(only, 0), rows, new_rows, only)
    if len(reference) > max(_IDENTIFIER * rows, FEW_VALUES):
        again = None
        if len(reference) == rows and still is None:
            again = quality.repeated(new_rows - len(current), new_rows, rows)
        untold = "its values name rows"
        return {"kind": "identifier", "untold": untold, "broken": _kept(still, again)}
    names, old, new = aligned(reference, current)
    news = [(name, current[name]) for name in names[len(reference) :]]
    sizes = category_sizes(names, old, new, rows, new_rows)
    return sizes | {"broken": _kept(quality.unseen(news, rows, new_rows), still)}


def category_sizes(
    names: Sequence[Any], old: NDArray[Any], new: NDArray[Any], rows: int, new_rows: int
) -> dict[str, Any]:
    """Return how far the shares of categories moved, from their counts on both sides.

    `rows` and `new_rows` are the values that are there on each side.
    """
    most = int(np.argmax(np.abs(old / rows - new / new_rows)))
    return {
        "kind": "category",
        "p_value": homogeneity_p(old, new),
        "excess_variation": effects.excess_variation(old, new),
        "psi": effects.excess_psi(old, new),
        "jensen_shannon": effects.jensen_shannon(old, new),
        "change": f"{names[most]!s:.40} {percent(old[most] / rows)} -> "
        f"{percent(new[most] / new_rows)}",
        "distribution": spread_of_categories(names, old, new),
    }


# -- numbers that are known by their bins --------------------------------------------------------


def _bin(place: int, edges: Sequence[float]) -> str:
    if place == 0:
        return f"up to {number(edges[0])}"
    if place == len(edges):
        return f"above {number(edges[-1])}"
    return f"from {number(edges[place - 1])} to {number(edges[place])}"


def measure_bins(column: str, reference: Bins, current: BinCounts) -> Measured:
    """Return what is found of numbers of which only the counts in the same bins are known.

    The test is chi-square, and the distance that of the cumulative shares at the edges.
    """
    old, new = np.asarray(reference.counts, np.int64), np.asarray(current.counts, np.int64)
    rows, new_rows = int(old.sum()), int(new.sum())
    before = Sample(rows + reference.missing + reference.infinite, reference.missing)
    now = Sample(new_rows + current.missing + current.infinite, current.missing)
    facts: dict[str, Any] = {
        "column": column,
        "kind": "number",
        "reference_rows": before.rows,
        "current_rows": now.rows,
        "reference_missing": before.missing_share,
        "current_missing": now.missing_share,
        "binned": True,
    }
    low, high = reference.lowest, reference.highest
    if new_rows:
        reach = [one for one in (current.lowest, current.highest) if one is not None]
        range_ = min([low, *reach]), max([high, *reach])
        facts["distribution"] = spread_of_bins(old, new, reference.edges, range_)
    if min(before.rows, now.rows) < MIN_ROWS:
        return Measured(**facts, untold=too_few(before.rows, now.rows, numbers=True))
    broken = _kept(
        quality.missing(before, now),
        quality.infinite(reference.infinite, current.infinite, before.present, now.present),
    )
    if min(rows, new_rows) < MIN_ROWS:
        untold = too_few(rows, new_rows, numbers=True)
        return Measured(**facts, untold=untold, broken=broken)
    broken += _kept(
        quality.out_of_range(current.far_out, (low, high), rows, new_rows),
        quality.negative(low, current.negative, rows, new_rows),
    )
    if current.lowest is not None and current.lowest == current.highest and low < high:
        # The rows of the bin that this value is in are at least as many as those that have it.
        still = quality.constant(int(old[new > 0].sum()), rows, new_rows, current.lowest)
        broken += _kept(still)
    moved = int(np.argmax(np.abs(old / rows - new / new_rows)))
    return Measured(
        **facts,
        p_value=homogeneity_p(old, new),
        kolmogorov_smirnov=kolmogorov_smirnov(old, new),
        excess_variation=effects.excess_variation(*pooled(old, new)),
        psi=effects.excess_psi(old, new),
        jensen_shannon=effects.jensen_shannon(old, new),
        change=f"{_bin(moved, reference.edges)}: {percent(old[moved] / rows)} -> "
        f"{percent(new[moved] / new_rows)}",
        broken=broken,
    )
