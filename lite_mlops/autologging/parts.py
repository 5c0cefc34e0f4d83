"""The parts of what is logged after a fit: each within the time that is left, none harmful.

parts = Parts("SVC", deadline)
parts.do("plots", action, expected=0.02)
parts.tell()     # "Autologging of SVC: plots left out, more than 1 s."
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger("lite_mlops")

T = TypeVar("T")

_told: set[tuple[str, str]] = set()  # failures that the user knows of


class OverBudgetError(TimeoutError):
    """The time for logging is over."""


def harmless(part: str, action: Callable[[], T], *, silent: bool = False) -> T | None:
    """Return what `action` returns, None if it fails; a failure is told once."""
    try:
        return action()
    except OverBudgetError:
        raise
    # Any error at all: estimators, data and plots are whatever users and other packages make
    # them, and a fit must never fail or stop because something of it could not be logged.
    except Exception as error:  # noqa: BLE001
        known = (part, type(error).__name__)
        if not silent and known not in _told:
            _told.add(known)
            log.warning(
                "Autologging could not log the %s (%s: %s). The fit is as it would be without.",
                part,
                type(error).__name__,
                str(error),  # a kept record of the log would keep the frames of the error
            )
        return None


class Parts:
    """Does one part after the other until `deadline`, a time of `time.perf_counter`."""

    def __init__(self, what: str, seconds: float, *, silent: bool) -> None:
        self.deadline = time.perf_counter() + seconds
        self._what = what
        self.seconds = seconds
        self._silent = silent
        self.left_out: list[str] = []

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.deadline - time.perf_counter()

    def do(self, part: str, action: Callable[[], T], *, expected: float = 0.0) -> T | None:
        """Return what `action` returns; None if it fails, or may take longer than is left."""
        try:
            if self.left < expected:
                raise OverBudgetError
            return harmless(part, action, silent=self._silent)
        except OverBudgetError:
            self.left_out.append(part)
            return None

    def tell(self) -> None:
        """Say in one line what was left out."""
        if self.left_out and not self._silent:
            log.warning(
                "Autologging of %s left out: %s. It would take longer than %.3g s "
                "(budget_seconds).",
                self._what,
                ", ".join(self.left_out),
                self.seconds,
            )
