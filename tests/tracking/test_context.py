"""Which run is logged to: that of the thread or task, else that of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lite_mlops.project import Project
from lite_mlops.tracking import ActiveRun, context

T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> T:
    """What `call` returns in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


def test_without_a_run_none_is_active() -> None:
    assert context.active() is None
    assert context.own() is None


def test_a_thread_without_a_run_logs_to_that_of_the_process(project: Project) -> None:
    with project.start_run() as run:
        assert in_thread(context.active) is run
        assert in_thread(context.own) is None
    assert in_thread(context.active) is None


def test_a_thread_without_a_run_logs_to_the_one_started_last(project: Project) -> None:
    with project.start_run():
        with project.start_run(nested=True) as inner:
            assert in_thread(context.active) is inner
        assert in_thread(context.active) is not inner


def test_a_thread_with_a_run_of_its_own_logs_to_it(project: Project) -> None:
    with project.start_run("outer") as outer:

        def work() -> tuple[ActiveRun, ActiveRun | None]:
            with project.start_run("of the thread") as own:
                return own, context.active()

        own, seen = in_thread(work)
        assert seen is own
        assert context.active() is outer
        assert outer.status == "running"  # another thread's run is not ended


def test_threads_do_not_end_the_runs_of_each_other(project: Project) -> None:
    both = threading.Barrier(2)

    def work(number: int) -> str:
        with project.start_run(f"thread {number}") as run:
            both.wait(30)
            active = project.active_run()
            assert active is run
            active.log_metric("number", number)
            both.wait(30)
        return run.id

    with ThreadPoolExecutor(2) as pool:
        ids = list(pool.map(work, range(2)))
    for number, run_id in enumerate(ids):
        found = project.runs.get(run_id)
        assert (found.status, found.metrics["number"].value) == ("finished", number)


def test_tasks_log_to_runs_of_their_own(project: Project) -> None:
    async def work(number: int, both: asyncio.Barrier) -> str:
        with project.start_run(f"task {number}") as run:
            await both.wait()
            active = project.active_run()
            assert active is run
            active.log_metric("number", number)
            await both.wait()
        return run.id

    async def main() -> tuple[str, str]:
        both = asyncio.Barrier(2)
        return await asyncio.gather(work(0, both), work(1, both))

    for number, run_id in enumerate(asyncio.run(main())):
        assert project.runs.get(run_id).metrics["number"].value == number
    assert context.active() is None


def test_runs_may_end_in_any_order(project: Project) -> None:
    outer = project.start_run("outer")
    inner = project.start_run("inner", nested=True)
    outer.end()
    assert context.active() is inner
    innermost = project.start_run("innermost", nested=True)
    assert project.runs.get(innermost.id).parent_id == inner.id
    inner.end()
    innermost.end()
    assert context.active() is None


def test_a_run_ended_by_another_thread_is_not_active_any_more(project: Project) -> None:
    first = project.start_run("first")
    in_thread(first.end)
    assert context.own() is None
    second = project.start_run("second", nested=True)
    assert project.runs.get(second.id).parent_id is None
    assert context.active() is second
