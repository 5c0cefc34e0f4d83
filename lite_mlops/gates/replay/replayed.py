"""What a replay found: how many requests get another answer, and which change most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lite_mlops.monitoring.windows import Window
from lite_mlops.tracking.comparing import Verdict


@dataclass(frozen=True)
class ChangedRow:
    """A request that the candidate answers otherwise."""

    prediction_id: str
    then: str
    now: str
    score_then: float | None
    score_now: float | None

    @property
    def change(self) -> float | None:
        """By how much the score is higher now."""
        if self.score_then is None or self.score_now is None:
            return None
        return self.score_now - self.score_then

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return vars(self) | {"change": self.change}


@dataclass(frozen=True)
class Replayed:
    """What a candidate says to recorded requests.

    Attributes:
        candidate: The version.
        window: When they were asked.
        recorded: Requests in the window.
        rows: Those that were asked again.
        seed: Of the sample, where not all were.
        unknown: Those of which the inputs are not kept as they were.
        failed: Those that the candidate could not answer.
        why_failed: The first reason.
        changed: Those that get another answer.
        largest: The largest changes, the largest first.
        compared: On the rows with feedback, the candidate against what was answered.
        labelled: How many these are.
        rows_per_second: The speed of the candidate in batches.
        seconds: How long all of it took.
        latency_then_us: Of 95 of 100 requests, as it was recorded.
        versions: Which versions had answered, and how many of the rows.
    """

    candidate: str
    window: Window
    recorded: int
    rows: int
    seed: int
    unknown: int
    failed: int
    why_failed: str | None
    changed: int
    largest: tuple[ChangedRow, ...]
    compared: tuple[Verdict, ...]
    labelled: int
    rows_per_second: float
    seconds: float
    latency_then_us: float | None
    versions: Mapping[str, int] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)  # columns of some of the rows

    @property
    def answered(self) -> int:
        """How many rows the candidate answered."""
        return self.rows - self.failed

    @property
    def changed_share(self) -> float:
        """The share of the answered rows that gets another answer."""
        return self.changed / self.answered if self.answered else 0.0

    @property
    def failed_share(self) -> float:
        """The share of rows that the candidate could not answer."""
        return self.failed / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        found = {name: value for name, value in vars(self).items() if name != "example"}
        return found | {
            "window": {
                name: None if one is None else one.isoformat()
                for name, one in (("since", self.window.since), ("until", self.window.until))
            },
            "largest": [one.to_dict() for one in self.largest],
            "compared": [one.to_dict() for one in self.compared],
            "changed_share": self.changed_share,
            "failed_share": self.failed_share,
            "versions": dict(self.versions),
        }
