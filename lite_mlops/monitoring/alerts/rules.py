"""Rules: from what the windows of one subject found, to what is to be done about it.

    next_step(Rules(), Standing(severities=("warn", "none", "warn")), now)
    # Step(how="opened", state="open", severity="warn", tell=True)

An incident opens when the latest window is an alert, or when enough of the last ones fire; there is
one at most for a monitor, check and subject. It clears after some quiet windows. Somebody is told
when it opens, when it gets worse, again and again after a cool-down while nobody acknowledges it,
and when it clears. Pure functions of stored history: the same history gives the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lite_mlops.monitoring.findings import ALERT, SEVERITIES, UNKNOWN, WARN

OPEN, ACKNOWLEDGED, CLEARED, RESOLVED = "open", "acknowledged", "cleared", "resolved"
STANDING = (OPEN, ACKNOWLEDGED)
_FIRING = (WARN, ALERT)


@dataclass(frozen=True)
class Rules:
    """When somebody is told: `firing` of the last `of` windows open an incident.

    It clears after `quiet` windows; the same is told again only after `cooldown`.
    """

    firing: int = 2
    of: int = 3
    quiet: int = 2
    cooldown: timedelta = timedelta(hours=4)


@dataclass(frozen=True)
class Standing:
    """What is known of one subject of a check.

    Attributes:
        severities: Of its windows since an incident of it was closed, none of which shares rows
            with another; the latest comes last.
        state: Of its incident; None if there is none.
        severity: The worst one of that incident.
        told: Whether somebody was told of that incident.
        told_at: When something of each severity was told last, of whatever incident.
        silenced: Whether nobody is to be told.
    """

    severities: tuple[str, ...]
    state: str | None = None
    severity: str = ""
    told: bool = False
    told_at: Mapping[str, datetime] = field(default_factory=dict)
    silenced: bool = False


@dataclass(frozen=True)
class Step:
    """What is to be decided of an incident, and whether somebody is to be told."""

    how: str  # "opened", "worse", "still" or "cleared"
    state: str
    severity: str
    tell: bool


def next_step(rules: Rules, standing: Standing, now: datetime) -> Step | None:
    """Return what is to be done; None if everything stays as it is."""
    judged = [one for one in standing.severities if one != UNKNOWN]
    if not judged or standing.severities[-1] == UNKNOWN:
        return None  # what cannot be judged neither fires nor clears
    latest = judged[-1]
    if standing.state is None:
        recent = sum(one in _FIRING for one in judged[-rules.of :])
        opens = latest == ALERT or (latest in _FIRING and recent >= rules.firing)
        return (
            Step("opened", OPEN, latest, _may_tell(rules, standing, latest, now)) if opens else None
        )
    if latest in _FIRING:
        return _going_on(rules, standing, latest, now)
    quiet = judged[-rules.quiet :]
    if len(quiet) < rules.quiet or any(one in _FIRING for one in quiet):
        return None
    return Step("cleared", CLEARED, standing.severity, standing.told and not standing.silenced)


def _going_on(rules: Rules, standing: Standing, latest: str, now: datetime) -> Step | None:
    if _rank(latest) > _rank(standing.severity):  # also of one that was acknowledged
        return Step("worse", OPEN, latest, _may_tell(rules, standing, latest, now))
    if standing.state == OPEN and _may_tell(rules, standing, standing.severity, now):
        return Step("still", OPEN, standing.severity, tell=True)
    return None


def _may_tell(rules: Rules, standing: Standing, severity: str, now: datetime) -> bool:
    """Return whether this was not told within the cool-down, nor anything as bad."""
    if standing.silenced:
        return False
    return all(
        now - at >= rules.cooldown
        for told, at in standing.told_at.items()
        if _rank(told) >= _rank(severity)
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)
