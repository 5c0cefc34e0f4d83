"""Two tables against each other, without a model, column after column.

report = compare_tables(old, new)
report.drifted, str(report)

Only one column of each side is held at a time, and of all of them together what a classifier needs
and one hash a row; so a table whose columns are read as needed may be larger than the memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lite_mlops.data import ColumnReader, Columns, Typed, typed
from lite_mlops.monitoring.drift.columns import MIN_ROWS, Measured, measure
from lite_mlops.monitoring.drift.evidence import EXAMPLES, example_rows
from lite_mlops.monitoring.drift.joint import JointDrift, joint_drift, spread_over
from lite_mlops.monitoring.drift.known import can_be_known, measure_known
from lite_mlops.monitoring.drift.quality import Broken, duplicates
from lite_mlops.monitoring.drift.report import DriftReport
from lite_mlops.monitoring.drift.samples import sample
from lite_mlops.monitoring.drift.verdict import BALANCED, Floors, judge_columns

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, with its bits well mixed (Knuth, 1973)


@dataclass(frozen=True)
class Profiled:
    """A reference of which only a profile is known: the facts of each column, and how many rows."""

    rows: int
    facts: Mapping[str, Mapping[str, Any]] = field(repr=False)


# -- rows that are like another one -------------------------------------------------------------


class _RowHashes:
    """A hash of each row, of columns that come one after the other."""

    def __init__(self, rows: int) -> None:
        self._hashes = np.zeros(rows, np.uint64)

    def add(self, column: Typed) -> None:
        """Take in the next column."""
        values = column.values
        if values.dtype == object:
            found = np.fromiter(map(hash, values.tolist()), np.int64, len(values))
        elif values.dtype.kind == "f":
            found = (values + 0.0).view(np.int64)  # so that the two zeros are one
        else:
            found = values.astype(np.int64, copy=False)
        bits = found.view(np.uint64).copy()
        bits[column.missing] = np.uint64(1)
        bits ^= bits >> np.uint64(32)
        self._hashes ^= bits
        self._hashes *= _MULTIPLIER
        self._hashes ^= self._hashes >> np.uint64(29)

    def repeating(self, most: int) -> tuple[int, int, list[int]]:
        """Return how many of at most so many rows, and which, are like one before; a few places."""
        step = -(-len(self._hashes) // max(most, 1))
        looked = self._hashes[:: max(step, 1)]
        order = np.argsort(looked, kind="stable")
        again = looked[order][1:] == looked[order][:-1]
        places = np.sort(order[1:][again])[:EXAMPLES] * max(step, 1)
        return int(again.sum()), len(looked), places.tolist()


def _duplicates(old: _RowHashes, new: _RowHashes, rows: int) -> tuple[Broken | None, list[int]]:
    """Return whether more rows come twice, looked at in equally many rows of both sides."""
    before, reference, _ = old.repeating(rows)
    now, current, places = new.repeating(rows)
    return duplicates(before, reference, now, current), places


def _known_duplicates(
    reference: Profiled, used: Sequence[str], new: _RowHashes
) -> tuple[Broken | None, list[int]]:
    """Return the same where of the reference only a profile is known.

    A row that comes twice repeats a value in every column, so the column with the fewest repeats
    says how many there were at most.
    """
    most = [
        reference.rows - facts["missing"] - facts["distinct"]
        for name, facts in reference.facts.items()
        if name in used and facts.get("distinct") and not facts.get("sampled")
    ]
    if not most:
        return None, []
    now, current, places = new.repeating(reference.rows)
    return duplicates(max(min(most), 0), reference.rows, now, current), places


# -- side by side -------------------------------------------------------------------------------


def _thinned(column: Typed) -> Typed:
    """Return the rows of a column that the classifier is asked about."""
    rows = spread_over(len(column.values))
    if len(rows) == len(column.values):
        return column
    return Typed(column.kind, column.values[rows], column.missing[rows])


def with_examples(found: Measured, column: Typed) -> Measured:
    """Return the same with the places of rows that broke each of its rules."""
    if not found.broken:
        return found
    return found.replaced(examples={one.rule: example_rows(one, column) for one in found.broken})


@dataclass
class Compared:
    """What comparing two tables column after column found, before it is judged."""

    columns: list[Measured] = field(default_factory=list)
    joint: JointDrift | None = None
    broken: tuple[Broken, ...] = ()
    examples: dict[str, list[int]] = field(default_factory=dict)


class _Sides:
    """Two tables, of which one column after the other is looked at."""

    def __init__(self, old: ColumnReader | Profiled, new: ColumnReader, *, joint: bool) -> None:
        self._old, self._new = old, new
        self._joint = joint and isinstance(old, ColumnReader)
        self._hashes = _RowHashes(old.rows), _RowHashes(new.rows)
        self._kept: tuple[dict[str, Typed], dict[str, Typed]] = ({}, {})
        self._used: list[str] = []
        self.found = Compared()

    def look_at(self, name: str) -> None:
        """Measure a column of the reference."""
        old = self._old
        if name not in self._new.names:
            gone = (Broken("gone", "the column is gone"),)
            self.found.columns.append(Measured(name, "nothing", old.rows, 0, broken=gone))
        elif isinstance(old, ColumnReader):
            reference, current = old.read(name), self._new.read(name)
            one = measure(name, sample(reference), sample(current))
            if self._took(one, current):
                self._hashes[0].add(reference)
                # What names rows or times tells the sides apart by itself.
                if self._joint and one.kind in ("number", "category"):
                    for side, column in zip(self._kept, (reference, current), strict=True):
                        side[name] = _thinned(column)
        elif can_be_known(old.facts[name]):
            current = self._new.read(name)
            self._took(measure_known(name, old.facts[name], old.rows, sample(current)), current)

    def _took(self, one: Measured, current: Typed) -> bool:
        """Keep what was found of a column; return whether both sides have it in one type."""
        self.found.columns.append(with_examples(one, current))
        if any(broken.rule == "type" for broken in one.broken):
            return False
        self._used.append(one.column)
        self._hashes[1].add(current)
        return True

    def look_at_rows(self) -> None:
        """Look whether rows come twice."""
        old, rows = self._old, self._new.rows
        if not self._used or min(old.rows, rows) < MIN_ROWS:
            return
        if isinstance(old, ColumnReader):
            broken, places = _duplicates(*self._hashes, min(old.rows, rows))
        else:
            broken, places = _known_duplicates(old, self._used, self._hashes[1])
        if broken is not None:
            self.found.broken = (*self.found.broken, broken)
            self.found.examples[broken.rule] = places

    def look_at_all(self) -> None:
        """Look whether all columns together tell the sides apart."""
        if self._joint:
            self.found.joint = joint_drift(*self._kept)


def measure_sides(
    old: ColumnReader | Profiled,
    new: ColumnReader,
    *,
    joint: bool,
    whole: bool = True,
) -> Compared:
    """Return what changed from one table to another, each of whose columns is read once.

    `old` may be a profile; then all columns together are not looked at. `whole` says whether rows
    that come twice are.
    """
    sides = _Sides(old, new, joint=joint)
    names = old.names if isinstance(old, ColumnReader) else tuple(old.facts)
    for name in names:
        sides.look_at(name)
    for name in new.names:
        if name not in names:
            untold = "the reference has no such column"
            sides.found.columns.append(Measured(name, "nothing", 0, new.rows, untold=untold))
    if whole:
        sides.look_at_rows()
    sides.look_at_all()
    return sides.found


def reader_of(columns: Columns) -> ColumnReader:
    """Return columns in memory as a table whose columns are read as needed."""
    rows = len(next(iter(columns.values()))) if columns else 0
    return ColumnReader(rows, tuple(columns), lambda name: typed(columns[name]))


def compare_sides(
    old: ColumnReader | Profiled,
    new: ColumnReader,
    *,
    names: tuple[str, str] = ("reference", "present"),
    joint: bool = True,
    floors: Floors = BALANCED,
    notes: Sequence[str] = (),
) -> DriftReport:
    """Return what changed from one table to another; see `compare_tables`."""
    found = measure_sides(old, new, joint=joint)
    return DriftReport(
        reference=names[0],
        current=names[1],
        reference_rows=old.rows,
        current_rows=new.rows,
        columns=tuple(judge_columns(found.columns, floors)),
        joint=found.joint,
        floors=floors,
        broken=found.broken,
        examples={rule: tuple(rows) for rule, rows in found.examples.items()},
        notes=tuple(notes),
    )


def compare_tables(
    reference: Columns | Profiled,
    current: Columns,
    *,
    names: tuple[str, str] = ("reference", "present"),
    joint: bool = True,
    floors: Floors = BALANCED,
) -> DriftReport:
    """Return what changed from the columns of one table to those of another.

    A column that is gone, or whose type is another one, is an alert; a new one is told. `joint`
    says whether all of them together are looked at as well, which takes the rows of both. Tables of
    any number of rows have a report; where there are too few for a verdict it says so.
    """
    old = reference if isinstance(reference, Profiled) else reader_of(reference)
    return compare_sides(old, reader_of(current), names=names, joint=joint, floors=floors)
