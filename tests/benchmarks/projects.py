"""Projects and floors that several benchmarks measure in or against."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lite_mlops.project import Project
from lite_mlops.settings import Settings
from lite_mlops.store.clock import new_id
from lite_mlops.store.database import connect
from lite_mlops.store.events import JournalOpened
from lite_mlops.store.lines import START, encode

if TYPE_CHECKING:
    import duckdb


def new_project(folder: Path, **options: Any) -> Project:
    """Return a project in a new folder below `folder`, with the capturing of code off."""
    place = folder / new_id()
    place.mkdir()
    return plain_project(place, **options)


def plain_project(place: Path, **options: Any) -> Project:
    """Return the project of a folder, with the capturing of code off."""
    return Project(place, **{"capture_code": False, "capture_environment": False} | options)


def points_in(project: Project) -> int:
    """Return how many metric points a read finds."""
    with project.store.reading() as database:
        database.execute("SELECT count(*) FROM metrics")
        row = database.cursor.fetchone()
    assert row is not None
    return int(row[0])


class PlainFile(NamedTuple):
    """A file that is open for unbuffered writing."""

    path: Path
    fd: int


@contextmanager
def plain_file(folder: Path) -> Iterator[PlainFile]:
    """A new file with nothing around it."""
    path = folder / new_id()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield PlainFile(path, fd)
    finally:
        os.close(fd)


@contextmanager
def plain_database(
    folder: Path, *tables: str, settings: Settings | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new DuckDB file with tables and nothing around it, detached at the end; same settings."""
    connection = connect(settings or Settings())
    options = "STORAGE_VERSION 'v1.4.0', BLOCK_SIZE 65536"
    try:
        connection.execute(f"ATTACH '{folder / new_id()}.duckdb' AS plain ({options})")
        connection.execute("USE plain")
        for table in tables:
            connection.execute(f"CREATE TABLE {table}")
        yield connection
    finally:
        connection.close()


METRICS_TABLE = "metrics (run_id VARCHAR, key VARCHAR, step BIGINT, time TIMESTAMP, value DOUBLE)"


def write_journal(folder: Path, bodies: Sequence[tuple[int, str]]) -> Path:
    """Write the journal of a process that is gone: events as (time, body)."""
    writer = new_id()
    opened = JournalOpened(writer=writer, pid=1, host="host", program="benchmark")
    line, chain = encode(START, bodies[0][0] - 1, opened.body())
    lines = [line]
    for moment, body in bodies:
        line, chain = encode(chain, moment, body)
        lines.append(line)
    path = folder / f"{writer}-1.ndjson"
    path.write_bytes(b"".join(lines))
    return path
