"""What each part that watches a model says, as facts of a report. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lite_mlops.charts import Reliability
from lite_mlops.data.wording import amount
from lite_mlops.monitoring.drift import ColumnDrift, DriftReport
from lite_mlops.monitoring.drift import findings as findings_of_drift
from lite_mlops.monitoring.findings import SEVERITIES, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.reports.facts import (
    CalibrationFact,
    ColumnFact,
    GroupFact,
    JointFact,
    JumpFact,
    MetricFact,
    MetricPoint,
    ServiceFact,
    SliceFact,
    Span,
)

if TYPE_CHECKING:
    from lite_mlops.monitoring.estimates import EstimateReport
    from lite_mlops.monitoring.fairness import FairnessReport
    from lite_mlops.monitoring.operation import Asked, ServiceReport
    from lite_mlops.monitoring.performance import Measured, PerformanceReport, WindowPerformance
    from lite_mlops.monitoring.streams import StreamReport

MOST_METRICS = 6
# Which metrics are shown, the first ones that there are.
_SHOWN = ("auc", "accuracy", "rmse", "mae", "f1", "log_loss", "brier", "balanced_accuracy", "r2")
_NAMES = {"auc": "ROC AUC", "rmse": "RMSE", "mae": "MAE", "f1": "F1", "r2": "R2"}
_FEWEST_ROWS = 30  # of a group of which anything is said


def name_of(metric: str) -> str:
    """Return the name of a metric as it is read."""
    return _NAMES.get(metric, metric.replace("_", " "))


# -- performance --------------------------------------------------------------------------------


def _point(measured: Measured | None, window: WindowPerformance) -> MetricPoint:
    if measured is None:
        return MetricPoint()
    low, high = (one if math.isfinite(one) else None for one in (measured.low, measured.high))
    return MetricPoint(measured.value, low, high, provisional=bool(window.provisional))


def metric_facts(
    report: PerformanceReport | None,
    present: WindowPerformance | None,
    estimates: EstimateReport | None,
    windows: int,
) -> tuple[MetricFact, ...]:
    """Return the metrics by labels over the last so many windows, and by estimate."""
    estimated = _estimates(estimates)
    known: list[str] = [] if report is None else [*report.overall.metrics]
    known += [name for name in estimated if name not in known]
    judged = () if report is None else tuple(report.rules.tolerance)
    order = [name for name in (*judged, *_SHOWN) if name in known]
    found = []
    for name in list(dict.fromkeys(order))[:MOST_METRICS]:
        reference = None if report is None else report.reference.metrics.get(name)
        verdict = _verdict(report, name)
        found.append(
            MetricFact(
                name=name_of(name),
                points=()
                if report is None
                else tuple(
                    _point(one.metrics.get(name), one)
                    for one in report.windows[len(report.windows) - windows :]
                ),
                whole=MetricPoint()
                if present is None
                else _point(present.metrics.get(name), present),
                estimates=estimated.get(name, ()),
                reference=None if reference is None else reference.value,
                reference_low=None if reference is None else _finite(reference.low),
                reference_high=None if reference is None else _finite(reference.high),
                severity=UNKNOWN if verdict is None else verdict.severity,
                sentence="" if verdict is None or not verdict.fires else verdict.sentence,
            )
        )
    return tuple(found)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _verdict(report: PerformanceReport | None, metric: str) -> Finding | None:
    """Return what a report finds of a metric."""
    if report is None:
        return None
    found = (one for one in report.findings() if one.check == "performance")
    return next((one for one in found if one.subject == metric), None)


def _estimates(report: EstimateReport | None) -> Mapping[str, tuple[MetricPoint, ...]]:
    found: dict[str, list[MetricPoint]] = {}
    for window in () if report is None else report.windows:
        at = None
        if window.begin is not None and window.end is not None:
            at = (window.begin.timestamp() + window.end.timestamp()) / 2
        for one in window.estimates:
            found.setdefault(one.metric, []).append(
                MetricPoint(one.value, _finite(one.low), _finite(one.high), at=at)
            )
    return {name: tuple(points) for name, points in found.items()}


def slice_facts(report: PerformanceReport) -> list[SliceFact]:
    """Return the first metric that is judged, of each slice."""
    judged = [name for name in (*report.rules.tolerance, *_SHOWN) if name in report.metrics]
    found = []
    for one in report.slices if judged else ():
        measured = one.metrics.get(judged[0])
        found.append(
            SliceFact(
                by=report.by or "",
                part=one.name,
                metric=name_of(judged[0]),
                value=None if measured is None else measured.value,
                low=None if measured is None else _finite(measured.low),
                high=None if measured is None else _finite(measured.high),
                labelled=one.labelled,
                predictions=one.predictions,
                severity=UNKNOWN,
                provisional=bool(one.provisional),
            )
        )
    return found


def calibration_fact(report: PerformanceReport) -> CalibrationFact | None:
    """Return how well probabilities are kept."""
    found = report.calibration
    if found is None:
        return None
    return CalibrationFact(
        bins=tuple(
            Reliability(one.predicted, one.happened, one.low, one.high, one.rows)
            for one in found.bins
        ),
        error=found.error,
        by_chance=found.by_chance,
        slope=None if found.slope is None else found.slope.value,
        intercept=None if found.intercept is None else found.intercept.value,
        rows=found.rows,
    )


# -- columns ------------------------------------------------------------------------------------


def _within(report: DriftReport | None, column: str) -> ColumnDrift | None:
    """Return what a window says of a column."""
    try:
        return None if report is None else report[column]
    except KeyError:
        return None


def _since(windows: Sequence[ColumnDrift | None], spans: Sequence[Span]) -> datetime | None:
    """Return the beginning of the last windows that all drifted."""
    since = None
    for one, span in zip(reversed(windows), reversed(spans), strict=True):
        if one is None or not one.drifted:
            break
        since = span.since
    return since


def column_facts(
    columns: Sequence[ColumnDrift],
    windows: Sequence[DriftReport | None],
    spans: Sequence[Span],
    chosen: Sequence[str] = (),
) -> tuple[ColumnFact, ...]:
    """Return the columns with what the windows of the time lines say of each."""
    found = []
    for one in columns:
        if chosen and one.column not in chosen:
            continue
        over_time = [_within(window, one.column) for window in windows]
        since = one.since
        if since is None and over_time and one.drifted:
            since = _since(over_time, spans)
        found.append(
            ColumnFact(
                name=one.column,
                kind=one.kind,
                severity=one.severity,
                score=one.score,
                effect=one.effect,
                adjusted_p=one.adjusted_p,
                importance=one.importance,
                missing_before=one.reference_missing,
                missing_now=one.current_missing,
                reasons=one.reasons,
                broken=one.broken,
                examples=one.examples,
                distribution=None if one.distribution is None else one.distribution.pair,
                numeric=bool(one.distribution is not None and one.distribution.edges),
                effects=tuple(None if w is None else w.effect for w in over_time),
                moved=tuple(w is not None and w.drifted for w in over_time),
                since=since,
            )
        )
    return tuple(found)


def drift_findings(report: DriftReport, chosen: Sequence[str] = ()) -> list[Finding]:
    """Return what drift finds, of the chosen columns and of all together."""
    known = {one.column for one in report.columns}
    return [
        one
        for one in findings_of_drift(report)
        if not chosen or one.subject in chosen or one.subject not in known
    ]


def rule_findings(report: DriftReport) -> tuple[Finding, ...]:
    """Return the rules that all columns together break."""
    found = (one for one in findings_of_drift(report) if one.check == "quality")
    return tuple(one for one in found if not one.subject)


def joint_fact(report: DriftReport) -> JointFact | None:
    """Return what a classifier says of all columns together."""
    joint = report.joint
    if joint is None:
        return None
    return JointFact(
        *(joint.auc, *joint.interval, joint.p_value, joint.severity, str(joint)),
        features=joint.features,
    )


# -- groups, streams and the service ------------------------------------------------------------

_RATES = {"selection rate": "selection_rate", "TPR": "tpr", "FPR": "fpr", "precision": "precision"}


def group_facts(report: FairnessReport | None) -> tuple[GroupFact, ...]:
    """Return the groups with their rates, and the most severe that was found of each."""
    if report is None:
        return ()
    findings = report.findings()
    found = []
    for one in report.groups:
        of_it = [f.severity for f in findings if f.subject == f"{one.column} = {one.group}"]
        rates = {name: getattr(one, field) for name, field in _RATES.items()}
        small = one.rows < _FEWEST_ROWS
        found.append(
            GroupFact(
                by=one.column,
                group=one.group,
                predictions=one.rows,
                labelled=one.labelled,
                rates={
                    name: (rate.value, _finite(rate.low), _finite(rate.high))
                    for name, rate in rates.items()
                    if rate is not None
                },
                severity=WARN if small else max(of_it, key=SEVERITIES.index, default=UNKNOWN),
                remark=f"under {_FEWEST_ROWS} rows" if small else "" if of_it else "compared with",
            )
        )
    return tuple(found)


def jump_facts(report: StreamReport | None) -> tuple[JumpFact, ...]:
    """Return what was found of each stream."""
    found = [] if report is None else report.findings()
    return tuple(JumpFact(one.subject, one.sentence, one.severity) for one in found)


def service_findings(report: ServiceReport | None) -> list[Finding]:
    """Return what is found of the service."""
    if report is None:
        return []
    from lite_mlops.monitoring.operation import findings

    return findings(report)


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _latency(median: float | None, slow: float | None) -> str:
    if median is None or slow is None:
        return ""
    return f"half up to {median / 1000:.3g} ms, 95 % up to {slow / 1000:.3g} ms"


def _asked(asked: Asked) -> str:
    told = f"{asked.requests:,}, {asked.failed:,} failed, {asked.refused:,} refused"
    waited = asked.waited_p95_seconds
    return told if waited is None else f"{told}; 95 % waited up to {1000 * waited:.3g} ms"


def service_fact(report: ServiceReport | None) -> ServiceFact | None:
    """Return how a model served over time, by version, and in trials."""
    if report is None:
        return None
    present = report.now
    failed, counted = report.errors
    facts = {
        "requests": f"{present.requests:,}, {present.answers:,} answers",
        "latency": _latency(present.p50_us, present.p95_us),
        "99 % up to": "" if present.p99_us is None else f"{present.p99_us / 1000:.3g} ms",
        "to the servers": "" if report.asked is None else _asked(report.asked),
        "failed": f"{failed:,} of {amount(counted, 'request')} in trials" if counted else "",
        "happened": ", ".join(f"{what} {times:,}" for what, times in report.happened.items()),
        "not counted": " ".join(report.notes),
    }
    return ServiceFact(
        at=tuple(one.began for one in report.traffic),
        requests=tuple(one.requests for one in report.traffic),
        median=tuple(_ms(one.p50_us) for one in report.traffic),
        slow=tuple(_ms(one.p95_us) for one in report.traffic),
        versions=tuple(
            (one.version, one.requests, _latency(one.p50_us, one.p95_us)) for one in report.versions
        ),
        trials=tuple(
            (
                f"{one.role} {one.version}",
                f"{amount(one.requests, 'request')}, {one.failed} failed, {one.doubtful} doubtful",
            )
            for one in report.trials
        ),
        facts={name: told for name, told in facts.items() if told},
    )


def version_marks(
    report: ServiceReport | None, begin: datetime
) -> tuple[tuple[datetime, str], ...]:
    """Return when versions began to answer, those that did so from the beginning left out."""
    if report is None or len(report.versions) < 2:
        return ()
    first = min(one.began for one in report.versions)
    found = ((one.began, one.version) for one in report.versions)
    return tuple((at, name) for at, name in sorted(found) if at > max(first, begin))
