"""Delivering: what was decided to be told goes to its channels, each outcome is stored.

    delivering = Delivering(store, channels)
    delivering.deliver()          # all that waits, also what an earlier process left

Before a channel is told, that is written down and synced; afterwards, how it ended. A process that
dies in between leaves the first line alone: the next one tells again, with the same id, and says
that it may be a repeat. Nothing is lost, and nothing is told twice without a word. A channel that
fails is tried again at later runs, ever more rarely, and given up after two days.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.monitoring.alerts.channels import Channel, Line, Message, NotSent
from lite_mlops.monitoring.alerts.incidents import in_utc
from lite_mlops.monitoring.findings import SEVERITIES
from lite_mlops.store import Store, as_stored
from lite_mlops.store.events import AlertSent

log = logging.getLogger("lite_mlops")

_GIVEN_UP_AFTER = timedelta(days=2)
_KEPT = timedelta(days=7)  # beyond it nobody looks whether something was to be told
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=2)
_OVER = ("sent", "given up")


@dataclass(frozen=True)
class Delivery:
    """What is to be told to one channel, and how far that came."""

    notice: str
    channel: str
    decided_at: datetime
    state: str | None  # None: not begun; "sending": begun by a process that ended
    attempt: int
    tried_at: datetime | None
    why: str

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Delivery:
        """Return the delivery of a row of `notices`."""
        tried = row["tried_at"]
        return cls(
            notice=row["notice"],
            channel=row["channel"],
            decided_at=in_utc(row["decided_at"]),
            state=row["state"],
            attempt=row["attempt"],
            tried_at=None if tried is None else in_utc(tried),
            why=json.loads(row["detail"] or "{}").get("why", ""),
        )

    @property
    def waits(self) -> bool:
        """Whether it is still to be told."""
        return self.state not in _OVER

    def is_due(self, now: datetime) -> bool:
        """Return whether it is to be tried now: at once, then after ever longer pauses."""
        if not self.waits:
            return False
        if self.state != "failed" or self.tried_at is None:
            return True
        pause: timedelta = min(_FIRST_PAUSE * 2 ** min(self.attempt - 1, 20), _LONGEST_PAUSE)
        return now - self.tried_at >= pause

    def to_dict(self) -> dict[str, Any]:
        """Return the delivery as JSON can hold it."""
        return vars(self) | {
            "decided_at": self.decided_at.isoformat(),
            "tried_at": None if self.tried_at is None else self.tried_at.isoformat(),
        }


def message_of(rows: Sequence[Mapping[str, Any]], *, repeat: bool = False) -> Message:
    """Return the message of the rows of `notice_lines` with one notice."""
    first = rows[0]
    lines = [
        Line(
            incident=row["incident"],
            check=row["checked"],
            subject=row["subject"],
            how=row["how"],
            severity=row["severity"],
            sentence=row["sentence"],
            since=in_utc(row["opened_at"]),
        )
        for row in rows
    ]
    lines.sort(key=lambda one: (one.how == "cleared", -SEVERITIES.index(one.severity)))
    window = {}
    if first["since"] is not None:
        window = {
            "since": in_utc(first["since"]).isoformat(),
            "until": in_utc(first["until"]).isoformat(),
            "rows": first["rows"],
        }
    return Message(
        id=first["notice"],
        monitor=first["monitor"],
        model="" if first["model"] is None else f"{first['model']}/{first['version']}",
        lines=tuple(lines),
        at=in_utc(first["ts"]),
        repeat=repeat,
        window=window,
    )


class Delivering:
    """Tells channels what was decided; only one process at a time does it."""

    def __init__(self, store: Store, channels: Mapping[str, Channel]) -> None:
        self._store = store
        self._channels = channels

    def waiting(self) -> list[Delivery]:
        """Return what is still to be told."""
        return [one for one in self._all() if one.waits]

    def _all(self) -> list[Delivery]:
        since = as_stored(datetime.now(UTC) - _KEPT)
        with self._store.reading() as database:
            return [Delivery.from_row(row) for row in database.dicts("notices", since=since)]

    def deliver(self) -> list[Delivery]:
        """Tell all that is due; return what was tried, and how it ended."""
        now = datetime.now(UTC)
        due = [one for one in self._all() if one.is_due(now)]
        if not due:
            return []
        with self._store.reading() as database:
            rows = database.dicts("notice_lines", notices=list({one.notice for one in due}))
        told: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for row in rows:
            for channel in row["channels"] or ():
                told.setdefault((row["notice"], channel), []).append(row)
        return [self._tell(one, told[one.notice, one.channel], now) for one in due]

    def _tell(
        self, delivery: Delivery, rows: Sequence[Mapping[str, Any]], now: datetime
    ) -> Delivery:
        attempt = delivery.attempt + 1
        sending = AlertSent(
            notice=delivery.notice, channel=delivery.channel, state="sending", attempt=attempt
        )
        self._store.journal.append_durably(sending.body())
        message = message_of(rows, repeat=delivery.state == "sending")
        trouble = tell(self._channels, delivery.channel, message)
        state, detail = "sent", {}
        if trouble is not None:
            old = now - delivery.decided_at > _GIVEN_UP_AFTER
            state, detail = "given up" if old else "failed", {"why": str(trouble)}
            log.warning("The channel %s was not told: %s.", delivery.channel, trouble)
        if message.repeat:
            detail["repeat"] = "yes"
        self._store.append(sending.replaced(state=state, detail=detail or None))
        return Delivery(
            delivery.notice,
            delivery.channel,
            delivery.decided_at,
            state,
            attempt,
            now,
            detail.get("why", ""),
        )


def tell(channels: Mapping[str, Channel], name: str, message: Message) -> NotSent | None:
    """Tell a channel; return why it could not be told, if so."""
    if name not in channels:
        return NotSent(f"there is no channel {name} any more")
    try:
        channels[name].send(message)
    except NotSent as error:
        return error
    except Exception as error:  # noqa: BLE001 (whatever a channel does, the others are told)
        # What it raises may hold an address that is a secret.
        return NotSent(f"it failed: {type(error).__name__}")
    return None
