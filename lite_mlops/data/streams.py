"""Tables as streams of columns: each column comes in pieces, as often as it is asked for.

    with loaded(settings, folder, "csv", path) as table:
        examined = examine(table)
    examined.sha256, examined.profile

A table in memory is one piece. A file is loaded into a database of the moment, which spills what is
larger than memory, and comes back in pieces of as many rows as fit.
"""

from __future__ import annotations

import csv
import gzip
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.canonical import EXACT, TEXTS, Column, canonical, floats, nothing
from lite_mlops.data.fingerprint import ColumnHash, combined
from lite_mlops.data.profile import WHOLE, column_profile
from lite_mlops.data.tables import Columns
from lite_mlops.errors import Invalid
from lite_mlops.settings import Settings
from lite_mlops.store import NotReadable, Scratch, scratch_database

PIECE_ROWS = 1 << 18
_THREADS = 2
_INTEGERS = frozenset(
    "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split()
)
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


def _is(kind: str, *names: str) -> bool:
    return kind.split("(")[0] in names


def _facts_sql(place: int, kind: str) -> str:
    whole = _is(kind, *_INTEGERS)
    low, high = (f"{f}(c{place})" if whole else "NULL" for f in ("min", "max"))
    fine = f"bool_or(epoch_ns(c{place}) % 1000 <> 0)" if kind == "TIMESTAMP_NS" else "false"
    return f"count(c{place}), {low}, {high}, {fine}"


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
    if _is(kind, *_INTEGERS):
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


def from_scratch(database: Scratch, names: Sequence[str]) -> Table:
    """Return the table `loaded`, whose columns are c0, c1, ..., as streams named `names`."""
    kinds = [kind for _, kind in database.describe("loaded")][: len(names)]
    scans = ", ".join(_facts_sql(place, kind) for place, kind in enumerate(kinds))
    rows, *values = database.run(f"SELECT count(*), {scans} FROM loaded")[0]  # noqa: S608

    def stream(place: int, name: str) -> Stream:
        facts = _Facts(*values[4 * place : 4 * place + 4])
        kind, sql = _expression(kinds[place], rows, facts)
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
                else:
                    yield _piece(kind, beside.arrays(query, start, end)["v"])

        def empty() -> Iterator[Column]:
            yield Column("text", np.empty(0, object), None)

        return Stream(name, pieces if rows else empty)

    return Table(rows, tuple(stream(place, name) for place, name in enumerate(names)))


# -- files --------------------------------------------------------------------------------------

# By the ending of a file's name; anything else is not looked into.
FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".tsv.gz": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "json", ".ndjson": "json", ".jsonl.gz": "json", ".ndjson.gz": "json",
}  # fmt: skip


def format_of(path: Path) -> str | None:
    """Return the format of a file that holds a table; None for any other file."""
    name = path.name.lower()
    return next((form for ending, form in FORMATS.items() if name.endswith(ending)), None)


def _aliases(count: int) -> str:
    return ", ".join(f"c{place}" for place in range(count))


def checked_names(names: Sequence[str], what: str) -> list[str]:
    """Return the names of columns. Raises `Invalid` if two are the same."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise Invalid(f"{what} has two columns with the same name: {', '.join(map(repr, twice))}.")
    return list(names)


def _first_line(path: Path, delimiter: str, skip: int) -> list[str]:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        for _ in range(skip):
            file.readline()
        return next(csv.reader(file, delimiter=delimiter), [])


def _sniffed(database: Scratch, path: Path) -> tuple[list[str], list[str], str | None, str | None]:
    """Return names and likely types of a CSV file, and how it writes dates and times."""
    row = database.run(
        "SELECT Delimiter, SkipRows, Columns, DateFormat, TimestampFormat "
        "FROM sniff_csv(?, header = true)",
        str(path),
    )[0]
    delimiter, skip, columns, dates, times = row
    names = [column["name"] for column in columns]
    try:
        first = _first_line(path, delimiter if len(delimiter) == 1 else ",", skip)
    except UnicodeDecodeError:
        raise NotReadable(f"{path} is not UTF-8 text; convert it first.") from None
    if len(first) == len(names):
        names = first
    return checked_names(names, str(path)), [column["type"] for column in columns], dates, times


# What a whole number is written with. The engine rounds 1.5 to 2 where it was told to expect whole
# numbers, so these are read as texts, and anything else in them has the types found in all rows.
_DIGITS = "'0123456789+- '"


def _load_csv(database: Scratch, path: Path) -> list[str]:
    if not path.stat().st_size:
        raise Invalid(f"{path} is empty: a CSV file has at least a line with the column names.")
    names, types, dates, times = _sniffed(database, path)
    whole = [place for place, kind in enumerate(types) if kind in _INTEGERS]
    read = ["VARCHAR" if kind in _INTEGERS else kind for kind in types]
    exact = [
        f"CAST(c{place} AS BIGINT) AS c{place}" if place in whole else f"c{place}"
        for place in range(len(types))
    ]
    odd = " OR ".join(f"ltrim(c{place}, {_DIGITS}) <> ''" for place in whole) or "false"
    given = {"types": read, "dateformat": dates, "timestampformat": times}
    chosen = {option: value for option, value in given.items() if value}
    options = "".join(f", {option} = ?" for option in chosen)
    try:
        database.run(
            f"CREATE TABLE loaded AS SELECT {', '.join(exact)}, {odd} AS odd "  # noqa: S608
            f"FROM read_csv(?, header = true{options}) AS t({_aliases(len(names))})",
            str(path),
            *chosen.values(),
        )
        fits = not database.run("SELECT coalesce(bool_or(odd), false) FROM loaded")[0][0]
    except NotReadable:
        fits = False
    if not fits:
        database.run(
            f"CREATE OR REPLACE TABLE loaded AS SELECT * "  # noqa: S608
            f"FROM read_csv(?, header = true, sample_size = -1) AS t({_aliases(len(names))})",
            str(path),
        )
    return names


def _load_all(database: Scratch, reader: str, path: Path) -> list[str]:
    names = [name for name, _ in database.describe(f"SELECT * FROM {reader}", str(path))]  # noqa: S608
    database.run(
        f"CREATE TABLE loaded AS SELECT * FROM {reader} AS t({_aliases(len(names))})",  # noqa: S608
        str(path),
    )
    return checked_names(names, str(path))


def _load_parquet(database: Scratch, path: Path) -> list[str]:
    return _load_all(database, "read_parquet(?)", path)


def _load_json(database: Scratch, path: Path) -> list[str]:
    if not path.stat().st_size:
        raise Invalid(f"{path} is empty: there is no record in it.")
    reader = "read_json(?, format = 'newline_delimited', records = true, sample_size = -1)"
    return _load_all(database, reader, path)


_LOADERS = {"csv": _load_csv, "parquet": _load_parquet, "json": _load_json}


@contextmanager
def loaded(settings: Settings, folder: Path, form: str, path: Path) -> Iterator[Table]:
    """Yield the table that a file holds, in the format `form`.

    Raises:
        NotReadable: it is no such file; the engine's words say where.
        Invalid: it is empty, or two columns have one name.
    """
    if any(sign in str(path) for sign in "*?["):
        raise Invalid(f"{path}: the characters * ? [ in the name of a table's file are not read.")
    with scratch_database(settings, folder, str(path), [path]) as database:
        yield from_scratch(database, _LOADERS[form](database, path))


# -- queries ------------------------------------------------------------------------------------

_SQLITE = b"SQLite format 3\0"


def _sqlite_columns(path: Path, sql: str) -> Mapping[str, list[Any]]:
    quoted = path.absolute().as_uri()
    try:
        with closing(sqlite3.connect(f"{quoted}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise NotReadable(f"{path}: the query was refused: {error}.") from None
    if not names:
        raise Invalid(f"{path}: the query returns no columns; it has to be a SELECT.")
    checked_names(names, f"the result of the query on {path}")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


@contextmanager
def queried(
    settings: Settings, folder: Path, path: Path, sql: str, copy: Path | None = None
) -> Iterator[Table]:
    """Yield the result of a query on a DuckDB or SQLite file, which is opened for reading.

    With `copy`, the result is also written there as Parquet.

    Raises:
        NotReadable: it is no such file, or the query is refused.
        Invalid: it is not one SELECT, or two columns have one name.
    """
    from lite_mlops.data.tables import as_columns

    with path.open("rb") as file:
        if file.read(len(_SQLITE)) == _SQLITE:
            columns = as_columns(_sqlite_columns(path, sql))
            if copy is not None:
                write_parquet(settings, folder, columns, copy)
            yield in_memory(columns)
            return
    written = [] if copy is None else [copy]
    with scratch_database(settings, folder, str(path), written, attach=path) as database:
        query = sql.strip().rstrip(";")
        if not database.only_reads(query):
            raise Invalid(f"{path}: the query has to be one SELECT.")
        database.run("USE source")
        names = [name for name, _ in database.describe(query)]
        database.run(
            f"CREATE TABLE memory.main.loaded AS SELECT * FROM ({query}\n) "  # noqa: S608
            f"AS t({_aliases(len(names))})"
        )
        database.run("USE memory.main")
        checked_names(names, f"the result of the query on {path}")
        if copy is not None:
            quoted = [name.replace('"', '""') for name in names]
            named = ", ".join(f'c{place} AS "{name}"' for place, name in enumerate(quoted))
            database.write(f"SELECT {named} FROM loaded", copy)  # noqa: S608
        yield from_scratch(database, names)


# -- writing ------------------------------------------------------------------------------------


def write_parquet(settings: Settings, folder: Path, columns: Columns, path: Path) -> None:
    """Write a table in memory as a Parquet file, of which a copy can be kept.

    Raises:
        NotReadable: the engine cannot hold one of its columns.
    """
    with scratch_database(settings, folder, "this table", [path]) as database:
        database.show("shown", {name: _storable(name, values) for name, values in columns.items()})
        database.write("FROM shown", path)


def _storable(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return a column as the engine takes it: what is missing among objects is None."""
    if values.dtype != object:
        return values
    column = canonical(name, values)
    if column.kind in TEXTS and column.kind != "nested":
        texts = column.values
        return texts if column.missing is None else np.where(column.missing, None, texts)
    if column.kind in ("integer", "float", "boolean") and column.missing is None:
        return column.values
    return values if column.missing is None else np.where(column.missing, None, values)
