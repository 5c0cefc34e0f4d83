"""One column against what a profile of the reference says of it, without its rows.

    measure_known("age", version.profile["age"], version.rows, sample(typed(new)))

A profile has the deciles of numbers, the commonest texts, and what is missing. That is enough for a
test, a size, and the rules of quality; it takes one sort of the present and no look at the past.
Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.drift import quality
from lite_mlops.monitoring.drift.columns import (
    MIN_ROWS,
    BinCounts,
    Bins,
    Measured,
    category_sizes,
    measure_bins,
    too_few,
)
from lite_mlops.monitoring.drift.evidence import OTHERS, spread_of_categories
from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.drift.samples import (
    FEW_VALUES,
    Categories,
    Nothing,
    Numbers,
    Sample,
    Times,
)

Facts = Mapping[str, Any]

_IDENTIFIER = 0.5  # share of different texts from which on a column names rows
_KINDS = {"number": "numbers", "text": "texts", "time": "times"}


def can_be_known(facts: Facts) -> bool:
    """Return whether a profile says enough of a column to compare anything with it."""
    return facts.get("kind") in _KINDS


def _bins(facts: Facts, rows: int) -> Bins:
    """Return what a profile says of the numbers of a column."""
    return Bins(
        edges=facts["edges"],
        counts=facts["counts"],
        missing=facts["missing"],
        lowest=facts["min"],
        highest=facts["max"],
        infinite=max(0, rows - facts["missing"] - sum(facts["counts"])),
    )


def counted(reference: Bins, current: Numbers) -> BinCounts:
    """Return how many numbers lie in each bin of the reference, and beside them."""
    ordered = current.ordered
    ends = np.searchsorted(ordered, np.asarray(reference.edges, np.float64), "right")
    counts = np.diff(np.concatenate([[0], ends, [len(ordered)]]))
    return BinCounts(
        counts=counts.tolist(),
        missing=current.missing,
        infinite=current.infinite,
        negative=int(np.searchsorted(ordered, 0.0, "left")),
        far_out=len(quality.far_from(reference.lowest, reference.highest, current)),
        lowest=float(ordered[0]) if len(ordered) else None,
        highest=float(ordered[-1]) if len(ordered) else None,
    )


def _numbers(column: str, facts: Facts, rows: int, current: Numbers) -> Measured:
    bins = _bins(facts, rows)
    found = measure_bins(column, bins, counted(bins, current))
    if found.untold:
        return found
    more: list[Broken | None] = []
    old = np.array([facts["quantiles"][str(share)] for share in quality.SHARES.tolist()])
    if (unit := quality.unit(old, current.quantiles(quality.SHARES))) is not None:
        more.append(unit)
    held = tuple(one for one in found.broken if unit is None or one.rule != "range")
    if all(one.rule != "constant" for one in held):
        more.append(_stuck(facts, bins, current))
    kept = tuple(one for one in more if one is not None)
    return found.replaced(broken=held + kept)


def _stuck(facts: Facts, bins: Bins, current: Numbers) -> Broken | None:
    """Return whether a number comes again at once too often; only if the profile knows runs."""
    if "longest_run" not in facts or facts["distinct"] <= 2 or current.steady:
        return None
    # As many rows of the reference have this value as the bin that it is in, at most.
    place = int(
        np.searchsorted(np.asarray(bins.edges, np.float64), current.longest_run.value, "left")
    )
    again = max(facts["repeats"], bins.counts[place])
    return quality.stuck_run(current, facts["longest_run"], again, sum(bins.counts))


def _categories(facts: Facts, rows: int, current: Categories) -> dict[str, Any]:
    """Return what is found of texts of which the commonest are known, and how many others."""
    present = rows - facts["missing"]
    top: Mapping[str, int] = facts["top"]
    others = present - sum(top.values())
    new = {_name(value): n for value, n in current.counts().items()}
    new_rows = sum(new.values())
    names, old, now = _side_by_side(top, others, new)
    if min(present, new_rows) < MIN_ROWS:
        untold, spread = too_few(present, new_rows), spread_of_categories(names, old, now)
        return {"kind": "category", "untold": untold, "distribution": spread}
    if facts["distinct"] > max(_IDENTIFIER * present, FEW_VALUES):
        again = None
        if facts["distinct"] == present:
            again = quality.repeated(new_rows - len(new), new_rows, present)
        untold = "its values name rows"
        return {"kind": "identifier", "untold": untold, "broken": _kept(again)}
    unseen = None if others else _unseen(top, present, new, current)
    sizes = category_sizes(names, old, now, present, new_rows)
    return sizes | {"broken": _kept(unseen, _constant(top, others, present, new))}


def _side_by_side(
    top: Mapping[str, int], others: int, new: Mapping[str, int]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return the known texts and their counts on both sides, all other texts as one."""
    unknown = sum(new.values()) - sum(new.get(name, 0) for name in top)
    names, old, now = [*top], [*top.values()], [new.get(name, 0) for name in top]
    if others or unknown:
        names, old, now = [*names, OTHERS], [*old, others], [*now, unknown]
    return names, np.array(old, np.int64), np.array(now, np.int64)


def _constant(
    top: Mapping[str, int], others: int, present: int, new: Mapping[str, int]
) -> Broken | None:
    """Return that a text is the only one now, of which the reference has at most so many rows."""
    if len(new) != 1:
        return None
    (only,) = new
    most = top.get(only, min(top.values(), default=0) if others else 0)
    return quality.constant(most, present, sum(new.values()), only)


def _unseen(
    top: Mapping[str, int], present: int, new: Mapping[str, int], current: Categories
) -> Broken | None:
    """Return that there are texts that the reference, all of whose texts are known, has not."""
    news: list[tuple[Any, int]] = [(name, n) for name, n in new.items() if name not in top]
    unseen = quality.unseen(news, present, sum(new.values()))
    if unseen is None or unseen.about is None:
        return unseen
    wanted = set(unseen.about["names"])
    told = [one for one in current.counts() if _name(one) in wanted]
    return unseen._replace(about={"names": told})


def _name(value: Any) -> str:
    """Return a value as a profile names it."""
    return str(value).encode("utf-8", "replace").decode()[:200]


def _kept(*found: Broken | None) -> tuple[Broken, ...]:
    return tuple(one for one in found if one is not None)


def _type_of(one: Sample) -> str | None:
    for kind, name in ((Numbers, "number"), (Categories, "text"), (Times, "time")):
        if isinstance(one, kind):
            return name
    return None


def measure_known(column: str, facts: Facts, rows: int, current: Sample) -> Measured:
    """Return what is found of a column, of whose reference of so many rows only `facts` are known.

    Of texts at most twenty are known by name, the others together; what is unseen is told only
    where those are all.
    """
    reference = Sample(rows, facts["missing"])
    if facts["kind"] == "number" and isinstance(current, Numbers) and facts["edges"]:
        return _numbers(column, facts, rows, current)
    kind = {"number": "number", "text": "category", "time": "time"}[facts["kind"]]
    about: dict[str, Any] = {
        "column": column,
        "kind": kind,
        "reference_rows": rows,
        "current_rows": current.rows,
        "reference_missing": reference.missing_share,
        "current_missing": current.missing_share,
    }
    numeric = kind == "number"
    if min(rows, current.rows) < MIN_ROWS:
        untold = too_few(rows, current.rows, numbers=numeric)
        return Measured(**about, untold=untold)
    broken = _kept(quality.missing(reference, current))
    if not reference.present:
        return Measured(**about, untold="the reference has no value", broken=broken)
    if isinstance(current, Nothing):
        return Measured(**about, untold="the present has no value", broken=broken)
    found = _type_of(current)
    if found is not None and found != facts["kind"]:
        change = f"{_KINDS[facts['kind']]} became {_KINDS[found]}"
        return Measured(**about, broken=(Broken("type", change),))
    if isinstance(current, Times):
        return Measured(**about, untold="time moves by itself", broken=broken)
    if isinstance(current, Categories):
        about |= _categories(facts, rows, current)
        return Measured(**about | {"broken": (*about.get("broken", ()), *broken)})
    return Measured(**about, untold="the reference has no finite number", broken=broken)
