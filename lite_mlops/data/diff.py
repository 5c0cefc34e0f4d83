"""What changed between two tables: columns, rows, cells, and what the columns look like.

    found = diff("patients-may.csv", "patients-june.csv", key="id")
    found.rows_added, found.cells["age"], [one.feature for one in found.moved]

A table is whatever `as_columns` takes, or the path of a CSV, Parquet or JSON lines file. With a key
rows are the same row when their keys are equal; without one, whole rows are counted, as often as
they occur, by the columns that both tables have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.drift import FeatureDrift, feature_drift
from lite_mlops.data.kinds import NUMERIC, Loaded, load
from lite_mlops.data.profile import bin_counts, profile
from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.settings import Settings
from lite_mlops.store import Workbench

EXAMPLES = 5  # rows that are shown of each sort
_TOP_VALUES = 20
_EDGE_ROWS = 100_000  # spread over the table, to put the bins; all rows are counted in them


@dataclass(frozen=True)
class TypeChange:
    """A column whose kind is another one; see `lite_mlops.data.kinds` for the kinds."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class RowChange:
    """An example of a changed row: its key, and of each changed column the value on both sides."""

    key: Mapping[str, Any]
    cells: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        key = ", ".join(f"{name} {value}" for name, value in self.key.items())
        cells = (f"{name} {old} -> {new}" for name, (old, new) in self.cells.items())
        return f"{key}: {', '.join(cells)}"


@dataclass(frozen=True)
class DataDiff:
    """The difference of two tables.

    `rows_changed` and `cells` (changed cells by column) are known only with a key. `drift` holds
    the columns whose values may have changed, the farthest moved first.
    """

    rows_before: int
    rows_after: int
    key: tuple[str, ...]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    types_changed: tuple[TypeChange, ...]
    reordered: bool
    rows_added: int
    rows_removed: int
    rows_changed: int
    cells: Mapping[str, int]
    changed: tuple[RowChange, ...]
    added: tuple[Mapping[str, Any], ...]
    removed: tuple[Mapping[str, Any], ...]
    drift: tuple[FeatureDrift, ...]

    @property
    def moved(self) -> tuple[FeatureDrift, ...]:
        """The columns whose distribution moved; `feature_drift` says when it did."""
        return tuple(one for one in self.drift if one.drifted)

    @property
    def same(self) -> bool:
        """Whether nothing differs: the same columns in the same order, and the same rows."""
        rows = self.rows_added or self.rows_removed or self.rows_changed
        return not (rows or self.schema())

    def schema(self) -> list[str]:
        """Return what differs in the columns themselves, one line each."""
        lines = [f"column {name} added" for name in self.columns_added]
        lines += [f"column {name} removed" for name in self.columns_removed]
        lines += [f"column {c.column}: {c.before} became {c.after}" for c in self.types_changed]
        return lines + ["columns in another order"] * self.reordered

    def rows(self) -> str:
        """Return what differs in the rows, in one line."""
        changed = f", {self.rows_changed:,} changed" if self.key else ""
        return f"{amount(self.rows_added, 'row')} added, {self.rows_removed:,} removed{changed}"

    def __str__(self) -> str:
        if self.same:
            return f"No difference: the same {amount(self.rows_after, 'row')}."
        parts = [self.rows(), *self.schema()]
        if self.moved:
            parts.append(f"moved: {', '.join(one.feature for one in self.moved)}")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"<DataDiff {self.rows_before} -> {self.rows_after} rows: {self}>"

    def _repr_html_(self) -> str:
        facts = {
            "rows before": self.rows_before,
            "rows after": self.rows_after,
            "found": str(self),
            "moved": ", ".join(f"{one.feature} (PSI {one.psi:.3f})" for one in self.moved),
        }
        cells = [
            (*row.key.values(), column, old, new)
            for row in self.changed
            for column, (old, new) in row.cells.items()
        ]
        columns = (*self.key, "column", "before", "after")
        examples = html_table("Changed rows, for example", columns, cells) if cells else ""
        return html_facts("Difference of two tables", facts) + examples

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as JSON can hold it."""
        return {
            "same": self.same,
            "rows_before": self.rows_before,
            "rows_after": self.rows_after,
            "key": list(self.key),
            "columns_added": list(self.columns_added),
            "columns_removed": list(self.columns_removed),
            "types_changed": [dict(vars(change)) for change in self.types_changed],
            "reordered": self.reordered,
            "rows_added": self.rows_added,
            "rows_removed": self.rows_removed,
            "rows_changed": self.rows_changed if self.key else None,
            "cells": dict(self.cells),
            "changed": [
                {
                    "key": _plain(row.key),
                    "cells": {
                        name: _plain({"before": old, "after": new})
                        for name, (old, new) in row.cells.items()
                    },
                }
                for row in self.changed
            ],
            "added": [_plain(row) for row in self.added],
            "removed": [_plain(row) for row in self.removed],
            "drift": [one.to_dict() for one in self.drift],
        }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON can hold it: times as ISO 8601."""
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    }


# -- both tables, side by side -------------------------------------------------------------------


class _Pair(NamedTuple):
    """A column that both tables have, and the type in which its values are compared."""

    name: str
    before: str
    after: str
    sql_type: str
    numeric: bool | None  # None: the kinds on both sides have nothing in common


def _pair(name: str, before: Loaded, after: Loaded) -> _Pair:
    kinds = {before.kind(name), after.kind(name)} - {"empty"} or {"empty"}
    places = f"c{before.place(name)}", f"c{after.place(name)}"
    if kinds <= {"integer"}:
        return _Pair(name, *places, "BIGINT", numeric=True)
    if kinds <= {"unsigned", "integer"}:
        return _Pair(name, *places, "HUGEINT", numeric=True)
    if kinds <= set(NUMERIC):
        return _Pair(name, *places, "DOUBLE", numeric=True)
    if kinds == {"time"}:
        return _Pair(name, *places, "TIMESTAMP", numeric=True)
    if kinds == {"boolean"}:
        return _Pair(name, *places, "BOOLEAN", numeric=False)
    return _Pair(name, *places, "VARCHAR", numeric=False if len(kinds) == 1 else None)


def _differ(pair: _Pair) -> str:
    """Return the condition that a cell of the rows `b` and `a` changed; missing equals missing."""
    return f"b.{pair.before}::{pair.sql_type} IS DISTINCT FROM a.{pair.after}::{pair.sql_type}"


def _keys_joined(pairs: Sequence[_Pair]) -> str:
    return " AND ".join(
        f"b.{pair.before}::{pair.sql_type} = a.{pair.after}::{pair.sql_type}" for pair in pairs
    )


class _Rows(NamedTuple):
    """What was found about the rows."""

    added: int
    removed: int
    changed: int
    cells: dict[str, int]
    changes: tuple[RowChange, ...]
    examples_added: tuple[Mapping[str, Any], ...]
    examples_removed: tuple[Mapping[str, Any], ...]


def check_key(scratch: Workbench, table: Loaded, key: Sequence[str]) -> None:
    """Raise `Invalid`, with the values, if a key is missing or not unique in a table."""
    columns = ", ".join(f"c{table.place(name)}" for name in key)
    absent = " OR ".join(f"c{table.place(name)} IS NULL" for name in key)
    named = " and ".join(map(repr, key))
    missing = scratch.rows(
        f"SELECT rowid + 1 FROM {table.table} WHERE {absent} ORDER BY ALL"  # noqa: S608
    )
    if missing:
        places = ", ".join(str(place) for (place,) in missing[:EXAMPLES])
        raise Invalid(
            f"The key {named} is missing in {amount(len(missing), 'row')} of the data "
            f"{table.table}: row {places}. Every row needs one; fill it, or "
            "compare whole rows without a key."
        )
    ((twice, rows),) = scratch.rows(
        "SELECT count(*), sum(n) FROM (SELECT count(*) AS n "  # noqa: S608
        f"FROM {table.table} GROUP BY {columns} HAVING n > 1)"
    )
    if twice:
        found = scratch.rows(
            f"SELECT {columns}, count(*) AS n FROM {table.table} GROUP BY {columns} HAVING n > 1 "  # noqa: S608
            f"ORDER BY n DESC, {columns} LIMIT {EXAMPLES}"
        )
        shown = "; ".join(f"{', '.join(map(str, values))} in {n} rows" for *values, n in found)
        raise Invalid(
            f"The key {named} is not unique in the data {table.table}: {rows:,} rows share "
            f"{amount(twice, 'value')} ({shown}). Name further columns of the key, or "
            "compare whole rows without one."
        )


def _by_key(
    scratch: Workbench, before: Loaded, after: Loaded, pairs: Sequence[_Pair], key: Sequence[str]
) -> _Rows:
    for table in (before, after):
        check_key(scratch, table, key)
    keys = [pair for pair in pairs if pair.name in key]
    others = [pair for pair in pairs if pair.name not in key]
    joined = f"FROM before b JOIN after a ON {_keys_joined(keys)}"
    differ = " OR ".join(map(_differ, others)) or "false"
    counted = [f"count(*) FILTER (WHERE {_differ(pair)})" for pair in others]
    ((matched, changed, *cells),) = scratch.rows(
        f"SELECT {', '.join(['count(*)', f'count(*) FILTER (WHERE {differ})', *counted])} {joined}"
    )
    changes: list[RowChange] = []
    if changed:
        selected = [f"b.{pair.before}" for pair in keys]
        for pair in others:
            selected += [f"b.{pair.before}", f"a.{pair.after}", _differ(pair)]
        ordered = ", ".join(f"b.{pair.before}" for pair in keys)
        rows = scratch.rows(
            f"SELECT {', '.join(selected)} {joined} WHERE {differ} "
            f"ORDER BY {ordered} LIMIT {EXAMPLES}"
        )
        changes = [_row_change(row, keys, others) for row in rows]
    added, removed = after.rows - matched, before.rows - matched
    return _Rows(
        added,
        removed,
        changed,
        {pair.name: count for pair, count in zip(others, cells, strict=True) if count},
        tuple(changes),
        _unmatched(scratch, after, before, keys) if added else (),
        _unmatched(scratch, before, after, keys) if removed else (),
    )


def _row_change(row: Sequence[Any], keys: Sequence[_Pair], others: Sequence[_Pair]) -> RowChange:
    key, cells = row[: len(keys)], row[len(keys) :]
    found = zip(others, cells[::3], cells[1::3], cells[2::3], strict=True)
    return RowChange(
        {pair.name: value for pair, value in zip(keys, key, strict=True)},
        {pair.name: (old, new) for pair, old, new, differs in found if differs},
    )


def _unmatched(
    scratch: Workbench, table: Loaded, other: Loaded, keys: Sequence[_Pair]
) -> tuple[Mapping[str, Any], ...]:
    """Return some rows whose key the other table does not have."""
    sides = ("b", "a") if table.table == "before" else ("a", "b")
    mine = ", ".join(f"{sides[0]}.c{table.place(pair.name)}" for pair in keys)
    rows = scratch.rows(
        f"SELECT * FROM {table.table} {sides[0]} ANTI JOIN {other.table} {sides[1]} "  # noqa: S608
        f"ON {_keys_joined(keys)} ORDER BY {mine} LIMIT {EXAMPLES}"
    )
    return tuple(dict(zip(table.names, row, strict=True)) for row in rows)


def _by_whole_row(
    scratch: Workbench, before: Loaded, after: Loaded, pairs: Sequence[_Pair]
) -> _Rows:
    if not pairs:  # no row is like another
        return _Rows(after.rows, before.rows, 0, {}, (), (), ())
    sides = []
    for side, sign in (("before", 1), ("after", -1)):
        selected = ", ".join(
            f"{pair.before if sign > 0 else pair.after}::{pair.sql_type} AS k{place}"
            for place, pair in enumerate(pairs)
        )
        sides.append(f"SELECT {selected}, {sign} AS n FROM {side}")  # noqa: S608
    places = ", ".join(f"k{place}" for place in range(len(pairs)))
    scratch.rows(
        f"CREATE TEMP TABLE uneven AS SELECT {places}, sum(n)::BIGINT AS n "  # noqa: S608
        f"FROM ({' UNION ALL '.join(sides)}) GROUP BY {places} HAVING sum(n) <> 0"
    )
    ((removed, added),) = scratch.rows(
        "SELECT coalesce(sum(n) FILTER (WHERE n > 0), 0)::BIGINT, "
        "coalesce(-sum(n) FILTER (WHERE n < 0), 0)::BIGINT FROM uneven"
    )

    def examples(condition: str) -> tuple[Mapping[str, Any], ...]:
        rows = scratch.rows(
            f"SELECT {places} FROM uneven WHERE {condition} ORDER BY ALL LIMIT {EXAMPLES}"  # noqa: S608
        )
        return tuple(
            {pair.name: value for pair, value in zip(pairs, row, strict=True)} for row in rows
        )

    return _Rows(added, removed, 0, {}, (), examples("n < 0"), examples("n > 0"))


# -- what the columns look like ------------------------------------------------------------------


def _numbers(scratch: Workbench, table: str, place: str, sql_type: str) -> NDArray[np.float64]:
    """Return the numbers of a column, NaN where missing; times are seconds since 1970."""
    value = f"epoch({place}::TIMESTAMP)" if sql_type == "TIMESTAMP" else place
    arrays = scratch.arrays(f"SELECT {value}::DOUBLE AS v FROM {table}")  # noqa: S608
    return np.ma.filled(arrays["v"], np.nan)


def _binned(scratch: Workbench, pair: _Pair) -> tuple[list[int], list[int]]:
    """Return the counts of both sides in the bins of the first, and of what is missing."""
    before = _numbers(scratch, "before", pair.before, pair.sql_type)
    after = _numbers(scratch, "after", pair.after, pair.sql_type)
    facts = profile({pair.name: before[:: 1 + len(before) // _EDGE_ROWS]})[pair.name]
    edges = np.array(facts["edges"], np.float64)
    counts = [
        [*bin_counts(side[np.isfinite(side)], edges).tolist(), int(np.isnan(side).sum())]
        for side in (before, after)
    ]
    return counts[0], counts[1]


def _counted(scratch: Workbench, pair: _Pair) -> tuple[list[int], list[int]]:
    """Return how often each side has the commonest values of the first, others, and none."""
    sides = [
        f"SELECT {place}::VARCHAR AS v, {old} AS old, {1 - old} AS new FROM {table}"  # noqa: S608
        for table, place, old in (("before", pair.before, 1), ("after", pair.after, 0))
    ]
    rows = scratch.rows(
        "WITH counted AS (SELECT v, sum(old)::BIGINT AS old, sum(new)::BIGINT AS new "  # noqa: S608
        f"FROM ({' UNION ALL '.join(sides)}) GROUP BY v), "
        "ranked AS (SELECT *, row_number() OVER (ORDER BY v IS NULL DESC, old DESC, v) AS rank "
        f"FROM counted) SELECT sum(old)::BIGINT, sum(new)::BIGINT FROM ranked "
        f"GROUP BY least(rank, {_TOP_VALUES + 1}) ORDER BY least(rank, {_TOP_VALUES + 1})"
    )
    return [old for old, _ in rows], [new for _, new in rows]


def _drift(scratch: Workbench, pairs: Sequence[_Pair]) -> tuple[FeatureDrift, ...]:
    found = []
    for pair in pairs:
        old, new = (_binned if pair.numeric else _counted)(scratch, pair)
        found.append(feature_drift(pair.name, old, new, len(pairs)))
    return tuple(sorted(found, key=lambda one: one.psi, reverse=True))


# -- the whole -----------------------------------------------------------------------------------


def checked_key(key: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns of a key, none if there is none. Raises `Invalid`."""
    names = () if key is None else (key,) if isinstance(key, str) else tuple(key)
    if len(set(names)) != len(names):
        raise Invalid(f"a column stands twice in the key {', '.join(names)}.")
    return names


def diff(
    before: Any,
    after: Any,
    *,
    key: str | Sequence[str] | None = None,
    settings: Settings | None = None,
) -> DataDiff:
    """Return what changed from one table to the other.

    Values are compared as numbers, times or texts, whatever both sides are; missing equals missing.
    A column moved if `feature_drift` says so of its counts: in the bins of `before` for numbers and
    times, by its commonest values else, what is missing counted as a value.

    Raises:
        Invalid: one is no table, or the key is missing or not unique in it.
        NotFound: there is no such file or column.
        Denied: it needs more memory than `database_memory_mb`, and cannot do with the disk.
    """
    names = checked_key(key)
    with Workbench(settings) as scratch:
        old, new = load(scratch, "before", before), load(scratch, "after", after)
        for name in names:
            old.place(name), new.place(name)  # both have it
        pairs = [_pair(name, old, new) for name in old.names if name in new.names]
        if names:
            rows = _by_key(scratch, old, new, pairs, names)
        else:
            rows = _by_whole_row(scratch, old, new, pairs)
        resized = rows.added or rows.removed
        touched = [
            pair
            for pair in pairs
            if (resized or pair.name in rows.cells)
            and pair.name not in names
            and pair.numeric is not None
        ]
        drift = _drift(scratch, touched)
    common = [pair.name for pair in pairs]
    return DataDiff(
        rows_before=old.rows,
        rows_after=new.rows,
        key=names,
        columns_added=tuple(name for name in new.names if name not in old.names),
        columns_removed=tuple(name for name in old.names if name not in new.names),
        types_changed=tuple(
            TypeChange(name, old.kind(name), new.kind(name))
            for name in common
            if old.kind(name) != new.kind(name) and "empty" not in (old.kind(name), new.kind(name))
        ),
        reordered=common != [name for name in new.names if name in old.names],
        rows_added=rows.added,
        rows_removed=rows.removed,
        rows_changed=rows.changed,
        cells=rows.cells,
        changed=rows.changes,
        added=rows.examples_added,
        removed=rows.examples_removed,
        drift=drift,
    )
