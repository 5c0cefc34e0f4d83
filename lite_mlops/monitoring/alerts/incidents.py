"""Incidents: what fires since when, how it came to be so, and of what nobody is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lite_mlops.htmltext import html_facts
from lite_mlops.monitoring.alerts.rules import STANDING


def in_utc(moment: datetime) -> datetime:
    """Return a time of the database, which holds UTC without saying so."""
    return moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Happening:
    """A line of the history of an incident."""

    at: datetime
    how: str
    severity: str
    sentence: str
    actor: str
    reason: str | None
    channels: tuple[str, ...]  # that were to be told

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Happening:
        """Return the line of a row of `incident_story`."""
        return cls(
            at=in_utc(row["ts"]),
            how=row["how"],
            severity=row["severity"],
            sentence=row["sentence"],
            actor=row["actor"],
            reason=row["reason"],
            channels=tuple(row["channels"] or ()) if row["notice"] else (),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the line as JSON can hold it."""
        return vars(self) | {"at": self.at.isoformat(), "channels": list(self.channels)}


@dataclass(frozen=True)
class Incident:
    """Something that fires, or fired: of one subject of one check of one monitor."""

    id: str
    monitor: str
    check: str
    subject: str
    state: str
    severity: str
    sentence: str
    opened_at: datetime
    changed_at: datetime
    look: str | None
    history: tuple[Happening, ...] = field(default=())

    @classmethod
    def from_row(cls, row: Mapping[str, Any], story: Sequence[Mapping[str, Any]] = ()) -> Incident:
        """Return the incident of a row of `incident_list`, with its history."""
        return cls(
            id=row["incident"],
            monitor=row["monitor"],
            check=row["checked"],
            subject=row["subject"],
            state=row["state"],
            severity=row["severity"],
            sentence=row["sentence"],
            opened_at=in_utc(row["opened_at"]),
            changed_at=in_utc(row["decided_at"]),
            look=row["look"],
            history=tuple(map(Happening.from_row, story)),
        )

    @property
    def stands(self) -> bool:
        """Whether it goes on: open or acknowledged."""
        return self.state in STANDING

    @property
    def about(self) -> str:
        """What it is about, as one word: monitor, check and subject."""
        return "/".join(one for one in (self.monitor, self.check, self.subject) if one)

    def to_dict(self) -> dict[str, Any]:
        """Return the incident as JSON can hold it."""
        return vars(self) | {
            "opened_at": self.opened_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
            "history": [one.to_dict() for one in self.history],
        }

    def _repr_html_(self) -> str:
        return html_facts(f"Incident {self.id}", self.to_dict() | {"history": len(self.history)})


@dataclass(frozen=True)
class Silence:
    """Nobody is told of what a monitor finds until `expires_at`; '' is any check, any subject."""

    monitor: str
    check: str
    subject: str
    expires_at: datetime
    actor: str
    reason: str | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Silence:
        """Return the silence of a row of `silence_list`."""
        return cls(
            monitor=row["monitor"],
            check=row["checked"],
            subject=row["subject"],
            expires_at=in_utc(row["expires_at"]),
            actor=row["actor"],
            reason=row["reason"],
        )

    def covers(self, check: str, subject: str) -> bool:
        """Return whether a subject of a check of its monitor is silenced."""
        return self.check in ("", check) and self.subject in ("", subject)

    def to_dict(self) -> dict[str, Any]:
        """Return the silence as JSON can hold it."""
        return vars(self) | {"expires_at": self.expires_at.isoformat()}
