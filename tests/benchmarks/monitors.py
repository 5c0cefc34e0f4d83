"""What a monitor costs a server: the time and processor time of a request, with and without one.

The monitor looks every ten seconds at the last thousand rows, thirty times as often as by default,
so that each measurement has one or two looks in it. It does so in a process of the lowest priority,
which on a machine that has much else to do comes last. One server runs at a time, and the load has
a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME
from tests.benchmarks.load import Asked, Serving
from tests.benchmarks.measuring import Figure, compared, scratch
from tests.benchmarks.projects import new_project

_WITHOUT, _WITH = "without a monitor", "with a monitor"
_COLUMNS = 10
_LOOK_SECONDS = 60.0
_FILE = """
[monitor.churn]
every = "10s"
[channel.log]
type = "log"
path = "alerts.ndjson"
"""


def _made(folder: Path, *, watched: bool) -> Project:
    """Make a project with a model and the data that it was trained on."""
    random = np.random.default_rng(1)
    project = new_project(folder)
    rows = random.normal(size=(5_000, _COLUMNS)).round(3)
    names = [f"c{place}" for place in range(_COLUMNS)]
    with project.start_run():
        project.log_dataset(rows, "customers", column_names=names)
        model = LogisticRegression().fit(rows, rows[:, 0] > 0)
        example = dict.fromkeys(names, 0.0)
        project.log_model(model, "churn", input_example=example, alias="champion")
    if watched:
        (project.folder.parent / FILE_NAME).write_text(_FILE, encoding="utf-8")
    project.close()
    return project


@contextmanager
def _serving(project: Project) -> Iterator[Serving]:
    environment = os.environ | {"LITE_MLOPS_DIR": str(project.folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "lite_mlops", "serve", "churn@champion", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        url = ""
        while "Ctrl-C stops." not in (line := process.stdout.readline()):
            assert line, "it did not start"
            url = url or line.rpartition(" on ")[2].strip()
        yield Serving(url, process.pid)
    finally:
        process.terminate()
        process.communicate()


def _looks(project: Project, *, beyond: int) -> int:
    """Return how often the monitor has looked; wait until it has once more."""
    deadline = time.monotonic() + _LOOK_SECONDS
    while True:
        found = len(project.monitors.runs("churn", rows=1_000))
        if found > beyond or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def measure(*, quick: bool) -> list[Figure]:
    """Measure the time a request takes, and its processor time, with and without a monitor."""
    seconds, repetitions = (2.0, 1) if quick else (12.0, 3)
    row = np.random.default_rng(2).normal(size=(1, _COLUMNS)).round(3)
    asked = [Asked("POST", "/predict", json.dumps(row.tolist()).encode())]
    found: dict[tuple[str, str], list[float]] = {}
    looks = 0
    with scratch() as folder:
        projects = {name: _made(folder, watched=name == _WITH) for name in (_WITHOUT, _WITH)}
        for _ in range(repetitions):
            for name, project in projects.items():
                with _serving(project) as server:
                    load, cpu = server.load(asked, connections=8, seconds=seconds)
                    if name == _WITH:
                        looks = _looks(project, beyond=looks)
                assert set(load.statuses) == {200}, load.statuses
                measured = {
                    "time a request": 1 / load.rate,
                    "99 of 100 requests": load.p99,
                    "processor time a request": cpu,
                }
                for what, value in measured.items():
                    found.setdefault((name, what), []).append(value)
        projects[_WITH].close()
    assert looks, "the monitor never looked"
    return [
        compared(f"{what} ({looks} looks)", values, found[_WITHOUT, what], floor_is=_WITHOUT)
        for (name, what), values in found.items()
        if name == _WITH
    ]
