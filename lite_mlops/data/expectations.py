"""Expectations: what the next version of a dataset has to be like, and the check that it is.

    expected = infer(columns)                                    # bounds with some room around it
    expected = Expectations.from_dict({"columns": {"age": {"kind": "integer", "lowest": 0}}})
    report = check(newer, expected)
    report.passed, report.failed

They are JSON, so that they can be read, edited, and kept with who changed them and why.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.kinds import NUMERIC, Typed, typed
from lite_mlops.data.tables import Columns
from lite_mlops.data.wording import amount, number, percent, value, values
from lite_mlops.errors import Invalid, suggestion
from lite_mlops.htmltext import html_table

KINDS = ("integer", "number", "boolean", "time", "text", "mixed")
EXAMPLES = 5  # values that are shown of those that were not expected

# The rules of `infer`.
_MOST_VALUES = 20  # a text with more distinct values has no list of allowed ones
_ROWS_A_VALUE = 5  # fewer, and the next one is likely to be new
_LEAST_UNIQUE = 20  # rows; fewer may be distinct by chance
_ROOM = 0.25  # of the spread, on both sides of what was seen


# -- values --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnExpectation:
    """What is expected of one column; what is None is not looked at.

    Attributes:
        kind: integer, number, boolean, time, text or mixed. An integer passes as a number, and so
            do whole numbers as integers.
        lowest, highest: Bounds of numbers, or of times as ISO 8601; both may occur.
        values: All that may occur.
        unique: Whether no value may occur twice.
        missing: The largest share of missing values, from 0 to 1.
        max_age_seconds: How old the newest time may be.
        pattern: A regular expression (of Python) that every whole text matches.
        shortest, longest: Bounds of the length of texts, in characters.
    """

    kind: str | None = None
    lowest: float | str | None = None
    highest: float | str | None = None
    values: tuple[Any, ...] | None = None
    unique: bool = False
    missing: float | None = None
    max_age_seconds: float | None = None
    pattern: str | None = None
    shortest: int | None = None
    longest: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what is expected as JSON can hold it; what is not looked at is left out."""
        set_ones = vars(self).items()
        found = {name: one for name, one in set_ones if one is not None and one is not False}
        return found if self.values is None else found | {"values": list(self.values)}

    def words(self) -> list[str]:
        """Return what is expected, one phrase each."""
        found = [] if self.kind is None else [self.kind]
        if self.missing is not None:
            found.append(_missing_words(self.missing))
        if self.max_age_seconds is not None:
            found.append(_age_words(self.max_age_seconds))
        return found + [facet.words(self) for facet in _FACETS if facet.wanted(self)]


@dataclass(frozen=True)
class Expectations:
    """What is expected of a table; what is None is not looked at.

    Attributes:
        columns: By name; each of them has to be there.
        least_rows, most_rows: How many rows it may have.
        other_columns: Whether there may be columns that are not named here.
    """

    columns: Mapping[str, ColumnExpectation] = field(default_factory=dict)
    least_rows: int | None = None
    most_rows: int | None = None
    other_columns: bool = True

    def __repr__(self) -> str:
        return f"<Expectations of {amount(len(self.columns), 'column')}>"

    def _repr_html_(self) -> str:
        return html_table("Expectations", ("column", "expected"), self.lines())

    def lines(self) -> list[tuple[str, str]]:
        """Return what is expected in words, of the table (the empty name) and of each column."""
        rows = _rows_words(self)
        found = [("", rows)] if rows else []
        if not self.other_columns:
            found.append(("", "no other columns"))
        return found + [(name, ", ".join(one.words())) for name, one in self.columns.items()]

    def to_dict(self) -> dict[str, Any]:
        """Return the expectations as JSON can hold them."""
        found: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("least_rows", "most_rows")
            if getattr(self, name) is not None
        }
        if not self.other_columns:
            found["other_columns"] = False
        return found | {"columns": {name: one.to_dict() for name, one in self.columns.items()}}

    @classmethod
    def from_dict(cls, values: Any) -> Expectations:
        """Return the expectations that `to_dict` gave, or that someone wrote.

        Raises:
            Invalid: a name is unknown or a value cannot be one; the text says where.
        """
        found = _checked("the expectations", values, _TABLE_RULES)
        columns = found.pop("columns", {})
        if not isinstance(columns, Mapping):
            raise Invalid("the columns of expectations are an object: {name: {...}}.")
        _ordered("the expectations", found, "least_rows", "most_rows")
        return cls({str(name): _column(str(name), one) for name, one in columns.items()}, **found)


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


# -- from JSON -----------------------------------------------------------------------------------


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)


def _is_count(one: Any) -> bool:
    return isinstance(one, int) and not isinstance(one, bool) and one >= 0


def _is_bound(one: Any) -> bool:
    return _is_number(one) or (isinstance(one, str) and _moment(one) is not None)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _is_pattern(one: Any) -> bool:
    try:
        return isinstance(one, str) and re.compile(one) is not None
    except re.error:
        return False


def _are_values(some: Any) -> bool:
    return (
        isinstance(some, list | tuple)
        and bool(some)
        and all(isinstance(one, str | bool) or _is_number(one) for one in some)
    )


Rules = Mapping[str, tuple[Callable[[Any], bool], str]]

_COLUMN_RULES: Rules = {
    "kind": (lambda one: one in KINDS, f"one of {', '.join(KINDS)}"),
    "lowest": (_is_bound, "a number, or a time as ISO 8601"),
    "highest": (_is_bound, "a number, or a time as ISO 8601"),
    "values": (_are_values, "a list of texts, numbers or booleans, and not empty"),
    "unique": (lambda one: isinstance(one, bool), "true or false"),
    "missing": (lambda one: _is_number(one) and 0 <= one <= 1, "a share from 0 to 1"),
    "max_age_seconds": (lambda one: _is_number(one) and one >= 0, "a number of seconds"),
    "pattern": (_is_pattern, "a regular expression"),
    "shortest": (_is_count, "a number of characters"),
    "longest": (_is_count, "a number of characters"),
}
_TABLE_RULES: Rules = {
    "columns": (lambda one: isinstance(one, Mapping), "an object of columns"),
    "least_rows": (_is_count, "a number of rows"),
    "most_rows": (_is_count, "a number of rows"),
    "other_columns": (lambda one: isinstance(one, bool), "true or false"),
}


def _checked(where: str, given: Any, rules: Rules) -> dict[str, Any]:
    """Return what was given without what is null. Raises `Invalid`."""
    if not isinstance(given, Mapping):
        raise Invalid(f"{where} are an object of names and values; this is {value(given)}.")
    for name, one in given.items():
        if name not in rules:
            near = suggestion(str(name), rules) or f" There are {', '.join(rules)}."
            raise Invalid(f"{where} cannot have {name!r}.{near}")
        holds, wanted = rules[name]
        if one is not None and not holds(one):
            raise Invalid(f"{name} in {where} is {wanted}; {value(one)} is not.")
    return {name: one for name, one in given.items() if one is not None}


def _ordered(where: str, found: Mapping[str, Any], low: str, high: str) -> None:
    lowest, highest = found.get(low), found.get(high)
    if lowest is None or highest is None:
        return
    if isinstance(lowest, str) != isinstance(highest, str):
        raise Invalid(f"{low} and {high} in {where} are of two kinds: {lowest}, {highest}.")
    ends = [_moment(one) if isinstance(one, str) else one for one in (lowest, highest)]
    if ends[0] > ends[1]:  # type: ignore[operator]
        raise Invalid(f"{low} in {where} is {lowest}, which is above {high}, {highest}.")


def _column(name: str, given: Any) -> ColumnExpectation:
    where = f"the expectations of {name!r}"
    found = _checked(where, given, _COLUMN_RULES)
    _ordered(where, found, "lowest", "highest")
    _ordered(where, found, "shortest", "longest")
    if "values" in found:
        found["values"] = tuple(found["values"])
    return ColumnExpectation(**found)


# -- checking ------------------------------------------------------------------------------------


def _span(low: Any, high: Any, unit: str = "") -> str:
    """Return bounds in words, of which one may be open."""
    if low is None:
        return f"at most {number(high)}{unit}"
    if high is None:
        return f"at least {number(low)}{unit}"
    return f"{number(low)} to {number(high)}{unit}"


def _rows_words(expected: Expectations) -> str:
    if expected.least_rows is None and expected.most_rows is None:
        return ""
    return _span(expected.least_rows, expected.most_rows, " rows")


def _missing_words(share: float) -> str:
    return f"at most {percent(share)} missing" if share else "none missing"


def _age_words(seconds: float) -> str:
    return f"newest at most {_age(seconds)} old"


def _age(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


@dataclass(frozen=True)
class _Facet:
    """What can be expected of every value that is there, of columns of some kinds."""

    wanted: Callable[[ColumnExpectation], bool]
    words: Callable[[ColumnExpectation], str]
    kinds: tuple[str, ...]
    bad: Callable[[ColumnExpectation, Typed], NDArray[np.bool_]]


def _bound(one: Any, column: Typed) -> Any:
    """Return a bound in the type of a column; None if it is of another kind."""
    if (column.kind == "time") != isinstance(one, str):
        return None
    return np.datetime64(_moment(one), "us") if isinstance(one, str) else one


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
        moments = [_moment(one) for one in allowed if isinstance(one, str)]
        known = [one for one in moments if one is not None]
        bad = ~np.isin(present, np.array(known, "datetime64[us]"))
    else:  # values of several types are taken by their text
        texts = {str(one) for one in allowed}
        bad = ~np.fromiter(map(texts.__contains__, present), np.bool_, len(present))
    return bad


def _repeated(_: ColumnExpectation, column: Typed) -> NDArray[np.bool_]:
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


_FACETS = (
    _Facet(
        lambda e: e.lowest is not None or e.highest is not None,
        lambda e: _span(e.lowest, e.highest),
        (*NUMERIC, "time"),
        _out_of_range,
    ),
    _Facet(
        lambda e: e.values is not None,
        lambda e: f"one of {values(e.values or ())}",
        (*KINDS, "unsigned"),
        _not_allowed,
    ),
    _Facet(lambda e: e.unique, lambda _: "unique", (*KINDS, "unsigned"), _repeated),
    _Facet(
        lambda e: e.pattern is not None,
        lambda e: f"matching {value(e.pattern)}",
        ("text", "mixed"),
        _mismatched,
    ),
    _Facet(
        lambda e: e.shortest is not None or e.longest is not None,
        lambda e: _span(e.shortest, e.longest, " characters"),
        ("text", "mixed"),
        _wrong_length,
    ),
)


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


def _missing_outcome(column: _Column, share: float) -> Outcome:
    missing = column.typed.missing
    count = int(missing.sum())
    passed = count <= share * len(missing)
    found = f"{amount(count, 'row')} of {len(missing):,}"
    found = f"{found} missing ({percent(count / len(missing))})" if count else "none missing"
    places = () if passed else tuple((int(p) + 1, None) for p in np.flatnonzero(missing)[:EXAMPLES])
    rows = 0 if passed else count
    return Outcome(column.name, _missing_words(share), found, passed, rows, places)


def _age_outcome(column: _Column, seconds: float, now: datetime) -> Outcome:
    words, present = _age_words(seconds), column.typed.present
    if column.typed.kind != "time" or not len(present):
        found = f"{column.typed.kind}, no time"
        return Outcome(column.name, words, found, passed=False, rows=len(column.raw))
    newest = present.max().astype(datetime)
    age = (now.astimezone(UTC).replace(tzinfo=None) - newest).total_seconds()
    found = f"newest {newest.isoformat(' ', 'seconds')}"
    found += f", {_age(age)} old" if age >= 0 else ", which is to come"
    return Outcome(column.name, words, found, passed=age <= seconds)


def _column_outcomes(
    column: _Column, expected: ColumnExpectation, now: datetime
) -> Iterator[Outcome]:
    if expected.missing is not None:
        yield _missing_outcome(column, expected.missing)
    if expected.kind is not None:
        outcome = _kind_outcome(column, expected.kind)
        yield outcome
        if not outcome.passed:
            return  # of another kind; more would only be said twice
    if expected.max_age_seconds is not None:
        yield _age_outcome(column, expected.max_age_seconds, now)
    kind = column.typed.kind
    for facet in _FACETS:
        if not facet.wanted(expected):
            continue
        words, present = facet.words(expected), column.typed.present
        if kind == "empty" or kind in facet.kinds:
            bad = facet.bad(expected, column.typed) if kind != "empty" else np.zeros(0, np.bool_)
            yield column.outcome(words, bad)
        else:
            found = f"{kind} values, which cannot be compared with that"
            yield Outcome(column.name, words, found, passed=not len(present), rows=len(present))


def _table_outcomes(columns: Columns, rows: int, expected: Expectations) -> Iterator[Outcome]:
    if words := _rows_words(expected):
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


# -- inferring -----------------------------------------------------------------------------------


def _widened(column: Typed) -> tuple[float | None, float | None]:
    """Return the range of some numbers with room around it."""
    present = column.present
    if not len(present) or not np.isfinite(present).all():
        return None, None
    low, high = present.min().item(), present.max().item()
    spread = high - low or abs(high) or 1
    lowest, highest = low - _ROOM * spread, high + _ROOM * spread
    if not math.isfinite(lowest) or not math.isfinite(highest):
        return None, None
    if column.kind != "number":
        lowest, highest = min(math.floor(lowest), low), max(math.ceil(highest), high)
    if low >= 0:  # what was never negative stays so
        lowest = max(lowest, 0)
    if column.kind == "number" and 0 <= low <= high <= 1:  # and a share a share
        highest = min(highest, 1.0)
    return lowest, highest


def _inferred(name: str, raw: NDArray[Any]) -> ColumnExpectation:
    column = _Column(name, raw, typed(raw))
    kind, present = column.typed.kind, column.typed.present
    if kind == "empty":
        return ColumnExpectation()
    kind = "integer" if kind == "unsigned" else kind
    share = float(column.typed.missing.mean())
    found = ColumnExpectation(
        kind=kind, missing=min(1.0, math.ceil(100 * max(2 * share, share + 0.05)) / 100)
    )
    if not share:
        found = dataclasses.replace(found, missing=0.0)
    if kind in ("integer", "text") and not share and len(present) >= _LEAST_UNIQUE:
        unique = not _repeated(found, column.typed).any()
        found = dataclasses.replace(found, unique=unique)
    if kind in NUMERIC and not found.unique:
        lowest, highest = _widened(column.typed)
        found = dataclasses.replace(found, lowest=lowest, highest=highest)
    if kind == "text":
        found = _inferred_texts(found, present)
    return found


def _inferred_texts(found: ColumnExpectation, present: NDArray[Any]) -> ColumnExpectation:
    distinct = sorted(set(present))
    if len(distinct) <= _MOST_VALUES and len(present) >= _ROWS_A_VALUE * len(distinct):
        return dataclasses.replace(found, values=tuple(distinct))
    lengths = [len(one) for one in distinct]
    return dataclasses.replace(found, shortest=min(lengths) // 2, longest=2 * max(lengths))


def infer(columns: Columns) -> Expectations:
    """Return expectations that a table meets, with room for the next one of its sort.

    - Its kind; a column that holds nothing has no expectation but to be there.
    - Missing values: none if none are; else twice their share, or 5 points more.
    - Numbers: a quarter of their spread of room on both sides. What was never negative stays so,
      and shares stay between 0 and 1. No range if any is infinite, or for
      whole numbers that are unique: running numbers run on.
    - Texts: the values seen, if they are at most 20 and each occurs 5 times on average; else
      lengths from half of the shortest to twice the longest.
    - Unique: whole numbers and texts of which none is missing or occurs twice in 20 rows or more.
    - Rows: at least half as many.

    Patterns, the age of times and the range of times are not inferred: what a few rows have in
    common by chance is no rule, and time goes on.
    """
    rows = len(next(iter(columns.values()), ()))
    expected = {name: _inferred(name, column) for name, column in columns.items()}
    return Expectations(expected, least_rows=rows // 2 or None)
