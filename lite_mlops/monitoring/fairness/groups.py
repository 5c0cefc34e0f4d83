"""Groups of rows by the values of a column, or of two columns together. Pure functions.

group_texts("sex", ["f", "m", None])
group_numbers("age", ages, cuts=[30, 60])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import number
from lite_mlops.errors import Invalid

MISSING, OTHERS = "(missing)", "(others)"
MOST_GROUPS = 50
FEW_VALUES = 10  # different numbers up to which each is a group
BETWEEN = " x "

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row is in: the place of its name."""

    column: str  # one, or two as "sex x age"
    names: tuple[str, ...]
    codes: Codes

    @property
    def rows(self) -> Codes:
        """How many rows each group has."""
        return np.bincount(self.codes, minlength=len(self.names))


def group_texts(column: str, values: Sequence[Any]) -> Groups:
    """Return a group for each value; None is a group as well.

    Of more than 50 different values the commonest have one each, and the others one together.
    """
    counted = Counter(values)
    common = [one for one, _ in counted.most_common() if one is not None]
    kept = common if len(common) <= MOST_GROUPS else common[: MOST_GROUPS - 1]
    kept = sorted(kept, key=str)
    names = [str(one) for one in kept]
    places: dict[Any, int] = {one: place for place, one in enumerate(kept)}
    if len(kept) < len(common):
        places |= dict.fromkeys(set(common) - set(kept), len(names))
        names.append(OTHERS)
    if None in counted:
        places[None] = len(names)
        names.append(MISSING)
    codes = np.fromiter(map(places.__getitem__, values), np.int64, len(values))
    return Groups(column, tuple(names), codes)


def group_numbers(
    column: str, values: NDArray[np.float64], cuts: Sequence[float] | None = None
) -> Groups:
    """Return groups of numbers between cuts; NaN is a group as well.

    Without cuts each of up to 10 different numbers is a group, and more of them are cut at their
    quartiles. A number on a cut belongs to the group above it.

    Raises:
        Invalid: the cuts are not finite.
    """
    missing = np.isnan(values)
    present = values[~missing]
    if cuts is None:
        different = np.unique(present)
        if len(different) <= FEW_VALUES:
            codes = np.searchsorted(different, values)
            return _named(column, [number(float(one)) for one in different], codes, missing)
        finite = present[np.isfinite(present)]
        cuts = [] if not len(finite) else np.quantile(finite, [0.25, 0.5, 0.75]).tolist()
    edges = np.unique(np.asarray(cuts, np.float64))
    if not np.isfinite(edges).all():
        raise Invalid(f"the cuts of {column!r} are {list(cuts)}; expected finite numbers.")
    return _named(column, _between(edges), np.searchsorted(edges, values, "right"), missing)


def _between(edges: NDArray[np.float64]) -> list[str]:
    told = [number(float(f"{edge:.4g}")) for edge in edges.tolist()]
    if not told:
        return ["all"]
    inner = [f"{low} to {high}" for low, high in pairwise(told)]
    return [f"below {told[0]}", *inner, f"from {told[-1]}"]


def _named(
    column: str, names: Sequence[str], codes: NDArray[Any], missing: NDArray[np.bool_]
) -> Groups:
    codes = codes.astype(np.int64)
    if missing.any():
        codes[missing] = len(names)
        names = [*names, MISSING]
    return Groups(column, tuple(names), codes)


def intersect(one: Groups, other: Groups) -> Groups:
    """Return the groups of two columns together, those that have rows."""
    codes = one.codes * len(other.names) + other.codes
    there, codes = np.unique(codes, return_inverse=True)
    names = [
        f"{one.names[place // len(other.names)]}{BETWEEN}{other.names[place % len(other.names)]}"
        for place in there.tolist()
    ]
    return Groups(f"{one.column}{BETWEEN}{other.column}", tuple(names), codes.astype(np.int64))
