"""Checks: what monitors look for, by name.

    CHECKS["drift"].run(monitor, parts)     # -> list[Finding]

A check is a function of a monitor and its parts that returns findings, and the options that it
takes. To add one: write the function, and a line in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lite_mlops.monitoring.findings import ALERT, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.monitors.monitor import Monitor, Options
from lite_mlops.monitoring.monitors.parts import LABELS_WITHIN, Parts
from lite_mlops.spans import parse_span


@dataclass(frozen=True)
class Check:
    """A check: what it is, how it is made, and the options that it takes."""

    about: str
    run: Callable[[Monitor, Parts], list[Finding]]
    options: Options = field(default_factory=dict)


# -- drift, quality and joint drift: from one report ---------------------------------------------


def _of_drift(monitor: Monitor, parts: Parts, check: str) -> list[Finding]:
    """Return what the report of drift says for a check, of the columns that a monitor judges."""
    from lite_mlops.monitoring.drift import findings

    chosen = {*monitor.columns, ""} if monitor.columns else None
    return [
        one
        for one in findings(parts.drift)
        if one.check == check and (chosen is None or one.subject in chosen)
    ]


def drift(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return, of each column and of the answers, whether the distribution moved."""
    return _of_drift(monitor, parts, "drift")


def quality(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return which rules of quality columns break, or rows as a whole; else that none is broken."""
    from lite_mlops.monitoring.drift.report import TRAFFIC

    found = [
        one
        for one in _of_drift(monitor, parts, "quality")
        if not set(TRAFFIC).intersection(one.evidence["rules"])  # which the check of traffic tells
    ]
    if found:
        return found
    if all(one.severity == UNKNOWN for one in parts.drift.columns):
        return [Finding("quality", "", UNKNOWN, "No column can be judged.")]
    return [Finding("quality", "", NONE, "No rule of quality is broken.")]


def joint(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return whether all columns together can be told from the reference, where rows are kept."""
    return _of_drift(monitor, parts, "joint")


# -- traffic and latency: from one report --------------------------------------------------------


def _of_service(parts: Parts, subjects: Iterable[str]) -> list[Finding]:
    from lite_mlops.monitoring.operation import findings

    return [one for one in findings(parts.service) if one.subject in subjects]


def traffic(_: Monitor, parts: Parts) -> list[Finding]:
    """Return whether anything is asked, and whether it stopped for a while."""
    return [replace(one, check="traffic", subject="") for one in _of_service(parts, ("traffic",))]


def service(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return whether answers take longer than before, or than the time that is given."""
    limit = monitor.options_of("service").get("p95_ms")
    return [
        one if limit is None or one.subject != "latency" else _held_to(limit, one, parts)
        for one in _of_service(parts, ("latency", "errors"))
    ]


def _held_to(limit_ms: float, latency: Finding, parts: Parts) -> Finding:
    """Return a finding of latency as it is by a limit: an alert from twice as much on."""
    from lite_mlops.monitoring.operation import MIN_REQUESTS

    now, limit = latency.value, 1000 * limit_ms
    if now is None or parts.service.now.requests < MIN_REQUESTS:
        return replace(latency, severity=UNKNOWN, limit=limit)
    severity = ALERT if now > 2 * limit else WARN if now > limit else NONE
    told = f"95 % of the answers took up to {now / 1000:.3g} ms; the limit is {limit_ms:.3g} ms."
    return replace(latency, severity=severity, sentence=told, limit=limit)


# -- answers: by labels, without them, as streams, and of groups ---------------------------------


def performance(_: Monitor, parts: Parts) -> list[Finding]:
    """Return whether the answers are less right than when the version was made, by labels."""
    return [one for one in parts.performance.findings() if one.check == "performance"]


def calibration(_: Monitor, parts: Parts) -> list[Finding]:
    """Return whether probabilities are as they turn out, where there are any and labels."""
    return [one for one in parts.performance.findings() if one.check == "calibration"]


def estimates(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return how right the answers of the window are by estimate, without their labels.

    Raises:
        Invalid: nothing can be estimated of such a model, or of a regressor without `loss`.
    """
    from lite_mlops.monitoring.estimates import WINDOW_ROWS

    options = monitor.options_of("estimates")
    return parts.monitoring.estimates(
        parts.version.name,
        reference=options.get("reference"),
        rows=max(parts.rows, WINDOW_ROWS),  # one window
        since=parts.since,
        until=parts.until,
        loss=options.get("loss", False),
    ).findings()


def streams(_: Monitor, parts: Parts) -> list[Finding]:
    """Return sudden changes of scores, errors and latency within the window."""
    return parts.monitoring.streams(
        parts.version.name, since=parts.since, until=parts.until
    ).findings()


def fairness(monitor: Monitor, parts: Parts) -> list[Finding]:
    """Return what groups of people get, by the columns that are given; nothing without any.

    As their labels come late, it looks as far back as performance does.
    """
    options = dict(monitor.options_of("fairness"))
    columns = options.pop("columns", None)
    if columns is None:
        return []
    since = parts.until - options.pop("within", LABELS_WITHIN)
    report = parts.monitoring.fairness(
        parts.version.name, columns, since=since, until=parts.until, **options
    )
    return report.findings()


# -- options -------------------------------------------------------------------------------------


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


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _tolerance(value: object) -> Mapping[str, float]:
    """Return how much worse metrics may be; others than those of the table are not judged."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError("expected a table of metrics, such as { auc = 0.03 }")
    number = _at_least(0)
    return {_text(name): number(amount) for name, amount in value.items()}


def _groups(value: object) -> Any:
    """Return columns by name, or a table of columns with the numbers where they are cut."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return list(value)
    if isinstance(value, Mapping) and value and all(map(_is_cuts, value.values())):
        return {_text(name): list(cuts) for name, cuts in value.items()}
    raise ValueError("expected a list of columns, or a table such as { age = [30, 60] }")


def _is_cuts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in value
    )


CHECKS: dict[str, Check] = {
    "drift": Check("distributions that moved", drift, {"preset": _preset}),
    "quality": Check("rules of quality that are broken", quality),
    "joint": Check("all columns together", joint),
    "performance": Check(
        "answers less right than at the start, by labels",
        performance,
        {"by": _text, "within": parse_span, "tolerance": _tolerance},
    ),
    "calibration": Check(
        "probabilities that do not come true", calibration, {"tolerance": _at_least(0)}
    ),
    "estimates": Check(
        "answers less right by estimate", estimates, {"reference": _text, "loss": _flag}
    ),
    "fairness": Check(
        "groups that get less, of the columns that are given",
        fairness,
        {
            "columns": _groups,
            "positive": _text,
            "against": _text,
            "selection_ratio": _at_least(0),
            "tpr_difference": _at_least(0),
            "within": parse_span,
        },
    ),
    "streams": Check("sudden changes of scores, errors and latency", streams),
    "traffic": Check("whether anything is asked", traffic, {"silence": parse_span}),
    "service": Check("latency", service, {"p95_ms": _at_least(0)}),
}
OPTIONS: dict[str, Options] = {name: check.options for name, check in CHECKS.items()}
