"""What service asks of somebody: findings about latency, traffic and errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lite_mlops.data.wording import amount
from lite_mlops.monitoring.findings import ALERT, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.operation.report import (
    MIN_REQUESTS,
    SLOWER,
    SOME_FAIL,
    ServiceReport,
    in_ms,
)

_CHECK = "service"


def findings(report: ServiceReport) -> list[Finding]:
    """Return what a report says, as findings of the check `service`.

    The subjects are `latency` (the value is the 95 % quantile in microseconds, the limit that of
    the reference times 1.2), `traffic` (late or absent) and `errors` (the share that failed).
    """
    evidence: dict[str, Any] = {
        "window": report.window,
        "reference": report.reference,
        "now": report.now.to_dict(),
        "before": None if report.before is None else report.before.to_dict(),
    }
    return [_latency(report, evidence), *_traffic(report, evidence), *_errors(report)]


def _latency(report: ServiceReport, evidence: dict[str, Any]) -> Finding:
    limit = None
    if report.before is not None and report.before.p95_us is not None:
        limit = SLOWER * report.before.p95_us
    return Finding(
        _CHECK,
        "latency",
        report.latency_severity,
        _latency_sentence(report),
        value=report.now.p95_us,
        limit=limit,
        evidence=evidence | {"versions": [one.to_dict() for one in report.versions]},
    )


def _latency_sentence(report: ServiceReport) -> str:
    present, before = report.now, report.before
    if present.p95_us is None:
        return "No request was recorded, so nothing is known of latencies."
    told = f"95 % of the answers took up to {in_ms(present.p95_us)}"
    if before is None or before.p95_us is None or report.slower is None:
        return f"{told}; there is nothing to compare with."
    told += f", {in_ms(before.p95_us)} before ({report.slower:.2g} times as long)"
    if report.latency_severity == UNKNOWN:
        return f"{told}; fewer than {MIN_REQUESTS} requests on a side cannot tell."
    beyond = report.latency_severity in (WARN, ALERT)
    return f"{told}, which is {'beyond chance' if beyond else 'no more than chance or too little'}."


def _traffic(report: ServiceReport, evidence: dict[str, Any]) -> Iterator[Finding]:
    for one in report.broken:
        sentence = f"{one.text[0].upper()}{one.text[1:]}."
        about = evidence | {"rules": [one.rule]} | dict(one.about or {})
        yield Finding(_CHECK, "traffic", ALERT, sentence, evidence=about)
    if not report.broken:
        yield Finding(
            _CHECK,
            "traffic",
            NONE if report.now.requests else UNKNOWN,
            f"{amount(report.now.requests, 'request')}, without an unusual silence.",
            value=float(report.now.requests),
            evidence=evidence | {"traffic": [one.to_dict() for one in report.traffic]},
        )


def _errors(report: ServiceReport) -> Iterator[Finding]:
    asked = report.asked
    if asked is not None:
        sentence = (
            f"{asked.failed:,} of {amount(asked.requests, 'request')} failed, {asked.refused:,} "
            "were refused"
        )
        if asked.waited_p95_seconds is not None:
            sentence += f"; 95 % waited up to {in_ms(1e6 * asked.waited_p95_seconds)}"
        yield Finding(
            _CHECK,
            "errors",
            report.errors_severity,
            f"{sentence}.",
            value=asked.failed_share,
            limit=SOME_FAIL,
            evidence={"asked": asked.to_dict()},
        )
        return
    failed, counted = report.errors
    if counted:
        sentence = f"{failed:,} of {amount(counted, 'request')} in trials failed."
        about = {"trials": [one.to_dict() for one in report.trials]}
        yield Finding(_CHECK, "errors", NONE, sentence, value=failed / counted, evidence=about)
