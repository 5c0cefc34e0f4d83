"""Tables in files: CSV, Parquet, JSON lines, and queries on the files of DuckDB and SQLite.

    with loaded(settings, folder, "csv", path) as table:
        examine(table)

The file is loaded into a database of the moment, which spills what is larger than memory.
"""

from __future__ import annotations

import csv
import gzip
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lite_mlops.data.canonical import TEXTS, canonical
from lite_mlops.data.streams import INTEGERS, Table, from_scratch, in_memory
from lite_mlops.data.tables import Columns, as_columns
from lite_mlops.errors import Invalid
from lite_mlops.settings import Settings
from lite_mlops.store import NotReadable, Scratch, scratch_database

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


def _first_line(path: Path, delimiter: str) -> list[str]:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file, delimiter=delimiter), [])


# The first line names the columns; no line is taken for a comment or left out.
_CSV = "header = true, skip = 0, comment = ''"


def _sniffed(database: Scratch, path: Path) -> tuple[list[str], list[str], str | None, str | None]:
    """Return names and likely types of a CSV file, and how it writes dates and times."""
    row = database.run(
        f"SELECT Delimiter, Columns, DateFormat, TimestampFormat FROM sniff_csv(?, {_CSV})",  # noqa: S608
        str(path),
    )[0]
    delimiter, columns, dates, times = row
    names = [column["name"] for column in columns]
    try:
        first = _first_line(path, delimiter if len(delimiter) == 1 else ",")
    except UnicodeDecodeError:
        raise NotReadable(f"{path} is not UTF-8 text; convert it first.") from None
    if len(first) == len(names):
        names = first
    if len(names) == 1 and any(sign in names[0] for sign in ",;\t|"):
        raise NotReadable(
            f"{path} cannot be read as a table: its lines do not have the same number of values as "
            f"its first line, {names[0][:100]!r}."
        )
    return checked_names(names, str(path)), [column["type"] for column in columns], dates, times


# The engine rounds 1.5 to 2 where it was told to expect whole numbers. So these are read as texts,
# and if one is not whole after all, the file is read again with the types that fit all its rows.
_NOT_WHOLE = "contains({0}, '.') OR contains({0}, 'e') OR contains({0}, 'E')"


def _load_csv(database: Scratch, path: Path) -> list[str]:
    if not path.stat().st_size:
        raise Invalid(f"{path} is empty: a CSV file has at least a line with the column names.")
    names, types, dates, times = _sniffed(database, path)
    whole = [place for place, kind in enumerate(types) if kind in INTEGERS]
    read = ["VARCHAR" if kind in INTEGERS else kind for kind in types]
    exact = [
        f"CAST(c{place} AS BIGINT) AS c{place}" if place in whole else f"c{place}"
        for place in range(len(types))
    ]
    odd = " OR ".join(_NOT_WHOLE.format(f"c{place}") for place in whole) or "false"
    given = {"types": read, "dateformat": dates, "timestampformat": times}
    chosen = {option: value for option, value in given.items() if value}
    options = "".join(f", {option} = ?" for option in chosen)
    first: NotReadable | None = None
    try:
        database.run(
            f"CREATE TABLE loaded AS SELECT {', '.join(exact)}, {odd} AS odd "  # noqa: S608
            f"FROM read_csv(?, {_CSV}{options}) AS t({_aliases(len(names))})",
            str(path),
            *chosen.values(),
        )
        fits = not database.run("SELECT coalesce(bool_or(odd), false) FROM loaded")[0][0]
    except NotReadable as error:
        fits, first = False, error
    if not fits:
        try:
            database.run(
                f"CREATE OR REPLACE TABLE loaded AS SELECT * "  # noqa: S608
                f"FROM read_csv(?, {_CSV}, sample_size = -1) AS t({_aliases(len(names))})",
                str(path),
            )
        except NotReadable as error:
            raise first or error from None  # the first one names the line
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


# JSON has no times and no UUIDs; what looks like one stays the text that it is. A format that no
# time has keeps the engine from guessing, also inside of records.
_JSON = (
    "format = 'newline_delimited', records = true, sample_size = -1, "
    "dateformat = '@@@', timestampformat = '@@@'"
)


def _load_json(database: Scratch, path: Path) -> list[str]:
    if not path.stat().st_size:
        raise Invalid(f"{path} is empty: there is no record in it.")
    found = database.describe(f"SELECT * FROM read_json(?, {_JSON})", str(path))  # noqa: S608
    types = {name: "VARCHAR" if kind in ("UUID", "TIME") else kind for name, kind in found}
    database.run(
        f"CREATE TABLE loaded AS SELECT * "  # noqa: S608
        f"FROM read_json(?, format = 'newline_delimited', columns = ?) "
        f"AS t({_aliases(len(types))})",
        str(path),
        types,
    )
    return checked_names(list(types), str(path))


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
    if column.kind in TEXTS - {"nested"}:
        values = column.values
    elif column.missing is None and column.kind in ("integer", "float", "boolean"):
        return column.values
    if column.missing is None:
        return values
    values = values.astype(object)  # a copy
    values[column.missing] = None
    return values
