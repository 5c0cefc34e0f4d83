"""Summaries of runs: one row a run that is over, by which it is found and shown.

    sum_up(database, kinds, crashed)    # anew, the runs of which a fold brought something
    sum_up_all(database)                # anew, all of them
    stale_summaries(database)           # how many are not as the other tables say

A row tells the params, latest metrics and tags of its run as JSON. Once there are many runs, the
keys that many of them have get a column each besides (see `sql/migrations/0010_*.sql`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lite_mlops.store.database import Database
from lite_mlops.store.statements import statements

# Kinds that change what a page shows of a run; a file may be the last sign of a crashed one.
_SHOWN = {
    *("run_started", "run_resumed", "run_ended", "run_deleted", "run_restored", "run_purged"),
    *("params", "metric", "metrics", "tags", "note", "artifact"),
}
_GOING_ON = {"run_started", "run_resumed"}  # kinds after which a run may be going on again
_SUMMED_AT_ONCE = 20_000  # runs: 50 MB with 15 keys each

MANY = 5_000  # runs; below, a search joins what it needs within a few milliseconds
_COMMON = 0.05  # the share of all runs that have a key which gets a column
_MOST = 64  # keys with a column: each costs a fold some ten microseconds

# Where it goes, what of it stands in columns, and the JSON that this is taken from.
_SUMMED = """
{into} SELECT * EXCLUDE ({told}), {columns} FROM (SELECT *, {found} FROM ({runs}))
ORDER BY started_at, run_id
"""
_PLAIN = "{into} FROM ({runs}) ORDER BY started_at, run_id"
_FOUND = (
    "json_extract_string('{{' || coalesce({part}, '') || '}}', ${part}::VARCHAR[]) AS told_{part}"
)
_BEGIN = "CREATE OR REPLACE TABLE summaries AS"
_ADD = "INSERT INTO summaries"
_ASIDE = "CREATE OR REPLACE TEMP TABLE summed AS"


class Column(NamedTuple):
    """A key with a column of its own; a param or tag has another one, `{name}_number`."""

    name: str
    part: str  # metrics, params or tags
    key: str


class Columns(NamedTuple):
    """The keys with columns, in the order of these, and of how many runs they were chosen."""

    columns: tuple[Column, ...]
    runs: int

    @property
    def outgrown(self) -> int:
        """From how many runs on they are chosen anew."""
        return max(MANY, 2 * self.runs)


def columns_of(database: Database) -> Columns:
    """Return which keys have columns in `summaries`."""
    rows = database.rows("summary_columns")
    columns = [Column(name, part, key) for name, part, key, _ in rows if name is not None]
    # By length first, as c10 comes after c9.
    columns.sort(key=lambda column: (len(column.name), column.name))
    return Columns(tuple(columns), max((row[-1] for row in rows), default=0))


def _pointer(column: Column) -> str:
    """Return where the JSON of a summary tells the value of a key."""
    pointer = "/" + column.key.replace("~", "~0").replace("/", "~1")
    return f"{pointer}/2" if column.part == "metrics" else pointer


def _summed(into: str, columns: Sequence[Column]) -> tuple[str, dict[str, list[str]]]:
    """Return the command that sums up the touched runs, and the places that it looks at."""
    (runs,) = statements()["touched_runs"]
    pointers: dict[str, list[str]] = {}
    filled = []
    for column in columns:
        name, part, _ = column
        places = pointers.setdefault(part, [])
        places.append(_pointer(column))
        value = f"told_{part}[{len(places)}]"
        number = f"try_cast({value} AS DOUBLE) AS {name}"
        filled.append(number if part == "metrics" else f"{value} AS {name}, {number}_number")
    sql = (_SUMMED if filled else _PLAIN).format(
        into=into,
        told=", ".join(f"told_{part}" for part in pointers),
        columns=", ".join(filled),
        found=", ".join(_FOUND.format(part=part) for part in pointers),
        runs=runs.sql,
    )
    return sql, pointers


def _sum_up(
    database: Database, columns: Sequence[Column], *into: str
) -> Iterator[dict[str, object]]:
    """Sum up the touched runs, so many at a time as fit into memory, first into the first."""
    ((count, first, last),) = database.rows("touched_range")
    pieces = 1 + count // _SUMMED_AT_ONCE
    for piece in range(pieces):
        which = {"piece": piece, "pieces": pieces, "first": first, "last": last}
        sql, pointers = _summed(into[min(piece, len(into) - 1)], columns)
        database.command(sql, which | pointers)
        yield which


def stale_summaries(database: Database) -> int:
    """Return how many runs have another summary than the other tables say."""
    database.run("touch_all")
    pieces = _sum_up(database, columns_of(database).columns, _ASIDE)
    return sum(database.value("stale_summaries", **piece) for piece in pieces)


def _choose(database: Database) -> Sequence[Column]:
    """Choose the keys that get columns, and keep which they are."""
    database.run("forget_columns")
    runs = database.value("runs_over")
    few = runs < MANY
    common = [] if few else database.rows("common_keys", least=_COMMON * runs, most=_MOST)
    columns = [Column(f"c{number}", part, key) for number, (part, key) in enumerate(common)]
    names, parts, keys = ([each[place] for each in columns] for place in range(3))
    database.run("keep_columns", names=names, parts=parts, keys=keys, runs=runs)
    return columns


def sum_up_all(database: Database) -> None:
    """Make the table `summaries` anew from what the other tables say, and choose its columns."""
    columns = _choose(database)
    database.run("touch_all")
    for _ in _sum_up(database, columns, _BEGIN, _ADD):
        pass


def sum_up(database: Database, kinds: set[str], crashed: Sequence[str]) -> None:
    """Make the summaries of the runs anew of which the staged kinds, or a crash, show something."""
    touched: list[tuple[str, dict[str, object]]] = []
    shown = sorted(kinds & _SHOWN)
    # A run that is going on has no summary: what it logs costs nothing here.
    if shown and (kinds & _GOING_ON or database.value("any_over", kinds=shown)):
        touched.append(("touch_staged", {"kinds": shown}))
    if crashed:
        touched.append(("touch_runs", {"runs": list(crashed)}))
    if not touched:
        return
    chosen = columns_of(database)
    if database.value("summary_count") >= chosen.outgrown:
        sum_up_all(database)
        return
    for statement, which in touched:
        database.run(statement, **which)
        database.run("forget_touched")
        for _ in _sum_up(database, chosen.columns, _ADD):
            pass
