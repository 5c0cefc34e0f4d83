"""Reading how a model served, from a few scans of what is recorded.

Operation(store, models).of("churn@champion", last="7d")
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models import Models, parse_reference
from lite_mlops.monitoring.operation.figures import Asked, Period, Piece, Tried, VersionServed
from lite_mlops.monitoring.operation.report import ServiceReport
from lite_mlops.monitoring.traffic import silences
from lite_mlops.monitoring.windows import Window, chosen_window, window_of
from lite_mlops.store import Database, Store, as_datetime, as_stored, now

PIECES = 48  # of the time line
_Z = 2.5758  # of a two-sided interval of 99 %
_COUNTED = ("reference", "trial", "role", "version", "requests", "failed", "slow", "doubtful")


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
                asked=_asked(database, window, version.model),
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


def _asked(database: Database, window: Window, model: str) -> Asked | None:
    """Return what servers counted of the requests to a model; None if none has told."""
    rows = database.dicts("service_requests", model=model, **_bounds(window))
    if not rows:
        return None
    details = [json.loads(row["detail"]) for row in rows]
    names = ("requests", "refused", "failed", "overloaded")
    return Asked(
        **{name: sum(row[name] for row in rows) for name in names},
        p95_seconds=_quantile(details, "seconds"),
        waited_p95_seconds=_quantile(details, "delays"),
    )


def _quantile(details: Sequence[Mapping[str, Any]], name: str) -> float | None:
    """Return the bound below which 95 % lie; None if they lie beyond all, or there are none."""
    bounds = details[-1]["bounds"]
    counts = [0] * (len(bounds) + 1)
    for detail in details:
        if detail["bounds"] == bounds:  # others were counted by another version of this package
            counts = [one + other for one, other in zip(counts, detail[name], strict=True)]
    wanted, sofar = 0.95 * sum(counts), 0
    for bound, count in zip(bounds, counts, strict=False):
        sofar += count
        if sofar and sofar >= wanted:
            return float(bound)
    return None


def _happened(database: Database, window: Window, model: str) -> dict[str, int]:
    rows = database.dicts("service_story", model=model, **_bounds(window))
    return {row["what"]: row["times"] for row in rows}
