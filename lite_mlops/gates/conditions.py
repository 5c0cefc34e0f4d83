"""Conditions: which rows a slice of the data has. A pure grammar, and where a table meets it.

    condition = parse_condition("age < 30 and plan in ('basic', 'pro')")
    condition.rows(columns)          # array([True, False, ...])

    condition  = term {"and" term}
    term       = column op value | column ["not"] "in" (value {"," value})
               | column "is" ["not"] "missing"
    op         = "=" | "!=" | "<" | "<=" | ">" | ">="
    column     = a plain name, or any text in double quotes
    value      = a number, a text in single quotes (two for one inside), true, false

A row whose value is missing meets only `is missing`. Times are compared with texts in ISO 8601.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import NUMERIC, Columns, Typed, typed
from lite_mlops.errors import Invalid, NotFound, suggestion

Value: TypeAlias = bool | int | float | str
Rows: TypeAlias = NDArray[np.bool_]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<op><=|>=|!=|=|<|>)
      | (?P<sign>[(),])
      | (?P<word>[A-Za-z_][A-Za-z0-9_.\-]*)
    )""",
    re.VERBOSE,
)
_OPS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS = {"and", "not", "in", "is", "missing", "true", "false"}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")


def column_of(columns: Columns, name: str) -> NDArray[Any]:
    """Return a column of a table. Raises `NotFound` with the near names."""
    if name not in columns:
        raise NotFound(f"The data has no column {name!r}.{suggestion(name, columns)}")
    return columns[name]


@dataclass(frozen=True)
class Term:
    """One demand on a column: `op` is an operator, "in", "not in", "missing" or "not missing"."""

    column: str
    op: str
    values: tuple[Value, ...] = ()

    def __str__(self) -> str:
        name = self.column
        if not _PLAIN.fullmatch(name) or name.lower() in _WORDS:
            name = '"' + name.replace('"', '""') + '"'
        if self.op in ("missing", "not missing"):
            return f"{name} is {self.op}"
        if self.op in ("in", "not in"):
            return f"{name} {self.op} ({', '.join(map(_written, self.values))})"
        return f"{name} {self.op} {_written(self.values[0])}"

    def rows(self, columns: Columns) -> Rows:
        """Return which rows of a table meet it.

        Raises:
            NotFound: there is no such column.
            Invalid: its values cannot be compared with these.
        """
        found = typed(column_of(columns, self.column))
        if self.op == "missing":
            return found.missing
        if self.op == "not missing":
            return ~found.missing
        if self.op in ("in", "not in"):
            among = np.zeros(len(found.values), np.bool_)
            for value in self.values:
                among |= self._met(found, "=", value)
            return (among if self.op == "in" else ~among) & ~found.missing
        return self._met(found, self.op, self.values[0]) & ~found.missing

    def _met(self, column: Typed, op: str, value: Value) -> Rows:
        ours = _comparable(self.column, column, value)
        if column.kind == "empty" or ours is None:
            return np.zeros(len(column.values), np.bool_)
        return np.asarray(_OPS[op](column.values, ours), np.bool_)


def _comparable(name: str, column: Typed, value: Value) -> Any:
    """Return a value in the type of a column. Raises `Invalid`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    kind = column.kind
    if kind == "time" and isinstance(value, str):
        try:
            return np.datetime64(value, "us")
        except ValueError:
            raise Invalid(f"{value!r} is no time; {name!r} holds times.") from None
    fits = {
        "text": isinstance(value, str),
        "mixed": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "empty": True,
    }.get(kind, kind in NUMERIC and number)
    if not fits:
        raise Invalid(f"{name!r} holds values of the kind {kind}, which {value!r} is not.")
    return value


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


@dataclass(frozen=True)
class Condition:
    """Terms, all of which a row has to meet."""

    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.terms))

    def rows(self, columns: Columns) -> Rows:
        """Return which rows of a table meet it. Raises `NotFound` and `Invalid` as `Term.rows`."""
        first, *others = (term.rows(columns) for term in self.terms)
        for one in others:
            first = first & one
        return first


class _Parser:
    """Reads a condition from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0

    def _split(self, text: str) -> list[tuple[str, str, int]]:
        found, place = [], 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._wrong(place + len(text[place:]) - len(text[place:].lstrip()))
            kind = str(match.lastgroup)
            found.append((kind, match[kind], match.start(kind)))
            place = match.end()
        return found

    def _wrong(
        self, place: int | None = None, expected: str = "a term, such as age < 30"
    ) -> Invalid:
        if place is None:
            place = self._tokens[self._at][2] if self._at < len(self._tokens) else len(self._text)
        rest = self._text[place : place + 20]
        where = f"at {rest!r}" if rest else "at its end"
        return Invalid(f"the condition {self._text!r} cannot be read {where}: expected {expected}.")

    def _next(self, *words: str) -> str | None:
        """Take the next token if it is one of these words or signs, in lower case."""
        if self._at < len(self._tokens):
            kind, text, _ = self._tokens[self._at]
            if kind in ("word", "sign", "op") and text.lower() in words:
                self._at += 1
                return text.lower()
        return None

    def condition(self) -> Condition:
        terms = [self._term()]
        while self._next("and"):
            terms.append(self._term())
        if self._at < len(self._tokens):
            raise self._wrong(expected="'and' or the end")
        return Condition(tuple(terms))

    def _term(self) -> Term:
        column = self._column()
        if op := self._next(*_OPS):
            return Term(column, op, (self._value(),))
        if self._next("is"):
            negated = self._next("not")
            if not self._next("missing"):
                raise self._wrong(expected="'missing'")
            return Term(column, "not missing" if negated else "missing")
        negated = self._next("not")
        if not self._next("in"):
            raise self._wrong(expected="one of = != < <= > >=, 'in' or 'is missing'")
        return Term(column, "not in" if negated else "in", self._values())

    def _column(self) -> str:
        if self._at < len(self._tokens):
            kind, text, _ = self._tokens[self._at]
            if kind == "quoted" and len(text) > 2:
                self._at += 1
                return text[1:-1].replace('""', '"')
            if kind == "word" and text.lower() not in _WORDS:
                self._at += 1
                return text
        raise self._wrong(expected="the name of a column")

    def _values(self) -> tuple[Value, ...]:
        if not self._next("("):
            raise self._wrong(expected="'(' and values")
        found = [self._value()]
        while self._next(","):
            found.append(self._value())
        if not self._next(")"):
            raise self._wrong(expected="',' or ')'")
        return tuple(found)

    def _value(self) -> Value:
        if word := self._next("true", "false"):
            return word == "true"
        if self._at < len(self._tokens):
            kind, text, _ = self._tokens[self._at]
            if kind == "text":
                self._at += 1
                return text[1:-1].replace("''", "'")
            if kind == "number":
                self._at += 1
                return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
        raise self._wrong(expected="a number, a text in single quotes, true or false")


def parse_condition(text: str) -> Condition:
    """Return the condition that a text says. Raises `Invalid`, which points at the place."""
    return _Parser(text).condition()
