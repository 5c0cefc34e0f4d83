"""100 metrics at each of 1000 steps: what a step costs, and how long until all can be queried.

Measured against `json.dumps` of the same values with one unbuffered write a step and, for the
whole, one load of those lines by DuckDB into a table with the same columns.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.measuring import Figure, compared, interleaved, scratch
from tests.benchmarks.projects import (
    METRICS_TABLE,
    new_project,
    plain_database,
    plain_file,
    points_in,
)

_LINE = "json.dumps of the same values and one unbuffered write a step"
_WHOLE = "the same lines, then one DuckDB read_json into a table of a new file"
_LOAD = """
    INSERT INTO metrics
    SELECT run, unnest(keys), step, make_timestamp(ts), unnest(numbers)
    FROM read_json(?, format = 'newline_delimited', columns = {
        run: 'VARCHAR', step: 'BIGINT', ts: 'BIGINT', keys: 'VARCHAR[]', numbers: 'DOUBLE[]'})
"""

Steps = list[dict[str, float]]


class _Sides:
    """Both sides; each turn leaves the seconds of a step and the seconds of the whole."""

    def __init__(self, folder: Path, steps: Steps, *, exists: bool) -> None:
        self.folder, self.steps, self.exists = folder, steps, exists
        self.per_step: dict[str, list[float]] = {"ours": [], "floor": []}

    def ours(self) -> float:
        project = new_project(self.folder)
        if self.exists:
            project.create()
        with project.start_run("many") as run:
            begin = time.perf_counter()
            for step, values in enumerate(self.steps):
                run.log_metrics(values, step=step)
            logged = time.perf_counter()
            found = project.runs.get(run.id)
            end = time.perf_counter()
        assert all(metric.points == len(self.steps) for metric in found.metrics.values())
        assert points_in(project) == len(self.steps) * len(self.steps[0])
        project.close()
        self.per_step["ours"].append((logged - begin) / len(self.steps))
        return end - begin

    def floor(self) -> float:
        with (
            plain_file(self.folder) as file,
            plain_database(self.folder, METRICS_TABLE) as database,
        ):
            begin = time.perf_counter()
            for step, values in enumerate(self.steps):
                line = {
                    "ts": time.time_ns() // 1000,
                    "run": "0123456789abcdef0123",
                    "step": step,
                    "keys": list(values),
                    "numbers": list(values.values()),
                }
                os.write(file.fd, (json.dumps(line) + "\n").encode())
            logged = time.perf_counter()
            database.execute(_LOAD, [str(file.path)])
            database.execute("USE memory")
            database.execute("DETACH plain")
            end = time.perf_counter()
        self.per_step["floor"].append((logged - begin) / len(self.steps))
        return end - begin


def _steps(count: int, value: Callable[[int], float]) -> Steps:
    return [{f"layer_{i}/norm": value(i + step) for i in range(100)} for step in range(count)]


def measure(*, quick: bool) -> list[Figure]:
    """Measure short floats and random doubles in a project, then in one that is not there yet."""
    count, turns = (100, 3) if quick else (1000, 11)
    generator = random.Random(1)
    short = _steps(count, lambda i: i * 0.5)
    doubles = _steps(count, lambda _: generator.random())
    figures = []
    for steps, which, step_goal in ((short, "short floats", 30e-6), (doubles, "doubles", None)):
        with scratch() as folder:
            sides = _Sides(folder, steps, exists=True)
            ours, floor = interleaved(turns, sides.ours, sides.floor)
            per_step = [sides.per_step[side][1:] for side in ("ours", "floor")]
        what = f"one step of 100 metrics, {which}"
        figures.append(compared(what, *per_step, floor_is=_LINE, at_most=step_goal))
        what = f"{count} steps until queryable, {which}"
        figures.append(compared(what, ours, floor, floor_is=_WHOLE, at_most=0.20))
    with scratch() as folder:
        sides = _Sides(folder, short, exists=False)
        ours, floor = interleaved(turns, sides.ours, sides.floor)
    what = f"{count} steps until queryable, short floats, new project"
    figures.append(compared(what, ours, floor, floor_is=_WHOLE, at_most=0.20))
    return figures
