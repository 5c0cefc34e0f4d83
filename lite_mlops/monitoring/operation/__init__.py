"""How a model serves: requests, latencies, errors, versions and trials, from what is recorded.

    report = project.monitoring.service("churn@champion", last="7d")
    report.now.p95_us, report.before.p95_us, str(report)
    findings(report)

All of it comes from a few scans of the recorded predictions. Latencies are those of the model, for
a row: what was asked together, divided by its rows. Requests that were refused, failed
or had to wait are no predictions: servers record how many there were, once a minute.
"""

from lite_mlops.monitoring.operation.figures import Asked, Period, Piece, Tried, VersionServed
from lite_mlops.monitoring.operation.judging import findings
from lite_mlops.monitoring.operation.reading import Operation
from lite_mlops.monitoring.operation.report import MIN_REQUESTS, ServiceReport

__all__ = [
    "MIN_REQUESTS",
    "Asked",
    "Operation",
    "Period",
    "Piece",
    "ServiceReport",
    "Tried",
    "VersionServed",
    "findings",
]
