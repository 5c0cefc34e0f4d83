"""Journals written by hand for tests: any events, any times, dead or alive writers."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lite_mlops.settings import Settings
from lite_mlops.store.clock import new_id
from lite_mlops.store.database import Database, attached
from lite_mlops.store.events import Event, JournalOpened
from lite_mlops.store.filelock import try_lock
from lite_mlops.store.fold import Folded, fold
from lite_mlops.store.intake import Place, list_journals, read_journal, take_in
from lite_mlops.store.lines import START, encode
from lite_mlops.store.migrations import migrate

SETTINGS = Settings()


def journal_bytes(writer: str, events: Sequence[tuple[int, Event]]) -> bytes:
    """The file of one writer with the given events at the given times."""
    opened = JournalOpened(writer=writer, pid=1, host="h", program="p")
    chain, lines = START, []
    for ts, event in [(0, opened), *events]:
        line, chain = encode(chain, ts, event.body())
        lines.append(line)
    return b"".join(lines)


class Folder:
    """A database, and journals of which any part may have been written so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journals = path / "journal"
        self.journals.mkdir(parents=True)
        self.database = path / "test.duckdb"
        with attached(self.database, SETTINGS, create=True) as database:
            migrate(database)
        self._alive: dict[str, int] = {}

    def write(self, name: str, data: bytes, *, alive: bool = False) -> None:
        """Have the journal `name` hold `data`; an alive writer keeps its lock."""
        (self.journals / name).write_bytes(data)
        if alive and name not in self._alive:
            fd = os.open(self.journals / name, os.O_RDONLY)
            assert try_lock(fd)
            self._alive[name] = fd
        elif not alive and name in self._alive:
            os.close(self._alive.pop(name))

    def fold(self, names: Sequence[str] | None = None, limit: int = 10**9) -> Folded:
        """Fold the named journals, or all, as one process would."""
        paths = [p for p in list_journals(self.journals) if names is None or p.name in names]
        with attached(self.database, SETTINGS) as database:
            rows = database.dicts("journal_places", names=[path.name for path in paths])
            places = {row["name"]: Place.from_row(row) for row in rows}
            if names is None:
                readings = take_in([self.journals], places, new_id(), limit)
            else:
                found = (read_journal(p, places.get(p.name, Place())) for p in paths)
                readings = [reading for reading in found if reading is not None]
            return fold(database, readings, self.path / "tmp")

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """What all tables hold, in a fixed order; how far journals were read left out."""
        with attached(self.database, SETTINGS, read_only=True) as database:
            return dump(database)

    def wrong_hashes(self) -> int:
        """How many rows have another number of their run than the one made of its id."""
        wrong = " UNION ALL ".join(
            f"SELECT run_id FROM {table} WHERE run_hash IS DISTINCT FROM md5_number_lower(run_id)"  # noqa: S608
            for table in ("runs", "params", "latest", "tags", "summaries")
        )
        with attached(self.database, SETTINGS, read_only=True) as database:
            database.execute(wrong)
            return len(database.cursor.fetchall())

    def summaries(self) -> dict[str, tuple[Any, ...]]:
        """What the summaries of runs say, by their ids; NaN as a text."""
        with attached(self.database, SETTINGS, read_only=True) as database:
            rows = _rows(database, "summaries")
        return {
            row["run_id"]: (
                *(row[name] for name in _SHOWN),
                *(json.loads(f"{{{row[part] or ''}}}", parse_constant=str) for part in _PARTS),
            )
            for row in rows
        }

    def runs_over(self) -> dict[str, tuple[Any, ...]]:
        """The same, of what the other tables hold."""
        with attached(self.database, SETTINGS, read_only=True) as database:
            runs, params, latest, tags = (
                _rows(database, table) for table in ("runs", "params", "latest", "tags")
            )
        found = {}
        for run in runs:
            if run["started_at"] is None or run["status"] == "running":
                continue
            run["deleted"] = bool(run["deleted"])
            its_params, its_metrics, its_tags = (
                [row for row in rows if row["run_id"] == run["run_id"]]
                for rows in (params, latest, tags)
            )
            found[run["run_id"]] = (
                *(run[name] for name in _SHOWN),
                {row["key"]: row["value"] for row in its_params},
                {row["key"]: [_told(row[name]) for name in _TOLD] for row in its_metrics},
                {row["key"]: row["value"] for row in its_tags if row["value"] is not None},
            )
        return found

    def close(self) -> None:
        """Let the locks of alive writers go."""
        for fd in self._alive.values():
            os.close(fd)
        self._alive.clear()


_PARTS = ("params", "metrics", "tags")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD = ("step", "time", "value", "low", "high", "points")
_SHOWN = (
    *("run_hash", "name", "experiment", "status", "actor", "started_at", "ended_at"),
    *("parent_id", "note", "deleted"),
)


def _rows(database: Database, table: str) -> list[dict[str, Any]]:
    database.execute(f"SELECT * FROM {table}")  # noqa: S608
    return database.fetched()


def _told(value: Any) -> Any:
    """A column of `latest` as a summary tells it."""
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, sorted, with NaN as a text so that equal tables compare equal."""
    database.execute(
        "SELECT table_name, estimated_size FROM duckdb_tables() "
        "WHERE database_name = current_database()"
    )
    sizes = dict(database.cursor.fetchall())
    found: dict[str, list[tuple[Any, ...]]] = {}
    for (table,) in database.rows("table_names"):
        if table not in ("journals", "migrations"):
            rows = []
            if sizes.get(table, 1):  # most are empty, which is quicker to know than to read
                database.execute(f"SELECT * FROM {table}")  # noqa: S608
                rows = database.cursor.fetchall()
            found[table] = sorted(rows, key=repr)
    return {table: [tuple(map(repr, row)) for row in rows] for table, rows in found.items()}
