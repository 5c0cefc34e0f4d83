"""One column on one side, read once for all that is asked of it: sorted numbers, or counts.

    one = sample(typed(np.array([41.0, np.nan, 38.0])))
    one.rows, one.missing, one.ordered

Numbers are sorted once; texts are counted once, in C. Nothing is done row by row in Python.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import NUMERIC, Typed
from lite_mlops.monitoring.drift.effects import Counts, Floats

FEW_VALUES = 10  # different numbers up to which they are taken for categories


@dataclass(frozen=True)
class Sample:
    """A column of one table: how many rows it has, and how many of them hold nothing."""

    rows: int
    missing: int

    @property
    def present(self) -> int:
        """How many rows hold something."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        """The share of rows that hold nothing; 0 without rows."""
        return self.missing / self.rows if self.rows else 0.0


class Run(NamedTuple):
    """Rows that hold the same number, one after the other."""

    rows: int
    value: float
    start: int  # among the finite numbers


@dataclass(frozen=True)
class Numbers(Sample):
    """Numbers: the finite ones in the order of the rows, and sorted."""

    whole: bool  # whether the type holds integers only
    values: Floats = field(repr=False)
    ordered: Floats = field(repr=False)
    infinite: int

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Where each different number begins among the sorted ones."""
        first = np.zeros(min(len(self.ordered), 1), np.int64)
        return np.concatenate([first, np.flatnonzero(self.ordered[1:] != self.ordered[:-1]) + 1])

    @property
    def distinct(self) -> int:
        """How many different finite numbers there are."""
        return len(self._starts)

    @cached_property
    def runs(self) -> NDArray[np.int64]:
        """How often each number comes again at once, in the order of the rows."""
        ends = np.flatnonzero(self.values[1:] != self.values[:-1]) + 1
        return np.diff(np.concatenate([[0], ends, [len(self.values)]])).astype(np.int64)

    @cached_property
    def longest_run(self) -> Run:
        """The number that comes again at once most often: how often, which, and from where on."""
        place = int(np.argmax(self.runs))
        start = int(self.runs[:place].sum())
        return Run(int(self.runs[place]), float(self.values[start]), start)

    @cached_property
    def steady(self) -> bool:
        """Whether the numbers only rise or only fall from row to row, as those of sorted data."""
        before, after = self.values[:-1], self.values[1:]
        return bool((after >= before).all() or (after <= before).all())

    @cached_property
    def numbered(self) -> bool:
        """Whether it numbers the rows: integers that only rise or only fall, none twice."""
        return self.whole and len(self.values) > 2 and self.steady and len(self.runs) == self.rows

    def quantiles(self, shares: Floats) -> Floats:
        """Return the values below which these shares of the numbers lie; there are some."""
        places = np.round(shares * (len(self.ordered) - 1)).astype(np.int64)
        return self.ordered[places]

    def counts(self) -> Mapping[Any, int]:
        """Return how often each number occurs, by the number."""
        starts = self._starts
        times = np.diff(np.append(starts, len(self.ordered)))
        return dict(zip(self.ordered[starts].tolist(), times.tolist(), strict=True))


@dataclass(frozen=True)
class Categories(Sample):
    """Texts or booleans: how often each occurs."""

    counted: Mapping[Any, int] = field(repr=False)

    def counts(self) -> Mapping[Any, int]:
        """Return how often each category occurs, by its name."""
        return self.counted


@dataclass(frozen=True)
class Times(Sample):
    """Dates and times; only whether they are missing is looked at, as time moves by itself."""


@dataclass(frozen=True)
class Nothing(Sample):
    """A column that holds nothing at all."""


def sample(column: Typed) -> Sample:
    """Return what is needed of a column of one table."""
    rows, missing = len(column.values), int(column.missing.sum())
    if column.kind == "empty" or missing == rows:
        return Nothing(rows, rows)
    if column.kind == "time":
        return Times(rows, missing)
    present = column.present if missing else column.values
    if column.kind in NUMERIC:
        numbers = present.astype(np.float64, copy=False)
        finite = np.isfinite(numbers)
        if not finite.all():
            numbers = numbers[finite]
        return Numbers(
            rows,
            missing,
            whole=column.kind != "number",
            values=numbers,
            ordered=np.sort(numbers),
            infinite=len(present) - len(numbers),
        )
    return Categories(rows, missing, Counter(present.tolist()))


def aligned(
    reference: Mapping[Any, int], current: Mapping[Any, int]
) -> tuple[list[Any], Counts, Counts]:
    """Return the categories, those of the reference first, and how often each side has them."""
    names = list(dict.fromkeys([*reference, *current]))
    return (
        names,
        np.fromiter((reference.get(name, 0) for name in names), np.int64, len(names)),
        np.fromiter((current.get(name, 0) for name in names), np.int64, len(names)),
    )
