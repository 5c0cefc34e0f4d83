"""What a report on a served model says, before it is a page, Markdown or JSON.

    ReportFacts(name="churn", model="churn/3", written_at=now, predictions=5_000, ...)

Every part may be missing: what was not looked at is told in `notes`, and has no section.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

from lite_mlops.charts import Pair, Reliability
from lite_mlops.monitoring.findings import ALERT, NONE, SEVERITIES, UNKNOWN, WARN, Finding


@dataclass(frozen=True)
class Span:
    """One window of the time lines; `number` is how many answers it has."""

    since: datetime
    until: datetime
    predictions: int
    labelled: int = 0

    @property
    def middle(self) -> float:
        """Where it is drawn, in seconds since 1970."""
        return (self.since.timestamp() + self.until.timestamp()) / 2

    @property
    def coverage(self) -> float | None:
        """The share of its answers whose label is known; None without answers."""
        return self.labelled / self.predictions if self.predictions else None


@dataclass(frozen=True)
class ColumnFact:
    """A column, or what the model said, against the reference.

    `effect` and `effects`, one for each window, are in units of the least change that counts; few
    rows move them by chance, so `moved` says in which windows there was more.
    `distribution` is of both sides; `numeric` tells bins from categories.
    """

    name: str
    kind: str
    severity: str
    score: float | None = None
    effect: float | None = None
    adjusted_p: float | None = None
    importance: float | None = None  # those of all columns add up to 1
    missing_before: float = 0.0
    missing_now: float = 0.0
    reasons: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()  # rules of quality
    examples: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # rows, by rule
    distribution: Pair | None = None
    numeric: bool = True
    effects: tuple[float | None, ...] = ()
    moved: tuple[bool, ...] = ()  # in which windows that was neither small nor chance
    since: datetime | None = None  # it has been so in every window

    @property
    def drifted(self) -> bool:
        """Whether it asks for somebody."""
        return self.severity in (WARN, ALERT)

    @property
    def rank(self) -> float:
        """What decides which of two columns of one severity comes first: effect x importance."""
        size = 1.0 if self.effect is None or not math.isfinite(self.effect) else self.effect
        if self.broken:
            size = max(size, 2.0)
        return size if self.importance is None else size * self.importance


@dataclass(frozen=True)
class MetricPoint:
    """A metric in one window, by labels or by estimate, with its interval."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    provisional: bool = False
    at: float | None = None  # seconds since 1970, of an estimate, which has windows of its own


@dataclass(frozen=True)
class MetricFact:
    """A metric over the windows, with what it was when the model was registered."""

    name: str
    points: tuple[MetricPoint, ...] = ()  # of labels, one for each window
    whole: MetricPoint = MetricPoint()  # of all windows together
    estimates: tuple[MetricPoint, ...] = ()  # the last one is the present
    reference: float | None = None
    reference_low: float | None = None
    reference_high: float | None = None
    severity: str = UNKNOWN
    sentence: str = ""

    @property
    def estimated(self) -> MetricPoint:
        """The estimate of the present."""
        return self.estimates[-1] if self.estimates else MetricPoint()


@dataclass(frozen=True)
class SliceFact:
    """A metric of a part of the rows."""

    by: str
    part: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    labelled: int
    predictions: int
    severity: str = NONE
    provisional: bool = False


@dataclass(frozen=True)
class GroupFact:
    """A group of people: rates with their intervals by name, and counts."""

    by: str
    group: str
    predictions: int
    labelled: int
    rates: Mapping[str, tuple[float | None, float | None, float | None]]
    severity: str = NONE
    remark: str = ""


@dataclass(frozen=True)
class CalibrationFact:
    """How well probabilities are kept: bins, and what sums them up."""

    bins: tuple[Reliability, ...]
    error: float | None = None  # expected calibration error
    by_chance: float | None = None  # what it would be if all probabilities were right
    slope: float | None = None
    intercept: float | None = None
    rows: int = 0


@dataclass(frozen=True)
class AlertFact:
    """An alert that stands, or did."""

    id: str
    about: str
    severity: str
    state: str
    sentence: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True)
class JumpFact:
    """A sudden change of what arrives: of scores, errors or latency."""

    stream: str
    sentence: str
    severity: str


@dataclass(frozen=True)
class ServiceFact:
    """The service over time: what was asked at each moment, latencies in milliseconds."""

    at: tuple[datetime, ...] = ()
    requests: tuple[int, ...] = ()
    median: tuple[float | None, ...] = ()
    slow: tuple[float | None, ...] = ()  # 95 % of the answers were faster
    versions: tuple[tuple[str, int, str], ...] = ()  # requests and latencies in words
    trials: tuple[tuple[str, str], ...] = ()  # what is tried, and how it does
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JointFact:
    """Whether a classifier tells the present from the reference."""

    auc: float
    low: float
    high: float
    p_value: float
    severity: str
    sentence: str
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report says of a version in a span of time."""

    name: str
    model: str
    written_at: datetime
    predictions: int
    labelled: int = 0
    since: datetime | None = None
    until: datetime | None = None
    reference: str = ""
    reference_rows: int | None = None
    findings: tuple[Finding, ...] = ()
    spans: tuple[Span, ...] = ()
    versions: tuple[tuple[datetime, str], ...] = ()  # when each began to answer
    metrics: tuple[MetricFact, ...] = ()
    columns: tuple[ColumnFact, ...] = ()
    answers: tuple[ColumnFact, ...] = ()
    rules: tuple[Finding, ...] = ()  # of quality, of all columns together
    joint: JointFact | None = None
    slices: tuple[SliceFact, ...] = ()
    groups: tuple[GroupFact, ...] = ()
    calibration: CalibrationFact | None = None
    alerts: tuple[AlertFact, ...] = ()
    jumps: tuple[JumpFact, ...] = ()
    service: ServiceFact | None = None
    notes: tuple[str, ...] = ()
    how: Mapping[str, str] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        """The highest severity of all findings; unknown without one."""
        found = (one.severity for one in self.findings)
        return max(found, key=SEVERITIES.index, default=UNKNOWN)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it, with the verdict and what to look at."""
        from lite_mlops.monitoring.reports.verdict import sentence, to_look_at

        return {
            "severity": self.severity,
            "verdict": sentence(self),
            "look_at": [vars(one) for one in to_look_at(self)],
            **_plain(self),
        }

    def __repr__(self) -> str:
        from lite_mlops.monitoring.reports.verdict import sentence

        return f"<ReportFacts {self.name}: {sentence(self)}>"

    def _repr_html_(self) -> str:
        from lite_mlops.monitoring.reports.page import notebook

        return notebook(self)


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it; a number that is not finite is null."""
    if isinstance(value, Finding):
        return value.to_dict()
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
