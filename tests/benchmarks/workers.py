"""Workers behind one port: the rate and the memory of one, two and three, beside one process alone.

The rate is that of requests of 500 rows, which keep a worker busy for milliseconds; the memory that
of a model with 200 MB of arrays, each page counted once. One process alone has no supervisor; that
is how `serve` answers by default. The load has a process of its own, which on a machine of two
processors takes a share of what the second worker could have had.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from tests.benchmarks.load import Asked, Serving
from tests.benchmarks.measuring import Figure, compared, scratch
from tests.benchmarks.projects import new_project

_ALONE = "one process alone"
_ROWS, _COLUMNS = 500, 1_000
_LOOK_SECONDS = 0.05
_ANSWER_SECONDS = 30.0
_WARM_SECONDS = 1.0


def _command(folder: Path, model: str, workers: int) -> list[str]:
    """Return what serves the model with so many workers; with none of them, by itself."""
    if not workers:
        command = ["lite_mlops", "serve", model, "--port", "0", "--log-sample", "0"]
    else:
        told = {
            "references": [model],
            "project": str(folder),
            "workers": str(workers),
            "options": {"sample": 0.0},
        }
        command = ["tests.web.workers.supervised", json.dumps(told)]
    return [sys.executable, "-m", *command]


def _workers(url: str) -> int:
    """Return how many workers answer."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()
    return next((int(one.split()[1]) for one in lines if one.startswith("lite_mlops_workers ")), 0)


@contextmanager
def _serving(folder: Path, model: str, workers: int) -> Iterator[Serving]:
    environment = os.environ | {"LITE_MLOPS_DIR": str(folder)}
    process = subprocess.Popen(
        _command(folder, model, workers), stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stdout is not None
        url = ""
        while "Ctrl-C stops." not in (line := process.stdout.readline()):
            assert line, "it did not start"
            url = url or line.rpartition(" on ")[2].strip()
        while _workers(url) != workers:
            time.sleep(_LOOK_SECONDS)
        yield Serving(url, process.pid)
    finally:
        process.terminate()
        process.communicate()


def _memory(server: Serving) -> float:
    """Return the bytes in memory of a server, each page counted once."""
    process = psutil.Process(server.pid)
    family = [process, *process.children(recursive=True)]
    return float(sum(one.memory_full_info().pss for one in family))


def _registered(folder: Path, rows: int) -> tuple[Path, bytes, bytes]:
    """Register both models in a new project; return its folder, and a body for each of them."""
    random = np.random.default_rng(1)
    project = new_project(folder)
    few = random.normal(size=(_ROWS, 30)).round(3)
    project.models.register(
        LogisticRegression().fit(few, few[:, 0] > 0), "many", input_example=few[:2]
    )
    large = random.normal(size=(rows, _COLUMNS))
    near = KNeighborsClassifier(3, algorithm="brute").fit(large, large[:, 0] > 0)
    project.models.register(near, "near", input_example=large[:2])
    project.close()
    return (
        project.folder,
        json.dumps(few.tolist()).encode(),
        json.dumps([large[0].round(3).tolist()]).encode(),
    )


def measure(*, quick: bool) -> list[Figure]:
    """Measure the time a request and the memory, with none, one and two workers."""
    seconds, repetitions, rows = (0.5, 1, 2_500) if quick else (2.0, 5, 25_000)
    found: dict[tuple[str, str], list[float]] = {}
    sides = {_ALONE: 0, "one worker": 1, "two workers": 2}
    with scratch() as scratched:
        folder, many, near = _registered(scratched, rows)
        asked = [Asked("POST", "/predict", many)]
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(_serving(folder, "many", workers))
                for name, workers in sides.items()
            }
            for _ in range(repetitions):
                for connections in (1, 8):
                    for name, server in servers.items():
                        result, cpu = server.load(asked, connections=connections, seconds=seconds)
                        assert set(result.statuses) == {200}, result.statuses
                        for what, value in (
                            ("time a request", 1 / result.rate),
                            ("processor time a request", cpu),
                        ):
                            key = f"{what}, {connections} connection{'s'[: connections - 1]}"
                            found.setdefault((name, key), []).append(value)
        for name, workers in (sides | {"three workers": 3}).items():
            with _serving(folder, "near", workers) as server:  # no other has the arrays in memory
                server.load([Asked("POST", "/predict", near)], connections=8, seconds=_WARM_SECONDS)
                found[name, "memory"] = [_memory(server)]
    return [
        compared(
            f"{name}: {key}",
            values,
            found[_ALONE, key],
            floor_is=_ALONE,
            unit="bytes" if key == "memory" else "s",
        )
        for (name, key), values in found.items()
        if name != _ALONE
    ]
