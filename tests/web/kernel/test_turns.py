"""Work in turns of the event loop: what joins, what waits, and what is too much."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lite_mlops.errors import Busy
from lite_mlops.web.kernel import Deferred, Limits, Response
from lite_mlops.web.kernel.turns import Turns, Workers
from tests.web.kernel.works import Work


def deferred(work: Work, item: Any) -> Deferred:
    return Deferred(work, item, Response.json)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until it has come to that."""
    while not condition():  # noqa: ASYNC110 (it watches what runs beside)
        await asyncio.sleep(0)


def in_loop(
    story: Callable[[Turns], Awaitable[None]], limits: Limits | None = None, connections: int = 2
) -> None:
    """Have a story happen in a loop with turns of its own."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        workers = Workers(loop, 1, 1_000)
        turns = Turns(loop, limits or Limits(), workers, lambda: connections)
        async with asyncio.timeout(10):
            await story(turns)
        workers.close(5)
        assert turns.waiting == 0

    asyncio.run(run())


def test_all_that_one_turn_of_the_loop_brings_is_one_piece() -> None:
    work = Work()

    async def story(turns: Turns) -> None:
        asked = [turns.result(deferred(work, item)) for item in range(5)]
        assert await asyncio.gather(*asked) == list(range(5))
        assert await turns.result(deferred(work, 5)) == 5

    in_loop(story)
    assert work.pieces == [[0, 1, 2, 3, 4], [5]]


def test_others_are_read_between_pieces() -> None:
    work = Work(most=2)
    told: list[object] = []

    async def story(turns: Turns) -> None:
        for item in range(6):
            turns.add(deferred(work, item), told.append)
        asyncio.get_running_loop().call_soon(told.append, "read")
        await until(lambda: len(told) == 7)

    in_loop(story)
    assert [len(piece) for piece in work.pieces] == [2, 2, 2]
    assert told.index("read") == 2


def test_it_lingers_for_others_but_not_if_there_are_none() -> None:
    for connections, pieces in ((2, [["a", "b"]]), (1, [["a"], ["b"]])):
        work = Work(linger=0.02)

        async def story(turns: Turns, work: Work = work) -> None:
            first = asyncio.ensure_future(turns.result(deferred(work, "a")))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert await turns.result(deferred(work, "b")) == "b"
            assert await first == "a"

        in_loop(story, connections=connections)
        assert work.pieces == pieces


def test_who_is_alone_is_not_put_off() -> None:
    work = Work()
    told: list[object] = []

    async def story(turns: Turns) -> None:
        turns.add(deferred(work, "a"), told.append, alone=True)
        assert told == ["a"]

    in_loop(story)


def test_what_comes_while_slow_work_is_in_its_thread_waits_for_it() -> None:
    work = Work(slow=True)
    here = threading.get_ident()
    threads: set[int] = set()

    async def story(turns: Turns) -> None:
        work.gate.clear()
        first = asyncio.ensure_future(turns.result(deferred(work, "a")))
        await until(lambda: bool(turns._away))
        others = [asyncio.ensure_future(turns.result(deferred(work, item))) for item in "bcd"]
        await asyncio.sleep(0)
        assert turns.waiting == 3
        assert work.waiting <= 1  # nobody touches it meanwhile
        turns.add(deferred(work, "e"), lambda _: threads.add(threading.get_ident()))
        work.gate.set()
        assert await first == "a"
        assert await asyncio.gather(*others) == ["b", "c", "d"]

    in_loop(story)
    assert work.pieces == [["a"], ["b", "c", "d", "e"]]
    assert threads == {here}  # results are told in the loop
    assert work.threads == {"lite-mlops-worker"}


@pytest.mark.parametrize("slow", [False, True])
def test_no_more_wait_than_may(slow: bool) -> None:  # noqa: FBT001
    work = Work(slow=slow)
    told: list[object] = []

    async def story(turns: Turns) -> None:
        work.gate.clear()
        if slow:
            turns.add(deferred(work, "away"), told.append)
            await until(lambda: bool(turns._away))
        for item in range(3):
            turns.add(deferred(work, item), told.append)
        with pytest.raises(Busy, match=r"too many requests wait for an answer; try again in a"):
            turns.add(deferred(work, 3), told.append)
        work.gate.set()
        await until(lambda: len(told) == 3 + slow)

    in_loop(story, Limits(queue=3))
    assert told[-3:] == [0, 1, 2]


def test_a_piece_that_fails_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    for slow in (False, True):
        work = Work(slow=slow, most=1)
        told: list[object] = []

        async def story(turns: Turns, work: Work = work, told: list[object] = told) -> None:
            turns.add(deferred(work, b"raise"), told.append)
            turns.add(deferred(work, "a"), told.append)
            await until(lambda: bool(told))
            assert await turns.result(deferred(work, "b")) == "b"

        in_loop(story)
        assert told == ["a"]
    assert caplog.text.count("A piece of work for several requests failed") == 2


def test_a_failure_of_one_item_is_told_to_it_alone() -> None:
    work = Work()

    async def story(turns: Turns) -> None:
        asked = [turns.result(deferred(work, item)) for item in (b"a", b"fail", b"b")]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert (found[0], found[2]) == (b"a", b"b")
        assert isinstance(found[1], ValueError)

    in_loop(story)
    assert len(work.pieces) == 1


def test_calls_in_threads_are_bounded_and_outlived() -> None:
    gate = threading.Event()
    told: list[object] = []

    async def story() -> None:
        workers = Workers(asyncio.get_running_loop(), 2, 3)
        for _ in range(3):
            workers.call(lambda: gate.wait(20), told.append)
        with pytest.raises(Busy):
            workers.call(lambda: None, told.append)
        assert len([one for one in threading.enumerate() if one.daemon]) >= 2
        gate.set()
        await until(lambda: len(told) == 3)
        workers.call(lambda: 1 // 0, told.append)
        await until(lambda: len(told) == 4)
        gate.clear()
        workers.call(lambda: gate.wait(20), told.append)
        workers.close(0.01)  # one of them does not come back in time

    before = threading.active_count()
    asyncio.run(story())
    gate.set()  # it comes back when the loop is gone
    for thread in threading.enumerate():
        if thread.name == "lite-mlops-worker":
            thread.join(5)
    assert threading.active_count() == before
    assert told[:3] == [True] * 3
    assert isinstance(told[3], ZeroDivisionError)
