"""Runs of monitors as they are stored, and how a monitor stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lite_mlops.data.wording import amount
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.alerts.incidents import Incident, in_utc
from lite_mlops.monitoring.findings import ALERT, NONE, SEVERITIES, UNKNOWN, Finding
from lite_mlops.monitoring.monitors.monitor import Monitor


@dataclass(frozen=True)
class Stored:
    """Who looked at what window when: a run without what it found."""

    id: str
    monitor: str
    model: str  # the version, such as churn/3
    since: datetime
    until: datetime
    rows: int
    ran_at: datetime
    seconds: float
    how: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Stored:
        """Return the run of a row of `monitor_run_list`."""
        return cls(
            id=row["look"],
            monitor=row["monitor"],
            model=f"{row['model']}/{row['version']}",
            since=in_utc(row["since"]),
            until=in_utc(row["until"]),
            rows=row["rows"],
            ran_at=in_utc(row["ran_at"]),
            seconds=row["took_us"] / 1e6,
            how=row["how"],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON can hold it."""
        times = {name: getattr(self, name).isoformat() for name in ("since", "until", "ran_at")}
        return vars(self) | times


def finding_of(row: Mapping[str, Any]) -> Finding:
    """Return the finding of a row of `findings_of`."""
    return Finding(
        check=row["checked"],
        subject=row["subject"],
        severity=row["severity"],
        sentence=row["sentence"],
        value=row["value"],
        limit=row["bound"],
        evidence=json.loads(row["evidence"]) if row["evidence"] else {},
    )


def ranked(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings, the most severe first, among these those that are farthest over a limit."""

    def over(one: Finding) -> float:
        return 0.0 if one.value is None or not one.limit else one.value / one.limit

    return tuple(
        sorted(findings, key=lambda one: (-SEVERITIES.index(one.severity), one.check, -over(one)))
    )


def verdict(findings: Sequence[Finding]) -> str:
    """Return what findings say as a whole, in a sentence."""
    firing = [one for one in findings if one.fires]
    unknown = sum(one.severity == UNKNOWN for one in findings)
    if not findings:
        return "Nothing was checked."
    if not firing:
        if unknown == len(findings):
            return f"Cannot tell: {findings[0].sentence}"
        told = f"; {unknown} cannot be judged" if unknown else ""
        return f"Nothing fires among {amount(len(findings) - unknown, 'finding')}{told}."
    alerts = sum(one.severity == ALERT for one in firing)
    by_check: dict[str, int] = {}
    for one in firing:
        by_check[one.check] = by_check.get(one.check, 0) + 1
    told = ", ".join(f"{count} of {check}" for check, count in by_check.items())
    severe = f", {amount(alerts, 'alert')}" if alerts else ""
    return f"{len(firing)} of {amount(len(findings), 'finding')} fire{severe} ({told})."


@dataclass(frozen=True)
class MonitorRun:
    """What a monitor found, the most severe first, and what was decided of it."""

    stored: Stored
    findings: tuple[Finding, ...]
    decided: tuple[Mapping[str, Any], ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()  # what was tried to be told, and how that ended
    messages: tuple[str, ...] = ()  # what would be sent, of a dry run

    @property
    def firing(self) -> tuple[Finding, ...]:
        """The findings that fire."""
        return tuple(one for one in self.findings if one.fires)

    @property
    def severity(self) -> str:
        """The worst severity."""
        return max((one.severity for one in self.findings), key=SEVERITIES.index, default=NONE)

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        return verdict(self.findings)

    def __str__(self) -> str:
        return f"{self.stored.monitor} ({self.stored.model}): {self.verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return the run as JSON can hold it."""
        return self.stored.to_dict() | {
            "severity": self.severity,
            "verdict": self.verdict,
            "findings": [one.to_dict() for one in self.findings],
            "decided": [dict(one) for one in self.decided],
            "told": [dict(one) for one in self.told],
            "messages": list(self.messages),
        }

    def _repr_html_(self) -> str:
        facts = {"monitor": self.stored.monitor, "model": self.stored.model, "found": self.verdict}
        rows = [(one.severity, one.check, one.subject, one.sentence) for one in self.findings]
        names = ("severity", "check", "subject", "what")
        return html_facts("Monitor", facts) + html_table("Findings", names, rows)


@dataclass(frozen=True)
class MonitorState:
    """How a monitor stands: its last run, and what fires since when."""

    monitor: Monitor
    last: MonitorRun | None
    incidents: tuple[Incident, ...] = field(default=())
    silenced: int = 0

    @property
    def verdict(self) -> str:
        """How it stands, in a sentence."""
        if self.last is None:
            return "It has not looked yet: lite-mlops monitor run."
        return self.last.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        return {
            "monitor": self.monitor.to_dict(),
            "verdict": self.verdict,
            "severity": UNKNOWN if self.last is None else self.last.severity,
            "last": None if self.last is None else self.last.to_dict(),
            "incidents": [one.to_dict() for one in self.incidents],
            "silences": self.silenced,
        }
