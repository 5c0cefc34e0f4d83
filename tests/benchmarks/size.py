"""Bytes of a metric point in the database file after folding.

Measured against SQLite with the same columns and an index on run, key and step. Times are those of
a training loop: ten metrics a step, some microseconds between them and some milliseconds between
the steps, four runs at a time.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from lite_mlops.project import Project
from lite_mlops.store.clock import new_id, now
from lite_mlops.store.events import Metric
from tests.benchmarks.measuring import Figure, scratch
from tests.benchmarks.projects import new_project, points_in, write_journal

_FLOOR = "SQLite with the same columns and an index on (run, key, step)"
_RUNS, _KEYS = 4, 10

Row = tuple[str, str, int, int, float]


def _rows(points: int, value: Callable[[int, int], float]) -> list[list[Row]]:
    """Return the points of each run in the order of their time."""
    generator, begin, runs = random.Random(1), now(), []
    for _ in range(_RUNS):
        run, moment, rows = new_id(), begin + generator.randrange(1_000_000), []
        for event in range(points // _RUNS):
            step, key = divmod(event, _KEYS)
            moment += generator.randrange(3, 6) if key else generator.randrange(9_000, 11_000)
            rows.append((run, f"metric_{key}", step, moment, value(step, key)))
        runs.append(rows)
    return runs


def _fold(project: Project, runs: Sequence[Sequence[Row]]) -> None:
    for rows in runs:
        bodies = [
            (moment, f'{Metric.prefix(run, key)}{step},"value":{value!r}')
            for run, key, step, moment, value in rows
        ]
        write_journal(project.store.layout.journal, bodies)
    project.store.fold()


def _ours(folder: Path, runs: list[list[Row]], folds: int) -> tuple[float, float]:
    """Return the bytes of a point that the file grew by, and of the blocks of it in use."""
    project = new_project(folder, keep_journals_mb=1e6)
    project.create()
    empty_size, empty_used = _sizes(project)
    length = len(runs[0])
    for part in range(folds):
        span = slice(length * part // folds, length * (part + 1) // folds)
        _fold(project, [rows[span] for rows in runs])
    size, used = _sizes(project)
    points = points_in(project)
    assert points == sum(map(len, runs))
    project.close()
    return (size - empty_size) / points, (used - empty_used) / points


def _sizes(project: Project) -> tuple[int, int]:
    """Return the bytes of the file, and those of its blocks in use; what is free is used next."""
    with project.store.reading() as database:
        blocks = database.rows("file_blocks")
    block_size, _, free = blocks[0]
    size = project.store.layout.database.stat().st_size
    return size, size - block_size * free


def _sqlite(folder: Path, runs: list[list[Row]]) -> float:
    path = folder / f"{new_id()}.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE metrics (run_id TEXT, key TEXT, step INT, time INT, value REAL)"
        )
        for rows in runs:
            connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("CREATE INDEX by_series ON metrics (run_id, key, step)")
    return path.stat().st_size / sum(map(len, runs))


def measure(*, quick: bool) -> list[Figure]:
    """Measure regular values and random doubles, folded at once and in a hundred pieces."""
    points = 100_000 if quick else 1_000_000
    generator = random.Random(1)
    shapes: dict[str, Callable[[int, int], float]] = {
        "regular values": lambda step, key: step * 0.5 + key,
        "random doubles": lambda _step, _key: generator.random(),
    }
    figures = []
    for name, value in shapes.items():
        for count, folds in ((points // 10, 1), (points, 1), (points // 10, 100)):
            runs = _rows(count, value)
            with scratch() as folder:
                grown, used = _ours(folder, runs, folds)
                floor = _sqlite(folder, runs)
            pieces = f"{name}, {count:,} points in {folds} folds"
            figures.append(Figure(pieces, grown, "bytes", floor, _FLOOR, at_most=12.0))
            figures.append(Figure("of it in use", used, "bytes"))
    return figures
