"""Counts: what was seen of one version during a trial; only numbers, never a value of a row."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Counts:
    """What was counted of a version.

    Attributes:
        requests: That were given to it.
        failed: Of these, those that it could not answer.
        doubtful: Of these, those with a row that is not as its training data.
        rows: That it answered.
        calls: Of its model, each of one or more requests.
        slow: Of these, those that took much longer than the present version takes.
        microseconds: That all calls took together.
    """

    requests: int = 0
    failed: int = 0
    doubtful: int = 0
    rows: int = 0
    calls: int = 0
    slow: int = 0
    microseconds: int = 0

    @property
    def answered(self) -> int:
        """Requests that it answered."""
        return self.requests - self.failed

    def plus(self, other: Counts) -> Counts:
        """Return both together."""
        return Counts(*(getattr(self, n) + getattr(other, n) for n in NAMES))

    def holds(self, before: Counts) -> bool:
        """Return whether nothing is less than it was."""
        return all(getattr(self, n) >= getattr(before, n) for n in NAMES)

    def since(self, before: Counts) -> Counts:
        """Return what came after `before`."""
        return Counts(*(getattr(self, n) - getattr(before, n) for n in NAMES))

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        return {name: getattr(self, name) for name in NAMES}


NAMES = tuple(field.name for field in fields(Counts))
