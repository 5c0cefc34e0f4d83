"""What starting costs: the package, its command line, the first logged point, and a server.

All are whole processes, measured in turns with a Python that starts and does nothing. The server
answers from the plan of a model; its memory is what it has alone and its share of what processes
have together, such as the code of libraries.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lite_mlops
from lite_mlops.settings import PREFIX
from lite_mlops.store.clock import new_id
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import plain_project

_FLOOR = "a whole process of Python that does nothing"
_IMPORT = "import lite_mlops"
_FIRST_POINT = """
from time import perf_counter
begin = perf_counter()
import lite_mlops as lm
run = lm.start_run()
run.log_metric("loss", 0.5, step=0)
print(perf_counter() - begin)
"""
_COMMAND = Path(sys.executable).with_name("lite-mlops")
_ROOT = Path(lite_mlops.__file__).parents[1]


class _Processes:
    """Runs processes in a project that each of them is the first to use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # As after an installation: compiled modules are there, whatever the environment says.
        self._environment = os.environ | {
            "PYTHONPATH": str(_ROOT),
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
            "PYTHONDONTWRITEBYTECODE": "",
        }

    def output(self, *command: str, **settings: str) -> str:
        place = self.folder / new_id()
        place.mkdir()
        done = subprocess.run(
            command,
            env=self._environment | {PREFIX + "DIR": str(place)} | settings,
            cwd=place,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def seconds(self, *command: str) -> float:
        return seconds_of(lambda: self.output(*command))

    def python(self, code: str) -> float:
        return self.seconds(sys.executable, "-c", code)

    def first_point(self, capture: str) -> float:
        """Return the seconds from before the import to after the first point, inside."""
        settings = {PREFIX + "CAPTURE_CODE": capture, PREFIX + "CAPTURE_ENVIRONMENT": capture}
        return float(self.output(sys.executable, "-c", _FIRST_POINT, **settings))


class _Server(_Processes):
    """Starts a server of a lowered model, asks it once, and stops it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._project = folder / "served"
        self._project.mkdir()
        rows, labels = load_breast_cancer(return_X_y=True)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
        project = plain_project(self._project)
        project.models.register(model, "line", training=rows, alias="champion")
        assert project.models.plan("line@champion").used
        self.bundle = str(folder / "line.lmz")
        project.models.export("line/1", self.bundle)
        project.close()
        self._row = json.dumps([rows[0].tolist()]).encode()
        self.memory: dict[str, list[float]] = {}  # bytes, after each first answer

    def first_answer(self, served: str) -> float:
        """Return the seconds from the start of the process to its first answer."""
        command = [sys.executable, "-m", "lite_mlops", "serve", served, "--port", "0"]
        environment = self._environment | {PREFIX + "DIR": str(self._project)}
        begin = time.perf_counter()
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            told = process.stdout.readline()
            connection = http.client.HTTPConnection(told.rpartition("http://")[2].strip())
            connection.request("POST", "/predict", self._row)
            status = connection.getresponse().status
            seconds = time.perf_counter() - begin
            pss = psutil.Process(process.pid).memory_full_info().pss
            self.memory.setdefault(served, []).append(pss)
            connection.close()
            process.terminate()
            process.stdout.read()
        assert status == 200
        return seconds


def _command_works(processes: _Processes) -> bool:
    if not _COMMAND.exists():
        return False
    try:
        processes.output(str(_COMMAND), "--help")
    except subprocess.CalledProcessError:
        return False
    return True


def measure(*, quick: bool) -> list[Figure]:
    """Measure each side in turns with a bare interpreter."""
    turns = 5 if quick else 31
    with scratch() as folder:
        processes = _Processes(folder)
        bare = partial(processes.python, "pass")
        sides: dict[str, tuple[Callable[[], float], float | None]] = {
            "import lite_mlops": (partial(processes.python, _IMPORT), 5.0),
            "a first point, whole process": (partial(processes.python, _FIRST_POINT), None),
        }
        if _command_works(processes):
            sides["lite-mlops --help"] = (partial(processes.seconds, str(_COMMAND), "--help"), 8.0)
        else:
            print("\nthe command lite-mlops is not there or does not run: left out")
        inside = {
            "a first point, from the import on": partial(processes.first_point, "true"),
            "the same, capture off": partial(processes.first_point, "false"),
        }
        whole = [action for action, _ in sides.values()]
        floor, *found = interleaved(turns, bare, *whole, *inside.values())
        server = _Server(folder)
        of = {"of a project": "line@champion", "of a bundle": server.bundle}
        answered = interleaved(turns, *(partial(server.first_answer, one) for one in of.values()))
    figures = [
        compared(what, seconds, floor, floor_is=_FLOOR, within=goal)
        for (what, (_, goal)), seconds in zip(sides.items(), found, strict=False)
    ]
    of_inside = zip(inside, found[len(sides) :], strict=True)
    figures += [compared(what, seconds) for what, seconds in of_inside]
    for (what, served), seconds in zip(of.items(), answered, strict=True):
        memory = server.memory[served]
        figures += [
            compared(f"serving a lowered model {what}, to the first answer", seconds, at_most=0.4),
            compared("memory of that server", memory, unit="bytes", at_most=70e6),
        ]
    return figures
