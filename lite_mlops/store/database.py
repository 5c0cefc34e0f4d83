"""The embedded database: one resident DuckDB instance a process, to which files are attached.

    with attached(path, read_only=True) as database:
        database.rows("run_params", run=run_id)

Making an instance costs ten milliseconds, attaching a file a third of one; so the instance stays
and the file is attached only for the moment of an access. The caller holds the project's lock: the
lock of DuckDB itself is a POSIX record lock, which vanishes when any descriptor of the file closes,
and therefore protects nothing against this very process.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Busy, Damaged, Denied
from lite_mlops.settings import Settings
from lite_mlops.store.statements import statements

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger("lite_mlops")

# Chosen once, when a file is created: shells of DuckDB 1.4 and later can open it, and blocks a
# quarter of the default size keep a small project small (1.5 MB instead of 6 with all tables).
_CREATE_OPTIONS = "STORAGE_VERSION 'v1.4.0', BLOCK_SIZE 65536"

_HOLDER = re.compile(r"Conflicting lock is held in (.*?) \(PID (\d+)\)")
_USED_BY_OTHER = "being used by another process"  # what Windows says


class HeldElsewhere(Busy):
    """A process that is not ours has the database file open."""


class Unreadable(Damaged):
    """The database file cannot be opened."""


class NotWritten(Denied):
    """The database file could not be written to."""


def connect(settings: Settings, **config: str | bool | int) -> duckdb.DuckDBPyConnection:
    """Return a new in-memory instance that loads nothing from the network and sees no Python."""
    import duckdb  # tens of milliseconds; a process that only logs never pays for it

    return duckdb.connect(
        ":memory:",
        config={
            "threads": int(settings.database_threads),
            "async_threads": 1,
            "memory_limit": f"{int(settings.database_memory_mb)}MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            **config,
        },
    )


class _Resident:
    """The instance of this process, and the mutex of those who use it."""

    def __init__(self) -> None:
        self.begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before_fork,
                after_in_parent=lambda: self.mutex.release(),
                after_in_child=self.begin,
            )

    def _before_fork(self) -> None:
        # An instance does not survive a fork: its threads are not there in the child, and closing
        # it there crashes. So it goes before; whoever needs one next makes it in ten milliseconds.
        self.mutex.acquire()
        self.discard()

    def begin(self) -> None:
        """Start without an instance."""
        self.mutex = threading.RLock()
        self.instance: duckdb.DuckDBPyConnection | None = None
        self.told_full = False

    def cursor(self, settings: Settings) -> duckdb.DuckDBPyConnection:
        """Return a new cursor of the instance, which is made if there is none."""
        if self.instance is None:
            self.instance = connect(settings)
        return self.instance.cursor()

    def discard(self) -> None:
        """Close the instance with whatever it has attached."""
        if self.instance is not None:
            self.instance.close()
            self.instance = None


_resident = _Resident()


# Commands by their text: parsing one anew takes a tenth of the time of a small one.
_parsed: dict[str, duckdb.Statement] = {}
_MOST_PARSED = 1000  # a few hundred are named; the others are built by searches


class Database:
    """An attached database file, for the moment of an access; it runs named statements."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.cursor = cursor

    def run(self, name: str, /, **values: object) -> None:
        """Run all commands of the statement `name`."""
        for part in statements()[name]:
            self.command(part.sql, part.arguments(values))

    def command(self, sql: str, values: Sequence[object] | Mapping[str, object]) -> None:
        """Run one command, of a text that comes again and again."""
        if sql not in _parsed:
            if len(_parsed) >= _MOST_PARSED:
                _parsed.clear()
            (_parsed[sql],) = self.cursor.extract_statements(sql)
        self.cursor.execute(_parsed[sql], values)

    def rows(self, name: str, /, **values: object) -> list[tuple[Any, ...]]:
        """Run the statement `name` and return all rows of its last command."""
        self.run(name, **values)
        return self.cursor.fetchall()

    def dicts(self, name: str, /, **values: object) -> list[dict[str, Any]]:
        """Run the statement `name` and return all rows by column name."""
        self.run(name, **values)
        return self.fetched()

    def fetched(self) -> list[dict[str, Any]]:
        """Return all rows of the last command by column name."""
        rows = self.cursor.fetchall()
        names = [column[0] for column in self.cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def one(self, name: str, /, **values: object) -> dict[str, Any] | None:
        """Run the statement `name` and return its first row by column name, if there is one."""
        found = self.dicts(name, **values)
        return found[0] if found else None

    def value(self, name: str, /, **values: object) -> Any:
        """Run the statement `name` and return the first value of its first row, if any."""
        found = self.rows(name, **values)
        return found[0][0] if found else None

    def arrays(self, name: str, /, **values: object) -> Mapping[str, Any]:
        """Run the statement `name` and return its columns as NumPy arrays."""
        self.run(name, **values)
        return self.cursor.fetchnumpy()

    @contextmanager
    def shown(self, name: str, columns: Mapping[str, Any]) -> Iterator[None]:
        """Have NumPy columns seen as the table `name` meanwhile; nothing is copied."""
        self.cursor.register(name, dict(columns))
        try:
            yield
        finally:
            self.cursor.unregister(name)

    def execute(self, sql: str, *values: object) -> None:
        """Run one command that is not a named statement."""
        self.cursor.execute(sql, list(values))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or roll it back if anything fails."""
        self.cursor.begin()
        try:
            yield
        except BaseException:
            self.cursor.rollback()
            raise
        self.cursor.commit()


def _explained(path: Path, error: Exception) -> Exception:
    """Return the error to raise for a file that could not be attached."""
    text = str(error)
    if holder := _HOLDER.search(text):
        return HeldElsewhere(
            f"{path} is open in {holder[1]} (process {holder[2]}). Close it there, or let it open "
            "the file read-only. What is logged meanwhile is kept in the journal."
        )
    if _USED_BY_OTHER in text:  # pragma: no cover
        return HeldElsewhere(f"{path} is open in another program. Close it there and try again.")
    return Unreadable(
        f"{path} cannot be opened as a database ({text.splitlines()[0]}). Run "
        "`lite-mlops doctor --repair`: it sets the file aside and rebuilds it."
    )


def _trouble_inside(path: Path, error: Exception) -> Exception | None:
    """Return the error to raise for one of the engine while a file is attached, if it is known."""
    if not is_engine_error(error):
        return None
    text = str(error).splitlines()[0]
    if "No space left" in text or "Could not write" in text or "File too large" in text:
        return NotWritten(
            f"{path} could not be written to ({text}). Nothing that was stored is harmed, and what "
            "is logged stays in the journal; make space and try again."
        )
    if "Corrupt database file" in text or "checksum" in text:
        return Unreadable(
            f"{path} is damaged ({text}). Run `lite-mlops doctor --repair`: it sets the file aside "
            "and rebuilds it."
        )
    return None


def _attach(cursor: duckdb.DuckDBPyConnection, path: Path, options: str) -> None:
    import duckdb

    # The real path, as DuckDB takes a symbolic link for a second file.
    quoted = os.path.realpath(path).replace("'", "''")
    try:
        cursor.execute(f"ATTACH '{quoted}' AS project ({options})")
        cursor.execute("USE project")
    except duckdb.Error as error:
        raise _explained(path, error) from error


def _detach(cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
    import duckdb

    try:
        cursor.close()  # which used it; the instance itself stays in its memory
        assert _resident.instance is not None
        _resident.instance.execute("DETACH project")
    except duckdb.Error as error:
        # What was committed is safe in the write-ahead log; bringing it into the file comes after.
        _resident.discard()
        if not _resident.told_full:
            _resident.told_full = True
            log.warning(
                "%s could not be brought up to date (%s). Nothing is lost; make space on the disk.",
                path,
                str(error).splitlines()[0],
            )
    else:
        _resident.told_full = False


@contextmanager
def attached(
    path: Path, settings: Settings, *, read_only: bool = False, create: bool = False
) -> Iterator[Database]:
    """Attach the database file for the moment; detaching writes everything to it.

    Raises:
        HeldElsewhere: another program has the file open.
        Unreadable: the file is not a database, or damaged.
        NotWritten: the disk is full or may not be written to.
    """
    with _resident.mutex:
        cursor = _resident.cursor(settings)
        try:
            options = "READ_ONLY" if read_only else _CREATE_OPTIONS if create else "READ_WRITE"
            _attach(cursor, path, options)
            try:
                yield Database(cursor)
            except Exception as error:
                if (told := _trouble_inside(path, error)) is not None:
                    raise told from error
                raise
            finally:
                _detach(cursor, path)
        finally:
            cursor.close()


def copy_into(database: Database, path: Path) -> None:
    """Copy everything of the attached database into a new file, without its empty space."""
    quoted = str(path).replace("'", "''")
    database.execute(f"ATTACH '{quoted}' AS fresh ({_CREATE_OPTIONS})")
    try:
        database.execute("COPY FROM DATABASE project TO fresh")
    finally:
        database.execute("DETACH fresh")


@contextmanager
def nothing_attached() -> Iterator[None]:
    """Keep the threads of this process from attaching anything, while a file is copied."""
    with _resident.mutex:
        yield


def is_engine_error(error: Exception) -> bool:
    """Return whether an error comes from the engine itself."""
    import duckdb

    return isinstance(error, duckdb.Error)
