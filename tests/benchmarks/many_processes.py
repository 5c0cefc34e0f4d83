"""8 processes log 5000 points each to a project that does not exist yet.

Measured from the moment all of them begin (interpreters are started and the package is imported) to
the end of a read that finds everything, against 8 processes that write the same lines, each to a
file of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from lite_mlops.store.clock import new_id
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch
from tests.benchmarks.processes import Crew
from tests.benchmarks.projects import plain_file, plain_project, points_in

_PROCESSES = 8
_FLOOR = "as many processes, each with one unbuffered write a line to its own file"


def _log(place: Path, points: int) -> tuple[int, int]:
    """Return how many calls returned and how many raised."""
    acknowledged = errors = 0
    with plain_project(place).start_run() as run:
        for step in range(points):
            try:
                run.log_metric("loss", step * 0.5, step=step)
                acknowledged += 1
            except Exception:  # noqa: BLE001  (whatever it is, it is counted)
                errors += 1
    return acknowledged, errors


def _write(folder: Path, points: int) -> tuple[int, int]:
    run = new_id()
    with plain_file(folder) as (_, fd):
        for step in range(points):
            line = (
                f'{{"n":{step},"ts":{time.time_ns() // 1000},"k":"metric","run":"{run}",'
                f'"key":"loss","step":{step},"value":{step * 0.5!r},"c":"1f0a77c25e9d0b13"}}\n'
            )
            os.write(fd, line.encode())
    return points, 0


class _Turns:
    """Runs the two sides and keeps the counts of ours."""

    def __init__(self, folder: Path, points: int) -> None:
        self.folder, self.points = folder, points
        self.acknowledged = self.found = self.errors = 0
        self.until_logged: list[float] = []

    def _together(
        self, job: Callable[..., tuple[int, int]], place: Path, then: Callable[[], None]
    ) -> float:
        with Crew([(job, (place, self.points))] * _PROCESSES) as crew:
            crew.begin()
            begin = time.perf_counter()
            counts = crew.results()
            self.until_logged.append(time.perf_counter() - begin)
            then()
            seconds = time.perf_counter() - begin
        if job is _log:
            self.acknowledged += sum(acknowledged for acknowledged, _ in counts)
            self.errors += sum(errors for _, errors in counts)
        return seconds

    def ours(self) -> float:
        place = self.folder / new_id()
        place.mkdir()
        project = plain_project(place)

        def read() -> None:
            assert len(project.runs.page()) == _PROCESSES

        seconds = self._together(_log, place, read)
        self.found += points_in(project)
        project.close()
        return seconds

    def floor(self) -> float:
        return self._together(_write, self.folder, lambda: None)


def measure(*, quick: bool) -> list[Figure]:
    """Measure both sides, and count."""
    points, turns = (500, 2) if quick else (5000, 9)
    with scratch() as folder:
        sides = _Turns(folder, points)
        ours, floor = interleaved(turns, sides.ours, sides.floor)
    what = f"{_PROCESSES} processes x {points} points until read"
    lost = sides.acknowledged - sides.found
    return [
        compared(what, ours, floor, floor_is=_FLOOR, at_most=0.4),
        compared("of it until all had logged", sides.until_logged[2::2], floor, floor_is=_FLOOR),
        Figure(f"lost of {sides.acknowledged:,} acknowledged points", lost, "count", at_most=0),
        Figure("calls that raised", sides.errors, "count", at_most=0),
    ]
