"""The state of an endpoint: who answers, what is tried, what was counted, and what happened.

state = project.endpoints.get("churn@champion")
state.version, state.processes, state.trial, state.story
state.of("canary").failed
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lite_mlops.serving.trials.trial import Trial

COUNTED = ("requests", "failed", "slow", "doubtful")
_LARGEST = ("largest", "needed", "e")  # of several processes; the others are sums


def _json(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


@dataclass(frozen=True)
class Evidence:
    """What was counted of a version in a trial, by all processes together.

    Attributes:
        role: `current`, `canary` or `shadow`.
        version: The name of the version, such as churn/4.
        requests, failed, slow, doubtful: As `Counts` has them.
        detail: Further counts, and for a canary its e-values; of a shadow, the comparison.
        seen_at: When it was told last.
    """

    role: str
    version: str
    requests: int
    failed: int
    slow: int
    doubtful: int
    detail: Mapping[str, Any]
    seen_at: datetime

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> Evidence:
        """Return what the rows of `endpoint_evidence` of one version say together."""
        details = [_json(row["detail"]) for row in rows]
        return cls(
            role=rows[0]["role"],
            version=rows[0]["version"],
            **{name: sum(row[name] for row in rows) for name in COUNTED},
            detail=_together(details),
            seen_at=max(row["seen_at"] for row in rows).replace(tzinfo=UTC),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as JSON can hold it."""
        return vars(self) | {"seen_at": self.seen_at.isoformat()}


def _joined(name: str, one: Any, other: Any) -> Any:
    return max(one, other) if name in _LARGEST else one + other


def _together(details: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the details of several processes as one: sums, and of evidence the largest."""
    found: dict[str, Any] = {}
    for detail in details:
        for name, value in detail.items():
            known = found.get(name)
            if known is None:
                found[name] = dict(value) if isinstance(value, dict) else value
            elif isinstance(value, dict):
                for key, one in value.items():
                    known[key] = _joined(name, known.get(key, 0), one)
            else:
                found[name] = _joined(name, known, value)
    return found


@dataclass(frozen=True)
class Happening:
    """A line of the story of an endpoint; what a process told has a pid, a decision an actor."""

    at: datetime
    what: str
    version: int | None
    pid: int | None
    actor: str | None
    reason: str | None
    detail: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Happening:
        """Return the happening of a row of the statement `endpoint_story`."""
        return cls(
            at=row["ts"].replace(tzinfo=UTC),
            **{name: row[name] for name in ("what", "version", "pid", "actor", "reason")},
            detail=_json(row["detail"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the happening as JSON can hold it."""
        return vars(self) | {"at": self.at.isoformat()}


@dataclass(frozen=True)
class ServingProcess:
    """A process that answers for an endpoint."""

    pid: int
    host: str
    program: str
    since: datetime
    detail: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ServingProcess:
        """Return the process of a row of the statement `endpoint_processes`."""
        return cls(
            row["pid"],
            row["host"],
            row["program"],
            row["since"].replace(tzinfo=UTC),
            _json(row["detail"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the process as JSON can hold it."""
        return vars(self) | {"since": self.since.isoformat()}


@dataclass(frozen=True)
class EndpointState:
    """All that is known of an endpoint.

    Attributes:
        reference: What it answers for, such as churn@champion.
        version: The version that this means at present; None: none.
        processes: Which answer for it.
        trial: What is tried.
        evidence: What was counted in the trial.
        story: What happened, the latest first.
    """

    reference: str
    version: str | None
    processes: tuple[ServingProcess, ...]
    trial: Trial
    evidence: tuple[Evidence, ...] = ()
    story: tuple[Happening, ...] = ()

    def of(self, role: str, version: str | None = None) -> Evidence | None:
        """Return the evidence of a role, or of a version in it; None if there is none."""
        for one in self.evidence:
            if one.role == role and version in (None, one.version):
                return one
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        return {
            "reference": self.reference,
            "version": self.version,
            "processes": [one.to_dict() for one in self.processes],
            "trial": self.trial.to_dict(),
            "evidence": [one.to_dict() for one in self.evidence],
            "story": [one.to_dict() for one in self.story],
        }


def evidence_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    """Return the evidence that rows of `endpoint_evidence` are, one for each version and role."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["role"], row["version"]), []).append(row)
    return tuple(map(Evidence.from_rows, found.values()))
