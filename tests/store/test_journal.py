"""The journal: what has returned is on disk, and trouble with the disk never reaches the caller."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lite_mlops.errors import Denied
from lite_mlops.store import journal as journal_module
from lite_mlops.store.events import Note
from lite_mlops.store.filelock import try_lock
from lite_mlops.store.journal import Journal
from lite_mlops.store.lines import START, verify


def note(text: object) -> str:
    return Note(run="r", text=str(text)).body()


def lines_of(folder: Path) -> list[dict[str, object]]:
    """All lines of all files of a folder, each file proved whole."""
    found = []
    for path in sorted(folder.glob("*.ndjson"), key=lambda p: int(p.stem.rpartition("-")[2])):
        verified = verify(path.read_bytes(), START)
        assert not verified.damages, verified.damages
        found += [json.loads(line) for line in verified.good.splitlines()]
    return found


def texts_of(folder: Path) -> list[object]:
    return [line["text"] for line in lines_of(folder) if line["k"] == "note"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_an_event_is_on_disk_when_the_call_returns(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(note("first"))
    assert texts_of(folder) == ["first"]
    (opened, _) = lines_of(folder)
    assert opened["k"] == "journal_opened"
    assert opened["pid"] == os.getpid()
    assert opened["writer"] == journal.writer
    journal.close()


def test_no_file_is_made_before_the_first_event(folder: Path) -> None:
    Journal(folder).close()
    assert not folder.exists()


def test_times_of_one_writer_always_increase(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([5_000_000, 4_000_000, 4_000_000, 9_000_000])
    monkeypatch.setattr(journal_module, "time_ns", lambda: next(clock))
    journal = Journal(folder)
    assert [journal.append(note(i)) for i in range(4)] == [5_000, 5_001, 5_002, 9_000]
    journal.close()


def test_a_full_file_is_followed_by_the_next_between_two_lines(folder: Path) -> None:
    journal = Journal(folder, rotate_mb=0.001)
    for i in range(100):
        journal.append(note(i))
    assert len(list(folder.iterdir())) > 5
    assert texts_of(folder) == [str(i) for i in range(100)]
    journal.close()


def test_the_file_is_locked_while_its_writer_lives(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(note(1))
    path = journal.path
    fd = os.open(path, os.O_RDONLY)
    assert not try_lock(fd)
    journal.close()
    assert try_lock(fd)
    os.close(fd)


def test_a_closed_journal_goes_on_with_a_new_writer(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(note(1))
    first = journal.writer
    journal.close()
    journal.append(note(2))
    assert journal.writer != first
    assert sorted(texts_of(folder)) == ["1", "2"]  # type: ignore[type-var]
    journal.close()


def test_threads_lose_nothing(folder: Path) -> None:
    journal = Journal(folder, rotate_mb=0.01)
    threads = [
        threading.Thread(target=lambda t=t: [journal.append(note(f"{t}-{i}")) for i in range(300)])
        for t in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, texts_of(folder))) == sorted(
        f"{t}-{i}" for t in range(8) for i in range(300)
    )
    journal.close()


def test_a_signal_handler_may_log_in_the_middle_of_logging(folder: Path) -> None:
    journal = Journal(folder)
    heard = []

    def handler(*_: object) -> None:
        heard.append(journal.append(note("signal")))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        count = 0
        while len(heard) < 50:
            journal.append(note("main"))
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    journal.append(note("last"))
    texts = texts_of(folder)
    assert texts.count("main") == count
    assert texts.count("signal") == len(heard)
    journal.close()


def test_an_interrupt_in_the_middle_of_logging_leaves_no_damage(folder: Path) -> None:
    """Ctrl-C may come between any two steps of an append."""
    journal = Journal(folder)
    returned = 0

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0007)
                while True:
                    journal.append(note(returned))
                    returned += 1
            except KeyboardInterrupt:
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    journal.append(note("last"))
    texts = texts_of(folder)
    assert set(map(str, range(returned))) <= set(map(str, texts))
    assert len(texts) <= returned + 201  # an interrupted call may have been written
    journal.close()


def test_a_forked_child_gets_a_journal_of_its_own(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(note("parent"))
    parent = journal.path
    pid = os.fork()
    if pid == 0:
        journal.append(note("child"))
        os._exit(0 if journal.path != parent else 1)
    assert os.waitpid(pid, 0)[1] == 0
    journal.append(note("parent again"))
    assert sorted(map(str, texts_of(folder))) == ["child", "parent", "parent again"]
    journal.close()


def test_the_child_of_a_dead_parent_does_not_keep_it_alive(folder: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from lite_mlops.store.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        'journal.append(\',"k":"note","run":"r","text":"x"\')\n'
        "print(journal.path, flush=True)\n"
        "if os.fork() == 0:\n"
        "    os.close(1)\n"
        "    sys.stdin.read()\n"
        "os._exit(0)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    path = process.stdout.readline().decode().strip()
    process.stdout.read()
    process.wait(10)
    fd = os.open(path, os.O_RDONLY)
    assert try_lock(fd)  # although the child still runs
    os.close(fd)
    process.stdin.close()
    process.stdout.close()


# -- while the disk cannot be written to --------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Has the system refuse writes, as a full disk does, or take only some bytes of each."""
    real = os.write
    state: dict[str, int | None] = {"room": None}

    def write(fd: int, data: bytes) -> int:
        room = state["room"]
        if room is None:
            return real(fd, data)
        if room == 0:
            raise OSError(28, "No space left on device")
        state["room"] = 0
        return real(fd, data[:room])

    monkeypatch.setattr(journal_module, "write", write)
    monkeypatch.setattr(journal_module, "_RETRY_SECONDS", 0.0)
    return lambda room: state.update(room=room)


def test_a_full_disk_is_told_once_and_loses_nothing(
    folder: Path, failing: Callable[[int | None], None], warnings_of: Callable[[], list[str]]
) -> None:
    journal = Journal(folder)
    journal.append(note("before"))
    failing(0)
    for i in range(50):
        journal.append(note(i))
    assert journal.waiting == 50
    assert len(warnings_of()) == 1
    assert "cannot be written to (No space left on device). Training goes on" in warnings_of()[0]
    failing(None)
    journal.append(note("after"))
    assert texts_of(folder) == ["before", *map(str, range(50)), "after"]
    assert journal.waiting == 0
    journal.close()


def test_a_line_that_was_written_in_part_is_taken_back(
    folder: Path, failing: Callable[[int | None], None]
) -> None:
    journal = Journal(folder)
    journal.append(note("before"))
    for room in (1, 30, 70):
        failing(room)
        journal.append(note(room))
        assert texts_of(folder)[0] == "before"  # nothing torn is left behind
        failing(None)
    journal.append(note("after"))
    assert texts_of(folder) == ["before", "1", "30", "70", "after"]
    journal.close()


def test_what_memory_does_not_hold_is_dropped_counted_and_recorded(
    folder: Path, failing: Callable[[int | None], None], warnings_of: Callable[[], list[str]]
) -> None:
    journal = Journal(folder, backlog_mb=0.001)
    journal.append(note("before"))
    failing(0)
    for i in range(100):
        journal.append(note(i))
    kept = journal.waiting
    assert 0 < kept < 100
    assert sum("no more are kept" in text for text in warnings_of()) == 1
    failing(None)
    journal.append(note("after"))
    dropped = [line for line in lines_of(folder) if line["k"] == "events_dropped"]
    assert [line["count"] for line in dropped] == [100 - kept]
    journal.close()


def test_what_could_never_be_written_is_told_at_the_end(
    folder: Path, failing: Callable[[int | None], None], warnings_of: Callable[[], list[str]]
) -> None:
    journal = Journal(folder)
    failing(0)
    journal.append(note(1))
    journal.append(note(2))
    journal.close()
    assert "2 events could not be written to the journal" in warnings_of()[-1]


def test_a_folder_that_cannot_be_made_is_no_error(
    tmp_path: Path, warnings_of: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_RETRY_SECONDS", 0.0)
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal")
    journal.append(note(1))
    assert "Not a directory" in warnings_of()[0]
    (tmp_path / "file").unlink()
    journal.append(note(2))
    assert texts_of(tmp_path / "file" / "journal") == ["1", "2"]
    journal.close()


def test_a_decision_is_on_the_disk_or_not_made(
    folder: Path, failing: Callable[[int | None], None]
) -> None:
    journal = Journal(folder)
    failing(0)
    with pytest.raises(Denied, match=r"The decision was not made.*Look at free space"):
        journal.append_durably(note("decision"))
    failing(None)
    journal.append_durably(note("second try"))
    assert texts_of(folder) == ["second try"]
    journal.close()


def test_several_decisions_are_on_the_disk_together_or_not_made(
    folder: Path, failing: Callable[[int | None], None]
) -> None:
    journal = Journal(folder)
    failing(0)
    with pytest.raises(Denied, match=r"The decision was not made"):
        journal.append_durably(note("one"), note("other"))
    failing(None)
    last = journal.append_durably(note("first"), note("second"), note("third"))
    journal.append(note("fourth"))
    assert texts_of(folder) == ["first", "second", "third", "fourth"]
    times = [line["ts"] for line in lines_of(folder) if line["k"] == "note"]
    assert times == sorted(set(times), key=str)
    assert times[-1] > last  # type: ignore[operator]
    journal.close()


def test_a_process_that_dies_while_it_decides_leaves_all_or_nothing(folder: Path) -> None:
    """The process is killed right after the one write, before anything was synced."""
    code = f"""
import os, signal
from pathlib import Path
from lite_mlops.store import journal
from lite_mlops.store.events import Note
real = journal.write
def dying(fd, data):
    real(fd, data)
    if b"first" in data:
        os.kill(os.getpid(), signal.SIGKILL)
    return len(data)
journal.write = dying
bodies = [Note(run="r", text=text).body() for text in ("first", "second")]
journal.Journal(Path({str(folder)!r})).append_durably(*bodies)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert texts_of(folder) == ["first", "second"]


def test_the_file_size_limit_of_a_process_is_survived(folder: Path) -> None:
    """A real limit of the system, in a process of its own."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from lite_mlops.store.journal import Journal\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))\n"
        "journal = Journal(Path(sys.argv[1]), rotate_mb=1)\n"
        "for i in range(100):\n"
        '    journal.append(f\',"k":"note","run":"r","text":"{i}"\')\n'
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be written to") == 1
    assert texts_of(folder) == [str(i) for i in range(100)]


# -- durability ---------------------------------------------------------------------------------


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were synced, in order."""
    sizes: list[int] = []
    monkeypatch.setattr(journal_module, "sync", lambda fd: sizes.append(os.fstat(fd).st_size))
    return sizes


def test_full_durability_syncs_every_call_before_it_returns(
    folder: Path, synced: list[int]
) -> None:
    journal = Journal(folder, durability="full")
    for i in range(5):
        journal.append(note(i))
        assert synced[-1] == journal.path.stat().st_size
    journal.close()


def test_normal_durability_syncs_within_a_second(
    folder: Path, synced: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_SYNC_SECONDS", 0.01)
    journal = Journal(folder, rotate_mb=0.001)
    for i in range(50):
        journal.append(note(i))
    total = sum(path.stat().st_size for path in folder.iterdir())
    for thread in threading.enumerate():
        if thread.name == "lite-mlops-sync" and thread.is_alive():  # not one that only begins
            thread.join(10)  # it ends by itself once everything is synced
    assert sum(synced) >= total
    journal.close()


def test_a_failed_sync_is_told_and_not_retried(
    folder: Path, monkeypatch: pytest.MonkeyPatch, warnings_of: Callable[[], list[str]]
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal_module, "sync", fail)
    journal = Journal(folder, durability="full")
    journal.append(note(1))
    assert "Syncing the journal" in warnings_of()[0]
    assert "Input/output error" in warnings_of()[0]
    journal.close()
