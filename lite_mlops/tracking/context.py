"""Which run is the active one: the innermost of this context, else the one of the process.

Threads and tasks that started a run of their own log to it. A thread without one logs to the run
that its process started last, so that a thread pool inside a run needs no care.
"""

from __future__ import annotations

import atexit
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

from lite_mlops.tracking.status import ending_for

if TYPE_CHECKING:
    from lite_mlops.tracking.active import ActiveRun

_stack: ContextVar[tuple[ActiveRun, ...]] = ContextVar("lite_mlops_runs", default=())
_of_process: list[ActiveRun] = []
_started: list[str] = []  # ids of all runs that this process started or joined


def enter(run: ActiveRun) -> None:
    """Make `run` the active one."""
    _stack.set((*_going(_stack.get()), run))
    _of_process.append(run)
    _started.append(run.id)


def leave(run: ActiveRun) -> None:
    """Take `run` away, in whatever order runs end."""
    _stack.set(tuple(other for other in _stack.get() if other is not run))
    if run in _of_process:
        _of_process.remove(run)


def _going(runs: tuple[ActiveRun, ...]) -> tuple[ActiveRun, ...]:
    """Return those that still go on; another thread may have ended one."""
    return tuple(run for run in runs if run.status == "running")


def own() -> ActiveRun | None:
    """Return the innermost run that this context started."""
    going = _going(_stack.get())
    return going[-1] if going else None


def active() -> ActiveRun | None:
    """Return the run that is logged to."""
    return own() or (_of_process[-1] if _of_process else None)


def is_around() -> bool:
    """Return whether the active run is that of a step, which goes around those that it starts."""
    run = active()
    return run is not None and run.around


def started_any() -> bool:
    """Return whether this process started or joined a run before."""
    return bool(_started)


def _end_all() -> None:
    """End what was not ended when the process ends; as failed if an error ended it."""
    for run in reversed(_of_process.copy()):
        run.end(ending_for(getattr(sys, "last_value", None)))


atexit.register(_end_all)
