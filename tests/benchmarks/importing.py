"""An MLflow database of 1,000 runs with 100 points each, imported, and imported again.

Measured against SQLite reading the same rows of the same file, which is the least that any import
has to do.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.benchmarks.measuring import Figure, compared, interleaved, scratch
from tests.benchmarks.projects import new_project

_FLOOR = "SQLite reading all rows of the same file"
_POINTS = 100
_SCHEMA = """
    CREATE TABLE experiments (experiment_id INTEGER, name TEXT, lifecycle_stage TEXT);
    CREATE TABLE runs (
        run_uuid TEXT PRIMARY KEY, name TEXT, user_id TEXT, status TEXT, start_time BIGINT,
        end_time BIGINT, lifecycle_stage TEXT, artifact_uri TEXT, experiment_id INTEGER
    );
    CREATE TABLE metrics (
        key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN
    );
    CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
    CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
    CREATE INDEX metrics_by_run ON metrics (run_uuid);
    CREATE INDEX params_by_run ON params (run_uuid);
    CREATE INDEX tags_by_run ON tags (run_uuid);
    INSERT INTO experiments VALUES (1, 'churn', 'active');
"""


def _made(path: Path, count: int) -> None:
    """Write a store as MLflow's schema has it."""
    begin = 1_750_000_000_000
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)
        for number in range(count):
            run, start = f"{number:032x}", begin + 1000 * number
            row = (run, f"run {number}", "me", "FINISHED", start, start + 900, "active", None, 1)
            database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            params = [(f"param_{i}", str(i), run) for i in range(10)]
            database.executemany("INSERT INTO params VALUES (?, ?, ?)", params)
            points = [("loss", 1 / (i + 1), start + i, run, i, 0) for i in range(_POINTS)]
            database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", points)
        database.commit()


def _floor(path: Path) -> float:
    begin = time.perf_counter()
    with closing(sqlite3.connect(path)) as database:
        rows = sum(
            len(database.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608
            for table in ("runs", "params", "metrics")
        )
    assert rows > _POINTS
    return time.perf_counter() - begin


def _ours(folder: Path, path: Path, count: int, *, again: bool) -> float:
    project = new_project(folder)
    if again:
        project.imports.mlflow(path)
    begin = time.perf_counter()
    done = project.imports.mlflow(path)
    seconds = time.perf_counter() - begin
    assert done.runs == (0 if again else count)
    assert done.points == (0 if again else count * _POINTS)
    project.close()
    return seconds


def measure(*, quick: bool) -> list[Figure]:
    """Measure the first import, and one that finds everything here already."""
    count, turns = (100, 3) if quick else (1000, 5)
    figures = []
    with scratch() as folder:
        path = folder / "mlflow.db"
        _made(path, count)
        for again, which in ((False, "new"), (True, "here already")):
            ours, floor = interleaved(
                turns, partial(_ours, folder, path, count, again=again), partial(_floor, path)
            )
            what = f"import of {count} MLflow runs of {_POINTS} points each, {which}"
            figures.append(compared(what, ours, floor, floor_is=_FLOOR))
    return figures
