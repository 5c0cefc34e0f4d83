"""A question about runs as one SQL statement: built from fixed texts, with every value bound.

Runs that are over are found by their summaries, which have a column for each common key once there
are many; the few that are going on have none, and are found in `runs`. Every other metric, param
or tag that the question speaks of is joined once, by its key, whatever is asked of it. Where it
must be there to satisfy the filter, the database turns the join around and starts from the few rows
that qualify.

If nothing else sorts, the newest runs come first, and nearly always the newest of them fill a page.
So the question is asked of these first (`start_for`): a page that they fill is right, as every
other run comes after them; else the question is asked of all runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
_IN_RANGE = "{of}run_id >= {first} AND {of}run_id <= {last}"

_STATEMENT = """
WITH found AS ({sides})
SELECT * FROM found WHERE {beyond} ORDER BY {order} LIMIT {count:d}
"""
_SIDE = "SELECT {row} AS row, {columns} FROM {table} r {joins} WHERE {tests}"
_OF_EXPERIMENTS = "r.experiment IN (SELECT name FROM experiments WHERE leads_to IN ({names}))"

# Where to look first, and from how many runs on: below, looking everywhere costs less.
WIDTH = 20  # times the runs of a page
LARGE = 10_000
# Runs lie nearly in the order of their start.
_START = """
WITH starts AS (SELECT epoch_us(started_at) AS start FROM runs
                WHERE started_at IS NOT NULL AND {tests})
SELECT if(count(*) = {count:d}, min(start), NULL)
FROM (FROM starts LIMIT {count:d} OFFSET (SELECT greatest(count(*) - {count:d}, 0) FROM starts))
"""

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
    """SQL with numbered parameters; its rows are where a run lies, then its `Place`.

    Where it lies is the number of its row in `summaries`; null if it is going on.
    """

    sql: str
    values: tuple[object, ...]


@dataclass(frozen=True)
class Ground:
    """What there is to search.

    `summed` says that runs have their summaries when they are over: not so between a migration and
    the next fold.
    """

    summed: bool
    runs: int  # when the columns were chosen; there may be twice as many now
    columns: Mapping[Field, str]  # of the summaries
    unsummed: tuple[str, str] | None  # the first and the last id of the runs without summary

    @classmethod
    def from_rows(
        cls, columns: Sequence[tuple[Any, ...]], first: str | None, last: str | None
    ) -> Ground:
        """Return the ground of the rows of `summary_columns` and that of `unsummed_runs`."""
        return cls(
            bool(columns),
            max((runs for *_, runs in columns), default=0),
            {Field(part, key): name for name, part, key, _ in columns if name is not None},
            None if first is None or last is None else (first, last),
        )


class Sorted(NamedTuple):
    """An expression to sort by; never null."""

    expression: str
    descending: bool = False


_NEWEST = Sorted("epoch_us(r.started_at)", descending=True)


def start_for(
    question: Question, ground: Ground, count: int, after: Place | None = None
) -> Statement | None:
    """Return the statement of a time, such that the first `count` runs probably started since.

    Its only value is null where looking there first would spare nothing, and so is the statement.
    """
    if question.orders or question.deleted or ground.runs < LARGE:
        return None  # deleted ones are few, and anywhere
    tests = "true" if after is None else "epoch_us(started_at) <= $1"
    sql = _START.format(count=WIDTH * count, tests=tests)
    return Statement(sql, () if after is None else (after[0],))


def statement_for(
    question: Question,
    ground: Ground,
    count: int,
    after: Place | None = None,
    since: int | None = None,
) -> Statement:
    """Return the statement that finds the first `count` runs, or the first after a place.

    With `since` (see `start_for`) it looks only at the runs that started then or later.

    Raises:
        Invalid: the question speaks of too many metrics, params and tags.
    """
    values: list[object] = []
    sides: list[_Side] = [_Summed(question, ground, values)] if ground.summed else []
    if ground.unsummed is not None or not sides:
        sides.append(_Unsummed(question, ground, values))
    keys = sides[0].keys()
    sql = _STATEMENT.format(
        sides=" UNION ALL ".join(side.query(since) for side in sides),
        beyond=sides[0].beyond(keys, after),
        order=", ".join(f"k{n}{' DESC' if key.descending else ''}" for n, key in enumerate(keys)),
        count=count,
    )
    return Statement(sql, tuple(values))


class Builder:
    """Makes one statement of a question; what is asked of runs, others may read elsewhere."""

    attributes: Mapping[str, str] = _ATTRIBUTES

    def __init__(self, question: Question, values: list[object] | None = None) -> None:
        self.question = question
        self.values: list[object] = [] if values is None else values
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

    def sorted_by(self, order: Order) -> list[Sorted]:
        """Return what sorts: numbers, then NaN, then texts, then those without, either way."""
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


class _Side(Builder):
    """Looks at a part of the runs."""

    table: str
    row: str  # where a run lies

    def keys(self) -> list[Sorted]:
        """Return what sorts the runs."""
        keys = [key for order in self.question.orders for key in self.sorted_by(order)]
        return [*keys, _NEWEST, Sorted("r.run_hash")]

    def query(self, since: int | None) -> str:
        """Return the query for where each run that is found lies, and for what sorts it."""
        question = self.question
        joins = [
            f"LEFT JOIN ({self.joined(field)}) {alias} ON {alias}.run_hash = r.run_hash"
            for field, alias in self.alias.items()
        ]
        if RUNS.attribute("experiment") in question.fields:
            joins.append("LEFT JOIN experiments e ON e.name = r.experiment")
        tests = [f"r.deleted IS {'' if question.deleted else 'NOT '}TRUE", *self.tests()]
        if since is not None:
            tests.append(f"r.started_at >= make_timestamp({self.bound(since)})")
        if question.experiments is not None:
            listed = ", ".join(map(self.bound, question.experiments))
            tests.append(_OF_EXPERIMENTS.format(names=listed))
        if question.filter is not None:
            tests.append(self.test(question.filter))
        return _SIDE.format(
            row=self.row,
            columns=", ".join(f"{key.expression} AS k{n}" for n, key in enumerate(self.keys())),
            table=self.table,
            joins=" ".join(joins),
            tests=" AND ".join(tests),
        )

    def tests(self) -> list[str]:
        """Return what is true of the runs of this side alone."""
        return []

    def joined(self, field: Field) -> str:
        """Return the query for what its runs have of a field."""
        return _PARTS[field.part].format(key=self.bound(field.key))


class _Summed(_Side):
    """Looks at the summaries of the runs that are over."""

    table, row = "summaries", "r.rowid"

    def __init__(self, question: Question, ground: Ground, values: list[object]) -> None:
        super().__init__(question, values)
        self._columns = {one: ground.columns[one] for one in self.alias if one in ground.columns}
        for one in self._columns:
            del self.alias[one]

    def value_of(self, field: Field) -> str:
        """Return the expression of a metric, param or tag as it is."""
        name = self._columns.get(field)
        return super().value_of(field) if name is None else f"r.{name}"

    def number_of(self, field: Field) -> str:
        """Return the expression of a param or tag as a number, null if it is none."""
        name = self._columns.get(field)
        return super().number_of(field) if name is None else f"r.{name}_number"


class _Unsummed(_Side):
    """Looks at the runs without summary; the range of their ids spares most rows of the others."""

    table, row = "runs", "NULL"

    def __init__(self, question: Question, ground: Ground, values: list[object]) -> None:
        super().__init__(question, values)
        self._summed = ground.summed
        self._first, self._last = map(self.bound, ground.unsummed or (None, None))

    def _in_range(self, of: str = "") -> str:
        return _IN_RANGE.format(of=of, first=self._first, last=self._last)

    def tests(self) -> list[str]:
        """Return what is true of the runs of this side alone."""
        tests = [self._in_range("r."), "r.started_at IS NOT NULL"]
        return [*tests, "(r.status <> 'running') IS NOT TRUE"] if self._summed else tests

    def joined(self, field: Field) -> str:
        """Return the query for what its runs have of a field."""
        return f"{super().joined(field)} AND {self._in_range()}"
