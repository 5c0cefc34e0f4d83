"""Verdicts: what each check of a gate says of a candidate, and what the gate says as a whole.

report.passed, report.outcome           # "passed", "failed" or "cannot tell"
for verdict in report.verdicts:
    print(verdict.name, verdict.outcome, verdict.reason)

A gate passes if every check passes that may stop it. A check that cannot tell, for want of rows or
of a label, stops it as one that fails: promotion needs evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lite_mlops.htmltext import html_table
from lite_mlops.models import CANNOT_TELL, FAILED, PASSED

MIN_ROWS = 30  # fewer tell nothing
FEW_ROWS = 200  # fewer tell little, which is said


@dataclass(frozen=True)
class Found:
    """What a check found.

    Attributes:
        outcome: "passed", "failed" or "cannot tell".
        reason: Why, in a sentence with the figures.
        value: The figure that was found.
        limit: The figure that it was held against.
        rows: Of the data that it is about.
        warning: What lessens it, such as few rows.
        evidence: What else was found, as JSON can hold it.
    """

    outcome: str
    reason: str
    value: float | None = None
    limit: float | None = None
    rows: int | None = None
    warning: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Verdict(Found):
    """What a check of a gate says.

    Attributes:
        name: Of the check.
        check: Its kind, such as "not worse".
        blocks: Whether the gate may be stopped by it.
        lenient: Whether "cannot tell" does not stop the gate.
    """

    name: str
    check: str
    blocks: bool = True
    lenient: bool = False

    @property
    def stops(self) -> bool:
        """Whether the gate does not pass because of it."""
        if not self.blocks or self.outcome == PASSED:
            return False
        return not (self.lenient and self.outcome == CANNOT_TELL)

    @property
    def sentence(self) -> str:
        """The reason with what lessens it."""
        return f"{self.reason} ({self.warning})" if self.warning else self.reason

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        first = {"name": self.name, "check": self.check}
        return first | vars(self) | {"evidence": dict(self.evidence), "stops": self.stops}


def passed(reason: str, **more: Any) -> Found:
    """Return that a check passed, with the reason."""
    return Found(PASSED, reason, **more)


def failed(reason: str, **more: Any) -> Found:
    """Return that a check failed, with the reason."""
    return Found(FAILED, reason, **more)


def cannot_tell(reason: str, **more: Any) -> Found:
    """Return that a check cannot tell, with the reason."""
    return Found(CANNOT_TELL, reason, **more)


def met(holds: bool, reason: str, **more: Any) -> Found:  # noqa: FBT001
    """Return that a check passed or failed, with the reason."""
    return passed(reason, **more) if holds else failed(reason, **more)


def about_rows(found: Found, rows: int) -> Found:
    """Return what was found on so many rows: nothing on very few, with a warning on few."""
    if rows < MIN_ROWS:
        told = f"{rows} rows are too few to tell; {MIN_ROWS} are needed. {found.reason}".strip()
        return replace(found, outcome=CANNOT_TELL, reason=told, rows=rows)
    few = f"only {rows} rows" if rows < FEW_ROWS else None
    warnings = [one for one in (found.warning, few) if one]
    return replace(found, rows=rows, warning="; ".join(warnings) or None)


def outcome_of(verdicts: Sequence[Verdict]) -> str:
    """Return what a gate says as a whole."""
    stopping = {one.outcome for one in verdicts if one.stops}
    if FAILED in stopping:
        return FAILED
    return CANNOT_TELL if stopping else PASSED


@dataclass(frozen=True)
class GateReport:
    """What a gate found of a candidate.

    Attributes:
        gate: Its name.
        candidate: Such as churn/4.
        target: The alias that it is to get, such as churn@champion.
        against: The version that the alias pointed to; None: none.
        digest: The hash of the definition of the gate.
        data_name, data_sha256: What it was judged on; None: no check needs data.
        rows: Of the data.
        seed: Of everything that is drawn at random.
        judged_at, actor: When, and who had it judged.
        seconds: How long it took.
        verdicts: Check by check, as they are defined.
        number: Of the decision that keeps it; None: it is not kept.
    """

    gate: str
    candidate: str
    target: str
    against: str | None
    digest: str
    data_name: str | None
    data_sha256: str | None
    rows: int
    seed: int
    judged_at: datetime
    actor: str
    seconds: float
    verdicts: tuple[Verdict, ...]
    number: int | None = None

    @property
    def outcome(self) -> str:
        """What the gate says: "passed", "failed" or "cannot tell"."""
        return outcome_of(self.verdicts)

    @property
    def passed(self) -> bool:
        """Whether the candidate may get the alias, as far as the gate goes."""
        return self.outcome == PASSED

    @property
    def stopping(self) -> tuple[Verdict, ...]:
        """The checks because of which the gate does not pass."""
        return tuple(one for one in self.verdicts if one.stops)

    def __getitem__(self, name: str) -> Verdict:
        """Return the verdict of a check. Raises `KeyError`."""
        for one in self.verdicts:
            if one.name == name:
                return one
        raise KeyError(name)

    def summary(self) -> str:
        """Return the outcome in a sentence."""
        against = f" against {self.against}" if self.against else ""
        good = sum(one.outcome == PASSED for one in self.verdicts)
        of = f"{good} of {len(self.verdicts)} checks passed"
        return f"{self.candidate} for {self.target}{against}: {self.outcome}, {of}."

    def __str__(self) -> str:
        lines = [f"{one.outcome:<11}  {one.name}: {one.sentence}" for one in self.verdicts]
        return "\n".join([*lines, self.summary()])

    def __repr__(self) -> str:
        return f"<GateReport {self.summary()}>"

    def _repr_html_(self) -> str:
        rows = [(one.outcome, one.name, one.sentence) for one in self.verdicts]
        return html_table(self.summary(), ("", "check", "why"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return vars(self) | {
            "judged_at": self.judged_at.isoformat(),
            "outcome": self.outcome,
            "passed": self.passed,
            "verdicts": [one.to_dict() for one in self.verdicts],
        }
