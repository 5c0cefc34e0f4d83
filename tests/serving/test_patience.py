"""Patience: what does not return in time is given up, and asked again when it has returned."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lite_mlops.serving.patience import Hangs, Patience
from tests.conftest import wait_until

LONG = 30.0


def echo(tables: Sequence[Any]) -> list[int]:
    return [len(table) for table in tables]


def askers() -> int:
    return sum(thread.name == "lite-mlops-trial" for thread in threading.enumerate())


def test_it_returns_and_raises_what_is_said() -> None:
    patience = Patience("churn/2", LONG)
    before = askers()
    for _ in range(5):
        assert patience.ask(echo, ["abc", "d"]) == [3, 1]
    with pytest.raises(ZeroDivisionError):
        patience.ask(lambda _: 1 // 0, ["a"])
    with pytest.raises(RuntimeError, match="it ended with SystemExit: enough"):
        patience.ask(lambda _: exec("raise SystemExit('enough')"), ["a"])  # noqa: S102
    assert askers() == before + 1  # one thread for all of them
    patience.close()
    wait_until(lambda: askers() == before)
    assert patience.ask(echo, ["abc"]) == [3]  # who still asks is answered
    wait_until(lambda: askers() == before)


def test_who_ask_at_the_same_time_do_not_wait_for_each_other() -> None:
    patience = Patience("churn/2", LONG)
    together = threading.Barrier(4, timeout=LONG)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: patience.ask(lambda _: together.wait(), ["a"]), range(4)))
    patience.close()


def test_what_hangs_is_asked_no_more_until_it_returned_and_rested() -> None:
    patience = Patience("churn/2", 0.01)
    before, released = askers(), threading.Event()
    asked: list[Any] = []
    with pytest.raises(Hangs, match=r"churn/2 did not return within 0\.01 s"):
        patience.ask(lambda _: released.wait(LONG), ["a"])
    with pytest.raises(Hangs, match="churn/2 is not asked: an earlier call has not returned"):
        patience.ask(asked.append, ["a"])
    assert (asked, patience.hangs) == ([], True)
    patience.seconds = LONG
    released.set()
    wait_until(lambda: askers() <= before)  # its thread ended
    assert patience.hangs  # it rests
    patience._rests_until = 0.0
    assert patience.ask(echo, ["ab"]) == [2]
    patience.close()


def test_many_rows_may_take_longer() -> None:
    patience = Patience("churn/2", 0.01)
    pause = threading.Event()

    def slow(tables: Sequence[Any]) -> bool:
        return pause.wait(0.05)

    assert patience.ask(slow, [range(1_000_000)]) is False
    with pytest.raises(Hangs):
        patience.ask(slow, [range(10)])
