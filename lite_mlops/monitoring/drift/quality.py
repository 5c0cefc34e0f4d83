"""What the reference never was: missing, unseen, out of range, stuck, in another unit.

    broken_missing(old, new)      # "missing in 8 % of the rows, 2 % in the reference"; None if fine

Each rule is inferred from the reference and returns what broke it, in words, or None. Pure
functions. A value that the reference has not is evidence only in more than half a per cent of the
rows, and only if so many rows would hardly all have come after the reference by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lite_mlops.data.wording import number, percent, value
from lite_mlops.monitoring.drift.effects import Floats
from lite_mlops.monitoring.drift.samples import Numbers, Sample

MISSING_POINTS = 0.01
MISSING_P = 1e-4
SHARE = 0.005
NEWS = 1e-4  # chance that all rows with a value are on one side
LONGEST_RUN = 10
RUN_TIMES, RUN_SHARE = 3, 0.02
CHANCE = 1e-6  # of what is taken for constant or stuck, if rows do not depend on each other
SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_FACTORS = (10.0, 100.0, 1000.0, 1e6)
_ALIKE, _UNLIKE = 0.2, 0.3  # distance of quantiles, in units of their range in the reference


class Broken(NamedTuple):
    """A rule that the present breaks, and how; `about` says by which values, to find the rows."""

    rule: str
    text: str
    about: Mapping[str, Any] | None = None


def missing(reference: Sample, current: Sample) -> Broken | None:
    """Return whether more is missing: by over a point, and significantly at 0.0001, one-sided.

    By Fisher's exact test (1922): as many missing rows among those of the present, by chance.
    """
    old, new = reference.missing_share, current.missing_share
    if new - old <= MISSING_POINTS:
        return None
    from scipy.stats import hypergeom  # slow to load, and rarely needed

    total = reference.missing + current.missing
    p = hypergeom.sf(current.missing - 1, reference.rows + current.rows, total, current.rows)
    if p >= MISSING_P:
        return None
    told = f"missing in {percent(new)} of the rows, {percent(old)} in the reference"
    return Broken("missing", told)


def _is_news(rows: int, reference_rows: int, current_rows: int) -> bool:
    """Return whether so many rows are more than an accident, as the reference has no such row."""
    # Where no row has a value, none is news.
    return rows > SHARE * current_rows and _on_one_side(rows, reference_rows, current_rows) < NEWS


def _on_one_side(rows: int, other: int, own: int) -> float:
    """Return the chance that so many rows are all on a side with `own` rows, none on the other.

    That is (m / (n + m))^k, a little more than the hypergeometric probability of it.
    """
    return float((own / (own + other)) ** rows)


def unseen(names: list[tuple[object, int]], reference: int, current: int) -> Broken | None:
    """Return whether a category of these, which the reference has not, comes too often.

    Given are the numbers of rows that hold something on both sides.
    """
    news = [(name, rows) for name, rows in names if _is_news(rows, reference, current)]
    if not news:
        return None
    news.sort(key=lambda pair: -pair[1])
    told = ", ".join(f"{value(name)} in {percent(rows / current)}" for name, rows in news[:3])
    more = f" and {len(news) - 3} more" if len(news) > 3 else ""
    text = f"not in the reference: {told} of the rows{more}"
    return Broken("unseen", text, {"names": [name for name, _ in news]})


def infinite(before: int, now: int, reference: int, current: int) -> Broken | None:
    """Return whether there are infinite numbers, as there were none in the reference."""
    if before or not _is_news(now, reference, current):
        return None
    return Broken("infinite", f"infinite in {percent(now / current)} of the rows, never before")


def negative(lowest: float, rows: int, reference: int, current: int) -> Broken | None:
    """Return whether numbers are below zero, as those of the reference are not."""
    if lowest < 0 or not _is_news(rows, reference, current):
        return None
    text = f"below zero in {percent(rows / current)} of the rows, never before"
    return Broken("sign", text, {"low": 0.0, "high": np.inf})


def margins(lowest: float, highest: float) -> tuple[float, float]:
    """Return the bounds of what is far out: a whole range of the reference away from it."""
    with np.errstate(over="ignore"):
        span = np.subtract(highest, lowest)
        return float(lowest - span), float(highest + span)


def out_of_range(
    rows: int,
    range_: tuple[float, float],
    reference: int,
    current: int,
    factor: float | None = None,
) -> Broken | None:
    """Return whether too many numbers are far out of the range of the reference."""
    if not _is_news(rows, reference, current):
        return None
    unit = f", as if multiplied by {number(factor)}" if factor else ""
    told = f"far out of {number(range_[0])} to {number(range_[1])}"
    low, high = margins(*range_)
    text = f"{told} in {percent(rows / current)} of the rows{unit}"
    return Broken("range", text, {"low": low, "high": high})


def far_out(reference: Numbers, current: Numbers) -> tuple[int, float | None]:
    """Return how many numbers are far out, and the factor that would explain them."""
    far = far_from(reference.ordered[0], reference.ordered[-1], current)
    if not len(far):
        return 0, None
    # Of a column around zero only the larger ones get far out: they were not the smallest.
    sizes = np.sort(np.abs(reference.values))[[len(reference.values) // 4, -1]]
    middle = np.sort(np.abs(far))[len(far) // 2]
    fits = [one for one in _FACTORS[::-1] if sizes[0] <= middle / one <= sizes[1]]
    return len(far), fits[0] if fits else None


def far_from(lowest: float, highest: float, current: Numbers) -> Floats:
    """Return the numbers that are far out of a range."""
    low, high = margins(lowest, highest)
    below, above = np.searchsorted(current.ordered, [low, high], "left")
    above += np.searchsorted(current.ordered[above:], high, "right")
    return np.concatenate([current.ordered[:below], current.ordered[above:]])


def unit(old: Floats, new: Floats) -> Broken | None:
    """Return whether the whole column is the reference times a power of ten.

    Given are the quantiles at the shares `SHARES` of both sides. Those of the present divided by
    that agree with those of the reference, within a fifth of the distance from the 5 % to the 95 %
    quantile, and undivided they do not.
    """
    with np.errstate(over="ignore"):
        range_ = old[-1] - old[0]
    if not range_ > 0 or not np.isfinite(range_):
        return None
    with np.errstate(over="ignore"):
        if np.abs(new - old).max() <= _UNLIKE * range_:
            return None
        for factor in (*_FACTORS, *(1 / one for one in _FACTORS)):
            if np.abs(new / factor - old).max() <= _ALIKE * range_:
                return Broken("unit", f"as if all were multiplied by {number(factor)}")
    return None


def constant(most: int, reference: int, current: int, only: object) -> Broken | None:
    """Return whether the present has one value only, and the reference others as well.

    `most` is how often that value is in the reference. That all other rows were among those of the
    reference would have to be less likely than one in a million.
    """
    if most == reference or _on_one_side(reference - most, current, reference) >= CHANCE:
        return None
    return Broken("constant", f"always {value(only)}, in {percent(most / reference)} before")


def stuck(reference: Numbers, current: Numbers) -> Broken | None:
    """Return whether a number comes again at once too often, as from a sensor that is stuck.

    Nothing can be said of a column with two values or fewer, and of sorted data; see `stuck_run`.
    """
    if reference.distinct <= 2 or current.steady or reference.steady:
        return None
    at = current.longest_run.value
    first, last = np.searchsorted(reference.ordered, [at, np.nextafter(at, np.inf)], "left")
    rows = len(reference.values)
    repeating = rows - len(reference.runs)
    before = int(reference.runs.max())
    return stuck_run(current, before, max(repeating, int(last - first)), rows)


def stuck_run(current: Numbers, before: int, again: int, reference_rows: int) -> Broken | None:
    """Return whether the longest run of a number is too long to be chance.

    The run has at least 10 rows, 2 % of them, and 3 times the longest run `before`; and it is less
    likely than one in a million by n (1 - p) p^L, the expected number of runs of the length L among
    n rows (Feller, 1968). There p is the share of rows of the reference that repeat the one before,
    or that have the value that is stuck, whichever is more: `again` rows. Where it is more than
    half nothing can be said.
    """
    longest, at, start = current.longest_run
    rows = len(current.values)
    if longest < max(LONGEST_RUN, RUN_TIMES * before, RUN_SHARE * rows):
        return None
    p = (again + 1) / reference_rows
    if p > 0.5 or np.log(rows * (1 - p)) + longest * np.log(p) >= np.log(CHANCE):
        return None
    text = f"stuck at {number(at)} for {longest:,} rows, {before:,} at most before"
    return Broken("stuck", text, {"start": start})


# -- what comes twice ---------------------------------------------------------------------------


def repeated(twice: int, rows: int, reference: int) -> Broken | None:
    """Return whether what named the rows of the reference, each once, now comes again.

    `twice` rows have a name that another row had before. Names drawn at random meet by chance in a
    number that grows with the square of the rows; as many in the reference as here would have given
    twice (n / m)^2 pairs, and that there are none would have to be less likely than 0.0001.
    """
    if not rows or twice / rows <= SHARE or twice * (reference / rows) ** 2 <= -np.log(NEWS):
        return None
    told = f"{percent(twice / rows)} of the rows have a value that came before, none ever did"
    return Broken("repeated", told)


def duplicates(before: int, reference: int, now: int, current: int) -> Broken | None:
    """Return whether more rows are there twice: by over a point, and significantly at 0.0001.

    Given are how many rows are like another one before them on each side, out of about as many
    rows, since it takes many rows to meet by chance. The test is that of `missing`.
    """
    if not reference or not current:
        return None
    found = missing(Sample(reference, before), Sample(current, now))
    if found is None:
        return None
    old, new = before / reference, now / current
    told = f"{percent(new)} of the rows are like one before them, {percent(old)} in the reference"
    return Broken("duplicates", told)
