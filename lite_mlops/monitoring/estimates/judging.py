"""What estimates ask of somebody: a finding for each metric, and for suspected concept drift.

for finding in estimate_findings(report):
    print(finding.subject, finding.severity, finding.sentence)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lite_mlops.data.wording import amount
from lite_mlops.monitoring.estimates.expected import LOWER_IS_BETTER, Estimate
from lite_mlops.monitoring.findings import ALERT, NONE, UNKNOWN, WARN, Finding

if TYPE_CHECKING:
    from lite_mlops.monitoring.estimates.report import EstimateReport, WindowEstimates

ASSUMPTION = "assumes that the relation between inputs and outcome has not changed"
CHECK = "estimates"
MIN_ROWS = 50  # of a window that is judged
# How much worse than in the reference a metric has to be; losses by a share of it.
TOLERANCES = {
    "accuracy": 0.02,
    "auc": 0.02,
    "f1": 0.05,
    "precision": 0.05,
    "recall": 0.05,
    "brier": 0.02,
}
_LOSS_TOLERANCE = 0.1
_LARGE = 2.5  # times the tolerance, from which on it is an alert


def _limit(metric: str, reference: float) -> tuple[float, float]:
    """Return the tolerance of a metric, and the limit beyond which it is worse."""
    tolerance = TOLERANCES.get(metric, _LOSS_TOLERANCE * reference)
    return tolerance, reference + (tolerance if metric in LOWER_IS_BETTER else -tolerance)


def _judged(report: EstimateReport, one: Estimate, last: WindowEstimates) -> Finding:
    told_of = f"{one.metric}: estimated {one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
    evidence = {**one.to_dict(), "rows": last.rows, "outside": last.outside}
    reference = report.reference_metrics.get(one.metric)
    if reference is None:
        text = f"{told_of}; it is not defined in the reference. This {ASSUMPTION}."
        return Finding(CHECK, one.metric, UNKNOWN, text, one.value, evidence=evidence)
    tolerance, limit = _limit(one.metric, reference)
    # How far the good end of the interval is beyond the reference, in units of the tolerance.
    worse = one.low - reference if one.metric in LOWER_IS_BETTER else reference - one.high
    if last.rows < MIN_ROWS:
        severity, told_of = UNKNOWN, f"{told_of}, of {amount(last.rows, 'row')} only"
    elif worse <= tolerance:
        severity = NONE
    else:
        severity = ALERT if worse > _LARGE * tolerance else WARN
    text = f"{told_of}, {reference:.3f} in the reference. This {ASSUMPTION}."
    evidence |= {"reference": reference, "reference_rows": report.reference_rows}
    return Finding(CHECK, one.metric, severity, text, one.value, limit, evidence)


def estimate_findings(report: EstimateReport) -> Iterator[Finding]:
    """Give a finding for each metric of the last window, and for suspected concept drift.

    A metric fires if the good end of its interval is worse than in the reference by more than the
    tolerance: 2 points of accuracy, AUC and Brier, 5 of precision, recall and F1, a tenth of a
    loss. It is an alert from 2.5 times that on. Suspected concept drift is one while it goes on.
    """
    if not report.windows:
        yield Finding(CHECK, "", UNKNOWN, str(report))
        return
    last = report.windows[-1]
    for one in last.estimates:
        yield _judged(report, one, last)
    for drift in report.concept:
        compared = report.windows[drift.last].compared[drift.metric]
        yield Finding(
            CHECK,
            drift.metric,
            ALERT if drift.going_on else NONE,
            f"concept drift suspected: {drift.metric} is {compared.realised:.3f} by labels and "
            f"{compared.estimated:.3f} estimated, in {amount(drift.windows, 'window')} in a row"
            f"{'' if drift.going_on else ', and no more since'}.",
            drift.gap,
            0.0,
            drift.to_dict() | compared.to_dict(),
        )
