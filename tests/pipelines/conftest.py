"""Fixtures: a folder with a pipeline of small scripts, run in this process or in others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lite_mlops.pipelines import PipelineRun, Pipelines
from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME, PREFIX
from tests.conftest import wait_until

COMMAND = (sys.executable, "-W", "error", "-m", "lite_mlops")

TWO_STEPS = """
[params]
rate = 0.1

[[step]]
name = "clean"
command = "python clean.py"
inputs = ["raw.csv"]
outputs = ["clean.csv"]

[[step]]
name = "train"
command = "python train.py {rate}"
inputs = ["clean.csv"]
outputs = ["model.txt"]
params = ["rate"]
"""
CLEAN = """
from pathlib import Path
with open("log.txt", "a") as log: log.write("clean\\n")
Path("clean.csv").write_text(Path("raw.csv").read_text().upper())
print("cleaned")
"""
TRAIN = """
import sys
from pathlib import Path
with open("log.txt", "a") as log: log.write("train\\n")
Path("model.txt").write_text(Path("clean.csv").read_text() + sys.argv[1])
"""


class Place:
    """The folder of a project whose steps write into `log.txt` that they ran."""

    def __init__(self, folder: Path, pipelines: Pipelines) -> None:
        self.folder = folder
        self.pipelines = pipelines

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name != ".lite-mlops"}

    def logged(self) -> list[str]:
        """Return what ran since it was asked last."""
        log = self.folder / "log.txt"
        lines = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def run(self, what: str | None = None, **options: object) -> PipelineRun:
        return self.pipelines.run(what, **options)  # type: ignore[arg-type]

    def why(self, **options: object) -> dict[str, tuple[str, str]]:
        """Return how each step stands, and why."""
        found = self.pipelines.status(**options)  # type: ignore[arg-type]
        return {one.step: (one.state, "; ".join(one.reasons)) for one in found}


@pytest.fixture
def place(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A project with two steps, of which one stands on the other."""
    monkeypatch.chdir(tmp_path / "work")
    found = Place(tmp_path / "work", project.pipelines)
    found.write(FILE_NAME, TWO_STEPS)
    found.write("raw.csv", "a,b\n")
    found.write("clean.py", CLEAN)
    found.write("train.py", TRAIN)
    return found


Started = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def started(place: Place) -> Iterator[Started]:
    """Starts a command line in a process group of its own; what still runs at the end is killed."""
    processes: list[subprocess.Popen[str]] = []
    variables = {"DIR": str(place.folder), "CAPTURE_CODE": "0", "CAPTURE_ENVIRONMENT": "0"}
    environment = os.environ | {PREFIX + name: value for name, value in variables.items()}

    def start(*args: str, command: tuple[str, ...] = COMMAND) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, *args],
            cwd=place.folder,
            env=environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.communicate()


def is_alive(pid: int) -> bool:
    """Return whether a process goes on; one that nobody waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def pid_in(path: Path) -> int:
    """Wait until a step wrote its process into a file, and return it."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())
