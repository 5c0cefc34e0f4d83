"""Judging: worse than the reference beyond chance, and by more than is tolerated. Pure functions.

    judge_windows(windows, reference, rules)[-1].severities      # {'auc': 'warn'}
    findings_of(report)

A metric fires where even the good end of its interval is worse than the reference by more than the
tolerance. Where the reference has an interval itself, as that of an evaluation of 200 rows has, the
uncertainty of both counts. A window with few labels is provisional and never fires.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_mlops.data.wording import amount, percent
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.performance.intervals import Measured
from lite_mlops.monitoring.performance.reference import Reference
from lite_mlops.monitoring.performance.windows import Rules, WindowPerformance

if TYPE_CHECKING:
    from lite_mlops.monitoring.performance.report import PerformanceReport

ERRORS = frozenset({"log_loss", "brier", "mae", "rmse"})  # of which less is better
CHECK, CALIBRATION = "performance", "calibration"
_LARGE = 2.0  # times the tolerance is an alert
_HISTORY = 30  # windows that are shown as evidence


@dataclass(frozen=True)
class Judged:
    """The verdict on a window: a severity for each judged metric; empty if it is provisional."""

    window: WindowPerformance
    severities: Mapping[str, str]


def worse_by(found: Measured, reference: Measured, *, errors: bool) -> tuple[float, float]:
    """Return by how much a metric is worse than its reference, and at least how much.

    The second one is the good end of the 95 % interval of the difference: the distances of both
    good ends are added as squares (Newcombe, Statistics in Medicine 17, 1998, method 10).
    """
    if errors:
        worse = found.value - reference.value
        reach = math.hypot(found.value - found.low, reference.high - reference.value)
    else:
        worse = reference.value - found.value
        reach = math.hypot(found.high - found.value, reference.value - reference.low)
    return worse, worse - reach


def tolerated(name: str, reference: Measured, rules: Rules) -> float:
    """Return how much worse than the reference a metric may be, in its own unit."""
    tolerance = rules.tolerance[name]
    return tolerance * abs(reference.value) if name in ERRORS else tolerance


def severity_of(name: str, found: Measured, reference: Measured, rules: Rules) -> str:
    """Return the severity of a metric against its reference.

    `warn`: surely worse by more than the tolerance; `alert`: by more than twice as much; `info`:
    surely worse, but by less.
    """
    worse, at_least = worse_by(found, reference, errors=name in ERRORS)
    limit = tolerated(name, reference, rules)
    if at_least > _LARGE * limit:
        return ALERT
    if at_least > limit:
        return WARN
    return INFO if worse > 0 and at_least > 0 else NONE


def judge_windows(
    windows: Sequence[WindowPerformance], reference: Reference, rules: Rules
) -> tuple[Judged, ...]:
    """Return the verdict on each window."""
    return tuple(
        Judged(
            window,
            {}
            if window.provisional
            else {
                name: severity_of(name, window.metrics[name], reference.metrics[name], rules)
                for name in rules.tolerance
                if name in window.metrics and name in reference.metrics
            },
        )
        for window in windows
    )


# -- words --------------------------------------------------------------------------------------


def figure(value: float) -> str:
    """Return a figure with three digits behind the point, or three in all if it is large."""
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.4g}"


def told(one: Measured | None) -> str:
    """Return a metric with its interval; nothing if there is none."""
    if one is None:
        return ""
    if not math.isfinite(one.low):
        return figure(one.value)
    return f"{figure(one.value)} ({figure(one.low)} to {figure(one.high)})"


def moment(window: WindowPerformance) -> str:
    """Return the beginning of a window in words, as short as it is exact."""
    if window.since is None:
        return "never"
    text = f"{window.since:%Y-%m-%d %H:%M}"
    return text.removesuffix(" 00:00")


# -- findings -----------------------------------------------------------------------------------


def findings_of(report: PerformanceReport) -> tuple[Finding, ...]:
    """Return what a report finds: what fires is of the last window that can be judged.

    Earlier windows are evidence: they say since when. Slices are told and never fire, as some
    are harder than others from the beginning.
    """
    if not report.overall.labelled:
        return (_unlabelled(report),)
    return (
        *_of_metrics(report),
        *_of_calibration(report),
        *_of_slices(report),
        *_of_labels(report),
    )


def _unlabelled(report: PerformanceReport) -> Finding:
    asked = amount(report.overall.predictions, "prediction")
    return Finding(CHECK, "", UNKNOWN, f"None of {asked} has a label by now.")


def _counts(window: WindowPerformance) -> dict[str, Any]:
    shown = window.to_dict()
    kept = ("since", "until", "predictions", "labelled", "coverage", "provisional")
    return {name: shown[name] for name in kept}


def _of_metrics(report: PerformanceReport) -> Iterator[Finding]:
    latest, reference, rules = report.latest, report.reference, report.rules
    if latest.provisional:
        why = "; ".join(latest.provisional)
        yield Finding(
            CHECK, "", UNKNOWN, f"It cannot be judged yet: {why}.", evidence=_counts(latest)
        )
        return
    names = [name for name in rules.tolerance if name in latest.metrics]
    known = [name for name in names if name in reference.metrics]
    if not known:
        yield Finding(
            CHECK,
            "",
            UNKNOWN,
            f"There is nothing to compare with: no evaluation and no {' or '.join(names)} was kept "
            f"with {report.model}. Call log_evaluation in the run that trains.",
            evidence=_counts(latest),
        )
    for name in known:
        yield _of_metric(report, name)


def _of_metric(report: PerformanceReport, name: str) -> Finding:
    found, reference = report.latest.metrics[name], report.reference.metrics[name]
    judged = [one for one in report.judged if name in one.severities]
    severity = judged[-1].severities[name]
    streak = 0
    for one in reversed(judged):
        if one.severities[name] not in (WARN, ALERT):
            break
        streak += 1
    limit = tolerated(name, reference, report.rules)
    bound = reference.value + limit if name in ERRORS else reference.value - limit
    when = f" from {moment(report.latest)} on" if report.windows else ""
    text = f"{name}{when} {told(found)}, against {told_reference(report.reference, reference)}"
    words = {
        NONE: "no worse beyond chance",
        INFO: f"worse, but within the tolerance of {figure(limit)}",
    }
    verdict = words.get(severity, f"worse by more than the tolerated {figure(limit)}")
    if streak > 1:
        verdict += f", in {streak} windows in a row since {moment(judged[-streak].window)}"
    return Finding(
        CHECK,
        name,
        severity,
        f"{text}: {verdict}.",
        value=found.value,
        limit=bound,
        evidence=_counts(report.latest)
        | {
            "interval": [found.low, found.high],
            "reference": reference.to_dict() | {"what": report.reference.what},
            "windows_in_a_row": streak,
            "since": judged[-streak].window.to_dict()["since"] if streak else None,
            "history": [
                {
                    "since": one.window.to_dict()["since"],
                    "value": one.window.metrics[name].value,
                    "severity": one.severities[name],
                }
                for one in judged[-_HISTORY:]
            ],
        },
    )


def told_reference(whole: Reference, one: Measured) -> str:
    """Return a metric of the reference, and where it comes from."""
    value = figure(one.value) if one.low == one.high else told(one)
    return f"{value} in {whole.what}"


def _of_calibration(report: PerformanceReport) -> Iterator[Finding]:
    found = report.calibration
    if found is None or report.latest.provisional:
        return
    before = report.reference.calibration
    least = report.rules.calibration + (before.excess if before else 0.0)
    text = (
        f"probabilities are off by {figure(found.error)} on average, {figure(found.by_chance)} of "
        f"it by chance; in the mean they are {_off(found.gap.value)}"
    )
    if found.chance or found.excess <= least:
        severity = NONE
    elif before is None:  # it may have been so from the beginning
        severity = INFO
    else:
        severity = ALERT if found.excess > _LARGE * least else WARN
        text += f"; it was {figure(before.excess)} beyond chance in {report.reference.what}"
    yield Finding(
        CALIBRATION,
        "",
        severity,
        f"Calibration: {text}.",
        value=found.excess,
        limit=least,
        evidence=_counts(report.latest) | found.to_dict(),
    )


def _off(gap: float) -> str:
    if abs(gap) < 0.0005:
        return "right"
    return f"{figure(abs(gap))} too {'high' if gap > 0 else 'low'}"


def _of_slices(report: PerformanceReport) -> Iterator[Finding]:
    """Yield the slices that are surely worse than the whole by more than the tolerance."""
    for one in report.slices:
        if one.provisional:
            continue
        for name in report.rules.tolerance:
            if name not in one.metrics or name not in report.overall.metrics:
                continue
            found, whole = one.metrics[name], report.overall.metrics[name]
            limit = tolerated(name, whole, report.rules)
            _, at_least = worse_by(found, whole, errors=name in ERRORS)
            if at_least > limit:
                where = f"{report.by} = {one.name}"
                yield Finding(
                    CHECK,
                    f"{name}, {where}",
                    INFO,
                    f"{name} where {where}: {told(found)}, against {told(whole)} of all.",
                    value=found.value,
                    limit=whole.value + limit if name in ERRORS else whole.value - limit,
                    evidence=_counts(one) | {"interval": [found.low, found.high]},
                )


def _of_labels(report: PerformanceReport) -> Iterator[Finding]:
    found = report.overall.selection
    if found is not None and found.told:
        yield Finding(
            CHECK,
            "labels",
            INFO,
            f"Labels are no random sample: the mean score is {figure(found.labelled)} with a label "
            f"and {figure(found.unlabelled)} without (KS {figure(found.distance)}), so the metrics "
            "may not hold for the others.",
            value=found.distance,
            evidence=found.to_dict(),
        )
    if report.unseen:
        named = ", ".join(f"{name!r} ({count:,})" for name, count in report.unseen.items())
        yield Finding(
            CHECK,
            "classes",
            INFO,
            f"Labels that the model never saw in training count as wrong answers: {named}.",
            value=float(sum(report.unseen.values())),
            evidence={"unseen": dict(report.unseen)},
        )
    if report.unreadable:
        yield Finding(
            CHECK,
            "labels",
            INFO,
            f"{amount(report.unreadable, 'label')} that should be a number is none, and is left "
            f"out ({percent(report.unreadable / max(report.overall.predictions, 1))}).",
            value=float(report.unreadable),
        )
