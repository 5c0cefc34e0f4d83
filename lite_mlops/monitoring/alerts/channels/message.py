"""Message: what a channel tells, as a sentence, as a text of some lines, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lite_mlops.htmltext import visible
from lite_mlops.monitoring.findings import SEVERITIES

_TOLD = 20  # lines; the rest is counted
_REPEAT = (
    "This may have reached you before: the process that sent it ended before it knew whether it "
    "arrived."
)
NEWS = ("promoted", "awaiting approval")  # how loops go on; nothing fires
_WORDS = {"opened": "new", "worse": "worse", "still": "still firing", "cleared": "cleared"}


@dataclass(frozen=True)
class Line:
    """What is told of one incident."""

    incident: str
    check: str
    subject: str
    how: str
    severity: str
    sentence: str
    since: datetime

    def __str__(self) -> str:
        word = _WORDS.get(self.how, self.how)
        since = f", since {self.since:%Y-%m-%d %H:%M} UTC" if self.how != "opened" else ""
        return visible(f"[{self.severity}, {word}{since}] {self.sentence} ({self.incident[-6:]})")

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON can hold it."""
        return vars(self) | {"since": self.since.isoformat()}


@dataclass(frozen=True)
class Message:
    """What is told at once: all that one run of a monitor changed.

    Attributes:
        id: The same whenever it is sent again, so that a receiver can tell.
        monitor, model: What was watched.
        lines: One for each incident, the most severe first.
        at: When it was decided.
        repeat: Whether it may have arrived before.
        window: What was looked at: from, until and rows; empty for a test.
    """

    id: str
    monitor: str
    model: str
    lines: tuple[Line, ...]
    at: datetime
    repeat: bool = False
    window: Mapping[str, Any] | None = None

    @property
    def severity(self) -> str:
        """The worst severity of what has not cleared; 'none' if all has."""
        going_on = [one.severity for one in self.lines if one.how != "cleared"]
        return max(going_on, key=SEVERITIES.index, default="none")

    @property
    def title(self) -> str:
        """The whole in a sentence: how many fire, how many cleared, and what else there is."""
        hows = [one.how for one in self.lines]
        news = [how for how in dict.fromkeys(hows) if how in NEWS]
        cleared = hows.count("cleared")
        firing = len(hows) - cleared - sum(how in NEWS for how in hows)
        parts = [f"{firing} firing"] * bool(firing) + [f"{cleared} cleared"] * bool(cleared)
        told = " and ".join([*parts, *news]) or "test"
        watched = f"{self.monitor} ({self.model})" if self.model else self.monitor
        return visible(f"{watched}: {told}").replace("\n", " ")

    @property
    def text(self) -> str:
        """The whole as lines."""
        lines = [self.title, *(f"- {one}" for one in self.lines[:_TOLD])]
        if len(self.lines) > _TOLD:
            lines.append(f"- and {len(self.lines) - _TOLD} more.")
        if self.repeat:
            lines.append(_REPEAT)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the message as JSON can hold it."""
        return {
            "id": self.id,
            "monitor": self.monitor,
            "model": self.model,
            "severity": self.severity,
            "title": self.title,
            "at": self.at.isoformat(),
            "repeat": self.repeat,
            "window": dict(self.window or {}),
            "incidents": [one.to_dict() for one in self.lines],
        }
