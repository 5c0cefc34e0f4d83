"""Watching: a change has steps run once, whoever was killed meanwhile and whatever was noticed."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lite_mlops.pipelines import Watch
from lite_mlops.pipelines.watching import Wakes
from lite_mlops.settings import FILE_NAME
from tests.conftest import wait_until
from tests.pipelines.conftest import CLEAN, TRAIN, TWO_STEPS, Place, Started, is_alive, pid_in


class Watcher:
    """A watch that runs in a thread of its own, and what it told."""

    def __init__(
        self, place: Place, what: str | None = None, times: int = 1, **options: float
    ) -> None:
        self.told: list[str] = []
        given = {"quiet_seconds": 0.05, "rescan_seconds": 3600.0} | options
        self.watch = Watch(place.pipelines, what, tell=self.told.append, **given)  # type: ignore[arg-type]
        self._thread = threading.Thread(target=self.watch.run, args=(times,), daemon=True)
        self._thread.start()

    def settle(self) -> None:
        """Wait until it waits for changes."""
        wait_until(lambda: "Waiting for changes." in self.told)

    def ran(self) -> int:
        """Return how many runs ended."""
        return sum(
            (" in " in line and "skipped" in line) or " ran, in" in line for line in self.told
        )

    def end(self) -> list[str]:
        """Wait for the end, and return what was told."""
        self._thread.join(60)
        assert not self._thread.is_alive(), self.told
        return self.told


Start = Callable[..., Watcher]


@pytest.fixture
def start(place: Place, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.setenv("LITE_MLOPS_CAPTURE_CODE", "0")
    monkeypatch.setenv("LITE_MLOPS_CAPTURE_ENVIRONMENT", "0")
    return lambda *args, **options: Watcher(place, *args, **options)


def test_what_changed_runs_once(place: Place, start: Start) -> None:
    place.run()
    place.logged()
    watcher = start(times=2)
    watcher.settle()
    place.write("raw.csv", "new\n")
    wait_until(lambda: watcher.ran() == 1)
    assert place.read("model.txt") == "NEW\n0.1"
    place.write("train.py", TRAIN + "print('trained')\n")
    told = watcher.end()
    assert place.logged() == ["clean", "train", "train"]
    assert told[0] == f"Watching {place.folder}."
    assert "clean runs: input raw.csv changed" in told
    assert "train runs: code train.py changed" in told
    assert "train | trained" in told


def test_what_happened_while_there_was_no_watch_is_dealt_with(place: Place, start: Start) -> None:
    place.run()
    place.write("raw.csv", "new\n")
    place.logged()
    start().end()
    assert place.logged() == ["clean", "train"]


def test_many_changes_at_once_are_one(place: Place, start: Start) -> None:
    place.run()
    place.logged()
    watcher = start(quiet_seconds=1.0)
    watcher.settle()
    for number in range(50):
        place.write("raw.csv", f"{number}\n")
    watcher.end()
    assert place.logged() == ["clean", "train"]
    assert place.read("model.txt") == "49\n0.1"


def test_changes_that_nobody_noticed_are_found_when_notices_were_lost(
    place: Place, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run()
    place.logged()
    monkeypatch.setattr(Wakes, "dispatch", lambda *_: None)
    watcher = start()
    watcher.settle()
    place.write("raw.csv", "lost\n")
    logging.getLogger("watchdog.observers.inotify_c").warning(
        "Inotify queue overflowed; filesystem events were lost"
    )
    told = watcher.end()
    assert "Some changes were not noticed one by one; everything is looked at." in told
    assert place.logged() == ["clean", "train"]


def test_the_notifier_says_in_its_log_that_it_lost_some(tmp_path: Path) -> None:
    """What we listen for is what the notifier says when the queue of the system was full."""
    from watchdog.observers import inotify_c

    readers = [one for one in vars(inotify_c).values() if hasattr(one, "handle_event")]
    if not readers:
        pytest.skip("this version of watchdog says nothing of it; only the rescans find them")
    overflow = inotify_c.InotifyConstants.IN_Q_OVERFLOW
    number: Any = -1
    reader = SimpleNamespace(_lock=threading.Lock(), _watch_for_wd={})
    wakes, logger = Wakes(tmp_path), logging.getLogger("watchdog")
    logger.addHandler(wakes)
    try:
        readers[0].handle_event(reader, inotify_c.InotifyEvent(number, overflow, 0, b""))
    finally:
        logger.removeHandler(wakes)
    assert wakes.wait(0) == "(overflow)"


def test_without_notices_everything_is_looked_at_in_time(
    place: Place, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run()
    place.logged()
    monkeypatch.setattr(Wakes, "dispatch", lambda *_: None)
    watcher = start(rescan_seconds=0.1)
    watcher.settle()
    place.write("raw.csv", "late\n")
    watcher.end()
    assert place.logged() == ["clean", "train"]


@pytest.mark.slow
def test_a_step_that_fails_is_not_tried_again_before_something_changed(
    place: Place, start: Start
) -> None:
    place.write("train.py", TRAIN + "raise SystemExit(1)\n")
    watcher = start(times=3)
    failed = "It did not end well; the next change is waited for."
    wait_until(lambda: failed in watcher.told)
    watcher.settle()
    assert watcher.told.count(failed) == 2  # at first it was not known what `train` would read
    place.write("notes.txt", "wakes it, and changes nothing")
    place.write("train.py", TRAIN)
    watcher.end()
    assert place.logged() == ["clean", "train", "train", "train"]


def test_tables_that_cannot_be_read_are_told_and_waited_for(place: Place, start: Start) -> None:
    place.run()
    place.logged()
    watcher = start()
    place.write(FILE_NAME, "[[step]\n")
    wait_until(lambda: any("is not valid TOML" in line for line in watcher.told))
    place.write(FILE_NAME, TWO_STEPS.replace("rate = 0.1", "rate = 0.2"))
    watcher.end()
    assert place.logged() == ["train"]


@pytest.mark.slow
def test_functions_are_loaded_anew(place: Place, start: Start) -> None:
    text = (
        "import lite_mlops as lm\nfrom pathlib import Path\n"
        "@lm.step(outputs=['out.txt'])\ndef make(path):\n"
        "    Path('out.txt').write_text(path.read_text() + '!')\n"
        "@lm.pipeline\ndef flow(): make(Path('raw.csv'))\n"
    )
    place.write("flow.py", text)
    watcher = start("flow.py", times=3)
    wait_until(lambda: watcher.ran() == 1)
    assert place.read("out.txt") == "a,b\n!"
    place.write("flow.py", "broken(")
    wait_until(lambda: any("flow.py cannot be loaded" in line for line in watcher.told))
    place.write("flow.py", text.replace("'!'", "'?'"))
    wait_until(lambda: watcher.ran() == 2)
    place.write("raw.csv", "x")
    watcher.end()
    assert place.read("out.txt") == "x?"


def test_inputs_elsewhere_are_watched(place: Place, start: Start, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "raw.csv").write_text("far\n")
    place.write(FILE_NAME, TWO_STEPS.replace('"raw.csv"', '"../far/raw.csv"'))
    place.run()
    place.logged()
    watcher = start()
    watcher.settle()
    (tmp_path / "far" / "raw.csv").write_text("farther\n")
    watcher.end()
    assert place.logged() == ["clean"]  # which makes the same as before


@pytest.mark.slow
def test_a_folder_that_is_made_later_is_watched(place: Place, start: Start) -> None:
    place.write(
        FILE_NAME,
        '[[step]]\nname = "all"\ncommand = "cat data/*.csv > all.txt"\n'
        'inputs = ["data/*.csv"]\noutputs = ["all.txt"]\n',
    )
    place.write("data/a.csv", "a")
    place.run()
    place.write("data/a.csv", "b")
    shutil.rmtree(place.folder / "data")
    watcher = start(times=3)
    wait_until(lambda: any("failed" in line for line in watcher.told))  # there is nothing to read
    watcher.settle()
    place.write("data/a.csv", "first ")
    wait_until(lambda: watcher.ran() == 1)
    place.write("data/b.csv", "second")
    watcher.end()
    assert place.read("all.txt") == "first second"


# -- kills ---------------------------------------------------------------------------------------

# Says which content it deals with, waits if it is told to, and says that it is done.
DEAL = """
import os, time
from pathlib import Path
text = Path("raw.csv").read_text().strip()
with open("own.pid", "w") as file: file.write(f"{os.getpid()}\\n")
while os.path.exists("stop"): time.sleep(0.01)
Path("clean.csv").write_text(text)
with open("log.txt", "a") as log: log.write(text + "\\n")
"""


@pytest.mark.slow
def test_every_change_is_dealt_with_once_even_across_kills(place: Place, started: Started) -> None:
    place.write(FILE_NAME, TWO_STEPS.split('[[step]]\nname = "train"')[0])
    place.write("clean.py", DEAL)
    line = ("pipe", "watch", "--quiet-seconds", "0.05")
    process = started(*line)
    for number in range(4):
        wait_until(lambda: made(place) is not None)
        if number == 1:  # killed while it waits: what changes now is found afterwards
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)
            place.write("raw.csv", "while away\n")
            process = started(*line)
            wait_until(lambda: made(place) == "while away")
        if number == 2:  # killed in the middle of a step, with everything that it started
            place.write("stop", "")
            (place.folder / "own.pid").unlink()
            place.write("raw.csv", "cut short\n")
            pid = pid_in(place.folder / "own.pid")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)
            for one in _family(pid):
                os.kill(one, signal.SIGKILL)
            wait_until(lambda pid=pid: not is_alive(pid))  # type: ignore[misc]
            (place.folder / "stop").unlink()
            process = started(*line)
            wait_until(lambda: made(place) == "cut short")
        if number == 3:  # the watch alone is killed: its step goes on, and nobody doubles it
            place.write("stop", "")
            (place.folder / "own.pid").unlink()
            place.write("raw.csv", "left alone\n")
            pid = pid_in(place.folder / "own.pid")
            os.kill(process.pid, signal.SIGKILL)
            process.wait(60)
            process = started(*line)
            (place.folder / "stop").unlink()
            wait_until(lambda: made(place) == "left alone")
    place.write("raw.csv", "last\n")
    wait_until(lambda: made(place) == "last")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert place.logged() == ["a,b", "while", "away", "cut", "short", "left", "alone", "last"]


def made(place: Place) -> str | None:
    path = place.folder / "clean.csv"
    try:
        return path.read_text()
    except FileNotFoundError:  # its step is at work
        return None


def _family(pid: int) -> Iterator[int]:
    """Yield a process and its ancestors that are the steps and the runs of a watch."""
    while pid > 1:
        yield pid
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            return
        if b"pipe\0run" in words:
            return
        pid = int(status[1])


def test_interrupting_a_watch_ends_what_it_started(place: Place, started: Started) -> None:
    place.write("clean.py", DEAL)
    place.write("stop", "")
    process = started("pipe", "watch")
    pid = pid_in(place.folder / "own.pid")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out.splitlines()[-1]) == (130, "Interrupted.")
    assert not is_alive(pid)
    assert not (place.folder / "clean.csv").exists()
    place.write("clean.py", CLEAN)
    assert place.run().ran == ["clean", "train"]
