"""Looking: one run of a monitor, from the recorded answers to what is decided.

run = Looker(store, models, monitoring).look(monitor)     # findings, nothing stored
kept = keep(store, run, channels)                                   # stored and decided
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.errors import LiteMlopsError, NotFound
from lite_mlops.jsontext import json_text
from lite_mlops.models import Models, ModelVersion
from lite_mlops.monitoring.alerts.channels import Channel
from lite_mlops.monitoring.alerts.judging import Look, judge
from lite_mlops.monitoring.findings import UNKNOWN, Finding
from lite_mlops.monitoring.monitors.checks import CHECKS
from lite_mlops.monitoring.monitors.monitor import Monitor
from lite_mlops.monitoring.monitors.parts import Parts
from lite_mlops.monitoring.monitors.runs import MonitorRun, Stored, ranked
from lite_mlops.monitoring.watching import Monitoring
from lite_mlops.store import Store, as_stored, new_id
from lite_mlops.store.events import IncidentSet, MonitorRan

log = logging.getLogger("lite_mlops")

_INSTANT = timedelta(microseconds=1)
_CHAMPION = "champion"


@dataclass(frozen=True)
class Looker:
    """Looks at what was recorded in a project."""

    store: Store
    models: Models
    monitoring: Monitoring

    def version_of(self, monitor: Monitor) -> ModelVersion:
        """Return the version that a monitor watches at present. Raises `NotFound`, `Invalid`."""
        if monitor.model:
            return self.models.get(monitor.model)
        try:
            return self.models.get(f"{monitor.name}@{_CHAMPION}")
        except NotFound:
            return self.models.get(monitor.name)

    def parts_of(self, monitor: Monitor, until: datetime | None = None) -> Parts:
        """Return what a monitor looks at, up to a time. Raises `NotFound`, `Invalid`."""
        version = self.version_of(monitor)
        end = looked_at = datetime.now(UTC) if until is None else until
        named: dict[str, Any] = {"model": version.model, "version": version.version}
        with self.store.reading() as database:
            if monitor.window.span is not None:
                since = end - monitor.window.span
            else:
                limits = {"until": as_stored(end), "rows": monitor.window.rows}
                first = database.value("start_of_last_rows", **named, **limits)
                since = end - _INSTANT if first is None else first.replace(tzinfo=UTC)
            row = database.one("traffic_of", **named, since=as_stored(since), until=as_stored(end))
        assert row is not None
        if monitor.window.span is None and row["last_at"] is not None:
            # By its rows, so that without new ones it is the same window.
            end = row["last_at"].replace(tzinfo=UTC) + _INSTANT
        return Parts(
            monitoring=self.monitoring,
            monitor=monitor,
            version=version,
            since=since,
            until=end,
            rows=row["rows"],
            looked_at=looked_at,
        )

    def look(
        self, monitor: Monitor, *, until: datetime | None = None, how: str = "by hand"
    ) -> MonitorRun:
        """Return what a monitor finds in its window; nothing is stored.

        Raises:
            NotFound, Invalid: there is no such model.
        """
        begin = time.perf_counter()
        parts = self.parts_of(monitor, until)
        findings = findings_of(monitor, parts)
        stored = Stored(
            id=new_id(),
            monitor=monitor.name,
            model=parts.version.name,
            since=parts.since,
            until=parts.until,
            rows=parts.rows,
            ran_at=datetime.now(UTC),
            seconds=time.perf_counter() - begin,
            how=how,
        )
        return MonitorRun(stored, ranked(findings))


def findings_of(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return what the checks of a monitor find; one that fails is a finding, too."""
    found: list[Finding] = []
    for name, check in CHECKS.items():
        if not monitor.runs_check(name):
            continue
        try:
            found += check.run(monitor, parts)
        except LiteMlopsError as error:  # such as no training data to compare with
            found.append(Finding(name, "", UNKNOWN, str(error)))
        except Exception as error:  # whatever one check does, the others are made
            log.exception("The check %s of the monitor %s failed.", name, monitor.name)
            told = f"The check failed with {type(error).__name__}."
            found.append(Finding(name, "", UNKNOWN, told))
    return found


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _INSTANT


def ran(run: MonitorRun) -> MonitorRan:
    """Return a run as the event that stores it."""
    stored, findings = run.stored, run.findings
    model, _, version = stored.model.rpartition("/")
    return MonitorRan(
        monitor=stored.monitor,
        look=stored.id,
        model=model,
        version=int(version),
        since=_microseconds(stored.since),
        until=_microseconds(stored.until),
        rows=stored.rows,
        took=int(stored.seconds * 1e6),
        how=stored.how,
        checks=[one.check for one in findings],
        subjects=[one.subject for one in findings],
        severities=[one.severity for one in findings],
        sentences=[one.sentence for one in findings],
        measured=[_finite(one.value) for one in findings],
        limits=[_finite(one.limit) for one in findings],
        proofs=[json_text(dict(one.evidence)) if one.evidence else None for one in findings],
    )


def _look(run: MonitorRun) -> Look:
    stored = run.stored
    model, _, version = stored.model.rpartition("/")
    return Look(stored.id, stored.monitor, model, int(version), stored.since, stored.until)


def keep(
    store: Store, monitor: Monitor, run: MonitorRun, channels: Sequence[Channel]
) -> MonitorRun:
    """Store a run and decide, at once, what it means for incidents.

    Raises:
        Busy, Denied: the decision cannot be recorded; nothing is stored then.
    """
    event = ran(run)
    with store.deciding() as decisions:
        decided = judge(
            decisions.database,
            _look(run),
            run.findings,
            monitor.rules,
            channels,
            datetime.now(UTC),
        )
        decisions.record_together(*decided, facts=[event])
    return replace(run, decided=tuple(map(told_of, decided)))


def would_decide(
    store: Store, monitor: Monitor, run: MonitorRun, channels: Sequence[Channel]
) -> list[IncidentSet]:
    """Return what `keep` would decide; nothing is stored."""
    with store.reading() as database:
        return judge(database, _look(run), run.findings, monitor.rules, channels, datetime.now(UTC))


def told_of(decided: IncidentSet) -> dict[str, Any]:
    """Return a decision on an incident as JSON can hold it."""
    return {
        "incident": decided.incident,
        "check": decided.checked,
        "subject": decided.subject,
        "how": decided.how,
        "state": decided.state,
        "severity": decided.severity,
        "sentence": decided.sentence,
        "channels": list(decided.channels or ()),
    }
