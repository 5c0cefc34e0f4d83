"""Routing: which version answers a request while something is tried, and what if it cannot.

    taken = routing.take(rows, key)           # the canary's, or the present version's
    try:
        answers = taken.batching.now(taken.table)
    except Exception as error:
        answers = taken.instead(error)        # the present version answers for a canary
    taken.answered(answers)

All protocols go this way. A client never suffers from a canary: what that refuses, fails at or does
not return from, the present version answers. While a call hangs the canary gets no further request.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lite_mlops.errors import Busy, Invalid
from lite_mlops.models import Table
from lite_mlops.serving.answers import Answers
from lite_mlops.serving.batching import Batching
from lite_mlops.serving.loaded import Explained, Loaded
from lite_mlops.serving.patience import Hangs
from lite_mlops.serving.trials.arm import Arm
from lite_mlops.serving.trials.judging import Judge
from lite_mlops.serving.trials.shadow import Shadow
from lite_mlops.serving.trials.sticky import Sticky, key_of


@dataclass(frozen=True)
class Canary:
    """How a canary gets its requests.

    Attributes:
        arm: The version, and its counts.
        share: Of the requests, 0 to 1.
        sticky: Which keys are its own.
        column: The column of the key; None: the header.
        judge: Compares it with the present version.
    """

    arm: Arm
    share: float
    sticky: Sticky
    column: str | None
    judge: Judge


class Routing:
    """Gives requests to the present version and to a canary, and shows them to shadows.

    It never changes: what is decided anew makes another one take its place.

    Args:
        present: The present version.
        canary: The canary; None: only shadows are tried.
        shadows: What is asked as well.
    """

    __slots__ = ("canary", "current", "present", "shadows")

    def __init__(
        self, present: Arm, canary: Canary | None = None, shadows: Sequence[Shadow] = ()
    ) -> None:
        self.present = present
        self.current = present.loaded
        self.canary = canary
        self.shadows = tuple(shadows)

    def gives_to_canary(self, rows: Any, key: str | None) -> bool:
        """Return whether a request is the canary's.

        Args:
            rows: Its rows, as they came.
            key: Its key, as it came beside the rows.
        """
        canary = self.canary
        if canary is None or canary.arm.hangs:
            return False
        found: str | float | None = key
        if canary.column is not None:
            found = key_of(rows, canary.column, self.current.signature.features)
        if found is None:
            return random.random() < canary.share  # noqa: S311
        return canary.sticky.holds(found)

    def take(self, rows: Any, key: str | None = None, *, ignore_unknown: bool = False) -> Taken:
        """Return what answers a request.

        Raises:
            InvalidRows, Invalid: the rows do not fit the present version, nor a canary whose they
                are.
        """
        if self.gives_to_canary(rows, key):
            return self.taken_by_canary(rows, ignore_unknown=ignore_unknown)
        table = self.current.table(rows, ignore_unknown=ignore_unknown)
        return Taken(self, self.present, table, rows, ignore_unknown)

    def taken_by_canary(self, rows: Any, *, ignore_unknown: bool = False) -> Taken:
        """Return what answers a request that is the canary's.

        Raises:
            InvalidRows, Invalid: the rows fit neither the canary nor the present version.
        """
        assert self.canary is not None
        arm = self.canary.arm
        try:
            table = arm.loaded.table(rows, ignore_unknown=ignore_unknown)
        except Invalid as error:
            table = self.current.table(rows, ignore_unknown=ignore_unknown)
            arm.failed(error)  # if they fitted neither, it would be the fault of who asks
            return Taken(self, None, table, rows, ignore_unknown)
        return Taken(self, arm, table, rows, ignore_unknown)

    def present_answered(self, rows: Any, answers: Answers) -> None:
        """Count an answer of the present version, and show its rows to the shadows."""
        self.present.answered(answers)
        self.show(rows, answers)

    def present_failed(self, error: Exception) -> None:
        """Count a failure of the present version; that a request waited too long is none."""
        if not _is_overdue(error):
            self.present.failed(error)

    def show(self, rows: Any, answers: Answers) -> None:
        """Show rows, and what the present version said to them, to the shadows."""
        for shadow in self.shadows:
            shadow.offer(rows, answers)


def _is_overdue(error: Exception) -> bool:
    """Return whether a request waited too long for its turn, which is nobody's failure."""
    return isinstance(error, Busy) and not isinstance(error, Hangs)


class Taken:
    """A request that is being answered.

    Attributes:
        loaded: What answers it.
        batching: What asks that.
        table: Its rows, which fit that.
    """

    __slots__ = ("_arm", "_ignore_unknown", "_routing", "_rows", "batching", "loaded", "table")

    def __init__(
        self,
        routing: Routing,
        arm: Arm | None,
        table: Table,
        rows: Any,
        ignore_unknown: bool,  # noqa: FBT001
    ) -> None:
        self._routing = routing
        self._arm = arm  # whose count it is; None: it was counted
        self._rows = rows
        self._ignore_unknown = ignore_unknown
        self.table = table
        by = routing.present if arm is None else arm
        self.loaded: Loaded = by.loaded
        self.batching: Batching[Answers] = by.batching

    @property
    def explaining(self) -> Batching[Explained]:
        """What has the version that answers it explain as well."""
        return (self._arm or self._routing.present).explaining

    @property
    def by_canary(self) -> bool:
        """Whether the canary is to answer it."""
        return self._arm is not None and self._arm is not self._routing.present

    def answered(self, answers: Answers) -> None:
        """Count the answer, and show the rows to the shadows if it is the present version's."""
        if self._arm is not None:
            self._arm.answered(answers)
        if not self.by_canary:
            self._routing.show(self._rows, answers)

    def hand_over(self, error: Exception) -> None:
        """Count a failure, and have the present version answer instead of a canary.

        That a request waited too long for its turn is nobody's failure.

        Raises:
            Exception: the error, if it is the present version that failed, or has enough to do.
            InvalidRows, Invalid: the rows do not fit the present version.
        """
        by_canary, overdue = self.by_canary, _is_overdue(error)
        if self._arm is not None and not overdue:
            self._arm.failed(error)
        self._arm = None
        if not by_canary or (overdue and self._routing.current.batching.waiting):
            raise error
        self.loaded = self._routing.current
        self.batching = self.loaded.batching
        self.table = self.loaded.table(self._rows, ignore_unknown=self._ignore_unknown)

    def instead(self, error: Exception) -> Answers:
        """Return the answers of the present version where the canary failed; else raise.

        Raises:
            Exception: the present version failed.
        """
        self.hand_over(error)
        return self.loaded.batching.now(self.table)

    def explained_instead(self, error: Exception) -> Explained:
        """Return the explained answers of the present version where the canary failed; else raise.

        Raises:
            Exception: the present version failed.
        """
        self.hand_over(error)
        return self.loaded.explaining.now(self.table)
