"""Checks: what monitors look for, by name.

    CHECKS["drift"].run(monitor, parts)     # -> list[Finding]

A check is a function of a monitor and its parts that returns findings, and the options that it
takes. To add one: write the function, and a line in `CHECKS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lite_mlops.monitoring.findings import ALERT, INFO, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.monitors.monitor import Monitor, Options
from lite_mlops.monitoring.monitors.parts import Parts
from lite_mlops.monitoring.monitors.spans import parse_span
from lite_mlops.store import as_stored

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import ColumnDrift, Floors

_PAST = timedelta(days=14)  # what is usual is learned from
_LEAST_SILENCE = timedelta(hours=1)
_LEAST_ROWS = 100  # for quantiles of latency, and for what is a usual pause


@dataclass(frozen=True)
class Check:
    """A check: what it is, how it is made, and the options that it takes."""

    about: str
    run: Callable[[Monitor, Parts], list[Finding]]
    options: Options = field(default_factory=dict)


def _at_least(low: float) -> Callable[[object], float]:
    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= low:
            raise ValueError(f"expected a number of at least {low:g}")
        return float(value)

    return parse


def _preset(value: object) -> str:
    if value not in ("balanced", "sensitive", "calm"):
        raise ValueError("expected 'balanced', 'sensitive' or 'calm'")
    return str(value)


# -- drift, quality and joint drift: from one report --------------------------------------------


def _judged(monitor: Monitor, columns: Iterable[ColumnDrift]) -> list[ColumnDrift]:
    """Return the columns that a monitor judges."""
    chosen = set(monitor.columns)
    return [one for one in columns if not chosen or one.column in chosen]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _moved(one: ColumnDrift, floors: Floors) -> str:
    """Return how severely a column drifted, the rules of quality left aside."""
    if one.adjusted_p is None or one.effect is None:
        return UNKNOWN if one.severity == UNKNOWN else NONE
    if one.adjusted_p >= floors.significance:
        return NONE
    if one.effect < 1:
        return INFO
    return ALERT if one.effect >= floors.large else WARN


def drift(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return, of each column, whether its distribution moved."""
    report = parts.drift
    found = []
    for one in _judged(monitor, report.columns):
        severity = _moved(one, report.floors)
        reasons = [text for text in one.reasons if severity != NONE]
        told = reasons[-1] if reasons else "as before"
        found.append(
            Finding(
                check="drift",
                subject=one.column,
                severity=severity,
                sentence=f"{one.column}: {told}",
                value=_finite(one.effect),
                limit=1.0,
                evidence={
                    "score": one.score,
                    "adjusted_p": one.adjusted_p,
                    "wasserstein": _finite(one.wasserstein),
                    "reference": report.reference,
                    "reference_rows": one.reference_rows,
                    "rows": one.current_rows,
                },
            )
        )
    return found


def quality(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return, of each column, which rules of quality it breaks."""
    found = []
    for one in _judged(monitor, parts.drift.columns):
        broken = "; ".join(one.reasons[: len(one.broken)])
        found.append(
            Finding(
                check="quality",
                subject=one.column,
                severity=ALERT if one.broken else UNKNOWN if one.severity == UNKNOWN else NONE,
                sentence=f"{one.column}: {broken or 'no rule is broken'}",
                value=one.current_missing,
                limit=None,
                evidence={
                    "rules": list(one.broken),
                    "missing_before": one.reference_missing,
                    "missing": one.current_missing,
                },
            )
        )
    return found


def joint(_: Monitor, parts: Parts) -> list[Finding]:
    """Return whether all columns together can be told from the reference, where rows are kept."""
    report = parts.drift
    together = report.joint
    if together is None:
        return []
    return [
        Finding(
            check="joint",
            subject="",
            severity=together.severity,
            sentence=str(together),
            value=together.auc,
            limit=0.5,
            evidence=together.to_dict(),
        )
    ]


# -- traffic and latency ------------------------------------------------------------------------


def _traffic(parts: Parts, since: Any, until: Any) -> Mapping[str, Any]:
    version = parts.version
    with parts.store.reading() as database:
        found = database.one(
            "traffic_of",
            model=version.model,
            version=version.version,
            since=as_stored(since),
            until=as_stored(until),
        )
    assert found is not None
    return found


def usual_pause(parts: Parts) -> tuple[timedelta, int]:
    """Return the longest pause between answers of the last two weeks, and of how many these are."""
    with parts.store.reading() as database:
        row = database.one(
            "longest_pause",
            model=parts.version.model,
            version=parts.version.version,
            since=as_stored(parts.until - _PAST),
            until=as_stored(parts.until),
        )
    assert row is not None
    return timedelta(microseconds=row["longest"] or 0), row["rows"]


def silence_limit(monitor: Monitor, parts: Parts) -> timedelta | None:
    """Return how long nothing may be asked: as given, or three times the longest pause there was.

    None while too little was asked to know; at least an hour.
    """
    given: timedelta | None = monitor.options_of("traffic").get("silence")
    if given is not None:
        return given
    longest, rows = usual_pause(parts)
    return max(3 * longest, _LEAST_SILENCE) if rows >= _LEAST_ROWS else None


def traffic(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return whether anything is asked at all, or when it was last."""
    last = _traffic(parts, None, parts.looked_at)["last_at"]
    if last is None:
        told = f"{parts.version.name} was never asked, or is not recorded"
        return [Finding("traffic", "", UNKNOWN, told)]
    stored = as_stored(parts.looked_at)
    assert stored is not None
    quiet: timedelta = stored - last
    limit = silence_limit(monitor, parts)
    evidence = {"last_at": f"{last.isoformat()}+00:00", "rows": parts.rows}
    since = f"last asked at {last:%Y-%m-%d %H:%M} UTC, {_rough(quiet)} ago"
    if limit is None:
        told = f"{since}; too little was asked to know what is usual"
        return [Finding("traffic", "", UNKNOWN, told, quiet.total_seconds(), None, evidence)]
    severity = ALERT if quiet > limit else NONE
    told = f"{since}; {_rough(limit)} is the longest that is expected"
    return [
        Finding(
            "traffic", "", severity, told, quiet.total_seconds(), limit.total_seconds(), evidence
        )
    ]


def _rough(span: timedelta) -> str:
    """Return a span as it is told: in its largest unit, to a tenth."""
    seconds = span.total_seconds()
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} seconds"


def service(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return whether answers take longer than before: 95 of 100 take at most so long."""
    options = monitor.options_of("service")
    present = _traffic(parts, parts.since, parts.until)
    if present["rows"] < _LEAST_ROWS:
        told = f"p95 latency: {present['rows']} answers are too few to tell"
        return [Finding("service", "p95 latency", UNKNOWN, told)]
    now = present["p95_us"] / 1000
    limit, told = options.get("p95_ms"), "as given"
    if limit is None:
        before = _traffic(parts, parts.since - _PAST, parts.since)
        if before["rows"] < _LEAST_ROWS:
            told = f"p95 latency: {now:.3g} ms; there is nothing before to compare with"
            return [Finding("service", "p95 latency", UNKNOWN, told, now)]
        times = options.get("times", 2.0)
        usual = before["p95_us"] / 1000
        limit, told = times * usual, f"{times:g} times the {usual:.3g} ms before"
    severity = ALERT if now > 2 * limit else WARN if now > limit else NONE
    sentence = f"p95 latency: {now:.3g} ms; the limit is {limit:.3g} ms, {told}"
    evidence = {"rows": present["rows"]}
    return [Finding("service", "p95 latency", severity, sentence, now, limit, evidence)]


CHECKS: dict[str, Check] = {
    "drift": Check("distributions that moved", drift, {"preset": _preset}),
    "quality": Check("rules of quality that are broken", quality),
    "joint": Check("all columns together", joint),
    "traffic": Check("whether anything is asked", traffic, {"silence": parse_span}),
    "service": Check("latency", service, {"p95_ms": _at_least(0), "times": _at_least(1)}),
}
OPTIONS: dict[str, Options] = {name: check.options for name, check in CHECKS.items()}
