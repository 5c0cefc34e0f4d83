"""Evidence: the verdicts and approvals on record, and the verdict that counts.

    matching(requirement, verdicts, present=3, data=sha256)     # or why there is none

A verdict counts for exactly what it was given on: the version, the definition of the gate (by its
hash), the data that the definition names (by its content) and the version that the alias points
to, or did last. Where one of these is another now, the gate has to run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lite_mlops.models.gating.requirement import Requirement

PASSED, FAILED, CANNOT_TELL = "passed", "failed", "cannot tell"


@dataclass(frozen=True)
class Judged:
    """A verdict of a gate on record.

    Attributes:
        number: Of the decision.
        baseline: The version that the alias pointed to; None: none.
        digest: The hash of the definition of the gate then.
        data_name, data_sha256: What it was judged on.
        rows: Of the data.
        outcome: "passed", "failed" or "cannot tell".
        report: Everything that was found, check by check.
    """

    number: int
    judged_at: datetime
    gate: str
    model: str
    version: int
    alias: str
    baseline: int | None
    digest: str
    data_name: str | None
    data_sha256: str | None
    rows: int
    seed: int
    outcome: str
    report: Mapping[str, Any]
    actor: str
    reason: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Judged:
        """Return the verdict of a row of `gate_verdicts`."""
        values = dict(row)
        return cls(
            number=values.pop("decision"),
            judged_at=values.pop("judged_at").replace(tzinfo=UTC),
            rows=values.pop("row_count"),
            report=json.loads(values.pop("report")),
            **values,
        )

    @property
    def passed(self) -> bool:
        """Whether the version may get the alias, as far as the gate goes."""
        return self.outcome == PASSED

    @property
    def name(self) -> str:
        """The version as it is named everywhere, such as 'churn/4'."""
        return f"{self.model}/{self.version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        return vars(self) | {"judged_at": self.judged_at.isoformat(), "report": dict(self.report)}


@dataclass(frozen=True)
class Approval:
    """That somebody approved a version for an alias, on what evidence."""

    number: int
    approved_at: datetime
    model: str
    version: int
    alias: str
    baseline: int | None
    digest: str
    data_sha256: str | None
    actor: str
    reason: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Approval:
        """Return the approval of a row of `approvals`."""
        values = dict(row)
        moment = values.pop("approved_at").replace(tzinfo=UTC)
        return cls(number=values.pop("decision"), approved_at=moment, **values)

    def is_of(self, judged: Judged) -> bool:
        """Whether it was given on the evidence of a verdict, or on the same found anew."""
        return (self.digest, self.data_sha256, self.baseline) == (
            judged.digest,
            judged.data_sha256,
            judged.baseline,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the approval as JSON can hold it."""
        return vars(self) | {"approved_at": self.approved_at.isoformat()}


def matching(
    requirement: Requirement, verdicts: Sequence[Judged], present: int | None, data: str | None
) -> Judged | str:
    """Return the latest verdict on exactly what is there now, or why there is none.

    Args:
        requirement: What is needed.
        verdicts: Those of the version for the alias, the latest first.
        present: The version that the alias points to, or did last; None: none.
        data: The hash of the data that the definition names.
    """
    if not verdicts:
        return f"the gate {requirement.gate!r} did not run for it yet"
    same = [one for one in verdicts if one.digest == requirement.digest]
    if not same:
        when = f"{verdicts[0].judged_at:%Y-%m-%d %H:%M} UTC"
        return f"the settings of the gate {requirement.gate!r} have changed since it ran, {when}"
    verdicts, last = same, same[0]
    if requirement.data is not None:
        same = [one for one in verdicts if one.data_sha256 == data]
        if not same:
            return (
                f"the gate ran on {last.data_name} ({_short(last.data_sha256)}), and "
                f"{requirement.data} is {_short(data)} now"
            )
    matches = [one for one in same if one.baseline == present]
    if not matches:
        compared = _version(requirement, same[0].baseline)
        return (
            f"the gate compared it with {compared}, and {requirement.model}@{requirement.alias} is "
            f"{_version(requirement, present)} now"
        )
    return matches[0]


def _short(sha256: str | None) -> str:
    return "no data" if sha256 is None else sha256[:12]


def _version(requirement: Requirement, version: int | None) -> str:
    return "nothing" if version is None else f"{requirement.model}/{version}"
