"""The SQL console: one read-only statement over the project's tables, locked down.

    table = query(store, "SELECT name, status FROM runs")
    table.columns, table.rows

The statement sees the database and nothing else: no files, no network, no extensions, no Python
objects. It runs in a process of its own with hard limits of memory and time, because the limits of
the engine do not bound a single huge value, and do not end every statement in time.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Denied, Invalid
from lite_mlops.frames import Column, Kind, Tabular
from lite_mlops.htmltext import html_table
from lite_mlops.settings import Settings
from lite_mlops.store.database import connect, is_engine_error
from lite_mlops.store.filelock import ProjectLock
from lite_mlops.store.layout import Layout

if TYPE_CHECKING:
    import duckdb

    from lite_mlops.store.store import Store

_MB = 1_000_000
# What a Python process with the engine maps before it has read anything.
_PROCESS_BYTES = 1_500 * _MB
_SHOWN_ROWS = 100  # in a notebook
# Types of the engine whose columns have one type in every library.
_KINDS: dict[str, Kind] = {
    "VARCHAR": "text",
    "DOUBLE": "number",
    "BOOLEAN": "flag",
    **dict.fromkeys(("BIGINT", "INTEGER", "SMALLINT", "TINYINT"), "whole"),
}
_READING_STATEMENTS = ("SELECT", "EXPLAIN")


@dataclass(frozen=True)
class Table(Tabular):
    """The answer to a statement."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool  # there were more rows than were asked for

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        more = " and more" if self.cut else ""
        return f"<Table {', '.join(self.columns)}: {len(self.rows)} rows{more}>"

    def _repr_html_(self) -> str:
        return html_table(repr(self)[1:-1], self.columns, self.rows[:_SHOWN_ROWS])

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        names = _told_apart(self.columns)
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def tabular(self) -> dict[str, Column]:
        """Return the rows by columns."""
        names = _told_apart(self.columns)
        values: list[Sequence[Any]] = [*zip(*self.rows, strict=True)] or [()] * len(names)
        kinds = [_KINDS.get(kind, "any") for kind in self.types]
        return {n: Column(k, v) for n, k, v in zip(names, kinds, values, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        """Return the columns with their types, and the rows, as values of Python."""
        return {
            "columns": list(self.columns),
            "types": list(self.types),
            "rows": [list(row) for row in self.rows],
            "cut": self.cut,
        }


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return names of which no two are the same: a, a_2, a_3."""
    found: list[str] = []
    for name in names:
        number, new = 1, name
        while new in found:
            number += 1
            new = f"{name}_{number}"
        found.append(new)
    return found


def query(store: Store, sql: str, *, rows: int | None = None) -> Table:
    """Run one reading statement over everything that was logged until now.

    Raises:
        Invalid: it is not one statement that reads, or the engine refuses it.
        Denied: it needs more memory or time than the settings allow.
    """
    if not isinstance(sql, str) or not sql.strip():
        raise Invalid("There is no SQL to run.")
    try:
        sql.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            f"The statement was refused: it is not valid Unicode text ({error})."
        ) from None
    with store.reading():
        pass  # everything is folded, and the schema is the present one
    settings = store.settings
    request = {
        "folder": str(store.layout.folder),
        "settings": dataclasses.asdict(settings),
        "sql": sql,
        "rows": int(settings.sql_rows if rows is None else rows),
    }
    answer = answered_apart(request, settings)
    if kind := answer.get("error"):
        raise {"Denied": Denied, "Invalid": Invalid}[kind](answer["message"])
    types = tuple(answer["types"])
    converted = tuple(
        tuple(_from_json(value, kind) for value, kind in zip(row, types, strict=True))
        for row in answer["rows"]
    )
    return Table(tuple(answer["columns"]), types, converted, answer["cut"])


def answered_apart(request: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Return what a process of its own answers, which is ended when it takes too much.

    Raises:
        Denied: it needs more memory or time than the settings allow.
    """
    command = [sys.executable, "-m", "lite_mlops.store.console"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=settings.sql_seconds + 1,
        )
    except subprocess.TimeoutExpired:
        raise Denied(_too_slow(settings)) from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:  # killed, or out of memory before it could say so
        raise Denied(_too_large(settings)) from None
    return answer


def _too_slow(settings: Settings) -> str:
    return (
        f"The statement took longer than {settings.sql_seconds:g} seconds and was ended. Narrow "
        "it, or raise the setting sql_seconds."
    )


def _too_large(settings: Settings) -> str:
    return (
        f"The statement needs more than {settings.sql_memory_mb:g} MB of memory and was ended. "
        "Narrow it, or raise the setting sql_memory_mb."
    )


def _to_json(value: Any) -> Any:
    """Return a value of the engine in a form that JSON has."""
    if isinstance(value, dict):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _from_json(value: Any, kind: str) -> Any:
    """Return a value of a column as the Python value that its type stands for."""
    if value is None:
        return None
    if kind == "DATE":
        return date.fromisoformat(value)
    if kind.startswith("TIMESTAMP"):
        return datetime.fromisoformat(value)
    return value


# -- in the process of its own ------------------------------------------------------------------


def _limit_memory(settings: Settings) -> None:
    if sys.platform != "win32":  # which has no such limits
        import resource

        limit = int(settings.sql_memory_mb * _MB) + _PROCESS_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _locked_down(database: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    """Return a connection that can read `database` and do nothing else."""
    memory = f"{int(settings.sql_memory_mb / 2)}MB"
    connection = connect(settings, memory_limit=memory, max_temp_directory_size="0B")
    quoted = os.path.realpath(database).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS project (READ_ONLY)")
    connection.execute("USE project")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _checked(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    found = connection.extract_statements(sql)
    if len(found) != 1:
        raise Invalid(f"One statement at a time: this text holds {len(found)}.")
    kind = found[0].type.name
    if kind not in _READING_STATEMENTS:
        raise Invalid(
            f"Only statements that read can be run here; {kind} is not one. Records are changed "
            "by the other commands, so that every change stays traceable."
        )


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    settings = Settings(**request["settings"])
    layout = Layout(Path(request["folder"]))
    _limit_memory(settings)
    with ProjectLock(layout.folder).shared("running SQL", settings.wait_seconds):
        connection = _locked_down(layout.database, settings)
        # Ends most statements in time; who waits for the answer kills the others a second later.
        threading.Timer(settings.sql_seconds, connection.interrupt).start()
        return fetched(connection, request["sql"], request["rows"])


def fetched(connection: duckdb.DuckDBPyConnection, sql: str, count: int) -> dict[str, Any]:
    """Return the first rows of a statement that reads, in a form that JSON has.

    Raises:
        Invalid: it is not one statement that reads.
    """
    _checked(connection, sql)
    cursor = connection.execute(sql)
    rows = cursor.fetchmany(count + 1)
    described = cursor.description or []
    return {
        "columns": [column[0] for column in described],
        "types": [str(column[1]) for column in described],
        "rows": [[_to_json(value) for value in row] for row in rows[:count]],
        "cut": len(rows) > count,
    }


def _guarded(request: dict[str, Any]) -> dict[str, Any]:
    settings = Settings(**request["settings"])
    try:
        return _answer(request)
    except (Invalid, Denied) as error:
        return {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        return {"error": "Denied", "message": _too_large(settings)}
    except Exception as error:
        if not is_engine_error(error):
            raise
        kind, text = type(error).__name__, str(error)
        if kind == "OutOfMemoryException" or "bad_alloc" in text:
            return {"error": "Denied", "message": _too_large(settings)}
        if kind == "InterruptException":
            return {"error": "Denied", "message": _too_slow(settings)}
        return {"error": "Invalid", "message": f"The statement was refused: {text.strip()}"}


if __name__ == "__main__":
    json.dump(_guarded(json.loads(sys.stdin.read())), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # neither the timer nor the engine's threads are waited for
