"""Telling: how a loop ended becomes an incident, which goes to the channels of the alerts.

What ended badly stands until the loop promotes something; each further time is told again, which is
ever more rarely, as the loop rests. What was promoted is told, and over at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from lite_mlops.loops.definition import Loop
from lite_mlops.loops.story import AWAITING, BAD_ENDS, PROMOTED
from lite_mlops.monitoring.alerts import ACKNOWLEDGED, OPEN, RESOLVED
from lite_mlops.monitoring.findings import ALERT, WARN
from lite_mlops.store import Database, new_id
from lite_mlops.store.events import IncidentSet

CHECK = "loop"
TOLD = (AWAITING, PROMOTED, *BAD_ENDS)


def incident_name(loop: Loop) -> str:
    """Return the name under which what a loop tells is listed, beside those of monitors."""
    return f"loop {loop.name}"


def told(
    database: Database, loop: Loop, state: str, why: str, channels: Iterable[str]
) -> IncidentSet | None:
    """Return what is to be told of the state that a loop came to; None if nothing is."""
    if state not in TOLD:
        return None
    rows = database.dicts(
        "incident_list", monitor=incident_name(loop), standing=True, beginning=None, rows=1
    )
    before = rows[0] if rows else None
    bad = state in BAD_ENDS
    how = state if not bad else "opened" if before is None else "still"
    standing = OPEN if before is None else before["state"]
    if state == PROMOTED:
        standing = RESOLVED
    elif standing == ACKNOWLEDGED:
        channels = ()  # somebody looks after it
    names = list(channels)
    return IncidentSet(
        incident=new_id() if before is None else before["incident"],
        monitor=incident_name(loop),
        checked=CHECK,
        subject=loop.reference,
        state=standing,
        severity=ALERT if bad else WARN,
        sentence=f"{state}: {why}",
        how=how,
        notice=new_id() if names else None,
        channels=names or None,
    )
