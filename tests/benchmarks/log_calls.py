"""What one call of `log_metric` costs the program that is being tracked.

Measured against the floor of every tracker that loses nothing when it is killed: formatting the
same line and one unbuffered write of it, written out in the loop without a call around it.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lite_mlops.tracking import ActiveRun
from tests.benchmarks.measuring import (
    Figure,
    compared,
    interleaved,
    percentile,
    scratch,
)
from tests.benchmarks.processes import Crew
from tests.benchmarks.projects import new_project, plain_file, plain_project, points_in

_FLOOR = "f-string of the same line, encoded, and one unbuffered write"
_CHECKSUM = "1f0a77c25e9d0b13"
_KEY = "loss"
_EVENTS_OF_A_FOLD = 5_000


def _logged(run: ActiveRun, values: Sequence[float]) -> float:
    """Return the seconds of one call."""
    begin = time.perf_counter()
    for step, value in enumerate(values):
        run.log_metric(_KEY, value, step=step)
    return (time.perf_counter() - begin) / len(values)


def _written(fd: int, run_id: str, values: Sequence[float]) -> float:
    begin = time.perf_counter()
    for step, value in enumerate(values):
        line = (
            f'{{"n":{step},"ts":{time.time_ns() // 1000},"k":"metric","run":"{run_id}",'
            f'"key":"{_KEY}","step":{step},"value":{value!r},"c":"{_CHECKSUM}"}}\n'
        )
        os.write(fd, line.encode())
    return (time.perf_counter() - begin) / len(values)


def _each_logged(run: ActiveRun, values: Sequence[float]) -> list[float]:
    """Return the seconds of each single call."""
    clock, found = time.perf_counter_ns, []
    for step, value in enumerate(values):
        begin = clock()
        run.log_metric(_KEY, value, step=step)
        found.append(clock() - begin)
    return [one / 1e9 for one in found]


def _each_written(fd: int, run_id: str, values: Sequence[float]) -> list[float]:
    clock, found = time.perf_counter_ns, []
    for step, value in enumerate(values):
        begin = clock()
        line = (
            f'{{"n":{step},"ts":{time.time_ns() // 1000},"k":"metric","run":"{run_id}",'
            f'"key":"{_KEY}","step":{step},"value":{value!r},"c":"{_CHECKSUM}"}}\n'
        )
        os.write(fd, line.encode())
        found.append(clock() - begin)
    return [one / 1e9 for one in found]


def _fold_on(place: Path, flag: Path) -> int:
    """Log and fold again and again until `flag` is there; return how often.

    It logs as well, so that folding is the same work whatever the other process does at the time.
    """
    project, count = plain_project(place), 0
    with project.start_run("folding") as run:
        while not flag.exists():
            for step in range(_EVENTS_OF_A_FOLD):
                run.log_metric("other", step * 0.5, step=step)
            project.store.fold()
            count += 1
    return count


class _Singles:
    """The single calls of both sides, in turns, and the percentiles of each turn."""

    def __init__(self, run: ActiveRun, fd: int, values: Sequence[float], turns: int) -> None:
        self.ours: list[list[float]] = []
        self.floor: list[list[float]] = []
        for _ in range(turns):
            self.ours.append(_each_logged(run, values))
            self.floor.append(_each_written(fd, run.id, values))

    def at(self, share: float, what: str, **about: Any) -> Figure:
        ours = [percentile(turn, share) for turn in self.ours]
        floor = [percentile(turn, share) for turn in self.floor]
        return compared(what, ours, floor, floor_is=_FLOOR, **about)


def measure(*, quick: bool) -> list[Figure]:
    """Measure blocks of calls, then single calls, then single calls beside a folding process."""
    calls, turns = (2_000, 3) if quick else (20_000, 15)
    short = [step * 0.5 for step in range(calls)]
    doubles = [random.Random(1).random() for _ in range(calls)]
    figures = []
    with scratch() as folder, plain_file(folder) as (_, fd):
        project = new_project(folder)
        project.create()
        with project.start_run("logging") as run:
            for values, which in ((short, "short floats"), (doubles, "random doubles")):
                ours, floor = interleaved(
                    turns,
                    partial(_logged, run, values),
                    partial(_written, fd, run.id, values),
                )
                what = f"one call, mean of a block, {which}"
                figures.append(compared(what, ours, floor, floor_is=_FLOOR, within=2.0))
            singles = _Singles(run, fd, doubles, turns)
            figures.append(singles.at(0.5, "single call, median", at_most=2.5e-6))
            figures.append(singles.at(0.99, "single call, p99", at_most=10e-6))
            flag = folder / "enough"
            with Crew([(_fold_on, (project.folder.parent, flag))]) as crew:
                crew.begin()
                time.sleep(0.2)
                busy = _Singles(run, fd, doubles, 3 * turns)
                flag.touch()
                (folds,) = crew.results()
            beside = f"while another process folds ({folds} folds)"
            figures.append(busy.at(0.5, f"single call, median, {beside}"))
            figures.append(busy.at(0.999, f"single call, p99.9, {beside}", at_most=1e-3))
        logged = calls * (2 * (turns + 1) + 4 * turns) + folds * _EVENTS_OF_A_FOLD
        lost = logged - points_in(project)
        figures.append(Figure("points logged and not found", lost, "count", at_most=0))
        project.close()
    return figures
