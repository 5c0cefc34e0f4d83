"""Expectations: what the next version of a dataset has to be like.

    expected = Expectations.from_dict({"columns": {"age": {"kind": "integer", "lowest": 0}}})
    expected.lines()                                             # in words

They are JSON, so that they can be read, edited, and kept with who changed them and why. `check`
holds data against them, and `infer` takes them from good data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lite_mlops.data.wording import amount, number, percent, value, values
from lite_mlops.errors import Invalid, suggestion
from lite_mlops.htmltext import html_table

KINDS = ("integer", "number", "boolean", "time", "text", "mixed")


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
        return [text for phrase in PHRASES.values() if (text := phrase(self))]


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
        rows = rows_phrase(self)
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
        _ordered("the expectations", found, "least_rows", "most_rows")
        return cls({str(name): _column(str(name), one) for name, one in columns.items()}, **found)


# -- from JSON -----------------------------------------------------------------------------------


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)


def _is_count(one: Any) -> bool:
    return isinstance(one, int) and not isinstance(one, bool) and one >= 0


def _is_bound(one: Any) -> bool:
    return _is_number(one) or (isinstance(one, str) and moment_of(one) is not None)


def moment_of(text: str) -> datetime | None:
    """Return the moment that a text is in ISO 8601, in UTC and without a zone; None if none."""
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
    ends = [moment_of(one) if isinstance(one, str) else one for one in (lowest, highest)]
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


# -- in words ------------------------------------------------------------------------------------


def _span(low: Any, high: Any, unit: str = "") -> str:
    """Return bounds in words, of which one may be open."""
    if low is None:
        return f"at most {number(high)}{unit}"
    if high is None:
        return f"at least {number(low)}{unit}"
    return f"{number(low)} to {number(high)}{unit}"


def rows_phrase(expected: Expectations) -> str:
    """Return the bounds of the rows in words; empty if there are none."""
    if expected.least_rows is None and expected.most_rows is None:
        return ""
    return _span(expected.least_rows, expected.most_rows, " rows")


def age(seconds: float) -> str:
    """Return an age in words."""
    if seconds < 7200:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def _missing(expected: ColumnExpectation) -> str:
    if expected.missing is None:
        return ""
    return f"at most {percent(expected.missing)} missing" if expected.missing else "none missing"


def _bounds(low: Any, high: Any, unit: str = "") -> str:
    return "" if low is None and high is None else _span(low, high, unit)


# Each thing that can be expected of a column, in words; empty where it is not.
PHRASES: Mapping[str, Callable[[ColumnExpectation], str]] = {
    "kind": lambda e: e.kind or "",
    "missing": _missing,
    "age": lambda e: (
        "" if e.max_age_seconds is None else f"newest at most {age(e.max_age_seconds)} old"
    ),
    "range": lambda e: _bounds(e.lowest, e.highest),
    "values": lambda e: "" if e.values is None else f"one of {values(e.values)}",
    "unique": lambda e: "unique" if e.unique else "",
    "pattern": lambda e: "" if e.pattern is None else f"matching {value(e.pattern)}",
    "length": lambda e: _bounds(e.shortest, e.longest, " characters"),
}
