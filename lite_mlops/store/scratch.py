"""A database of the moment, for tables that come from outside and belong to no project.

    with scratch_database(settings, folder, "patients.parquet", [path]) as database:
        database.run("CREATE TABLE loaded AS FROM read_parquet(?)", str(path))

It has an instance of its own, in memory, which spills into `folder` what is larger than its memory.
It reads and writes only the files that are given, loads no extension, and is gone at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Denied, Invalid
from lite_mlops.settings import Settings
from lite_mlops.store.clock import new_id
from lite_mlops.store.database import connect

if TYPE_CHECKING:
    import duckdb


# What a table can be written as.
WRITTEN = {"parquet": "FORMAT parquet", "csv": "FORMAT csv, HEADER true", "jsonl": "FORMAT json"}


class NotReadable(Invalid):
    """What was given is no table that the engine can read."""


def _told(what: str, error: Exception) -> Exception:
    said = str(error).partition("\nLINE 1:")[0].partition("Possible")[0]
    text = " ".join(said.split())[:300]
    if "No space left" in text or "Out of Memory" in text or "failed to offload" in text:
        return Denied(
            f"{what} needs more memory or temporary space than there is ({text}). Make space, or "
            "raise the setting database_memory_mb."
        )
    return NotReadable(f"{what} cannot be read as a table: {text}")


class Scratch:
    """A connection to the instance; every error of the engine becomes one that names the source."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, what: str) -> None:
        self._connection = connection
        self._what = what

    def run(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one command and return its rows. Raises `NotReadable` or `Denied`."""
        import duckdb

        try:
            return self._connection.execute(sql, list(values)).fetchall()
        except duckdb.Error as error:
            raise _told(self._what, error) from None

    def arrays(self, sql: str, *values: object) -> Mapping[str, Any]:
        """Run one command and return its columns as NumPy arrays, in the order of the rows."""
        import duckdb

        try:
            return self._connection.execute(sql, list(values)).fetchnumpy()
        except duckdb.Error as error:
            raise _told(self._what, error) from None

    def describe(self, sql: str, *values: object) -> list[tuple[str, str]]:
        """Return the names and types of the columns of a query."""
        return [(row[0], row[1]) for row in self.run(f"DESCRIBE {sql}", *values)]

    def only_reads(self, sql: str) -> bool:
        """Return whether this is a single SELECT. Raises `NotReadable` for what is no SQL."""
        import duckdb

        try:
            found = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise _told(self._what, error) from None
        return len(found) == 1 and found[0].type == duckdb.StatementType.SELECT

    def write(self, sql: str, path: Path, form: str = "parquet") -> None:
        """Write the result of a query to one of the paths that are seen, in one of `WRITTEN`."""
        quoted = str(path).replace("'", "''")
        self.run(f"COPY ({sql}) TO '{quoted}' ({WRITTEN[form]})")

    def show(self, name: str, columns: Mapping[str, Any]) -> None:
        """Have NumPy columns seen as the table `name`; nothing is copied."""
        self._connection.register(name, dict(columns))

    def beside(self) -> Scratch:
        """Return a connection to the same tables for another thread."""
        return Scratch(self._connection.cursor(), self._what)


@contextmanager
def scratch_database(
    settings: Settings,
    folder: Path,
    what: str,
    paths: Sequence[Path] = (),
    attach: Path | None = None,
) -> Iterator[Scratch]:
    """Yield an empty instance that sees `paths` and nothing else; errors name `what`.

    `attach` is a DuckDB file that is attached for reading, as `source`.

    Raises:
        NotReadable: `attach` cannot be opened.
    """
    spilled = folder / f"spill-{new_id()}"
    spilled.mkdir(mode=0o700, parents=True)
    connection = connect(settings, temp_directory=str(spilled))
    try:
        found = Scratch(connection, what)
        if attach is not None:
            quoted = os.path.realpath(attach).replace("'", "''")
            found.run(f"ATTACH '{quoted}' AS source (READ_ONLY)")
        allowed = [form for path in paths for form in {str(path), os.path.realpath(path)}]
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in allowed)
        found.run(f"SET allowed_paths = [{listed}]")
        found.run("SET enable_external_access = false")
        found.run("SET lock_configuration = true")
        yield found
    finally:
        connection.close()
        shutil.rmtree(spilled, ignore_errors=True)
