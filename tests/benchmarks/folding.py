"""How fast journals become rows: 1,000,000 metric events of 16 processes in one fold.

The fold proves every checksum, stages the lines, inserts the points and keeps the summary of each
metric; it is measured against DuckDB's own `read_json` of the same files with the columns given,
inserting the same rows into an equal table of a file, with the same threads and memory. Both end
when everything is in the file and the file is let go.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

from lite_mlops.settings import Settings
from lite_mlops.store.clock import new_id, now
from lite_mlops.store.events import Metric
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.processes import in_new_process
from tests.benchmarks.projects import (
    METRICS_TABLE,
    new_project,
    plain_database,
    points_in,
    write_journal,
)

_JOURNALS, _KEYS = 16, 10
_FLOOR = "DuckDB's read_json of the same files with explicit columns into an equal table"
_LOAD = """
    INSERT INTO metrics SELECT run, key, step, make_timestamp(ts), value
    FROM read_json(?, format = 'newline_delimited', columns = {
        run: 'VARCHAR', key: 'VARCHAR', step: 'BIGINT', ts: 'BIGINT', value: 'DOUBLE'})
    WHERE run IS NOT NULL
"""


def _write_journals(folder: Path, events: int) -> list[Path]:
    """Write what processes leave that logged one run each, ten metrics a step."""
    generator, paths = random.Random(1), []
    for _ in range(_JOURNALS):
        run, moment, bodies = new_id(), now(), []
        prefixes = [Metric.prefix(run, f"metric_{key}") for key in range(_KEYS)]
        for event in range(events // _JOURNALS):
            step, key = divmod(event, _KEYS)
            moment += generator.randrange(3, 6) if key else generator.randrange(9_000, 11_000)
            bodies.append((moment, f'{prefixes[key]}{step},"value":{generator.random()!r}'))
        paths.append(write_journal(folder, bodies))
    return paths


def _fold(folder: Path, journals: list[Path], **options: Any) -> float:
    """Fold copies of the journals into a new project and return the seconds."""
    project = new_project(folder, **options)
    project.create()
    for path in journals:
        os.link(path, project.store.layout.journal / path.name)
    seconds = seconds_of(project.store.fold)
    assert points_in(project) == sum(path.read_bytes().count(b"\n") - 1 for path in journals)
    project.close()
    return seconds


def _load(folder: Path, journals: list[Path], settings: Settings) -> float:
    with plain_database(folder, METRICS_TABLE, settings=settings) as database:

        def load() -> None:
            database.execute(_LOAD, [[str(path) for path in journals]])
            database.execute("USE memory")
            database.execute("DETACH plain")

        return seconds_of(load)


def _both(
    folder: Path, journals: list[Path], turns: int, threads: int
) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of the fold, of the fold with the backup that follows it, of the floor."""
    settings = Settings(database_threads=threads)
    kept = 1e6  # MB: no backup has to replace the journals
    ours, floor, protected = interleaved(
        turns,
        lambda: _fold(folder, journals, database_threads=threads, keep_journals_mb=kept),
        lambda: _load(folder, journals, settings),
        lambda: _fold(folder, journals, database_threads=threads),
    )
    return ours, protected, floor


def measure(*, quick: bool) -> list[Figure]:
    """Measure with two threads of the database, which is the default, and with one."""
    events, turns = (32_000, 2) if quick else (1_000_000, 7)
    figures = []
    with scratch() as folder:
        source = folder / "journals"
        source.mkdir()
        journals = _write_journals(source, events)
        for threads in (2, 1):  # each in a process of its own, whose engine has that many
            ours, protected, floor = in_new_process(_both, folder, journals, turns, threads)
            what = f"{events:,} events, {threads} threads"
            figures.append(compared(what, ours, floor, floor_is=_FLOOR, within=3.0))
            what = "the same, with the backup that replaces so many journals"
            figures.append(compared(what, protected, floor, floor_is=_FLOOR))
    return figures
