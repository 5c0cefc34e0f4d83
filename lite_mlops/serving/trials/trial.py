"""A trial: what is tried beside the present version of an endpoint, as it was decided.

parse_canary("churn/4=10%")        # ("churn/4", 0.1)
trial.canary, trial.share, trial.shadows, trial.paused
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models import parse_reference
from lite_mlops.store.events import TrialSet

RUNNING, PAUSED = "running", "paused"
PROMOTED = "promoted"  # how the trial of a canary ends well


@dataclass(frozen=True)
class Trial:
    """What is tried at an endpoint.

    Attributes:
        reference: What the endpoint answers for, such as churn@champion.
        canary: The version that gets a share of the requests; None: none.
        share: Its share, 0 to 1.
        key: The column by which requests stay together; None: the header X-Canary-Key.
        id: Under which the canary is counted; a new one for each version that is tried.
        shadows: Versions that are asked as well, and under which id each is counted.
        paused: Whether all of it gets no requests for now.
        how: What the latest decision was, such as "canary" or "rolled back".
        decided_at, actor, reason: When, by whom and why.
    """

    reference: str
    canary: int | None = None
    share: float = 0.0
    key: str | None = None
    id: str | None = None
    shadows: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False
    how: str = ""
    decided_at: datetime | None = None
    actor: str = ""
    reason: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Trial:
        """Return the trial of a row of `endpoint_trials`."""
        return cls(
            reference=row["reference"],
            canary=row["canary"],
            share=row["share"] or 0.0,
            key=row["key"],
            id=row["trial"],
            shadows=json.loads(row["shadows"] or "{}"),
            paused=row["state"] == PAUSED,
            how=row["how"],
            decided_at=row["decided_at"].replace(tzinfo=UTC),
            actor=row["actor"],
            reason=row["reason"],
        )

    @property
    def model(self) -> str:
        """The model of the endpoint."""
        return parse_reference(self.reference).model

    @property
    def canary_name(self) -> str | None:
        """The version of the canary, such as churn/4."""
        return None if self.canary is None else f"{self.model}/{self.canary}"

    def decision(
        self,
        reason: str | None,
        evidence: Mapping[str, Any] | None,
        version: int | None = None,
    ) -> TrialSet:
        """Return the event that makes this trial the present one; `version` is what it is about."""
        return TrialSet(
            reference=self.reference,
            canary=self.canary,
            share=None if self.canary is None else self.share,
            key=self.key,
            trial=self.id,
            shadows=dict(self.shadows),
            state=PAUSED if self.paused else RUNNING,
            how=self.how,
            version=version,
            evidence=None if evidence is None else dict(evidence),
            reason=reason,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the trial as JSON can hold it."""
        return vars(self) | {
            "shadows": list(self.shadows),
            "decided_at": None if self.decided_at is None else self.decided_at.isoformat(),
        }


def parse_canary(text: str) -> tuple[str, float]:
    """Return the version and the share of a text such as `churn/4=10%` or `churn/4=0.1`.

    Raises:
        Invalid: it is not of this form, or the share is nothing or all.
    """
    name, found, told = text.partition("=")
    if not (name and found):
        raise Invalid(f"{text!r} is no canary; write a version and its share, such as churn/4=10%.")
    return name, parse_share(told)


def parse_share(text: str) -> float:
    """Return the share that a text such as `10%` or `0.1` says. Raises `Invalid`."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        raise Invalid(f"the share {text!r} is no number; write 10% or 0.1.") from None
    return checked_share(share)


def checked_share(share: float) -> float:
    """Return a share that a canary can have. Raises `Invalid`."""
    if not 0 < share < 1:
        raise Invalid(
            f"a share of {share:.4g} cannot be tried: it is more than 0 and less than 1 (100%), so "
            "that there is something to compare with."
        )
    return share


def percent(share: float) -> str:
    """Return a share as people read it."""
    return f"{100 * share:.4g} %"


def told(trial: Trial) -> str:
    """Return in a sentence what is tried at an endpoint."""
    parts = []
    if trial.canary is not None:
        by = f", by the column {trial.key}" if trial.key else ""
        parts.append(f"{trial.canary_name} gets {percent(trial.share)} of the requests{by}")
    if trial.shadows:
        parts.append(f"{', '.join(trial.shadows)} is asked as a shadow")
    if not parts:
        return f"Nothing is tried at {trial.reference}."
    return f"{trial.reference}: {'; '.join(parts)}{' (paused)' if trial.paused else ''}."
