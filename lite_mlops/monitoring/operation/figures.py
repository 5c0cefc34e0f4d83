"""What is counted of how a model serves: of a window, a piece of time, a version, a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Period:
    """Requests of a window; latencies in microseconds a row, None where there are none.

    `p95_interval` is the 99 % interval of the 95 % quantile.
    """

    began: datetime | None
    ended: datetime | None
    requests: int
    answers: int
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    slowest_us: int | None = None
    p95_interval: tuple[float, float] | None = None

    @property
    def per_hour(self) -> float | None:
        """Requests an hour, from the first to the last; None of fewer than two moments."""
        if self.began is None or self.ended is None or self.began == self.ended:
            return None
        return self.requests / ((self.ended - self.began) / timedelta(hours=1))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        interval = None if self.p95_interval is None else list(self.p95_interval)
        derived = {"p95_interval": interval, "per_hour": self.per_hour}
        return _plain(vars(self)) | derived


@dataclass(frozen=True)
class Piece:
    """Requests in a piece of the time line, the latencies in microseconds."""

    began: datetime
    requests: int
    answers: int
    p50_us: float | None
    p95_us: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return _plain(vars(self))


@dataclass(frozen=True)
class Asked:
    """Requests that servers counted, whatever came of them.

    `refused` were answered with 4xx, `failed` with 5xx, `overloaded` with 503 among these.
    `p95_seconds` is from the last byte to the answer, `waited_p95_seconds` until the work began;
    both are known up to the bounds of the histogram. Counts are of whole servers: one that answers
    for several models counts them together.
    """

    requests: int
    refused: int
    failed: int
    overloaded: int
    p95_seconds: float | None = None
    waited_p95_seconds: float | None = None

    @property
    def failed_share(self) -> float:
        """The share that failed, of all."""
        return self.failed / self.requests if self.requests else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        return vars(self) | {"failed_share": self.failed_share}


@dataclass(frozen=True)
class VersionServed:
    """What a version answered in a window."""

    version: str
    requests: int
    answers: int
    p50_us: float | None
    p95_us: float | None
    began: datetime
    ended: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return _plain(vars(self))


@dataclass(frozen=True)
class Tried:
    """What was counted of a version in a trial: `current`, `canary` or `shadow`.

    A shadow also has the rows that both answered, those of which it says something else, and the
    mean difference of the numbers.
    """

    reference: str
    trial: str
    role: str
    version: str
    requests: int
    failed: int
    slow: int
    doubtful: int
    seen_at: datetime
    rows: int | None = None
    changed: int | None = None
    difference: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        return _plain(vars(self))


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
    }
