"""Judging: what a monitor found now, with what it found before, becomes decisions on incidents.

    decided = judge(database, look, findings, rules, channels, actor_now)
    decisions.record_together(*decided, facts=[ran])

Windows that share rows are not counted twice: going back in time, the next window that counts is
the latest one that ended before the one after it began.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lite_mlops.monitoring.alerts.channels import Channel
from lite_mlops.monitoring.alerts.incidents import Incident, Silence, in_utc
from lite_mlops.monitoring.alerts.rules import Rules, Standing, next_step
from lite_mlops.monitoring.findings import NONE, SEVERITIES, UNKNOWN, Finding
from lite_mlops.store import Database, as_stored, new_id
from lite_mlops.store.events import IncidentSet

Subject = tuple[str, str]  # check and subject
_RUNS = 5_000  # of a monitor that are looked through for windows that share no rows
_INCIDENTS = 100_000


@dataclass(frozen=True)
class Look:
    """One run of a monitor: what it looked at."""

    id: str
    monitor: str
    model: str
    version: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class Seen:
    """What one window found: the worst severity of each subject."""

    ran_at: datetime
    severities: Mapping[Subject, str]

    @classmethod
    def of(cls, ran_at: datetime, found: Collection[tuple[str, str, str]]) -> Seen:
        """Return it of findings, each as check, subject and severity."""
        worst: dict[Subject, str] = {}
        for check, subject, severity in found:
            before = worst.get((check, subject), UNKNOWN)
            worst[check, subject] = max(before, severity, key=SEVERITIES.index)
        return cls(ran_at, worst)

    def severity_of(self, subject: Subject) -> str:
        """Return the severity of a subject; of one that a check which judged left out, 'none'."""
        if subject in self.severities:
            return self.severities[subject]
        judged = any(
            check == subject[0] and severity != UNKNOWN
            for (check, _), severity in self.severities.items()
        )
        return NONE if judged else UNKNOWN


def judge(
    database: Database,
    look: Look,
    findings: Sequence[Finding],
    rules: Rules,
    channels: Sequence[Channel],
    now: datetime,
) -> list[IncidentSet]:
    """Return what is to be decided of the incidents of a monitor, the most severe first."""
    present = Seen.of(now, [(one.check, one.subject, one.severity) for one in findings])
    windows = [*_before(database, look, rules), present]
    rows = database.dicts(
        "incident_list", monitor=look.monitor, standing=True, beginning=None, rows=_INCIDENTS
    )
    standing = {(row["checked"], row["subject"]): Incident.from_row(row) for row in rows}
    known = _Known(database, look.monitor, now)
    worst = {
        (one.check, one.subject): one
        for one in sorted(findings, key=lambda one: SEVERITIES.index(one.severity))
    }
    decided = []
    for subject in sorted({*worst, *standing}):
        incident = standing.get(subject)
        state = known.standing(subject, windows, incident)
        step = next_step(rules, state, now)
        if step is None:
            continue
        told = [one.name for one in channels if _takes(one, step.severity)] if step.tell else []
        finding = worst.get(subject)
        sentence = finding.sentence if finding is not None else "It is gone."
        decided.append(
            IncidentSet(
                incident=new_id() if incident is None else incident.id,
                monitor=look.monitor,
                checked=subject[0],
                subject=subject[1],
                state=step.state,
                severity=step.severity,
                sentence=sentence,
                how=step.how,
                look=look.id,
                notice=look.id if told else None,
                channels=told or None,
            )
        )
    return sorted(decided, key=lambda one: -SEVERITIES.index(one.severity))


def _takes(channel: Channel, severity: str) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(channel.least)


class _Known:
    """What is stored of the subjects of a monitor."""

    def __init__(self, database: Database, monitor: str, now: datetime) -> None:
        self._closed = {
            (row["checked"], row["subject"]): in_utc(row["closed_at"])
            for row in database.dicts("closed_incidents", monitor=monitor)
        }
        self._told_at: dict[Subject, dict[str, datetime]] = {}
        for row in database.dicts("last_told", monitor=monitor):
            told = self._told_at.setdefault((row["checked"], row["subject"]), {})
            told[row["severity"]] = in_utc(row["told_at"])
        self._told = {one for (one,) in database.rows("told_incidents", monitor=monitor)}
        self._silences = [
            Silence.from_row(row)
            for row in database.dicts("silence_list", monitor=monitor, moment=as_stored(now))
        ]

    def standing(
        self, subject: Subject, windows: Sequence[Seen], incident: Incident | None
    ) -> Standing:
        """Return what is known of a subject."""
        closed = self._closed.get(subject, datetime.min.replace(tzinfo=UTC))
        counted = [one for one in windows if one.ran_at > closed]
        return Standing(
            severities=tuple(one.severity_of(subject) for one in counted),
            state=None if incident is None else incident.state,
            severity="" if incident is None else incident.severity,
            told=incident is not None and incident.id in self._told,
            told_at=self._told_at.get(subject, {}),
            silenced=any(one.covers(*subject) for one in self._silences),
        )


def _before(database: Database, look: Look, rules: Rules) -> list[Seen]:
    """Return the windows before one, which share no rows, as many as the rules look at."""
    rows = database.rows(
        "monitor_runs_of_version",
        monitor=look.monitor,
        model=look.model,
        version=look.version,
        until=as_stored(look.since),
        rows=_RUNS,
    )
    most = max(rules.of, rules.quiet) - 1
    chosen: dict[str, datetime] = {}
    begun = as_stored(look.since)
    for id_, since, until, ran_at in rows:
        if len(chosen) == most:
            break
        assert begun is not None
        if until <= begun:
            chosen[id_] = in_utc(ran_at)
            begun = since
    found: dict[str, list[tuple[str, str, str]]] = {id_: [] for id_ in chosen}
    for id_, check, subject, severity, *_ in database.rows("findings_of", looks=list(chosen)):
        found[id_].append((check, subject, severity))
    return [Seen.of(chosen[id_], found[id_]) for id_ in reversed(chosen)]
