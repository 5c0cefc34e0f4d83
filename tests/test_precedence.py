"""Threads give way to an event loop that is at work, and to no other."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lite_mlops import precedence
from lite_mlops.precedence import Yielding, give_way


def test_work_waits_for_the_end_of_a_turn_and_the_loop_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precedence, "_SECONDS", 30.0)
    told: list[str] = []
    begun = threading.Event()

    def work() -> None:
        begun.set()
        give_way()
        told.append("work")

    thread = threading.Thread(target=work)

    async def turn() -> None:
        await asyncio.sleep(0)  # the loop has looked at what there is
        thread.start()
        begun.wait()
        give_way()
        thread.join(0.02)
        told.append("the turn is over")
        await asyncio.sleep(0.001)

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Yielding())) as runner:
        runner.run(turn())
        thread.join(10)
    assert told == ["the turn is over", "work"]
    give_way()  # the loop is closed


def test_a_loop_that_never_rests_is_waited_for_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "_SECONDS", 0.001)
    selector = Yielding()
    selector.select(0)
    thread = threading.Thread(target=give_way)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    selector.close()
