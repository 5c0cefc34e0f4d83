"""Monitors: what is watched in a project, and what was found.

    project.monitors.set("churn", window="1d", checks={"drift": {"preset": "calm"}})
    for run in project.monitors.run():
        print(run)
    project.monitors.status()

A monitor of `lite-mlops.toml` goes before one of the same name that was set in code.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Conflict, LiteMlopsError, NotFound, suggestion
from lite_mlops.models import Models, parse_reference
from lite_mlops.monitoring.alerts import Alerts
from lite_mlops.monitoring.alerts.channels import Channel, Line, Message
from lite_mlops.monitoring.monitors.checks import OPTIONS
from lite_mlops.monitoring.monitors.looking import Looker, keep, would_decide
from lite_mlops.monitoring.monitors.monitor import Monitor, monitor_of
from lite_mlops.monitoring.monitors.runs import (
    MonitorRun,
    MonitorState,
    Stored,
    finding_of,
    ranked,
)
from lite_mlops.monitoring.traffic import absent, gaps_of
from lite_mlops.monitoring.watching import Monitoring
from lite_mlops.security import mask_reason
from lite_mlops.settings import FILE_NAME, file_state, tables_of
from lite_mlops.store import Store, alone, as_stored
from lite_mlops.store.events import IncidentSet, MonitorSet

if TYPE_CHECKING:
    from lite_mlops.monitoring.monitors.rehearsal import Rehearsal
    from lite_mlops.monitoring.reports import ReportFacts

log = logging.getLogger("lite_mlops")

_ROWS = 50
_NEW_SHARE = 10  # a row window is looked at again when a tenth of it is new


class Monitors:
    """The monitors of a project: questions first, then what looks, then decisions."""

    def __init__(
        self,
        store: Store,
        models: Models,
        monitoring: Monitoring,
        alerts: Alerts,
    ) -> None:
        self._store = store
        self._looker = Looker(store, models, monitoring)
        self._alerts = alerts
        self._root = store.layout.folder.parent
        self._file: tuple[object, dict[str, Monitor]] = (None, {})

    # -- questions ------------------------------------------------------------------------------

    def all(self) -> list[Monitor]:
        """Return all monitors, by name.

        Raises:
            Invalid: the file says something that cannot be used.
        """
        return [one for _, one in sorted(self._known().items())]

    def get(self, name: str) -> Monitor:
        """Return a monitor. Raises `NotFound`, `Invalid`."""
        known = self._known()
        if name not in known:
            near = suggestion(name, known)
            raise NotFound(
                f"There is no monitor {name!r}.{near} A table [monitor.{name}] in {FILE_NAME} "
                f"makes one, and so does lm.monitor({name!r})."
            )
        return known[name]

    def _known(self) -> dict[str, Monitor]:
        return self._in_code() | self._in_file()

    def _in_file(self) -> dict[str, Monitor]:
        state = file_state(self._root)
        if state is None or state != self._file[0]:
            found = {
                name: monitor_of(
                    name,
                    values,
                    OPTIONS,
                    place=f"{self._root / FILE_NAME}: monitor.{name}",
                    source=FILE_NAME,
                )
                for name, values in tables_of(self._root, "monitor").items()
            }
            self._file = (state, found)
        return self._file[1]

    def _in_code(self) -> dict[str, Monitor]:
        if not self._store.layout.folder.is_dir():
            return {}
        with self._store.reading(folded=True) as database:
            rows = database.dicts("monitor_definitions")
        return {
            row["name"]: monitor_of(
                row["name"], json.loads(row["definition"]), OPTIONS, place=f"monitor {row['name']}"
            )
            for row in rows
        }

    def runs(self, name: str, *, rows: int = _ROWS) -> list[Stored]:
        """Return the last runs of a monitor, the latest first, without what they found."""
        with self._store.reading() as database:
            return [
                Stored.from_row(row)
                for row in database.dicts("monitor_run_list", monitor=name, rows=rows)
            ]

    def last(self, name: str) -> MonitorRun | None:
        """Return what the latest run of a monitor found; None if it never ran."""
        return self._last_runs().get(name)

    def _last_runs(self) -> dict[str, MonitorRun]:
        with self._store.reading() as database:
            stored = [Stored.from_row(row) for row in database.dicts("last_monitor_runs")]
            rows = database.dicts("findings_of", looks=[one.id for one in stored])
        return {
            one.monitor: MonitorRun(
                one, ranked([finding_of(row) for row in rows if row["look"] == one.id])
            )
            for one in stored
        }

    def status(self) -> list[MonitorState]:
        """Return how each monitor stands: its last run, and what fires since when.

        Raises:
            Invalid: the file says something that cannot be used.
        """
        monitors = self.all()
        if not self._store.layout.folder.is_dir():
            return [MonitorState(one, None) for one in monitors]
        last, incidents = self._last_runs(), self._alerts.all()
        silences = self._alerts.silences()
        return [
            MonitorState(
                one,
                last.get(one.name),
                tuple(sorted((i for i in incidents if i.monitor == one.name), key=_by_severity)),
                sum(silence.monitor == one.name for silence in silences),
            )
            for one in monitors
        ]

    def due(self, now: datetime | None = None) -> list[Monitor]:
        """Return the monitors that are to look now: by their schedule, and if anything is new."""
        moment = datetime.now(UTC) if now is None else now
        with self._store.reading() as database:
            last = {
                row["monitor"]: Stored.from_row(row) for row in database.dicts("last_monitor_runs")
            }
        return [one for one in self.all() if self._is_due(one, last.get(one.name), moment)]

    def _is_due(self, monitor: Monitor, last: Stored | None, now: datetime) -> bool:
        if last is None:
            return True
        if now - last.ran_at < monitor.every:
            return False
        try:
            version = self._looker.version_of(monitor)
        except LiteMlopsError:
            return False
        if version.name != last.model:
            return True
        with self._store.reading() as database:
            row = database.one(
                "traffic_of",
                model=version.model,
                version=version.version,
                since=as_stored(last.until),
                until=as_stored(now),
            )
        assert row is not None
        rows = monitor.window.rows
        if row["rows"] >= (1 if rows is None else max(1, rows // _NEW_SHARE)):
            return True
        return row["rows"] == 0 and self._is_silent(monitor, version.model, last, now)

    def _is_silent(self, monitor: Monitor, model: str, last: Stored, now: datetime) -> bool:
        """Return whether nothing was asked for so long that it has to be told, and is not yet."""
        if not monitor.runs_check("traffic"):
            return False
        limit = monitor.options_of("traffic").get("silence")
        only = parse_reference(monitor.model).version if monitor.model else None
        with self._store.reading() as database:
            gaps = gaps_of(database, model, only, None, now)
        return absent(gaps, now, limit) is not None and absent(gaps, last.ran_at, limit) is None

    def report(
        self, name: str, *, until: str | datetime | None = None, **columns: Sequence[str]
    ) -> ReportFacts:
        """Return a report on what a monitor watches, for a page, Markdown or JSON.

        Its window that ends at `until` (default: now) is judged; nothing is stored. `by` and
        `groups` are columns of slices of the performance, and of groups of people.

        Raises:
            NotFound, Invalid: there is no such monitor, model, column or time.
        """
        from lite_mlops.monitoring.reports.watched import report_on
        from lite_mlops.monitoring.windows import moment_of

        end = None if until is None else moment_of(until)
        return report_on(self._looker, self.get(name), self._alerts.all(), until=end, **columns)

    # -- looking --------------------------------------------------------------------------------

    def run(
        self,
        name: str | None = None,
        *,
        until: datetime | None = None,
        how: str = "by hand",
        dry_run: bool = False,
    ) -> list[MonitorRun]:
        """Have a monitor look now, or all of them; store what they find, and tell who is to know.

        Args:
            name: Of one monitor; None: all.
            until: The end of the window; None: now.
            how: What it was started by, as it is stored.
            dry_run: Store nothing and tell nobody; `messages` of the runs say what would be sent.

        Raises:
            NotFound, Invalid: there is no such monitor or model, or the file cannot be used.
            Busy: another process is looking, for longer than `wait_seconds`.
        """
        monitors = self.all() if name is None else [self.get(name)]
        if not monitors:
            raise NotFound(
                f"There is no monitor. A table [monitor.churn] in {FILE_NAME} makes one for the "
                "model churn, and so does lm.monitor('churn')."
            )
        if dry_run:
            return [self._rehearsed(one, until, how) for one in monitors]
        with self._alone(self._store.settings.wait_seconds):
            return self._run_all(monitors, until, how)

    def run_due(self) -> list[MonitorRun]:
        """Have those look that are due, and tell what still waits; nothing if another process does.

        Raises:
            Invalid: the file cannot be used.
        """
        with self._alone(None) as held:
            return self._run_all(self.due(), None, "schedule") if held else []

    def _alone(self, wait_seconds: float | None) -> AbstractContextManager[bool]:
        """Be the only process whose monitors look: two at once would look and tell twice."""
        self._store.layout.make()
        return alone(self._store.layout.watching, "The monitors look", wait_seconds)

    def _run_all(
        self, monitors: Sequence[Monitor], until: datetime | None, how: str
    ) -> list[MonitorRun]:
        found = []
        known = self._alerts.known_channels()
        problems: list[LiteMlopsError] = []
        for one in monitors:
            channels = self._channels_of(one, known)
            try:
                run = self._looker.look(one, until=until, how=how)
            except NotFound as error:  # one model that is gone keeps nobody from watching others
                problems.append(error)
                log.warning("The monitor %s cannot look: %s", one.name, error)
                continue
            found.append(keep(self._store, one, run, channels))
        told = self._alerts.deliver()
        if problems and not found:
            raise problems[0]
        return [
            replace(
                run,
                told=tuple(one.to_dict() for one in told if one.notice == run.stored.id),
            )
            for run in found
        ]

    def _rehearsed(self, monitor: Monitor, until: datetime | None, how: str) -> MonitorRun:
        channels = self._channels_of(monitor, self._alerts.known_channels())
        run = self._looker.look(monitor, until=until, how=how)
        decided = would_decide(self._store, monitor, run, channels)
        names = sorted({name for one in decided for name in one.channels or ()})
        return replace(
            run,
            messages=tuple(
                f"to {name}:\n{_message(run, [d for d in decided if name in (d.channels or ())])}"
                for name in names
            ),
        )

    def _channels_of(self, monitor: Monitor, known: dict[str, Channel]) -> list[Channel]:
        if monitor.channels is None:
            return list(known.values())
        for name in monitor.channels:
            if name not in known:
                near = suggestion(name, known)
                raise NotFound(f"monitor {monitor.name}: there is no channel {name!r}.{near}")
        return [known[name] for name in monitor.channels]

    def rehearse(self, name: str, changes: Sequence[str] = (), **options: Any) -> Rehearsal:
        """Return which alarms a change would raise, and how many there are without any.

        See `lite_mlops.monitoring.monitors.rehearsal`; nothing is stored, nobody is told.

        Raises:
            NotFound, Invalid: there is no such monitor, column or change, or too few answers were
                recorded.
        """
        from lite_mlops.monitoring.monitors.rehearsal import rehearse

        return rehearse(self._looker, self.get(name), changes, **options)

    # -- decisions ------------------------------------------------------------------------------

    def set(self, name: str, *, reason: str | None = None, **options: Any) -> Monitor:
        """Have a monitor watch a model, as a table `[monitor.NAME]` of the file would.

        The options are those of the table: model, reference, window, every, columns, checks,
        channels, windows, quiet_windows and cooldown. What is not given has its default. Nothing is
        decided if it is so already.

        Raises:
            Invalid: an option is unknown, or has a value that cannot be used.
            Conflict: the file says something else under this name.
        """
        monitor = monitor_of(name, options, OPTIONS, place=f"monitor {name}")
        filed = self._in_file().get(name)
        if filed is not None:
            if filed == replace(monitor, source=FILE_NAME):
                return filed
            raise Conflict(
                f"{self._root / FILE_NAME} says what the monitor {name} is; change it there."
            )
        present = self._in_code().get(name)
        if present == monitor:
            return monitor
        with self._store.deciding() as decisions:
            decisions.record(
                MonitorSet(
                    monitor=name,
                    definition=monitor.definition(),
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return monitor

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Have a monitor that was set in code look no more; what it found stays.

        Raises:
            NotFound: there is none of this name.
            Conflict: it stands in the file.
        """
        if name in self._in_file():
            raise Conflict(
                f"The monitor {name} stands in {self._root / FILE_NAME}; delete it there."
            )
        if name not in self._in_code():
            self.get(name)
        with self._store.deciding() as decisions:
            decisions.record(
                MonitorSet(monitor=name, reason=mask_reason(reason, self._store.settings.mask))
            )


def _by_severity(incident: Any) -> tuple[bool, datetime]:
    return incident.severity != "alert", incident.opened_at


def _message(run: MonitorRun, decided: Sequence[IncidentSet]) -> str:
    lines = tuple(
        Line(
            incident=one.incident,
            check=one.checked,
            subject=one.subject,
            how=one.how,
            severity=one.severity,
            sentence=one.sentence,
            since=run.stored.ran_at,
        )
        for one in decided
    )
    stored = run.stored
    return Message(stored.id, stored.monitor, stored.model, lines, stored.ran_at).text
