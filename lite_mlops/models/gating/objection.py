"""Objections: what stands against giving a version an alias that has a gate. Pure functions.

objection(requirement, version, judged, approvals, mover="ann", now=now)    # None: it may move
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from lite_mlops.models.gating.evidence import Approval, Judged
from lite_mlops.models.gating.requirement import Requirement
from lite_mlops.models.versions import ModelVersion

VERDICT, APPROVAL, BETTER = "verdict", "approval", "better version"  # what a move may lack
_SHOWN = 3  # failed checks that a refusal names


class Objection(NamedTuple):
    """What stands against a move, in words; `lacks` is what it takes: a verdict or approval."""

    why: str
    lacks: str

    def __str__(self) -> str:
        return self.why


def approvers(
    version: ModelVersion, approvals: Sequence[Approval], judged: Judged, mover: str
) -> list[str]:
    """Return who approved a version beside who registered it and who moves the alias."""
    given = {one.actor for one in approvals if one.is_of(judged)}
    return sorted(given - {version.actor, mover})


def objection(
    requirement: Requirement,
    version: ModelVersion,
    judged: Judged | str,
    approvals: Sequence[Approval],
    *,
    mover: str,
    now: datetime,
) -> Objection | None:
    """Return what stands against giving a version an alias; None: nothing.

    Args:
        requirement: What is needed.
        version: The version.
        judged: The verdict that counts, or why there is none; see `matching`.
        approvals: Those that were given to the version for the alias.
        mover: Who moves it.
        now: The present time.
    """
    if isinstance(judged, str):
        return Objection(judged, VERDICT)
    if not judged.passed:
        return Objection(_unmet(judged), BETTER)
    if requirement.valid is not None and now - judged.judged_at > requirement.valid:
        return Objection(
            f"its gate passed {judged.judged_at:%Y-%m-%d %H:%M} UTC, which is longer ago than the "
            f"gate {requirement.gate!r} allows",
            VERDICT,
        )
    found = approvers(version, approvals, judged, mover)
    if len(found) < requirement.approvals:
        own = sorted({version.actor, mover})
        return Objection(_unapproved(requirement.approvals, own, found), APPROVAL)
    return None


def _unmet(judged: Judged) -> str:
    """Return what a gate had against a version, in words."""
    bad = [one for one in judged.report.get("verdicts", ()) if one.get("stops")]
    told = "; ".join(f"{one['name']}: {one['reason'].rstrip('.')}" for one in bad[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f"its gate said {judged.outcome!r}" + (f" ({told}{more})" if told else "")


def _unapproved(wanted: int, own: Sequence[str], given: Sequence[str]) -> str:
    """Return that approvals are missing, in words."""
    approvals = "one approval" if wanted == 1 else f"{wanted} approvals"
    return (
        f"it needs {approvals} by others than {' and '.join(own)}, who registered it or moves the "
        f"alias, and {', '.join(given) or 'nobody'} approved it"
    )


def advice(requirement: Requirement, version: ModelVersion, found: Objection) -> str:
    """Return what helps against an objection, in a sentence."""
    if found.lacks == BETTER:
        return "An override with a reason moves it all the same, on record."
    if found.lacks == APPROVAL:
        return f"`lite-mlops approve {version.name} --for {requirement.alias}` gives one."
    target = f"{requirement.model}@{requirement.alias}"
    return f"`lite-mlops gate run {version.name} --against {target}` judges it."
