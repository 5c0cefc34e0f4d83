"""Processes that begin together and hand in what they found."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any, Self

_SPAWN = multiprocessing.get_context("spawn")
_SECONDS = 120.0

Job = tuple[Callable[..., Any], tuple[Any, ...]]


def _work(
    barrier: Barrier, results: SimpleQueue[Any], place: int, job: Callable[..., Any], given: Any
) -> None:
    barrier.wait(_SECONDS)
    try:
        results.put((place, job(*given), None))
    except BaseException:
        results.put((place, None, traceback.format_exc()))
        raise


class Crew:
    """One process a job; all are started and have imported what they need before any begins.

    with Crew([(write, (folder, 1)), (write, (folder, 2))]) as crew:
        crew.begin()
        found = crew.results()
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._barrier = _SPAWN.Barrier(len(jobs) + 1)
        self._results: SimpleQueue[Any] = _SPAWN.SimpleQueue()
        self._processes = [
            _SPAWN.Process(target=_work, args=(self._barrier, self._results, place, job, given))
            for place, (job, given) in enumerate(jobs)
        ]

    def __enter__(self) -> Self:
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._processes:
            if exception[0] is not None:
                process.terminate()
            process.join()

    def begin(self) -> None:
        """Let all begin at once; returns when they do."""
        self._barrier.wait(_SECONDS)

    def results(self) -> list[Any]:
        """Wait for all and return what each handed in, in the order of the jobs.

        Raises:
            RuntimeError: a job failed; the text is its traceback.
        """
        found = sorted((self._results.get() for _ in self._processes), key=lambda one: one[0])
        if errors := [error for _, _, error in found if error]:
            raise RuntimeError(errors[0])
        return [result for _, result, _ in found]


def in_new_process(job: Callable[..., Any], *given: Any) -> Any:
    """Return what a function returns that runs in a process of its own."""
    with Crew([(job, given)]) as crew:
        crew.begin()
        return crew.results()[0]
