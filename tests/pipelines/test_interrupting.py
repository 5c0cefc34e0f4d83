"""Pipelines that are interrupted or killed: nothing half done stays, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.errors import Busy
from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME
from tests.conftest import wait_until
from tests.pipelines.conftest import Place, Started, is_alive, pid_in

# Writes half of its output and who it is, with a child that would go on for long, and waits.
SLOW = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("clean.csv", "w").write("half")
open("child.pid", "w").write(f"{child.pid}\\n")
open("own.pid", "w").write(f"{os.getpid()}\\n")
while not os.path.exists("go"): time.sleep(0.01)
child.kill()
open("clean.csv", "w").write("whole")
"""


@pytest.fixture
def slow(place: Place) -> Place:
    """The pipeline, having run once, with a first step that now takes long."""
    place.run()
    place.write("clean.py", SLOW)
    place.logged()
    return place


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_everything_clean(
    slow: Place, started: Started, project: Project, number: int
) -> None:
    before = slow.names()
    process = started("pipe", "run")
    pids = [pid_in(slow.folder / name) for name in ("own.pid", "child.pid")]
    assert slow.read("clean.csv") == "half"
    process.send_signal(number)
    code, out = ended(process)
    assert (code, out.splitlines()[-1]) == (130, "Interrupted.")
    assert not any(is_alive(pid) for pid in pids)
    assert slow.names() - {"own.pid", "child.pid"} == before
    assert slow.read("clean.csv") == "A,B\n"
    statuses = {run.name: run.status for run in project.runs.page(count=2)}
    assert statuses == {"pipeline": "killed", "clean": "killed"}
    slow.write("go", "")
    assert slow.run().ran == ["clean", "train"]


def test_a_step_is_asked_before_it_is_made_to_end(slow: Place, started: Started) -> None:
    tidy = "import signal\ndef tidy(*_):\n    open('tidied', 'w').close()\n    raise SystemExit\n"
    slow.write("clean.py", f"{tidy}signal.signal(15, tidy)\n{SLOW}")
    process = started("pipe", "run")
    pid_in(slow.folder / "own.pid")
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    assert (slow.folder / "tidied").exists()


def test_one_that_ignores_being_asked_ends_all_the_same(slow: Place, started: Started) -> None:
    slow.write("clean.py", "import signal; signal.signal(15, signal.SIG_IGN)\n" + SLOW)
    process = started("pipe", "run")
    pids = [pid_in(slow.folder / name) for name in ("own.pid", "child.pid")]
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    assert not any(is_alive(pid) for pid in pids)


def test_a_kill_leaves_no_half_output_to_the_next_run(
    slow: Place, started: Started, project: Project
) -> None:
    process = started("pipe", "run")
    own, child = (pid_in(slow.folder / name) for name in ("own.pid", "child.pid"))
    process.kill()
    ended_with = process.wait(60)
    # The step outlives us: nobody starts it a second time beside itself.
    with pytest.raises(Busy, match="was killed, and a step of it is still going on"):
        slow.run()
    os.killpg(os.getpgid(own), signal.SIGKILL)
    wait_until(lambda: not is_alive(own) and not is_alive(child))
    assert (ended_with, slow.read("clean.csv")) == (-signal.SIGKILL, "half")
    slow.write("clean.py", "raise SystemExit(1)")
    with pytest.raises(Exception, match="Step 'clean' failed"):
        slow.run()
    assert slow.read("clean.csv") == "A,B\n"
    assert not [name for name in slow.names() if name.startswith(".")]
    statuses = [run.status for run in project.runs.page(count=4)]
    assert statuses == ["failed", "failed", "crashed", "crashed"]


def test_what_a_first_run_half_made_goes(place: Place, started: Started) -> None:
    place.write("clean.py", SLOW)
    process = started("pipe", "run")
    own = pid_in(place.folder / "own.pid")
    process.kill()
    process.wait(60)
    os.killpg(os.getpgid(own), signal.SIGKILL)
    wait_until(lambda: not is_alive(own))
    assert place.read("clean.csv") == "half"
    place.write("clean.py", "raise SystemExit(1)")
    with pytest.raises(Exception, match="Step 'clean' failed"):
        place.run()
    assert not (place.folder / "clean.csv").exists()


# A pipeline of functions: one that is alone, and two that run side by side.
FLOW = """
import os, time
from pathlib import Path
import lite_mlops as lm

def wait(name):
    Path(name + ".txt").write_text("half")
    Path(name + ".pid").write_text(f"{os.getpid()}\\n")
    while not os.path.exists("go"): time.sleep(0.01)
    Path(name + ".txt").write_text("whole")

@lm.step(outputs=["one.txt"])
def one(): wait("one")

@lm.step(outputs=["two.txt"])
def two(): wait("two")

@lm.pipeline
def alone(): one()

@lm.pipeline
def both(): one(), two()
"""


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["alone", "both"])
def test_interrupting_functions(
    place: Place, started: Started, project: Project, flow: str
) -> None:
    place.write("flow.py", FLOW)
    process = started("pipe", "run", "-f", f"flow.py:{flow}", "-j", "2")
    names = ["one"] if flow == "alone" else ["one", "two"]
    pids = {pid_in(place.folder / f"{name}.pid") for name in names}
    assert (process.pid in pids) == (flow == "alone")
    process.send_signal(signal.SIGINT)
    code, out = ended(process)
    assert code == 130, out
    wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert not [name for name in place.names() if name.endswith(".txt")]
    assert {run.status for run in project.runs.page()} == {"killed"}
    place.write("go", "")
    code, out = ended(started("pipe", "run", "-f", f"flow.py:{flow}", "-j", "2"))
    assert code == 0, out
    assert {place.read(f"{name}.txt") for name in names} == {"whole"}


@pytest.fixture
def chain(place: Place) -> Callable[[int], None]:
    """Makes a pipeline of several quick steps, each of which says in the log that it ran."""

    def make(count: int) -> None:
        place.write("copy.sh", 'echo "$1" >> log.txt; cat "$2" - <<< "$1" > "$1.txt"')
        text = ""
        for number in range(count):
            source = f"s{number - 1}.txt" if number else "raw.csv"
            text += (
                f'[[step]]\nname = "s{number}"\ncommand = ["bash", "copy.sh", "s{number}", '
                f'"{source}"]\ninputs = ["{source}"]\noutputs = ["s{number}.txt"]\n'
            )
        place.write(FILE_NAME, text)

    return make


@pytest.mark.slow
def test_kills_at_any_point_repeat_at_most_what_was_going_on(
    place: Place, started: Started, chain: Callable[[int], None]
) -> None:
    count = 6
    chain(count)
    log = place.folder / "log.txt"
    kills = 0
    for wanted in range(1, count + 1):
        process = started("pipe", "run")
        wait_until(
            lambda wanted=wanted, process=process: (
                process.poll() is not None  # type: ignore[misc]
                or (log.exists() and len(set(log.read_text().split())) >= wanted)
            )
        )
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait(60)
        wait_until(lambda: _lock_is_free(place.folder))
    code, out = ended(started("pipe", "run"))
    assert code == 0, out
    ran = place.logged()
    assert set(ran) == {f"s{number}" for number in range(count)}
    assert len(ran) <= count + kills  # each kill costs at most the step that was going on
    assert place.read("s5.txt") == "a,b\n" + "".join(f"s{number}\n" for number in range(count))
    assert not [name for name in place.names() if name.startswith(".")]


def _lock_is_free(folder: Path) -> bool:
    import fcntl

    for path in (folder / ".lite-mlops" / "pipelines").glob("*.steps"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True
