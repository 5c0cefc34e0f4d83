"""Checking: is a table as it is expected to be?

report = check(columns, expected)
report.passed, report.failed
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.expectations import (
    KINDS,
    PHRASES,
    ColumnExpectation,
    Expectations,
    age,
    moment_of,
    rows_phrase,
)
from lite_mlops.data.kinds import NUMERIC, Typed, typed
from lite_mlops.data.tables import Columns
from lite_mlops.data.wording import amount, percent, value, values
from lite_mlops.htmltext import html_table

EXAMPLES = 5  # values that are shown of those that were not expected


@dataclass(frozen=True)
class Outcome:
    """How one expectation was met.

    Attributes:
        column: Its name; empty for what is expected of the whole table.
        expected, found: In words.
        rows: How many rows are not as expected.
        examples: Some of them: the number of the row, the first one being 1, and the value.
    """

    column: str
    expected: str
    found: str
    passed: bool
    rows: int = 0
    examples: tuple[tuple[int, Any], ...] = ()

    def __str__(self) -> str:
        about = f"{self.column}: " if self.column else ""
        shown = ", ".join(
            f"row {row}" if one is None else f"row {row}: {value(one)}"
            for row, one in self.examples
        )
        return f"{about}expected {self.expected}, found {self.found}" + (
            f" ({shown})" if shown else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON can hold it."""
        examples = [
            {"row": row, "value": one.isoformat() if isinstance(one, date) else one}
            for row, one in self.examples
        ]
        return vars(self) | {"examples": examples}


@dataclass(frozen=True)
class CheckReport:
    """Whether a table is as expected, expectation by expectation."""

    rows: int
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The expectations that were not met."""
        return tuple(one for one in self.outcomes if not one.passed)

    @property
    def passed(self) -> bool:
        """Whether all of them were met."""
        return not self.failed

    def __str__(self) -> str:
        count, failed = len(self.outcomes), self.failed
        if not failed:
            return f"All {amount(count, 'expectation')} met by {amount(self.rows, 'row')}."
        told = "; ".join(map(str, failed))
        return f"{len(failed)} of {amount(count, 'expectation')} not met: {told}"

    def __repr__(self) -> str:
        return f"<CheckReport {'passed' if self.passed else 'failed'}: {self}>"

    def _repr_html_(self) -> str:
        rows = [
            (one.column, one.expected, one.found, "" if one.passed else "failed")
            for one in sorted(self.outcomes, key=lambda one: one.passed)
        ]
        title = "passed" if self.passed else "failed"
        return html_table(f"Check: {title}", ("column", "expected", "found", ""), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        outcomes = [one.to_dict() for one in self.outcomes]
        return {"passed": self.passed, "rows": self.rows, "outcomes": outcomes}


# -- values that are not as expected --------------------------------------------------------------


def _bound(one: Any, column: Typed) -> Any:
    """Return a bound in the type of a column; None if it is of another kind."""
    if (column.kind == "time") != isinstance(one, str):
        return None
    return np.datetime64(moment_of(one), "us") if isinstance(one, str) else one


def _out_of_range(expected: ColumnExpectation, column: Typed) -> NDArray[np.bool_]:
    present = column.present
    bad = np.zeros(len(present), np.bool_)
    for end, compare in ((expected.lowest, np.less), (expected.highest, np.greater)):
        if end is not None:
            bound = _bound(end, column)
            bad |= True if bound is None else compare(present, bound)
    return bad


def _not_allowed(expected: ColumnExpectation, column: Typed) -> NDArray[np.bool_]:
    allowed, present = expected.values or (), column.present
    bad: NDArray[np.bool_]
    if column.kind in (*NUMERIC, "boolean"):
        boolean = column.kind == "boolean"
        same = [
            one for one in allowed if isinstance(one, bool) == boolean and not isinstance(one, str)
        ]
        bad = ~np.isin(present, same)
    elif column.kind == "time":
        moments = [moment_of(one) for one in allowed if isinstance(one, str)]
        known = [one for one in moments if one is not None]
        bad = ~np.isin(present, np.array(known, "datetime64[us]"))
    else:  # values of several types are taken by their text
        texts = {str(one) for one in allowed}
        bad = ~np.fromiter(map(texts.__contains__, present), np.bool_, len(present))
    return bad


def repeated(column: Typed) -> NDArray[np.bool_]:
    """Return where a value stands that also stands elsewhere."""
    present = column.present
    if present.dtype == object:
        twice = {one for one, count in Counter(present).items() if count > 1}
        return np.fromiter(map(twice.__contains__, present), np.bool_, len(present))
    _values, inverse, counts = np.unique(present, return_inverse=True, return_counts=True)
    bad: NDArray[np.bool_] = counts[inverse] > 1
    return bad


def _mismatched(expected: ColumnExpectation, column: Typed) -> NDArray[np.bool_]:
    matches, present = re.compile(expected.pattern or "").fullmatch, column.present
    bad = {one: matches(one) is None for one in set(present)}  # each text once
    return np.fromiter(map(bad.__getitem__, present), np.bool_, len(present))


def _wrong_length(expected: ColumnExpectation, column: Typed) -> NDArray[np.bool_]:
    lengths = np.fromiter(map(len, column.present), np.int64, len(column.present))
    longest = math.inf if expected.longest is None else expected.longest
    bad: NDArray[np.bool_] = (lengths < (expected.shortest or 0)) | (lengths > longest)
    return bad


# What can be expected of each value that is there: the kinds of columns that it means something
# for, and where the values are not as expected.
_UNLIKE: Mapping[
    str, tuple[tuple[str, ...], Callable[[ColumnExpectation, Typed], NDArray[np.bool_]]]
] = {
    "range": ((*NUMERIC, "time"), _out_of_range),
    "values": ((*KINDS, "unsigned"), _not_allowed),
    "unique": ((*KINDS, "unsigned"), lambda _, column: repeated(column)),
    "pattern": (("text", "mixed"), _mismatched),
    "length": (("text", "mixed"), _wrong_length),
}


# -- outcomes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """A column that is looked at: as it came, and in the type of its kind."""

    name: str
    raw: NDArray[Any]
    typed: Typed

    def outcome(self, expected: str, bad: NDArray[np.bool_]) -> Outcome:
        """Return the outcome of an expectation that the values at `bad` do not meet."""
        places = np.flatnonzero(~self.typed.missing)[bad]
        if not len(places):
            return Outcome(self.name, expected, "nothing else", passed=True)
        shown = tuple((int(place) + 1, _plain(self.raw[place])) for place in places[:EXAMPLES])
        found = f"{amount(len(places), 'row')} of {len(self.raw):,} that are not"
        return Outcome(self.name, expected, found, passed=False, rows=len(places), examples=shown)


def _plain(one: Any) -> Any:
    """Return a value of an array as a plain one."""
    return one.item() if isinstance(one, np.generic) else one


_FITS: dict[str, tuple[type, ...]] = {
    "integer": (int, np.integer),
    "number": (int, float, np.number),
    "boolean": (bool, np.bool_),
    "time": (date,),
    "text": (str,),
}


def _kind_outcome(column: _Column, wanted: str) -> Outcome:
    present, kind = column.typed.present, column.typed.kind
    kind = "integer" if kind == "unsigned" else kind
    if kind in (wanted, "empty") or wanted == "mixed" or (kind, wanted) == ("integer", "number"):
        bad = np.zeros(len(present), np.bool_)
    elif (kind, wanted) == ("number", "integer"):
        bad = present != np.floor(present)
    elif kind == "mixed":
        fits = [
            isinstance(one, _FITS[wanted]) and isinstance(one, bool) <= (wanted == "boolean")
            for one in column.raw[~column.typed.missing]
        ]
        bad = ~np.array(fits, np.bool_)
    else:
        bad = np.ones(len(present), np.bool_)
    return column.outcome(wanted, bad)


def _missing_outcome(column: _Column, words: str, share: float) -> Outcome:
    missing = column.typed.missing
    count = int(missing.sum())
    passed = count <= share * len(missing)
    found = f"{amount(count, 'row')} of {len(missing):,}"
    found = f"{found} missing ({percent(count / len(missing))})" if count else "none missing"
    places = () if passed else tuple((int(p) + 1, None) for p in np.flatnonzero(missing)[:EXAMPLES])
    rows = 0 if passed else count
    return Outcome(column.name, words, found, passed, rows, places)


def _age_outcome(column: _Column, words: str, seconds: float, now: datetime) -> Outcome:
    present = column.typed.present
    if column.typed.kind != "time" or not len(present):
        found = f"{column.typed.kind}, no time"
        return Outcome(column.name, words, found, passed=False, rows=len(column.raw))
    newest = present.max().astype(datetime)
    old = (now.astimezone(UTC).replace(tzinfo=None) - newest).total_seconds()
    found = f"newest {newest.isoformat(' ', 'seconds')}"
    found += f", {age(old)} old" if old >= 0 else ", which is to come"
    return Outcome(column.name, words, found, passed=old <= seconds)


def _column_outcomes(
    column: _Column, expected: ColumnExpectation, now: datetime
) -> Iterator[Outcome]:
    words = {name: text for name, phrase in PHRASES.items() if (text := phrase(expected))}
    if expected.missing is not None:
        yield _missing_outcome(column, words["missing"], expected.missing)
    if expected.kind is not None:
        outcome = _kind_outcome(column, expected.kind)
        yield outcome
        if not outcome.passed:
            return  # of another kind; more would only be said twice
    if expected.max_age_seconds is not None:
        yield _age_outcome(column, words["age"], expected.max_age_seconds, now)
    kind, present = column.typed.kind, column.typed.present
    for name, (kinds, unlike) in _UNLIKE.items():
        if name not in words:
            continue
        if kind == "empty":
            yield column.outcome(words[name], np.zeros(0, np.bool_))
        elif kind in kinds:
            yield column.outcome(words[name], unlike(expected, column.typed))
        else:
            found = f"{kind} values, which cannot be compared with that"
            yield Outcome(column.name, words[name], found, passed=False, rows=len(present))


def _table_outcomes(columns: Columns, rows: int, expected: Expectations) -> Iterator[Outcome]:
    if words := rows_phrase(expected):
        most = math.inf if expected.most_rows is None else expected.most_rows
        passed = (expected.least_rows or 0) <= rows <= most
        yield Outcome("", words, amount(rows, "row"), passed)
    if not expected.other_columns:
        others = [name for name in columns if name not in expected.columns]
        yield Outcome("", "no other columns", values(others) or "none", passed=not others)


def check(columns: Columns, expected: Expectations, *, now: datetime | None = None) -> CheckReport:
    """Return how a table meets expectations.

    A column of another kind than expected is not looked at further. Missing values meet everything
    but `missing`. Times without a time zone are taken as UTC.

    Args:
        columns: The table, as `as_columns` makes it.
        expected: What is expected.
        now: The moment that `max_age_seconds` counts back from; default: the present one.
    """
    now = now or datetime.now(UTC)
    rows = len(next(iter(columns.values()), ()))
    outcomes = list(_table_outcomes(columns, rows, expected))
    for name, one in expected.columns.items():
        if name in columns:
            column = _Column(name, columns[name], typed(columns[name]))
            outcomes += _column_outcomes(column, one, now)
        else:
            outcomes.append(Outcome(name, "this column", "no such column", passed=False))
    return CheckReport(rows, tuple(outcomes))
