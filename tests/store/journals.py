"""Journals written by hand for tests: any events, any times, dead or alive writers."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
            for table in ("runs", "params", "latest", "tags")
        )
        with attached(self.database, SETTINGS, read_only=True) as database:
            database.execute(wrong)
            return len(database.cursor.fetchall())

    def close(self) -> None:
        """Let the locks of alive writers go."""
        for fd in self._alive.values():
            os.close(fd)
        self._alive.clear()


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, sorted, with NaN as a text so that equal tables compare equal."""
    found = {}
    for (table,) in database.rows("table_names"):
        if table not in ("journals", "migrations"):
            database.execute(f"SELECT * FROM {table}")  # noqa: S608
            rows = database.cursor.fetchall()
            found[table] = sorted(rows, key=repr)
    return {table: [tuple(map(repr, row)) for row in rows] for table, rows in found.items()}
