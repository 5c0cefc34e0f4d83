"""Who waits how long while everybody works on one project: 23 processes for 15 seconds.

16 processes log 200 points a second each, 4 read a page of runs every 100 ms, one logs 500
predictions a second as a server does, one decides (a run is deleted or restored) every 200 ms, and
one backs up or cleans the project every second. Reads are measured against the same read of the
same project when nobody else is there; `append` needs no floor here, see `log_calls.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lite_mlops.project import Project
from lite_mlops.store.backup import make_backup
from lite_mlops.store.cleaning import clean
from lite_mlops.store.clock import new_id
from lite_mlops.store.events import Prediction
from tests.benchmarks.measuring import Figure, compared, percentile, scratch, seconds_of
from tests.benchmarks.processes import Crew, Job
from tests.benchmarks.projects import new_project, plain_project

_LOGGERS, _READERS = 16, 4
_FLOOR = "the same read of the same project, when nobody else is there"

Found = tuple[str, list[float], int]  # what it did, the seconds of each time, how often it failed


def _every(pause: float, seconds: float, action: Callable[[int], object]) -> tuple[Any, int]:
    """Do something at a steady pace; return the seconds of each time and the number of errors."""
    begin, times, errors, count = time.perf_counter(), [], 0, 0
    while (due := begin + count * pause) < begin + seconds:
        time.sleep(max(0.0, due - time.perf_counter()))
        before = time.perf_counter()
        try:
            action(count)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is counted)
            print(f"    failed: {error!r}")
            errors += 1
        times.append(time.perf_counter() - before)
        count += 1
    return times, errors


def _log(place: Path, seconds: float) -> Found:
    with plain_project(place).start_run() as run:
        found = _every(1 / 200, seconds, lambda step: run.log_metric("loss", step * 0.5, step=step))
    return ("log", *found)


def _predict(place: Path, seconds: float) -> Found:
    store = plain_project(place).store

    def predict(count: int) -> None:
        numbers: list[float | None] = [count * 0.5 + i for i in range(20)]
        event = Prediction(
            prediction=new_id(),
            model="churn",
            version=1,
            numbers=numbers,
            text="yes",
            scores=[0.25, 0.75],
            latency_us=300,
        )
        store.append(event)

    return ("predict", *_every(1 / 500, seconds, predict))


def _read(place: Path, seconds: float) -> Found:
    runs = plain_project(place).runs
    return ("read", *_every(0.1, seconds, lambda _: runs.page(count=50)))


def _decide(place: Path, seconds: float, run: str) -> Found:
    runs = plain_project(place).runs
    sides = (runs.delete, runs.restore)
    return ("decide", *_every(0.2, seconds, lambda count: sides[count % 2](run)))


def _maintain(place: Path, seconds: float) -> Found:
    store = plain_project(place).store
    sides: tuple[Callable[..., object], ...] = (make_backup, clean)
    return ("maintain", *_every(1.0, seconds, lambda count: sides[count % 2](store)))


def _counts(project: Project) -> dict[str, tuple[int, int]]:
    """Return how many points and predictions there are, and how many different ones."""
    with project.store.reading() as database:
        found = {}
        for kind, table, key in (
            ("log", "metrics", "(run_id, key, step)"),
            ("predict", "predictions", "prediction_id"),
        ):
            database.execute(f"SELECT count(*), count(DISTINCT {key}) FROM {table}")  # noqa: S608
            row = database.cursor.fetchone()
            assert row is not None
            found[kind] = (row[0], row[1])
    return found


def _work(place: Path, seconds: float, decided: str) -> dict[str, list[Found]]:
    """Let everybody work; return what they found, by what they did."""
    plain = (place, seconds)
    jobs: list[Job] = [(_log, plain)] * _LOGGERS + [(_read, plain)] * _READERS
    jobs += [(_predict, plain), (_decide, (*plain, decided)), (_maintain, plain)]
    grouped: dict[str, list[Found]] = {}
    with Crew(jobs) as crew:
        crew.begin()
        for found in crew.results():
            grouped.setdefault(found[0], []).append(found)
    return grouped


def _figures(grouped: dict[str, list[Found]], quiet: list[float], project: Project) -> list[Figure]:
    times = {kind: [one for _, some, _ in found for one in some] for kind, found in grouped.items()}
    about = {"floor_is": _FLOOR}
    figures = [
        compared(
            f"a reader waits, median of {len(times['read']):,}", times["read"], quiet, **about
        ),
        Figure("a reader waits, p99", percentile(times["read"], 0.99)),
        Figure("a reader waits, worst", max(times["read"])),
    ]
    for kind, what in (
        ("decide", "a decision"),
        ("log", "a logged point"),
        ("predict", "a logged prediction"),
        ("maintain", "a backup or a cleaning"),
    ):
        figures.append(compared(f"{what} takes, median of {len(times[kind]):,}", times[kind]))
        if kind in ("log", "predict"):
            figures.append(Figure(f"{what} takes, p99.9", percentile(times[kind], 0.999)))
        figures.append(Figure(f"{what} takes, worst", max(times[kind])))
    errors = sum(errors for found in grouped.values() for _, _, errors in found)
    figures.append(Figure("calls that raised", errors, "count", at_most=0))
    for kind, (rows, different) in _counts(project).items():
        logged = len(times[kind])
        what = {"log": "points", "predict": "predictions"}[kind]
        lost = f"lost of {logged:,} acknowledged {what}"
        figures.append(Figure(lost, max(0, logged - different), "count", at_most=0))
        figures.append(Figure(f"{what} found twice", rows - different, "count", at_most=0))
    return figures


def measure(*, quick: bool) -> list[Figure]:
    """Let all work at once, then count, then read alone."""
    seconds = 3.0 if quick else 15.0
    with scratch() as folder:
        project = new_project(folder)
        with project.start_run("earlier") as run:
            pass
        project.create()
        grouped = _work(project.folder.parent, seconds, run.id)
        project.runs.page(count=50)
        quiet = [seconds_of(lambda: project.runs.page(count=50)) for _ in range(20)]
        figures = _figures(grouped, quiet, project)
        project.close()
    return figures
