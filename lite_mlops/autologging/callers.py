"""Who calls: a script, or the library itself in the midst of another fit.

Only the outermost fit is logged. What the library fits inside (clones, folds of a cross-validation,
members of an ensemble) is known by a frame of scikit-learn further up the stack, which is there in
the threads of joblib too; what another package's estimator fits, by a mark on the thread.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import CO_OPTIMIZED
from types import FrameType
from typing import Any

_LIBRARY = ("sklearn.", "joblib.externals.loky.")  # processes of loky never log
_TRANSPARENT = "sklearn.utils._set_output"  # stands around methods that scripts call
_WORKERS = ("joblib.parallel", "joblib._parallel_backends")

_thread = threading.local()
# The outermost fits that go on: thread -> whether joblib runs them.
_going: dict[int, bool] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_going.clear)  # the other threads are not there


def inside() -> bool:
    """Return whether this thread is in a call that is observed already."""
    return getattr(_thread, "inside", False)


@contextmanager
def entered(*, by_worker: bool | None = None) -> Iterator[None]:
    """Mark this thread as being inside an observed call; `by_worker` where that is a fit."""
    before = inside()
    _thread.inside = True
    thread = threading.get_ident()
    if by_worker is not None:
        _going[thread] = by_worker
    try:
        yield
    finally:
        _thread.inside = before
        if by_worker is not None:
            _going.pop(thread, None)


def _frames() -> Iterator[tuple[FrameType, str]]:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001
    while frame is not None:
        yield frame, str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back


def outermost() -> bool:
    """Return whether no library code calls this call."""
    return not any(name.startswith(_LIBRARY) and name != _TRANSPARENT for _, name in _frames())


def in_worker() -> bool:
    """Return whether joblib runs this thread's call."""
    return any(name in _WORKERS for _, name in _frames())


def belongs_to_another() -> bool:
    """Return whether a worker thread of joblib works for a fit that was started elsewhere.

    An estimator of another package may use joblib on its own. A worker's fit is its part if there
    is an outermost fit that joblib does not run.
    """
    return not all(_going.copy().values())


def calls_from_library() -> bool:
    """Return whether the function that calls the one asking is one of scikit-learn."""
    name = sys._getframe(2).f_globals.get("__name__", "")  # noqa: SLF001
    return str(name).startswith("sklearn.")


def name_of(value: Any) -> str | None:
    """Return the variable that holds `value` in the script; None if there is none."""
    for frame, module in _frames():
        if module.startswith(("lite_mlops.autologging", "sklearn.")):
            continue
        names = _names_in(frame.f_globals, value)
        if frame.f_locals is not frame.f_globals:
            names = _names_of_locals(frame, value) or names
        return names[0] if names else None
    return None


def _names_in(variables: dict[str, Any], value: Any) -> list[str]:
    found = list(variables.items())
    return [name for name, held in found if held is value and not name.startswith("_")]


def _names_of_locals(frame: FrameType, value: Any) -> list[str]:
    variables = frame.f_locals
    names = _names_in(variables, value)
    # Before Python 3.13 this is a snapshot that the frame keeps: emptied, it keeps nothing alive
    # that the function lets go. The variables of a class body are no snapshot.
    if sys.version_info < (3, 13) and frame.f_code.co_flags & CO_OPTIMIZED:
        variables.clear()
    return names
