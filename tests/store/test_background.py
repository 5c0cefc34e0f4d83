"""Work in the background: its order, its end, forks, and the end of the process."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from lite_mlops.store import Store, background
from lite_mlops.store.background import Background

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def behind() -> Iterator[Background]:
    made = Background()
    yield made
    assert made.wait(10)


def _wait(gate: threading.Event) -> None:
    gate.wait(10)


def test_work_is_done_in_its_order(behind: Background) -> None:
    done: list[int] = []
    for number in range(background.MAX_PIECES):
        behind.do(partial(done.append, number), size=1, seconds=1)
    assert behind.wait(10)
    assert done == list(range(background.MAX_PIECES))
    assert len(behind) == 0


def test_nobody_waits_for_it(behind: Background) -> None:
    gate = threading.Event()
    behind.do(partial(_wait, gate), size=1, seconds=1)
    assert not behind.wait(0)
    assert len(behind) == 1
    gate.set()
    assert behind.wait(10)
    assert not [one for one in threading.enumerate() if one is behind._thread]


def test_what_is_too_large_to_wait_is_done_at_once(behind: Background) -> None:
    gate, done = threading.Event(), []
    behind.do(partial(_wait, gate), size=background.MAX_WAITING, seconds=1)
    behind.do(lambda: done.append(threading.current_thread()), size=1, seconds=1)
    assert done == [threading.current_thread()]
    gate.set()


def test_what_is_too_much_to_wait_is_done_at_once(behind: Background) -> None:
    gate = threading.Event()
    done: list[int] = []
    behind.do(partial(_wait, gate), size=1, seconds=1)
    for number in range(background.MAX_PIECES + 2):
        behind.do(partial(done.append, number), size=1, seconds=1)
    last = background.MAX_PIECES
    assert done == [last - 1, last, last + 1]
    gate.set()
    assert behind.wait(10)
    assert sorted(done) == list(range(last + 2))


def test_work_that_fails_is_told_and_stops_no_other(
    behind: Background, warnings_of: Callable[[], list[str]]
) -> None:
    done: list[int] = []
    behind.do(lambda: done.append(1 // 0), size=1, seconds=1)
    behind.do(lambda: done.append(1), size=1, seconds=1)
    assert behind.wait(10)
    assert done == [1]
    (said,) = warnings_of()
    assert said.startswith("A piece of work in the background failed: ZeroDivisionError(")


def test_the_work_may_wait_for_itself(behind: Background) -> None:
    found: list[bool] = []
    behind.do(lambda: found.append(behind.wait()), size=1, seconds=1)
    assert behind.wait(10)
    assert found == [True]


def test_who_reads_waits(store: Store) -> None:
    gate, done = threading.Event(), []
    store.fold()
    store.background.do(lambda: done.append(gate.wait(10)), size=1, seconds=1)
    threading.Timer(0.01, gate.set).start()
    with store.reading():
        assert done == [True]


def _in_child(behind: Background, write: int) -> None:
    def tell() -> None:
        os.write(write, b"%d" % len(behind))

    behind.do(tell, size=1, seconds=1)
    os._exit(0)


def test_a_forked_child_does_its_own_work_at_once_and_no_other(behind: Background) -> None:
    gate = threading.Event()
    read, write = os.pipe()
    behind.do(partial(_wait, gate), size=1, seconds=1)
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(behind, write))
    child.start()
    child.join(30)
    gate.set()
    assert os.read(read, 10) == b"0"
    os.close(read)
    os.close(write)


_CODE = """
import sys, threading, logging
from lite_mlops.store.background import Background
behind = Background()
gate = threading.Event()
behind.do(lambda: gate.wait(float(sys.argv[1])), size=1, seconds=float(sys.argv[2]))
behind.do(lambda: print("written"), size=1, seconds=30)
"""


def test_the_end_of_the_process_waits(python: Python) -> None:
    done = python(_CODE, "0.01", "30")
    assert (done.stdout, done.stderr) == ("written\n", "")


def test_the_end_of_the_process_waits_no_longer_than_allowed(python: Python) -> None:
    done = python(_CODE, "50", "0.05")
    assert done.stdout == ""
    assert done.stderr == (
        "2 pieces of work were still to be written 0.05 s after the program had ended; they are "
        "lost.\n"
    )
