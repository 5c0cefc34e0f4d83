"""Reports on what a monitor watches: its window, its reference, its checks and its alerts.

    report_on(looker, monitor, incidents)

The window of the monitor is judged, by the monitor; the time lines show as many windows before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lite_mlops.monitoring.reports.facts import AlertFact, ReportFacts
from lite_mlops.monitoring.reports.gathering import Asked, Reporting

if TYPE_CHECKING:
    from lite_mlops.monitoring.alerts import Incident
    from lite_mlops.monitoring.monitors.looking import Looker
    from lite_mlops.monitoring.monitors.monitor import Monitor
    from lite_mlops.monitoring.monitors.parts import Parts


def report_on(
    looker: Looker,
    monitor: Monitor,
    incidents: Sequence[Incident],
    *,
    until: datetime | None = None,
    by: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> ReportFacts:
    """Return the report on the window of a monitor that ends at a time; default: now.

    Raises:
        NotFound, Invalid: there is no such model or column.
    """
    from lite_mlops.monitoring.monitors.looking import findings_of

    parts = looker.parts_of(monitor, until)
    return Reporting(looker.store, looker.models, looker.monitoring).of(
        asked_of(monitor, parts, by=by, groups=groups),
        findings=findings_of(monitor, parts),
        alerts=[alert_of(one) for one in incidents if one.monitor == monitor.name],
    )


def asked_of(
    monitor: Monitor, parts: Parts, *, by: Sequence[str] = (), groups: Sequence[str] = ()
) -> Asked:
    """Return what the report on a look of a monitor is about."""
    from lite_mlops.monitoring.monitors.monitor import TRAINING
    from lite_mlops.spans import parse_span

    reference: str | None = monitor.reference
    past = None
    if reference == TRAINING:
        reference = None
    elif monitor.reference.startswith("past "):
        reference = None
        begin = parts.since - parse_span(monitor.reference.removeprefix("past "))
        past = f"{begin.isoformat()}..{parts.since.isoformat()}"
    width = monitor.window.rows if monitor.window.span is None else monitor.window.span
    return Asked(
        model=parts.version.name,
        name=monitor.name,
        since=parts.since,
        until=parts.until,
        width=width,
        earlier=True,
        reference=reference,
        reference_window=past,
        preset=monitor.options_of("drift").get("preset", "balanced"),
        joint=monitor.runs_check("joint"),
        columns=monitor.columns,
        by=tuple(by),
        groups=tuple(groups or monitor.options_of("fairness").get("columns", ())),
    )


def alert_of(incident: Incident) -> AlertFact:
    """Return an incident as an alert of a report."""
    return AlertFact(
        id=incident.id[-8:],
        about=incident.about,
        severity=incident.severity,
        state=incident.state,
        sentence=incident.sentence,
        since=incident.opened_at,
        until=None if incident.stands else incident.changed_at,
    )
