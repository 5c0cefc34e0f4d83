"""Tables as streams of columns: each column comes in pieces, as often as it is asked for.

    examined = examine(in_memory(as_columns(frame)))
    examined.sha256, examined.profile

A table in memory is one piece. A file is loaded into a database of the moment, which spills what is
larger than memory, and comes back in pieces of as many rows as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.canonical import EXACT, TEXTS, Column, Words, canonical, floats, nothing
from lite_mlops.data.fingerprint import ColumnHash, combined
from lite_mlops.data.profile import WHOLE, column_profile
from lite_mlops.data.tables import Columns
from lite_mlops.errors import Invalid
from lite_mlops.store import Scratch

PIECE_ROWS = 1 << 18
_THREADS = 2
_FEW = 2_000_000  # values for which threads cost more than they save
INTEGERS = frozenset(
    "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split()
)
_OFTEN = 20  # rows a text: where texts come again so often, each is fetched once
_FACTS = 5  # values of a scan for each column
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Stream:
    """A column that comes in pieces."""

    name: str
    pieces: Callable[[], Iterator[Column]]


@dataclass(frozen=True)
class Table:
    """A table as streams of columns."""

    rows: int
    streams: tuple[Stream, ...]


@dataclass(frozen=True)
class Examined:
    """What reading a table told: its hash, its shape and its profile."""

    sha256: str
    rows: int
    columns: int
    profile: dict[str, Any]


def in_memory(columns: Columns) -> Table:
    """Return columns as a table of streams."""
    rows = len(next(iter(columns.values()), ()))

    def stream(name: str, values: NDArray[Any]) -> Stream:
        return Stream(name, lambda: iter((canonical(name, values),)))

    return Table(rows, tuple(stream(name, values) for name, values in columns.items()))


def examine(table: Table) -> Examined:
    """Read a table: its hash and its profile. Raises `Invalid` for what is no data."""
    if not table.streams:
        raise Invalid("a table has at least one column; this one has none.")

    def one(stream: Stream) -> tuple[bytes, dict[str, Any]]:
        pieces = stream.pieces
        if table.rows <= WHOLE:
            kept = list(pieces())
            pieces = lambda: iter(kept)  # noqa: E731
        digest = ColumnHash(stream.name)
        for piece in pieces():
            digest.update(piece)
        return digest.digest(), column_profile(pieces)

    if table.rows * len(table.streams) <= _FEW:
        found = [one(stream) for stream in table.streams]
    else:
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(one, table.streams))
    names = [stream.name for stream in table.streams]
    facts = {name: profile for name, (_, profile) in zip(names, found, strict=True)}
    sha256 = combined(digest for digest, _ in found)
    return Examined(sha256, table.rows, len(names), facts)


# -- from the database of the moment ------------------------------------------------------------


@dataclass(frozen=True)
class _Facts:
    """What one scan tells of a column before it is read."""

    present: int
    low: int | None
    high: int | None
    fine: bool  # times that microseconds would cut
    different: int | None  # texts, nearly


def _is(kind: str, *names: str) -> bool:
    return kind.split("(")[0] in names


def _facts_sql(place: int, kind: str) -> str:
    whole = _is(kind, *INTEGERS)
    low, high = (f"{f}(c{place})" if whole else "NULL" for f in ("min", "max"))
    fine = f"bool_or(epoch_ns(c{place}) % 1000 <> 0)" if kind == "TIMESTAMP_NS" else "false"
    different = f"approx_count_distinct(c{place})" if kind == "VARCHAR" else "NULL"
    return f"count(c{place}), {low}, {high}, {fine}, {different}"


def _whole(rows: int, facts: _Facts) -> tuple[str, str]:
    assert facts.low is not None
    assert facts.high is not None
    if facts.low not in _INT64 or facts.high not in _INT64:
        return "decimal", "{}::VARCHAR"
    if facts.present < rows and max(-facts.low, facts.high) <= EXACT:
        return "float", "{}::DOUBLE"
    return "integer", "{}::BIGINT"


_EXPRESSIONS = {
    "FLOAT": ("float", "{}::DOUBLE"),
    "DOUBLE": ("float", "{}::DOUBLE"),
    "BOOLEAN": ("boolean", "{}"),
    "DATE": ("date", "({} - DATE '1970-01-01')::BIGINT"),
    "TIMESTAMP": ("timestamp", "epoch_us({})"),
    "TIMESTAMP_S": ("timestamp", "epoch_us({})"),
    "TIMESTAMP_MS": ("timestamp", "epoch_us({})"),
    "TIMESTAMP WITH TIME ZONE": ("instant", "epoch_us({})"),
    "VARCHAR": ("text", "{}"),
    "BLOB": ("bytes", "{}"),
    "JSON": ("nested", "{}::VARCHAR"),
}
_DECIMAL = (
    "CASE WHEN contains({}::VARCHAR, '.') "
    "THEN rtrim(rtrim({}::VARCHAR, '0'), '.') ELSE {}::VARCHAR END"
)
_TEXT_LIKE = ("ENUM", "UUID", "TIME", "TIME WITH TIME ZONE", "INTERVAL", "BIT", "TIME_NS")


def _expression(kind: str, rows: int, facts: _Facts) -> tuple[str, str]:
    """Return the canonical kind of a column, and the SQL that makes its values."""
    if not facts.present:
        return ("nothing" if rows else "text"), "NULL"
    if _is(kind, *INTEGERS):
        return _whole(rows, facts)
    if kind in _EXPRESSIONS:
        return _EXPRESSIONS[kind]
    if kind == "TIMESTAMP_NS":
        return ("timestamp_ns", "epoch_ns({})") if facts.fine else ("timestamp", "epoch_us({})")
    if kind.endswith("]") or not _is(kind, "DECIMAL", *_TEXT_LIKE):
        return "nested", "to_json({})::VARCHAR"
    return ("decimal", _DECIMAL) if _is(kind, "DECIMAL") else ("text", "{}::VARCHAR")


def _piece(kind: str, values: Any) -> Column:
    """Return what the database gave as a piece of a column of a canonical kind."""
    missing = None
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        missing, values = (mask if mask.any() else None), values.data
    if kind == "float":
        return floats(values, missing)
    if kind in TEXTS:
        column = np.asarray(values, object)
        if missing is not None:
            column = np.where(missing, b"" if kind == "bytes" else "", column)
        if kind == "bytes":
            column = np.fromiter(map(bytes, column), object, len(column))
        return Column(kind, column, missing)
    if missing is not None:
        values = np.where(missing, 0, values)
    return Column(kind, values.astype(np.bool_ if kind == "boolean" else np.int64), missing)


def _texts_of(database: Scratch, place: int) -> NDArray[Any]:
    """Return the different texts of a column, of which the database makes a type of its own."""
    found = f"SELECT DISTINCT c{place} AS v FROM loaded WHERE c{place} IS NOT NULL"  # noqa: S608
    database.run(f"CREATE TYPE texts{place} AS ENUM ({found})")
    rows = database.run(f"SELECT unnest(enum_range(NULL::texts{place}))")
    return np.fromiter((*(text for (text,) in rows), ""), object, len(rows) + 1)


def _words(places: Any, texts: NDArray[Any]) -> Column:
    """Return a piece of a text from the places of its words."""
    missing = None
    if isinstance(places, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(places)
        missing, places = (mask if mask.any() else None), places.data
    places = places.astype(np.int64)
    if missing is not None:
        places[missing] = len(texts) - 1
    return Column("text", texts[places], missing, Words(texts, places))


def from_scratch(database: Scratch, names: Sequence[str]) -> Table:
    """Return the table `loaded`, whose columns are c0, c1, ..., as streams named `names`."""
    kinds = [kind for _, kind in database.describe("loaded")][: len(names)]
    scans = ", ".join(_facts_sql(place, kind) for place, kind in enumerate(kinds))
    rows, *values = database.run(f"SELECT count(*), {scans} FROM loaded")[0]  # noqa: S608

    def stream(place: int, name: str) -> Stream:
        facts = _Facts(*values[_FACTS * place : _FACTS * (place + 1)])
        kind, sql = _expression(kinds[place], rows, facts)
        texts = None
        if kind == "text" and facts.different is not None and facts.different * _OFTEN < rows:
            texts = _texts_of(database, place)
            sql = f"enum_code({{}}::texts{place})"
        query = (
            f"SELECT {sql.replace('{}', f'c{place}')} AS v FROM loaded "  # noqa: S608
            "WHERE rowid >= ? AND rowid < ?"
        )

        def pieces() -> Iterator[Column]:
            beside = database.beside()
            for start in range(0, rows, PIECE_ROWS):
                end = min(start + PIECE_ROWS, rows)
                if kind == "nothing":
                    yield nothing(end - start)
                elif texts is not None:
                    yield _words(beside.arrays(query, start, end)["v"], texts)
                else:
                    yield _piece(kind, beside.arrays(query, start, end)["v"])

        def empty() -> Iterator[Column]:
            yield Column("text", np.empty(0, object), None)

        return Stream(name, pieces if rows else empty)

    return Table(rows, tuple(stream(place, name) for place, name in enumerate(names)))
