"""The workbench: an in-memory DuckDB of its own, to compare tables that were never stored.

    with Workbench(settings) as bench:
        columns = bench.read("before", Path("patients.csv"))     # [("age", "integer"), ...]
        bench.rows("SELECT count(*) FROM before WHERE c0 > 40")

A table has the columns c0, c1, ..., so that no name from outside is ever part of a statement. What
does not fit into the memory limit goes to a temporary folder, which is removed at the end.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lite_mlops.errors import Denied, Invalid, NotFound
from lite_mlops.settings import Settings
from lite_mlops.store.database import connect

if TYPE_CHECKING:
    import duckdb

# The kinds of columns and the type that each of them has here.
SQL_TYPES = {
    "integer": "BIGINT",
    "unsigned": "UBIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "time": "TIMESTAMP",
    "text": "VARCHAR",
    "mixed": "VARCHAR",
    "empty": "VARCHAR",
}
_KINDS = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "integer"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), "integer"),
    "UBIGINT": "unsigned",
    **dict.fromkeys(("FLOAT", "DOUBLE", "HUGEINT", "UHUGEINT"), "number"),
    "BOOLEAN": "boolean",
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "time"),
    "TIMESTAMP WITH TIME ZONE": "time",
}

# What a column of texts is, from the narrowest on; each holds for every value that is there.
_NARROWER = {
    "empty": "count({c}) = 0",
    "integer": "bool_and(regexp_full_match({c}, '[+-]?[0-9]{{1,18}}'))",
    "number": "bool_and({c} IS NULL OR try_cast({c} AS DOUBLE) IS NOT NULL)",
    "boolean": "bool_and(lower({c}) IN ('true', 'false'))",
    "time": (
        "bool_and({c} IS NULL OR (regexp_matches({c}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}')"
        " AND try_cast({c} AS TIMESTAMP) IS NOT NULL))"
    ),
}
_DELIMITERS = (",", ";", "\t", "|")
_JSON_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".tsv", ".txt")

_SORT_OF_ERROR = re.compile(r"^[A-Za-z ]+ Error: (CSV Error on )?")
_ADVICE = ("Possible", "LINE")


class Workbench:
    """Tables of the moment, in a DuckDB of their own; a context manager."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="lite-mlops-")
        self._connection = connect(self._settings, temp_directory=self._folder.name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()
        self._folder.cleanup()

    # -- asking ---------------------------------------------------------------------------------

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows. Raises `Denied` if it needs too much memory."""
        return self._run(sql, *values).fetchall()

    def arrays(self, sql: str, *values: object) -> Mapping[str, Any]:
        """Run one statement and return its columns as NumPy arrays, masked where NULL."""
        return self._run(sql, *values).fetchnumpy()

    def _run(self, sql: str, *values: object) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return self._connection.execute(sql, list(values))
        except duckdb.OutOfMemoryException as error:
            raise Denied(
                "This needs more memory than database_memory_mb = "
                f"{self._settings.database_memory_mb:g} allows ({_first_line(error)})."
            ) from None

    # -- bringing tables in ---------------------------------------------------------------------

    def keep(self, table: str, columns: Sequence[tuple[str, Any, Any]]) -> None:
        """Make a table of NumPy columns, each with its kind and where it is missing.

        Raises:
            Invalid: a text is no Unicode.
        """
        import duckdb

        arrays: dict[str, Any] = {}
        for place, (_, values, missing) in enumerate(columns):
            arrays[f"v{place}"], arrays[f"m{place}"] = values, missing
        self._connection.register("arrays", arrays)
        selected = ", ".join(
            f"CASE WHEN m{place} THEN NULL ELSE v{place}::{SQL_TYPES[kind]} END AS c{place}"
            for place, (kind, _, _) in enumerate(columns)
        )
        try:
            self._run(f"CREATE TEMP TABLE {table} AS SELECT {selected} FROM arrays")  # noqa: S608
        except (duckdb.Error, UnicodeError) as error:
            raise Invalid(f"the table cannot be compared: {_first_line(error)}") from None
        finally:
            self._connection.unregister("arrays")

    def read(self, table: str, path: Path, *, lazily: bool = False) -> list[tuple[str, str]]:
        """Make a table of a CSV, Parquet or JSON lines file; return its columns and their kinds.

        With `lazily` a Parquet file is left where it is, and what is asked for is read from it.

        A CSV file has a header, is UTF-8, and an empty field is a missing value. A column of it has
        the narrowest kind that all its values have: integer, number, boolean, time, else text.

        Raises:
            NotFound: there is no such file.
            Invalid: it is no such table; the text says where.
        """
        import duckdb

        if not path.is_file():
            raise NotFound(f"There is no file {path}.")
        ending = path.suffix.lower()
        if not path.stat().st_size:
            raise Invalid(f"{path} is empty: it has not even a header.")
        try:
            if ending in _CSV:
                return self._read_csv(table, path)
            if ending in _JSON_LINES:
                # Every line decides on the types, not only the first ones.
                function = "read_json(?, format = 'newline_delimited', sample_size = -1)"
                return self._with_times(table, self._read_typed(table, path, function))
            if ending in _PARQUET:
                return self._read_typed(table, path, "read_parquet(?)", lazily=lazily)
        except duckdb.Error as error:
            raise Invalid(f"{path} cannot be read: {_explained(error)}") from None
        known = ", ".join((*_CSV, *_PARQUET, *_JSON_LINES))
        raise Invalid(f"{path} is not known by its ending; these are: {known}.")

    def _read_typed(
        self, table: str, path: Path, function: str, *, lazily: bool = False
    ) -> list[tuple[str, str]]:
        """Read a file that says its types; whatever is none of ours becomes text."""
        described = self.rows(f"DESCRIBE FROM {function}", str(path))
        columns = [(name, _kind(sql_type)) for name, sql_type, *_ in described]
        places = ", ".join(f"c{place}" for place in range(len(columns)))
        # NaN is a missing value, as it is in every other table.
        selected = ", ".join(
            f"nullif(c{place}::DOUBLE, 'nan'::DOUBLE) AS c{place}"
            if kind == "number"
            else f"c{place}::{SQL_TYPES[kind]} AS c{place}"
            for place, (_, kind) in enumerate(columns)
        )
        query = f"SELECT {selected} FROM {function} AS t({places})"  # noqa: S608
        if lazily:  # a view takes no parameter
            quoted = "'" + str(path).replace("'", "''") + "'"
            self._run("SET enable_external_file_cache = false")  # each column is read once
            self._run(f"CREATE TEMP VIEW {table} AS {query.replace('?', quoted, 1)}")
        else:
            self._run(f"CREATE TEMP TABLE {table} AS {query}", str(path))
        return columns

    def _with_times(self, table: str, columns: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Make times of the texts that are nothing else, as JSON has no type for them."""
        found = []
        for place, (name, kind) in enumerate(columns):
            test = _NARROWER["time"].format(c=f"c{place}")
            if kind == "text" and self.rows(f"SELECT {test} FROM {table}")[0][0]:  # noqa: S608
                self._run(f"ALTER TABLE {table} ALTER c{place} TYPE TIMESTAMP")
                found.append((name, "time"))
            else:
                found.append((name, kind))
        return found

    def _read_csv(self, table: str, path: Path) -> list[tuple[str, str]]:
        """Read a CSV file as texts, then give each column its kind."""
        names, delimiter = _header(path)
        places = [f"c{place}" for place in range(len(names))]
        columns = ", ".join(f"{place}: 'VARCHAR'" for place in places)
        self._run(
            f"CREATE TEMP TABLE {table}_texts AS FROM read_csv(?, auto_detect = false, "
            f"delim = ?, quote = '\"', escape = '\"', header = true, columns = {{{columns}}})",
            str(path),
            delimiter,
        )
        tests = [
            test.format(c=place).join(("coalesce(", ", false)"))
            for place in places
            for test in _NARROWER.values()
        ]
        (found,) = self.rows(f"SELECT {', '.join(tests)} FROM {table}_texts")  # noqa: S608
        kinds = []
        for place in range(len(names)):
            held = found[place * len(_NARROWER) : (place + 1) * len(_NARROWER)]
            named = (kind for kind, holds in zip(_NARROWER, held, strict=True) if holds)
            kinds.append(next(named, "text"))
        selected = ", ".join(
            f"nullif({place}::DOUBLE, 'nan'::DOUBLE) AS {place}"
            if kind == "number"
            else f"{place}::{SQL_TYPES[kind]} AS {place}"
            for place, kind in zip(places, kinds, strict=True)
        )
        self._run(f"CREATE TEMP TABLE {table} AS SELECT {selected} FROM {table}_texts")  # noqa: S608
        self._run(f"DROP TABLE {table}_texts")
        return list(zip(names, kinds, strict=True))


def _kind(sql_type: str) -> str:
    return "number" if sql_type.startswith("DECIMAL") else _KINDS.get(sql_type, "text")


def _header(path: Path) -> tuple[list[str], str]:
    """Return the names in the header of a CSV file, and what separates them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
            delimiter = max(_DELIMITERS, key=line.count)
            file.seek(0)
            names = next(csv.reader(file, delimiter=delimiter))
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{path} is not UTF-8 (byte {error.start} of its beginning); convert it first."
        ) from None
    except (csv.Error, StopIteration) as error:
        raise Invalid(f"{path} has no header that can be read: {error}.") from None
    if not any(names):
        raise Invalid(f"{path} has no header: its first line is empty.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(f"{path} has two columns with the same name: {', '.join(twice)}.")
    return names, delimiter


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _explained(error: Exception) -> str:
    """Return what the engine says of a file, without its advice about options of its own."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines[:4] if line.strip("^") and not line.startswith(_ADVICE)]
    return _SORT_OF_ERROR.sub("", " ".join(told)).removesuffix(".") + "."
