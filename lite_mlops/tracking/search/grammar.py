"""The filter language of runs: text to a small tree, and the tree to text again.

    parse_filter("metrics.auc > 0.9 AND params.model = 'rf'")

    filter    = all ("OR" all)*
    all       = condition ("AND" condition)*
    condition = "NOT" condition | "(" filter ")" | field test
    test      = ("=" | "!=" | ">" | ">=" | "<" | "<=") value
              | ["NOT"] ("LIKE" | "ILIKE") text
              | ["NOT"] "IN" "(" value ("," value)* ")"
              | "IS" ["NOT"] "NULL"
    order     = field ["ASC" | "DESC"]

It is that of MLflow and more: OR, NOT and parentheses, and all operators for all fields where they
mean something. Names with other characters than letters, digits and `_./:@#$+-` stand in back
quotes or double quotes; a quotation mark inside is doubled.

A run without the metric, param or tag satisfies no comparison, not even `!=` or NOT IN; IS NULL
finds it. `NOT` is the complement: of any filter, a run is found either by it or by NOT of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.tracking.keys import shown
from lite_mlops.tracking.search.fields import (
    PARTS,
    RUNS,
    Field,
    Subject,
    Value,
    moment,
)
from lite_mlops.tracking.search.tokens import Token, fail, tokens
from lite_mlops.tracking.status import STATUSES

MAX_DEPTH = 50  # of NOT and parentheses inside of each other
MAX_TESTS = 100
MAX_ORDERS = 10

COMPARISONS = ("=", "!=", ">", ">=", "<", "<=")
PATTERNS = ("LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE")
_KEYWORDS = ("AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MISWRITTEN = {"==": "=", "<>": "!="}


@dataclass(frozen=True)
class Compare:
    """A field compared with one value; the operator is one of `COMPARISONS` or `PATTERNS`."""

    field: Field
    operator: str
    value: Value

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {_literal(self.value)}"


@dataclass(frozen=True)
class Among:
    """A field that is one of several values, or there and none of them."""

    field: Field
    values: tuple[Value, ...]
    negated: bool = False

    def __str__(self) -> str:
        listed = ", ".join(map(_literal, self.values))
        return f"{self.field} {'NOT IN' if self.negated else 'IN'} ({listed})"


@dataclass(frozen=True)
class Missing:
    """A field that a run does not have, or has."""

    field: Field
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.field} IS {'NOT NULL' if self.negated else 'NULL'}"


@dataclass(frozen=True)
class Not:
    """Every run that `inner` does not find."""

    inner: Filter

    def __str__(self) -> str:
        return f"NOT {_inside(self.inner, And, Or)}"


@dataclass(frozen=True)
class And:
    """Runs that all parts find."""

    parts: tuple[Filter, ...]

    def __str__(self) -> str:
        return " AND ".join(_inside(part, And, Or) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """Runs that any part finds."""

    parts: tuple[Filter, ...]

    def __str__(self) -> str:
        return " OR ".join(_inside(part, Or) for part in self.parts)


Filter: TypeAlias = Compare | Among | Missing | Not | And | Or


@dataclass(frozen=True)
class Order:
    """A field by which runs are sorted."""

    field: Field
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.field} {'DESC' if self.descending else 'ASC'}"


def _literal(value: Value) -> str:
    if isinstance(value, float):
        return repr(value)
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def _inside(part: Filter, *bracketed: type) -> str:
    return f"({part})" if isinstance(part, bracketed) else str(part)


def fields_of(tree: Filter | None) -> Iterator[Field]:
    """Yield the fields of a filter in their order."""
    match tree:
        case Compare(field=field) | Among(field=field) | Missing(field=field):
            yield field
        case Not(inner=inner):
            yield from fields_of(inner)
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from fields_of(part)


def parse_filter(source: str | None, subject: Subject = RUNS) -> Filter | None:
    """Return the tree of a filter; None for none, or for one that is empty.

    Raises:
        Invalid: it is no filter; the message points at the place.
    """
    if source is None:
        return None
    if not isinstance(source, str):
        raise Invalid(f"A filter is a text; {shown(source)} is a {type(source).__name__}.")
    parser = _Parser(source, subject)
    if parser.ended():
        return None
    tree = parser.any_of()
    if not parser.ended():
        parser.fail("Expected AND, OR or the end of the filter.")
    return tree


def parse_order(source: str, subject: Subject = RUNS) -> Order:
    """Return the order that a text such as "metrics.auc DESC" says.

    Raises:
        Invalid: it says none; the message points at the place.
    """
    if not isinstance(source, str):
        raise Invalid(f"An order is a text; {shown(source)} is a {type(source).__name__}.")
    parser = _Parser(source, subject)
    field = parser.field()
    descending = parser.now.says("DESC")
    if descending or parser.now.says("ASC"):
        parser.take()
    if not parser.ended():
        parser.fail("Expected ASC, DESC or the end of the order; each field is a text of its own.")
    return Order(field, descending)


def parse_orders(sources: str | Sequence[str] | None, subject: Subject = RUNS) -> tuple[Order, ...]:
    """Return the orders of a text or of several, the first one deciding first.

    Raises:
        Invalid: one says no order, or there are more than 10.
    """
    orders = tuple(parse_order(text, subject) for text in texts(sources, "order_by"))
    if len(orders) > MAX_ORDERS:
        raise Invalid(f"order_by holds {len(orders)} orders; at most {MAX_ORDERS}.")
    return orders


def texts(given: str | Sequence[str] | None, what: str) -> list[str]:
    """Return one text or several as a list. Raises `Invalid` for anything else."""
    found = [] if given is None else [given] if isinstance(given, str) else given
    if not isinstance(found, Sequence) or not all(isinstance(text, str) for text in found):
        raise Invalid(f"{what} is a text or a list of texts; it is {shown(given)}.")
    return list(found)


class _Parser:
    """Reads the words of one text from left to right."""

    def __init__(self, source: str, subject: Subject) -> None:
        self.source = source
        self.subject = subject
        self.tokens = tokens(source)
        self.place = 0
        self.depth = 0
        self.tests = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def ended(self) -> bool:
        return self.now.kind == "end"

    def take(self) -> Token:
        token = self.now
        self.place += 1
        return token

    def took(self, *words: str) -> bool:
        """Go on if the present word is one of these; return whether it is."""
        found = self.now.says(*words)
        self.place += found
        return found

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        place = token or self.now
        fail(self.source, message, place.start, place.end)

    # -- the whole ------------------------------------------------------------------------------

    def any_of(self) -> Filter:
        parts = [self.all_of()]
        while self.took("OR"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def all_of(self) -> Filter:
        parts = [self.condition()]
        while self.took("AND"):
            parts.append(self.condition())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def condition(self) -> Filter:
        if not self.now.says("NOT", "("):
            return self.test()
        if self.depth == MAX_DEPTH:
            self.fail(f"NOT and parentheses stand at most {MAX_DEPTH} deep.")
        self.depth += 1
        found: Filter
        if self.took("NOT"):
            found = Not(self.condition())
        else:
            self.take()
            found = self.any_of()
            if not self.took(")"):
                self.fail("Expected AND, OR or ) here.")
        self.depth -= 1
        return found

    # -- one test -------------------------------------------------------------------------------

    def test(self) -> Filter:
        if self.tests == MAX_TESTS:
            self.fail(f"A filter holds at most {MAX_TESTS} comparisons.")
        self.tests += 1
        field = self.field()
        if self.took("IS"):
            negated = self.took("NOT")
            if not self.took("NULL"):
                self.fail(f"Expected {'NULL' if negated else 'NULL or NOT NULL'} after IS.")
            return Missing(field, negated)
        negated = self.took("NOT")
        if self.took("IN"):
            return Among(field, self.values(field), negated)
        if self.now.says("LIKE", "ILIKE"):
            return self.pattern(field, negated=negated)
        if negated:
            self.fail("Expected IN, LIKE or ILIKE after NOT.")
        return self.comparison(field)

    def comparison(self, field: Field) -> Compare:
        operator = self.now.text
        if self.now.kind != "sign" or operator not in COMPARISONS:
            if operator in _MISWRITTEN:
                self.fail(f"Write {_MISWRITTEN[operator]} instead of {operator}.")
            near = suggestion(operator.upper(), _KEYWORDS) if self.now.kind == "word" else ""
            self.fail(
                f"Expected a comparison after {field}: {' '.join(COMPARISONS)}, LIKE, ILIKE, IN, "
                f"NOT IN, IS NULL or IS NOT NULL.{near}"
            )
        self.take()
        return Compare(field, operator, self.value(field))

    def pattern(self, field: Field, *, negated: bool) -> Compare:
        operator = self.take()
        if field.kind in ("number", "time"):
            what = "a number" if field.kind == "number" else "a time"
            self.fail(f"{field} is {what}; {operator.text.upper()} compares texts.", operator)
        token = self.now
        value = self.value(field, checked=False)
        if not isinstance(value, str):
            self.fail("A pattern is a text in quotation marks; % stands for any characters.", token)
        return Compare(field, f"{'NOT ' if negated else ''}{operator.text.upper()}", value)

    def values(self, field: Field) -> tuple[Value, ...]:
        if not self.took("("):
            self.fail("Expected ( and a list of values after IN.")
        found = [self.value(field)]
        while self.took(","):
            found.append(self.value(field))
        if not self.took(")"):
            self.fail("Expected , or ) here.")
        return tuple(found)

    def value(self, field: Field, *, checked: bool = True) -> Value:
        token = self.now
        found: Value
        if token.kind == "quoted" and token.quote != "`":
            found = token.text
        elif token.kind == "word" and _NUMBER.fullmatch(token.text):
            found = float(token.text)
            if not math.isfinite(found):
                self.fail("This number is too large.")
        elif token.kind == "word":
            quoted = token.text.replace("'", "''")
            self.fail(f"A text stands in quotation marks: '{quoted}'.")
        else:
            self.fail("Expected a number, or a text in quotation marks.")
        if checked:
            self.check(field, found, token)
        self.take()
        return found

    def check(self, field: Field, value: Value, token: Token) -> None:
        """Refuse a value that can never be one of the field."""
        if field.kind == "number" and isinstance(value, str):
            self.fail(f"{field} is a number, and is compared with one without quotes.", token)
        if field.kind == "text" and isinstance(value, float):
            self.fail(f"{field} is a text, and is compared with one in quotation marks.", token)
        if field.kind == "time":
            try:
                moment(value)
            except Invalid as error:
                self.fail(str(error), token)
        if field == RUNS.attribute("status") and str(value).lower() not in STATUSES:
            near = suggestion(str(value).lower(), STATUSES)
            self.fail(f"A run is {', '.join(STATUSES)}.{near}", token)

    # -- one field ------------------------------------------------------------------------------

    def field(self) -> Field:
        token = self.now
        if token.kind == "quoted" and token.quote != "'":
            self.take()
            return self.attribute(token, token.text)
        if token.kind != "word" or token.says(*_KEYWORDS):
            self.fail("Expected a field such as metrics.auc, params.depth, tags.team or status.")
        self.take()
        part, dot, key = token.text.partition(".")
        if not dot:
            return self.attribute(token, token.text)
        if part.lower() not in PARTS:
            known = ("metrics", "params", "tags", "attributes")
            near = suggestion(part.lower(), known)
            self.fail(
                f"There is no {shown(part)} to ask for; there are {', '.join(known)}.{near}", token
            )
        if key == "" or key.endswith("."):
            key += self.quoted_key(token)
        if PARTS[part.lower()] == "attributes":
            return self.attribute(token, key)
        return Field(PARTS[part.lower()], key)

    def quoted_key(self, before: Token) -> str:
        """Return a name in quotes that follows a dot at once, or refuse that there is none."""
        token = self.now
        if token.kind != "quoted" or token.quote == "'" or token.start != before.end:
            self.fail("A name follows the dot; one with spaces stands in `back quotes`.", before)
        if not token.text:
            self.fail("This name is empty.")
        return self.take().text

    def attribute(self, token: Token, name: str) -> Field:
        found = self.subject.attribute(name)
        if found is None:
            known = [*self.subject.attributes, *self.subject.aliases]
            near = suggestion(name.lower(), known)
            parts = "" if near else f" Metrics, params and tags are asked for as metrics.{name}, "
            parts += "" if near else f"params.{name}, tags.{name}."
            self.fail(f"A {self.subject.one} has no attribute {shown(name)}.{near}{parts}", token)
        return found
