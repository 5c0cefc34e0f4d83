"""However a process ends, its runs end with it, and rightly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.project import Project

Python = Callable[..., subprocess.CompletedProcess[str]]

START = """
import os, signal, sys
from lite_mlops.project import Project

project = Project(capture_code=False, capture_environment=False)
run = project.start_run("outer")
inner = project.start_run("inner", nested=True)
run.log_metric("loss", 0.5)
"""


def statuses(project: Project) -> list[str]:
    return [project.runs.get(name).status for name in ("outer", "inner")]


@pytest.mark.parametrize(
    ("ending", "code", "status"),
    [
        ("", 0, "finished"),
        ("sys.exit(0)", 0, "finished"),
        ("raise ValueError('diverged')", 1, "failed"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "killed"),
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "killed"),
    ],
    ids=["end", "exit", "error", "interrupt", "Ctrl-C"],
)
def test_the_end_of_a_process_ends_its_runs(
    project: Project, python: Python, ending: str, code: int, status: str
) -> None:
    done = python(START + ending, check=False)
    assert done.returncode == code
    assert statuses(project) == [status] * 2
    assert project.runs.get("outer").ended_at is not None


def test_a_run_that_ended_before_an_error_stays_finished(project: Project, python: Python) -> None:
    done = python(START + "inner.end(); run.end(); raise ValueError", check=False)
    assert done.returncode == 1
    assert statuses(project) == ["finished"] * 2


@pytest.mark.parametrize(
    "ending", ["os.kill(os.getpid(), signal.SIGKILL)", "os.kill(os.getpid(), signal.SIGTERM)"]
)
def test_a_killed_process_leaves_crashed_runs(
    project: Project, python: Python, ending: str
) -> None:
    done = python(START + "inner.set_tag('last', 'sign of life')\n" + ending, check=False)
    assert done.returncode < 0
    outer, inner = project.runs.get("outer"), project.runs.get("inner")
    assert (outer.status, inner.status) == ("crashed", "crashed")
    # They ended with the last that was logged to each.
    assert outer.ended_at == outer.metrics["loss"].time
    assert inner.ended_at is not None
    assert inner.ended_at > outer.ended_at
    assert inner.tags == {"last": "sign of life"}


def test_a_crashed_run_without_events_ended_when_it_began(project: Project, python: Python) -> None:
    python(START + "os.kill(os.getpid(), signal.SIGKILL)", check=False)
    inner = project.runs.get("inner")
    assert inner.ended_at == inner.started_at


def test_a_crashed_run_can_be_resumed(project: Project, python: Python) -> None:
    python(START + "os.kill(os.getpid(), signal.SIGKILL)", check=False)
    assert project.runs.get("outer").status == "crashed"
    with project.start_run(run_id="outer") as run:
        found = project.runs.get(run.id)
        assert (found.status, found.ended_at) == ("running", None)
        run.log_metric("loss", 0.25)
    assert project.runs.get("outer").status == "finished"
    assert project.runs.history("outer", "loss").steps.tolist() == [0, 1]


LIVING = """
import sys
from lite_mlops.project import Project

run = Project(sys.argv[1], capture_code=False, capture_environment=False).start_run("watched")
print("started", flush=True)
sys.stdin.readline()
"""


def test_a_crash_is_seen_by_who_has_looked_before(project: Project, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIVING, str(tmp_path / "work")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        assert project.runs.get("watched").status == "running"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert project.runs.get("watched").status == "crashed"
