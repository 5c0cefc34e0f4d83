"""1000 short runs, each with 10 params and 5 metrics, and one read at the end.

Measured against SQLite (WAL, synchronous = NORMAL) with one transaction a run and the same read,
once with the capturing of code and environment off, once on, in a small git repository.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from lite_mlops.store.clock import new_id, now
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch
from tests.benchmarks.projects import new_project

_FLOOR = "SQLite in WAL mode, one transaction a run, the newest 50 runs read at the end"
_PARAMS = {f"param_{i}": i * 0.25 for i in range(10)}
_METRICS = {f"metric_{i}": i * 0.5 for i in range(5)}
_SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE runs (run_id TEXT, name TEXT, status TEXT, started INT, ended INT);
    CREATE TABLE params (run_id TEXT, key TEXT, value TEXT);
    CREATE TABLE metrics (run_id TEXT, key TEXT, step INT, time INT, value REAL);
    CREATE INDEX by_run ON runs (run_id);
    CREATE INDEX params_by_run ON params (run_id, key);
    CREATE INDEX metrics_by_run ON metrics (run_id, key, step);
"""


def _ours(folder: Path, count: int, *, capture: bool) -> float:
    project = new_project(folder, capture_code=capture, capture_environment=capture)
    begin = time.perf_counter()
    for _ in range(count):
        with project.start_run() as run:
            run.log_params(_PARAMS)
            run.log_metrics(_METRICS, step=0)
    runs = project.runs.page(count=50)
    seconds = time.perf_counter() - begin
    assert all(len(run.params) == 10 and len(run.metrics) == 5 for run in runs)
    (experiment,) = project.experiments.all()
    assert experiment.runs == count
    project.close()
    return seconds


def _floor(folder: Path, count: int) -> float:
    begin = time.perf_counter()
    with closing(sqlite3.connect(folder / f"{new_id()}.sqlite")) as connection:
        connection.executescript(_SCHEMA)
        for i in range(count):
            run_id = new_id()
            with connection:
                row = (run_id, f"run {i}", "running", now(), None)
                connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)
                params = [(run_id, key, str(value)) for key, value in _PARAMS.items()]
                connection.executemany("INSERT INTO params VALUES (?, ?, ?)", params)
                metrics = [(run_id, key, 0, now(), value) for key, value in _METRICS.items()]
                connection.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", metrics)
                update = "UPDATE runs SET status = 'finished', ended = ? WHERE run_id = ?"
                connection.execute(update, (now(), run_id))
        newest = "SELECT * FROM runs ORDER BY started DESC LIMIT 50"
        for run_id, *_ in connection.execute(newest).fetchall():
            for table in ("params", "metrics"):
                found = connection.execute(
                    f"SELECT * FROM {table} WHERE run_id = ?",  # noqa: S608
                    (run_id,),
                )
                assert found.fetchall()
    return time.perf_counter() - begin


@contextmanager
def _in_repository(folder: Path) -> Iterator[None]:
    """Have the running script lie in a git repository with one commit and one change."""
    repository = folder / "repository"
    repository.mkdir()
    script = repository / "train.py"
    script.write_text("depth = 3\n" * 100)
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    for command in (("init", "--quiet"), ("add", "."), (*who, "commit", "--quiet", "-m", "one")):
        subprocess.run(["git", "-C", str(repository), *command], check=True)
    script.write_text("depth = 4\n" + "depth = 3\n" * 99)
    before, sys.argv = sys.argv, [str(script)]
    try:
        yield
    finally:
        sys.argv = before


def measure(*, quick: bool) -> list[Figure]:
    """Measure with capturing off, then on."""
    count, turns = (100, 3) if quick else (1000, 9)
    figures = []
    with scratch() as folder, _in_repository(folder):
        for capture, which in ((False, "capture off"), (True, "capture on")):
            ours, floor = interleaved(
                turns,
                partial(_ours, folder, count, capture=capture),
                partial(_floor, folder, count),
            )
            what = f"{count} runs, new project, one read, {which}"
            goal = None if capture else 0.6
            figures.append(compared(what, ours, floor, floor_is=_FLOOR, at_most=goal))
    return figures
