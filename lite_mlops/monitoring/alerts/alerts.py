"""Alerts: what fires, who was told, and what people decide about it.

project.alerts.all()
project.alerts.acknowledge("3f9c", reason="the sensor is being replaced")
project.alerts.silence("churn/drift/age", timedelta(days=2), reason="known")
project.alerts.test("team")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lite_mlops.errors import Conflict, Invalid, NotFound, suggestion
from lite_mlops.monitoring.alerts.channels import Channel, Message, channels_of
from lite_mlops.monitoring.alerts.delivering import Delivering, Delivery, tell
from lite_mlops.monitoring.alerts.incidents import Incident, Silence, in_utc
from lite_mlops.monitoring.alerts.rules import ACKNOWLEDGED, OPEN, RESOLVED
from lite_mlops.security import mask_reason
from lite_mlops.settings import tables_of
from lite_mlops.store import Database, Store, as_stored, new_id, now
from lite_mlops.store.events import AlertSent, IncidentSet, SilenceSet

_ROWS = 200
_LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class ChannelState:
    """A channel, and how it did."""

    name: str
    kind: str  # "" if it is no channel any more
    where: str
    sent: int
    failed: int
    sent_at: datetime | None
    state: str  # "unused", "sent", "failed" or "given up"
    why: str
    waiting: int

    @property
    def broken(self) -> bool:
        """Whether the last attempt to tell it failed."""
        return self.state in ("failed", "given up")

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        at = None if self.sent_at is None else self.sent_at.isoformat()
        return vars(self) | {"sent_at": at, "broken": self.broken}


class Alerts:
    """The alerts of a project: questions first, then decisions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._root = store.layout.folder.parent

    # -- questions ------------------------------------------------------------------------------

    def all(
        self, monitor: str | None = None, *, standing: bool = True, rows: int = _ROWS
    ) -> list[Incident]:
        """Return incidents, those decided on last first; `standing` are those that go on."""
        with self._store.reading() as database:
            found = database.dicts(
                "incident_list", monitor=monitor, standing=standing, beginning=None, rows=rows
            )
        return [Incident.from_row(row) for row in found]

    def get(self, incident: str) -> Incident:
        """Return an incident by its id, or by how that begins or ends, with its history.

        Raises:
            NotFound: there is none.
            Invalid: there are several.
        """
        with self._store.reading() as database:
            return _incident(database, incident)

    def silences(self, monitor: str | None = None) -> list[Silence]:
        """Return of what nobody is told at present."""
        moment = as_stored(datetime.now(UTC))
        with self._store.reading() as database:
            rows = database.dicts("silence_list", monitor=monitor, moment=moment)
        return [Silence.from_row(row) for row in rows]

    def channels(self) -> list[ChannelState]:
        """Return the channels, and how each did.

        Raises:
            Invalid: the file says something that cannot be used.
        """
        known = self.known_channels()
        rows = {}
        waiting: list[Delivery] = []
        if self._store.layout.folder.is_dir():
            with self._store.reading() as database:
                rows = {row["channel"]: row for row in database.dicts("channel_outcomes")}
            waiting = Delivering(self._store, known).waiting()
        return [
            _state(name, known.get(name), rows.get(name, {}), waiting)
            for name in sorted({*known, *rows})
            if name in known or any(one.channel == name for one in waiting)
        ]

    def known_channels(self) -> dict[str, Channel]:
        """Return the channels of the file by name. Raises `Invalid`."""
        return channels_of(self._root)

    def waiting(self) -> list[Delivery]:
        """Return what is still to be told."""
        return Delivering(self._store, {}).waiting()

    # -- decisions ------------------------------------------------------------------------------

    def acknowledge(self, incident: str, *, reason: str | None = None) -> Incident:
        """Say that somebody looks after it: it is told no more, unless it gets worse.

        Raises:
            NotFound, Invalid: there is no such incident, or several.
            Conflict: it is over, or acknowledged already.
        """
        return self._set(incident, "acknowledged", ACKNOWLEDGED, (OPEN,), reason)

    def resolve(self, incident: str, *, reason: str | None = None) -> Incident:
        """Say that it is over; what was found before counts no more.

        Raises:
            NotFound, Invalid: there is no such incident, or several.
            Conflict: it is over already.
        """
        return self._set(incident, "resolved", RESOLVED, (OPEN, ACKNOWLEDGED), reason)

    def _set(
        self, word: str, how: str, state: str, before: tuple[str, ...], reason: str | None
    ) -> Incident:
        with self._store.deciding() as decisions:
            found = _incident(decisions.database, word)
            if found.state not in before:
                raise Conflict(f"The incident {found.id} ({found.about}) is {found.state}.")
            decisions.record(
                IncidentSet(
                    incident=found.id,
                    monitor=found.monitor,
                    checked=found.check,
                    subject=found.subject,
                    state=state,
                    severity=found.severity,
                    sentence=found.sentence,
                    how=how,
                    look=found.look,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
            decisions.settle()
            return _incident(decisions.database, found.id)

    def silence(
        self, about: str, span: timedelta | None, *, reason: str | None = None
    ) -> Silence | None:
        """Tell nobody of something for a time; incidents are opened and cleared all the same.

        Args:
            about: Such as 'churn', 'churn/drift' or 'churn/drift/age'; or the id of an incident.
            span: For how long, at most a year; None lifts a silence.
            reason: Why; recorded with the decision.

        Raises:
            Invalid: the time cannot be used, or several incidents are meant.
            NotFound: there is no such monitor, check or incident, or no silence to lift.
        """
        if span is not None and not timedelta(0) < span <= _LONGEST:
            raise Invalid("A silence ends: more than 0 and at most 366 days from now.")
        with self._store.deciding() as decisions:
            monitor, check, subject = _subject(decisions.database, self._root, about)
            silences = [
                Silence.from_row(row)
                for row in decisions.database.dicts(
                    "silence_list", monitor=monitor, moment=as_stored(datetime.now(UTC))
                )
            ]
            present = [one for one in silences if (one.check, one.subject) == (check, subject)]
            if span is None and not present:
                raise NotFound(f"Nothing is silenced as {about!r}.")
            expires = None if span is None else now() + int(span / timedelta(microseconds=1))
            decisions.record(
                SilenceSet(
                    monitor=monitor,
                    checked=check,
                    subject=subject,
                    expires=expires,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
            decisions.settle()
            rows = decisions.database.dicts(
                "silence_list", monitor=monitor, moment=as_stored(datetime.now(UTC))
            )
        found = [Silence.from_row(row) for row in rows]
        return next((one for one in found if (one.check, one.subject) == (check, subject)), None)

    # -- telling --------------------------------------------------------------------------------

    def deliver(self) -> list[Delivery]:
        """Tell all that is due; return what was tried. Raises `Invalid` for a wrong file."""
        return Delivering(self._store, self.known_channels()).deliver()

    def test(self, channel: str | None = None) -> dict[str, str]:
        """Tell a channel, or all, that this is a test; return why each could not be, or ''.

        Raises:
            NotFound: there is no such channel.
            Invalid: the file says something that cannot be used.
        """
        known = self.known_channels()
        if channel is not None and channel not in known:
            raise NotFound(f"There is no channel {channel!r}.{suggestion(channel, known)}")
        found = {}
        for name in [channel] if channel is not None else known:
            message = Message(new_id(), "A test of lite-mlops", "", (), datetime.now(UTC))
            trouble = tell(known, name, message)
            found[name] = "" if trouble is None else str(trouble)
            if self._store.layout.folder.is_dir():
                detail = {"test": "yes"} | ({"why": found[name]} if trouble is not None else {})
                state = "sent" if trouble is None else "failed"
                self._store.append(
                    AlertSent(
                        notice=message.id, channel=name, state=state, attempt=1, detail=detail
                    )
                )
        return found


def _incident(database: Database, word: str) -> Incident:
    rows = (
        database.dicts("incident_list", monitor=None, standing=False, beginning=word, rows=3)
        if word
        else []
    )
    if not rows:
        raise NotFound(f"There is no incident {word!r}. `lite-mlops alerts ls` lists them.")
    if len(rows) > 1:
        known = ", ".join(row["incident"] for row in rows)
        raise Invalid(f"{word!r} means several incidents: {known}. Give more of the id.")
    story = database.dicts("incident_story", incident=rows[0]["incident"])
    return Incident.from_row(rows[0], story)


def _subject(database: Database, root: Path, about: str) -> tuple[str, str, str]:
    """Return the monitor, check and subject that a word means, or those of an incident.

    Raises:
        NotFound: it names neither a monitor nor an incident, or no check.
        Invalid: it means several incidents.
    """
    from lite_mlops.monitoring.monitors.checks import CHECKS  # which stands above this

    monitor, check, subject = [*about.split("/", 2), "", ""][:3]
    known = {row["name"] for row in database.dicts("monitor_definitions")}
    known |= {row["monitor"] for row in database.dicts("last_monitor_runs")}
    known |= set(tables_of(root, "monitor"))
    if monitor in known:
        if check and check not in CHECKS:
            raise NotFound(f"There is no check {check!r}.{suggestion(check, CHECKS)}")
        return monitor, check, subject
    if "/" in about:
        raise NotFound(f"There is no monitor {monitor!r}.{suggestion(monitor, known)}")
    found = _incident(database, about)
    return found.monitor, found.check, found.subject


def _state(
    name: str, channel: Channel | None, row: Mapping[str, Any], waiting: list[Delivery]
) -> ChannelState:
    sent_at = row.get("sent_at")
    return ChannelState(
        name=name,
        kind="" if channel is None else channel.kind,
        where="" if channel is None else channel.told(),
        sent=row.get("sent", 0),
        failed=row.get("failed", 0),
        sent_at=None if sent_at is None else in_utc(sent_at),
        state=row.get("state", "unused"),
        why=json.loads(row.get("detail") or "{}").get("why", ""),
        waiting=sum(one.channel == name for one in waiting),
    )
