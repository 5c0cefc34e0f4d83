"""A question about runs as one SQL statement: built from fixed texts, with every value bound.

Each metric, param and tag that the question speaks of is joined once, by its key, whatever is asked
of it. Where it must be there to satisfy the filter, the database turns the join around and starts
from the few rows that qualify.

A page is a small part of the runs, and nearly always what the filter finds is among those that come
first whatever it says. So the question is asked of these first (`bound_for`): of the newest, or of
those that are best in the metric or param that sorts. A page that is filled by them is right, as
every other run comes after them; else the question is asked of all runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lite_mlops.errors import Invalid
from lite_mlops.tracking.search.fields import RUNS, Field, Value, moment
from lite_mlops.tracking.search.grammar import (
    Among,
    And,
    Compare,
    Filter,
    Missing,
    Not,
    Or,
    Order,
    fields_of,
)

MAX_JOINED = 30  # planning more joins takes seconds
_SORTED_TEXT = 200  # characters of a text by which runs are sorted

_ATTRIBUTES = {
    "run_id": "r.run_id",
    "name": "r.name",
    "experiment": "coalesce(e.leads_to, r.experiment)",
    "status": "r.status",
    "actor": "r.actor",
    "start_time": "r.started_at",
    "end_time": "r.ended_at",
    "duration": "(epoch_us(r.ended_at) - epoch_us(r.started_at)) / 1000000",
    "parent": "r.parent_id",
    "note": "r.note",
}
_PARTS = {
    "metrics": "SELECT run_hash, value FROM latest WHERE key = {key}",
    "params": "SELECT run_hash, value, number FROM params WHERE key = {key}",
    "tags": "SELECT run_hash, value, try_cast(value AS DOUBLE) AS number FROM tags"
    " WHERE key = {key} AND value IS NOT NULL",
}

_STATEMENT = """
WITH {near} found AS (SELECT r.run_hash, {columns} FROM runs r {joins} WHERE {tests})
SELECT * FROM found WHERE {beyond} ORDER BY {order} LIMIT {count:d}
"""
_OF_EXPERIMENTS = "r.experiment IN (SELECT name FROM experiments WHERE leads_to IN ({names}))"
_NEAR = "near AS MATERIALIZED ({which}),"
_IS_NEAR = "run_hash IN (SELECT run_hash FROM near)"
_NEWEST_RUNS = "SELECT run_hash FROM runs WHERE started_at >= make_timestamp({bound})"

# Where to look first: how many times the runs of a page, and what share of the rows is asked for
# the bound of so many. It need not be exact, and asking all rows would cost as much as the rest.
WIDTH = 20
SAMPLE = 10  # per cent
LARGE = 20_000  # runs; below, looking everywhere costs less than a bound
_BOUND_OF_NUMBER = """
SELECT list_extract({extreme}({column}, {count:d}), {count:d})
FROM (FROM {table} TABLESAMPLE SYSTEM ({sample:d} PERCENT)) {alias}
WHERE {alias}.key = {key} AND NOT isnan({column}) AND {tests}
"""
# Runs lie nearly in the order of their start.
_BOUND_OF_TIME = """
WITH starts AS (SELECT epoch_us(started_at) AS start FROM runs
                WHERE started_at IS NOT NULL AND {tests})
SELECT if(count(*) = {count:d}, min(start), NULL)
FROM (FROM starts LIMIT {count:d} OFFSET (SELECT greatest(count(*) - {count:d}, 0) FROM starts))
"""

_NUMBERS = {"metrics": ("latest", "value"), "params": ("params", "number")}

Place = tuple[float | str, ...]  # of a run in an order: what it is sorted by, its time, its hash


@dataclass(frozen=True)
class Question:
    """Which runs are asked for, and in which order."""

    filter: Filter | None = None
    orders: tuple[Order, ...] = ()
    experiments: tuple[str, ...] | None = None  # their present names
    deleted: bool = False

    @property
    def told(self) -> str:
        """All of it as a text."""
        return f"{self.filter}\n{self.orders}\n{self.experiments}\n{self.deleted}"

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields it speaks of, each once."""
        return tuple(dict.fromkeys([*fields_of(self.filter), *(o.field for o in self.orders)]))


class Statement(NamedTuple):
    """SQL with numbered parameters; its rows are the `run_hash` of a run, then its `Place`."""

    sql: str
    values: tuple[object, ...]


class Sorted(NamedTuple):
    """An expression to sort by; never null."""

    expression: str
    descending: bool = False


_NEWEST = Sorted("epoch_us(r.started_at)", descending=True)


def bound_for(
    question: Question, runs: int, count: int, after: Place | None = None
) -> Statement | None:
    """Return the statement of a bound up to which the first `count` of all runs are looked for.

    Its only value is null where a bound would spare nothing, and so is the statement.
    """
    if question.deleted or runs < LARGE:  # deleted ones are few, and anywhere
        return None
    return Builder(question).bound_statement(count, after)


def statement_for(
    question: Question, count: int, after: Place | None = None, within: float | None = None
) -> Statement:
    """Return the statement that finds the first `count` runs, or the first after a place.

    `within` is a bound (see `bound_for`) up to which it looks; all other runs come after these.

    Raises:
        Invalid: the question speaks of too many metrics, params and tags.
    """
    return Builder(question).statement(count, after, within)


def _conjuncts(tree: Filter | None) -> tuple[Filter, ...]:
    """Return what must all be true for a filter to find a run."""
    if isinstance(tree, And):
        return tree.parts
    return () if tree is None else (tree,)


def _must_be_there(tree: Filter | None) -> set[Field]:
    """Return the fields without which the filter finds no run."""
    tests = [part for part in _conjuncts(tree) if isinstance(part, Compare | Among)]
    return {part.field for part in tests}


class Builder:
    """Makes one statement of a question; what is asked of runs, others may read elsewhere."""

    attributes: Mapping[str, str] = _ATTRIBUTES

    def __init__(self, question: Question) -> None:
        self.question = question
        self.values: list[object] = []
        self.alias = {
            field: f"f{number}"
            for number, field in enumerate(question.fields)
            if field.part != "attributes"
        }
        if len(self.alias) > MAX_JOINED:
            raise Invalid(
                f"A search speaks of at most {MAX_JOINED} metrics, params and tags; this one of "
                f"{len(self.alias)}."
            )

    def bound(self, value: object) -> str:
        """Return the placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def statement(self, count: int, after: Place | None, within: float | None) -> Statement:
        """Return the statement of the question about runs."""
        question = self.question
        near = "" if within is None else _NEAR.format(which=self.near(within))
        bounded = question.orders[0].field if near and question.orders else None  # by a number
        there = _must_be_there(question.filter)
        joins = []
        for field, alias in self.alias.items():
            narrow = near != "" and field not in there
            part = "FROM near" if field == bounded else self.joined(field, narrow=narrow)
            joins.append(f"LEFT JOIN ({part}) {alias} ON {alias}.run_hash = r.run_hash")
        if RUNS.attribute("experiment") in question.fields:
            joins.append("LEFT JOIN experiments e ON e.name = r.experiment")
        tests = ["r.started_at IS NOT NULL"]
        tests.append(f"r.deleted IS {'' if question.deleted else 'NOT '}TRUE")
        if near:
            tests.append(f"r.{_IS_NEAR}")
        if question.experiments is not None:
            listed = ", ".join(map(self.bound, question.experiments))
            tests.append(_OF_EXPERIMENTS.format(names=listed))
        if question.filter is not None:
            tests.append(self.test(question.filter))
        keys = [
            key
            for place, order in enumerate(question.orders)
            for key in self.sorted_by(order, plain=place == 0 and bounded is not None)
        ]
        keys += [_NEWEST, Sorted("r.run_hash")]
        columns = ", ".join(f"{key.expression} AS k{n}" for n, key in enumerate(keys))
        directions = [f"k{n}{' DESC' if key.descending else ''}" for n, key in enumerate(keys)]
        beyond = self.beyond(keys, after)
        sql = _STATEMENT.format(
            near=near,
            columns=columns,
            joins=" ".join(joins),
            tests=" AND ".join(tests),
            beyond=beyond,
            order=", ".join(directions),
            count=count,
        )
        return Statement(sql, tuple(self.values))

    def bound_statement(self, count: int, after: Place | None) -> Statement | None:
        """Return the statement of the bound; None if what sorts first is no plain number."""
        if not self.question.orders:
            tests = "true" if after is None else f"epoch_us(started_at) <= {self.bound(after[0])}"
            sql = _BOUND_OF_TIME.format(count=WIDTH * count, tests=tests)
            return Statement(sql, tuple(self.values))
        field, down = self.question.orders[0].field, self.question.orders[0].descending
        if field.part not in _NUMBERS:
            return None
        table, name = _NUMBERS[field.part]
        column = f"{self.alias[field]}.{name}"
        parts = _conjuncts(self.question.filter)
        tests = " AND ".join(
            ["true", *(self.test(part) for part in parts if set(fields_of(part)) == {field})]
        )
        if after is not None:
            tests += f" AND {column} {'<=' if down else '>='} {self.bound(after[0])}"
        sql = _BOUND_OF_NUMBER.format(
            extreme="max" if down else "min",
            column=column,
            table=table,
            alias=self.alias[field],
            count=max(1, WIDTH * count * SAMPLE // 100),
            sample=SAMPLE,
            key=self.bound(field.key),
            tests=tests,
        )
        return Statement(sql, tuple(self.values))

    def near(self, within: float) -> str:
        """Return the query for the runs up to the bound, with what it bounds."""
        if not self.question.orders:
            return _NEWEST_RUNS.format(bound=self.bound(within))
        order = self.question.orders[0]
        _, column = _NUMBERS[order.field.part]
        part = _PARTS[order.field.part].format(key=self.bound(order.field.key))
        if order.descending:
            return f"{part} AND {column} >= {self.bound(within)} AND NOT isnan({column})"
        return f"{part} AND {column} <= {self.bound(within)}"  # NaN is above all numbers

    def joined(self, field: Field, *, narrow: bool) -> str:
        """Return the query for what runs, or those that are near, have of a field."""
        part = _PARTS[field.part].format(key=self.bound(field.key))
        return f"{part} AND {_IS_NEAR}" if narrow else part

    # -- the filter -----------------------------------------------------------------------------

    def test(self, tree: Filter) -> str:
        """Return a condition that is true exactly for the runs that the tree finds."""
        match tree:
            case And(parts=parts):
                return f"({' AND '.join(map(self.test, parts))})"
            case Or(parts=parts):
                return f"({' OR '.join(map(self.test, parts))})"
            case Not(inner=inner):
                return f"(({self.test(inner)}) IS NOT TRUE)"
            case Missing(field=field, negated=negated):
                return f"({self.column(field)} IS {'NOT ' if negated else ''}NULL)"
            case Among(field=field, values=values, negated=negated):
                sign, joint = ("!=", " AND ") if negated else ("=", " OR ")
                return f"({joint.join(self.compared(field, sign, value) for value in values)})"
            case Compare(field=field, operator=operator, value=value):
                return self.compared(field, operator, value)

    def column(self, field: Field, value: Value = "") -> str:
        """Return the expression of a field, as what it is compared with `value`."""
        if field.part == "attributes":
            return self.attributes[field.key]
        numeric = field.kind == "either" and isinstance(value, float)
        return self.number_of(field) if numeric else self.value_of(field)

    def value_of(self, field: Field) -> str:
        """Return the expression of a metric, param or tag as it is."""
        return f"{self.alias[field]}.value"

    def number_of(self, field: Field) -> str:
        """Return the expression of a param or tag as a number, null if it is none."""
        return f"{self.alias[field]}.number"

    def compared(self, field: Field, operator: str, value: Value) -> str:
        """Return the condition of one comparison."""
        column = self.column(field, value)
        if field.kind == "time":
            if isinstance(value, float):  # MLflow knows times to the millisecond
                return f"epoch_us({column}) // 1000 {operator} {self.bound(int(value))}"
            return f"epoch_us({column}) {operator} {self.bound(moment(value))}"
        if field.key == "status" and field.part == "attributes":
            value = str(value).lower()
        test = f"{column} {operator} {self.bound(value)}"
        if isinstance(value, float) and operator in (">", ">="):
            return f"({test} AND NOT isnan({column}))"  # to the database it is above all numbers
        return test

    # -- the order ------------------------------------------------------------------------------

    def sorted_by(self, order: Order, *, plain: bool = False) -> list[Sorted]:
        """Return what sorts: numbers, then NaN, then texts, then those without, either way.

        `plain` says that there are only numbers.
        """
        field, down = order.field, order.descending
        if field.part == "attributes":
            column = self.attributes[field.key]
            missing = Sorted(f"({column} IS NULL)::INTEGER")
            if field.kind == "text":
                return [missing, Sorted(f"coalesce(left({column}, {_SORTED_TEXT}), '')", down)]
            number = f"epoch_us({column})" if field.kind == "time" else column
            return [missing, Sorted(f"coalesce({number}, 0)", down)]
        value = self.value_of(field)
        number = value if field.part == "metrics" else self.number_of(field)
        if plain:
            rest = [Sorted("0")] if field.part == "metrics" else [Sorted("0"), Sorted("''", down)]
            return [Sorted(number, down), *rest]
        last = f"'{'-' if down else ''}inf'::DOUBLE"
        rank = (
            f"CASE WHEN {value} IS NULL THEN 3 WHEN {number} IS NULL THEN 2 "
            f"WHEN isnan({number}) THEN 1 ELSE 0 END"
        )
        # The number goes first, as one that is plainly out of reach is put away by it alone.
        found = [
            Sorted(f"if(isnan({number}), {last}, coalesce({number}, {last}))", down),
            Sorted(rank),
        ]
        if field.part != "metrics":
            text = f"if({number} IS NULL, coalesce(left({value}, {_SORTED_TEXT}), ''), '')"
            found.append(Sorted(text, down))
        return found

    def beyond(self, keys: Sequence[Sorted], after: Place | None) -> str:
        """Return the condition that a run comes after a place in the order."""
        if after is None:
            return "true"
        test = "false"
        for number, (key, value) in reversed([*enumerate(zip(keys, after, strict=True))]):
            placeholder = self.bound(value)
            sign = "<" if key.descending else ">"
            test = f"(k{number} {sign} {placeholder} OR (k{number} = {placeholder} AND {test}))"
        return test
