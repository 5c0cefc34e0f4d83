"""What is left of a process that is killed while it logs at full speed (SIGKILL).

Acknowledged are the points whose call had returned, counted in memory that outlives the process.
Measured against a process that writes one line a point to a file and is killed the same way.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lite_mlops.store.clock import new_id
from tests.benchmarks.measuring import Figure, compared, scratch, seconds_of
from tests.benchmarks.projects import new_project, plain_project, points_in

_SPAWN = multiprocessing.get_context("spawn")
_FLOOR = "a process that writes one line a point to a file, killed the same way"

Counter = Any  # a number in shared memory


def _log(place: Path, count: Counter) -> None:
    run, step = plain_project(place).start_run(), 0
    while True:
        run.log_metric("loss", step * 0.5, step=step)
        step += 1
        count.value = step


def _write(path: Path, count: Counter) -> None:
    fd, step = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 0
    while True:
        os.write(fd, f'{{"step":{step},"value":{step * 0.5!r}}}\n'.encode())
        step += 1
        count.value = step


def _killed(job: Callable[[Path, Counter], None], path: Path) -> int:
    """Start a process, kill it at some moment, and return how many points it has acknowledged."""
    count: Counter = _SPAWN.Value(ctypes.c_int64, lock=False)
    process = _SPAWN.Process(target=job, args=(path, count))
    process.start()
    while count.value == 0:
        time.sleep(0.01)
    time.sleep(random.uniform(0.1, 0.6))
    process.kill()
    process.join()
    return int(count.value)


def measure(*, quick: bool) -> list[Figure]:
    """Kill each side some times, and look what is found."""
    times = 3 if quick else 10
    acknowledged = floor_acknowledged = lost = floor_lost = not_shown = 0
    first_reads, next_reads = [], []
    with scratch() as folder:
        for _ in range(times):
            project = new_project(folder)
            project.create()
            count = _killed(_log, project.folder.parent)
            first_reads.append(seconds_of(project.runs.page))
            next_reads.append(seconds_of(project.runs.page))
            (run,) = project.runs.page()
            acknowledged += count
            lost += max(0, count - points_in(project))
            not_shown += run.status != "crashed"
            project.close()
            path = folder / new_id()
            count = _killed(_write, path)
            floor_acknowledged += count
            floor_lost += max(0, count - path.read_bytes().count(b"\n"))
    what = f"lost of {acknowledged:,} acknowledged points, {times} kills"
    return [
        Figure(what, lost, "count", floor_lost, _FLOOR, at_most=0),
        Figure("runs not shown as crashed at the next read", not_shown, "count", at_most=0),
        compared(
            "the next read, which folds what is left",
            first_reads,
            next_reads,
            floor_is="the read after it, which has nothing to fold",
        ),
    ]
