"""The story of a loop: one line for each thing that happened, each with its evidence.

    cycle = cycles(lines)[-1]
    cycle.state, cycle.version, cycle.line(TRYING).evidence

A *cycle* is one time round: from what began it to how it ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# What happened. The first is not of a cycle: it is what the loop knew when it began to watch.
WATCHING = "watching"
BEGUN, TRAINING, TRAINED, PASSED, TRYING, AWAITING = (
    "begun",
    "training",
    "trained",
    "passed the gate",
    "trying",
    "awaiting approval",
)
PROMOTED, ROLLED_BACK, REFUSED, FAILED, UNCHANGED, UNDECIDED, STOPPED = (
    "promoted",
    "rolled back",
    "refused by the gate",
    "failed",
    "unchanged",
    "undecided",
    "stopped",
)
ENDS = (PROMOTED, ROLLED_BACK, REFUSED, FAILED, UNCHANGED, UNDECIDED, STOPPED)
BAD_ENDS = (ROLLED_BACK, REFUSED, FAILED, UNDECIDED)  # after which the loop waits for longer


@dataclass(frozen=True)
class Line:
    """One thing that happened in a loop.

    Attributes:
        cycle: Of which time round; '' before the first.
        state: How it stands since then.
        version: Of the model: the new one, once there is one.
        why: In a sentence.
        evidence: What shows it.
    """

    at: datetime
    loop: str
    cycle: str
    state: str
    version: int | None
    why: str
    evidence: Mapping[str, Any]
    actor: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Line:
        """Return the line of a row of `loop_story`."""
        return cls(
            at=row["ts"].replace(tzinfo=UTC),
            evidence=json.loads(row["evidence"] or "{}"),
            **{one: row[one] for one in ("loop", "cycle", "state", "version", "why", "actor")},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON can hold it."""
        return vars(self) | {"at": self.at.isoformat(), "evidence": dict(self.evidence)}


@dataclass(frozen=True)
class Cycle:
    """One time round, by its lines in their order."""

    lines: tuple[Line, ...]

    @property
    def id(self) -> str:
        """Its id."""
        return self.lines[0].cycle

    @property
    def state(self) -> str:
        """How it stands."""
        return self.lines[-1].state

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDS

    @property
    def begun_at(self) -> datetime:
        """When it began."""
        return self.lines[0].at

    @property
    def version(self) -> int | None:
        """The new version, once there is one."""
        return next((one.version for one in reversed(self.lines) if one.version is not None), None)

    def count(self, state: str) -> int:
        """Return how often it came to a state."""
        return sum(one.state == state for one in self.lines)

    def line(self, state: str) -> Line:
        """Return the latest line of a state that it came to. Raises `KeyError`."""
        for one in reversed(self.lines):
            if one.state == state:
                return one
        raise KeyError(state)


def cycles(lines: Iterable[Line]) -> list[Cycle]:
    """Return the cycles that lines in their order are of; what is before the first is left out."""
    found: dict[str, list[Line]] = {}
    for one in lines:
        if one.cycle:
            found.setdefault(one.cycle, []).append(one)
    return [Cycle(tuple(ones)) for ones in found.values()]
