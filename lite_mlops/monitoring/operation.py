"""How a model serves: requests, latencies, errors, versions and trials, from what is recorded.

    report = project.monitoring.service("churn@champion", last="7d")
    report.now.p95_us, report.before.p95_us, str(report)
    findings(report)

All of it comes from a few scans of the recorded predictions. Latencies are those of the model, for
a row: what was asked together, divided by its rows. Requests that were refused or waited in a queue
are no predictions; a running server counts them (`/metrics`), and trials record those that failed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.charts import Line, beside, in_notebook, line_chart
from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.models import Models, parse_reference
from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.findings import ALERT, NONE, SEVERITIES, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.traffic import silences
from lite_mlops.monitoring.windows import Window, chosen_window, window_of
from lite_mlops.store import Database, Store, as_datetime, as_stored, now

PIECES = 48  # of the time line
MIN_REQUESTS = 100  # on each side, below which latencies are not judged
SLOWER, MUCH_SLOWER = 1.2, 2.0  # times the 95 % quantile of the reference
_Z = 2.5758  # of a two-sided interval of 99 %
_NOT_RECORDED = (
    "Requests that were refused, failed or waited in a queue are not recorded, save in trials; "
    "a running server counts them (/metrics)."
)


@dataclass(frozen=True)
class Period:
    """Requests of a window; latencies in microseconds a row, None where there are none.

    `p95_interval` is the 99 % interval of the 95 % quantile.
    """

    began: datetime | None
    ended: datetime | None
    requests: int
    answers: int
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    slowest_us: int | None = None
    p95_interval: tuple[float, float] | None = None

    @property
    def per_hour(self) -> float | None:
        """Requests an hour, from the first to the last; None of fewer than two moments."""
        if self.began is None or self.ended is None or self.began == self.ended:
            return None
        return self.requests / ((self.ended - self.began) / timedelta(hours=1))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        interval = None if self.p95_interval is None else list(self.p95_interval)
        derived = {"p95_interval": interval, "per_hour": self.per_hour}
        return _plain(vars(self)) | derived


@dataclass(frozen=True)
class Piece:
    """Requests in a piece of the time line, the latencies in microseconds."""

    began: datetime
    requests: int
    answers: int
    p50_us: float | None
    p95_us: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return _plain(vars(self))


@dataclass(frozen=True)
class VersionServed:
    """What a version answered in a window."""

    version: str
    requests: int
    answers: int
    p50_us: float | None
    p95_us: float | None
    began: datetime
    ended: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return _plain(vars(self))


@dataclass(frozen=True)
class Tried:
    """What was counted of a version in a trial: `current`, `canary` or `shadow`.

    A shadow also has the rows that both answered, those of which it says something else, and the
    mean difference of the numbers.
    """

    reference: str
    trial: str
    role: str
    version: str
    requests: int
    failed: int
    slow: int
    doubtful: int
    seen_at: datetime
    rows: int | None = None
    changed: int | None = None
    difference: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON can hold them."""
        return _plain(vars(self))


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
    }


@dataclass(frozen=True)
class ServiceReport:
    """How a model served in a window, and in the one that it is compared with."""

    model: str
    window: str
    now: Period
    before: Period | None
    reference: str | None  # the window of `before`
    traffic: tuple[Piece, ...]
    versions: tuple[VersionServed, ...]
    trials: tuple[Tried, ...]
    happened: Mapping[str, int] = field(default_factory=dict)  # at its endpoints, by the word
    broken: tuple[Broken, ...] = ()  # late or absent traffic
    notes: tuple[str, ...] = (_NOT_RECORDED,)

    @property
    def errors(self) -> tuple[int, int]:
        """Requests that failed, and all of them, as far as trials counted them."""
        counted = [one for one in self.trials if one.role != "shadow"]
        return sum(one.failed for one in counted), sum(one.requests for one in counted)

    @property
    def slower(self) -> float | None:
        """How many times the 95 % quantile of the reference that of the window is."""
        if self.before is None or not self.before.p95_us or self.now.p95_us is None:
            return None
        return self.now.p95_us / self.before.p95_us

    @property
    def latency_severity(self) -> str:
        """Whether latencies are worse beyond chance: the intervals of the quantiles lie apart."""
        if self.before is None or self.slower is None:
            return UNKNOWN
        if min(self.now.requests, self.before.requests) < MIN_REQUESTS:
            return UNKNOWN
        assert self.now.p95_interval is not None
        assert self.before.p95_interval is not None
        if self.slower < SLOWER or self.now.p95_interval[0] <= self.before.p95_interval[1]:
            return NONE
        return ALERT if self.slower >= MUCH_SLOWER else WARN

    @property
    def severity(self) -> str:
        """The highest severity of its findings."""
        found = [self.latency_severity, ALERT if self.broken else UNKNOWN]
        return max(found, key=SEVERITIES.index)

    def __str__(self) -> str:
        told = f"{amount(self.now.requests, 'request')}"
        if self.now.answers != self.now.requests:
            told += f" of {amount(self.now.answers, 'row')}"
        if self.now.p95_us is not None:
            told += f"; half took up to {_ms(self.now.p50_us)}, 95 % up to {_ms(self.now.p95_us)}"
        sentences = (f"{one.text[0].upper()}{one.text[1:]}." for one in self.broken)
        return " ".join([f"{told}.", *sentences])

    def __repr__(self) -> str:
        return f"<ServiceReport {self.model}: {self}>"

    def _repr_html_(self) -> str:
        facts = {"model": self.model, "window": self.window, "found": str(self)}
        rows = [
            (one.version, one.requests, one.answers, _ms(one.p50_us), _ms(one.p95_us))
            for one in self.versions
        ]
        names = ("version", "requests", "rows", "median", "95 %")
        table = html_table("Versions", names, rows)
        return in_notebook(html_facts("Service", facts) + self._drawn() + table)

    def _drawn(self) -> str:
        """Return requests and latencies over time as pictures."""
        at = [one.began.timestamp() for one in self.traffic]
        if len(at) < 2:
            return ""
        times = {"median": [one.p50_us for one in self.traffic]}
        times["95 %"] = [one.p95_us for one in self.traffic]
        slow = [
            Line(name, at, [None if one is None else one / 1000 for one in values])
            for name, values in times.items()
        ]
        asked = [Line("requests", at, [float(one.requests) for one in self.traffic])]
        charts = {"requests": asked, "latency in ms": slow}
        return beside(
            line_chart(name, lines, x=None, legend=True, from_zero=True)
            for name, lines in charts.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        failed, counted = self.errors
        return {
            "model": self.model,
            "window": self.window,
            "reference": self.reference,
            "severity": self.severity,
            "now": self.now.to_dict(),
            "before": None if self.before is None else self.before.to_dict(),
            "slower": self.slower,
            "traffic": [one.to_dict() for one in self.traffic],
            "versions": [one.to_dict() for one in self.versions],
            "trials": [one.to_dict() for one in self.trials],
            "failed": failed,
            "counted": counted,
            "happened": dict(self.happened),
            "broken": [{"rule": one.rule, "text": one.text} for one in self.broken],
            "notes": list(self.notes),
        }


def _ms(microseconds: float | None) -> str:
    return "" if microseconds is None else f"{microseconds / 1000:.3g} ms"


# -- findings -----------------------------------------------------------------------------------


def findings(report: ServiceReport) -> list[Finding]:
    """Return what a report says, as findings of the check `service`.

    The subjects are `latency` (the value is the 95 % quantile in microseconds, the limit that of
    the reference times 1.2), `traffic` (late or absent) and `errors`.
    """
    evidence: dict[str, Any] = {
        "window": report.window,
        "reference": report.reference,
        "now": report.now.to_dict(),
        "before": None if report.before is None else report.before.to_dict(),
    }
    limit = None
    if report.before is not None and report.before.p95_us is not None:
        limit = SLOWER * report.before.p95_us
    found = [
        Finding(
            "service",
            "latency",
            report.latency_severity,
            _latency_sentence(report),
            value=report.now.p95_us,
            limit=limit,
            evidence=evidence | {"versions": [one.to_dict() for one in report.versions]},
        )
    ]
    for one in report.broken:
        sentence = f"{one.text[0].upper()}{one.text[1:]}."
        about = evidence | {"rules": [one.rule]} | dict(one.about or {})
        found.append(Finding("service", "traffic", ALERT, sentence, evidence=about))
    if not report.broken:
        severity = NONE if report.now.requests else UNKNOWN
        traffic = {"traffic": [one.to_dict() for one in report.traffic]}
        found.append(
            Finding(
                "service",
                "traffic",
                severity,
                f"{amount(report.now.requests, 'request')}, without an unusual silence.",
                value=float(report.now.requests),
                evidence=evidence | traffic,
            )
        )
    failed, counted = report.errors
    if counted:
        sentence = f"{failed:,} of {amount(counted, 'request')} in trials failed."
        about = {"trials": [one.to_dict() for one in report.trials]}
        found.append(
            Finding("service", "errors", NONE, sentence, value=failed / counted, evidence=about)
        )
    return found


def _latency_sentence(report: ServiceReport) -> str:
    present, before = report.now, report.before
    if present.p95_us is None:
        return "No request was recorded, so nothing is known of latencies."
    told = f"95 % of the answers took up to {_ms(present.p95_us)}"
    if before is None or before.p95_us is None or report.slower is None:
        return f"{told}; there is nothing to compare with."
    told += f", {_ms(before.p95_us)} before ({report.slower:.2g} times as long)"
    if report.latency_severity == UNKNOWN:
        return f"{told}; fewer than {MIN_REQUESTS} requests on a side cannot tell."
    beyond = report.latency_severity in (WARN, ALERT)
    return f"{told}, which is {'beyond chance' if beyond else 'no more than chance or too little'}."


# -- asking -------------------------------------------------------------------------------------


class Operation:
    """What is recorded of how models serve."""

    def __init__(self, store: Store, models: Models) -> None:
        self._store = store
        self._models = models

    def of(
        self,
        model: str,
        *,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        last: str | timedelta | None = None,
        reference_window: str | Window | None = None,
        silence: timedelta | None = None,
    ) -> ServiceReport:
        """Return how a model served; see `Monitoring.service`."""
        window = chosen_window(since, until, last)
        past = None if reference_window is None else window_of(reference_window)
        for one in (window, past):
            if one is not None and (one.first or one.last):
                raise Invalid(
                    f"How a model serves is told by time; the window {str(one)!r} is a count. "
                    "Write last 7d, or 2026-11-01..2026-11-08."
                )
        version = self._models.get(model)
        # An alias moves, so by an alias the model is meant, whichever version answered.
        only = None if parse_reference(model).version is None else version.version
        asked = {"model": version.model, "version": only}
        moment = as_datetime(now())
        end = moment if window.until is None else min(window.until, moment)
        if past is None and window.since is not None and window.since < end:
            past = Window(since=window.since - (end - window.since), until=window.since)
        with self._store.reading() as database:
            present = _period(database, window, asked)
            return ServiceReport(
                model=version.model if only is None else version.name,
                window=str(window),
                now=present,
                before=None if past is None else _period(database, past, asked),
                reference=None if past is None else str(past),
                traffic=_traffic(database, present, asked),
                versions=_versions(database, window, version.model, only),
                trials=_trials(database, window, version.model),
                happened=_happened(database, window, version.model),
                broken=silences(database, version.model, only, window, silence),
            )


def _bounds(window: Window) -> dict[str, datetime | None]:
    return {"since": as_stored(window.since), "until": as_stored(window.until)}


def _row(
    database: Database, name: str, window: Window, asked: Mapping[str, Any], **more: float
) -> dict[str, Any]:
    row = database.one(name, **asked, **_bounds(window), **more)
    assert row is not None
    return row


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _period(database: Database, window: Window, asked: Mapping[str, Any]) -> Period:
    """Return the figures of a window.

    The interval of a quantile is that of the ranks p +- z sqrt(p (1 - p) / n) (Conover, 1999), with
    n the requests, since the rows of one share their latency.
    """
    row = _row(database, "service_window", window, asked)
    if not row["answers"]:
        return Period(None, None, 0, 0)
    reach = _Z * (0.95 * 0.05 / row["requests"]) ** 0.5
    ranks = {"low": max(0.95 - reach, 0.0), "high": min(0.95 + reach, 1.0)}
    interval = _row(database, "service_latencies", window, asked, **ranks)
    p50, p95, p99 = row["latencies"] or (None, None, None)
    return Period(
        began=_aware(row["first_at"]),
        ended=_aware(row["last_at"]),
        requests=row["requests"],
        answers=row["answers"],
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
        slowest_us=row["slowest"],
        p95_interval=None if p95 is None else (float(interval["low"]), float(interval["high"])),
    )


def _traffic(database: Database, period: Period, asked: Mapping[str, Any]) -> tuple[Piece, ...]:
    if period.began is None or period.ended is None:
        return ()
    span = period.ended - period.began
    piece = max(-(-span // PIECES), timedelta(microseconds=1))
    rows = database.dicts(
        "service_traffic",
        **asked,
        begin=as_stored(period.began),
        end=as_stored(period.ended),
        piece=piece // timedelta(microseconds=1),
        pieces=PIECES,
    )
    known = {row["piece"]: row for row in rows}
    nothing = {"requests": 0, "answers": 0, "p50": None, "p95": None}
    found = []
    for place in range(max(known) + 1):
        row = known.get(place, nothing)
        counts = (row["requests"], row["answers"], row["p50"], row["p95"])
        found.append(Piece(period.began + place * piece, *counts))
    return tuple(found)


def _versions(
    database: Database, window: Window, model: str, only: int | None
) -> tuple[VersionServed, ...]:
    rows = database.dicts("service_versions", model=model, **_bounds(window))
    return tuple(
        VersionServed(
            version=f"{model}/{row['version']}",
            requests=row["requests"],
            answers=row["answers"],
            p50_us=row["p50"],
            p95_us=row["p95"],
            began=row["first_at"].replace(tzinfo=UTC),
            ended=row["last_at"].replace(tzinfo=UTC),
        )
        for row in rows
        if only is None or row["version"] == only
    )


def _trials(database: Database, window: Window, model: str) -> tuple[Tried, ...]:
    rows = database.dicts("service_trials", model=model, **_bounds(window))
    return tuple(
        Tried(
            **{name: row[name] for name in _COUNTED},
            seen_at=row["seen_at"].replace(tzinfo=UTC),
            **_compared(row["role"], row["details"] or ()),
        )
        for row in rows
    )


_COUNTED = ("reference", "trial", "role", "version", "requests", "failed", "slow", "doubtful")


def _compared(role: str, details: Sequence[str | None]) -> dict[str, Any]:
    """Return how a shadow compares, of all processes together."""
    if role != "shadow":
        return {}
    known = [json.loads(one) for one in details if one]
    rows, changed, numbers = (
        sum(one.get(name, 0) for one in known) for name in ("rows", "changed", "numbers")
    )
    total = sum(one.get("difference", 0.0) for one in known)
    return {
        "rows": rows,
        "changed": changed,
        "difference": total / numbers if numbers else None,
    }


def _happened(database: Database, window: Window, model: str) -> dict[str, int]:
    rows = database.dicts("service_story", model=model, **_bounds(window))
    return {row["what"]: row["times"] for row in rows}
