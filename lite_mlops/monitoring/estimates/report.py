"""What is estimated of a model, window after window, beside what labels said of the same windows.

    report = estimate_windows(answers, reference, model="churn/3")
    report.windows[-1]["auc"], report.concept, report.findings()

Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.charts import Limit, Line, beside, in_notebook, line_chart
from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.estimates.calibration import (
    Calibration,
    Codes,
    Flags,
    Floats,
    calibrate,
    told,
    usable,
)
from lite_mlops.monitoring.estimates.concept import ConceptDrift, Interval, concept_drift
from lite_mlops.monitoring.estimates.expected import (
    CONFIDENCE,
    LOWER_IS_BETTER,
    Estimate,
    expected_metrics,
    realised_metrics,
)
from lite_mlops.monitoring.estimates.loss import LossModel, fit_loss, realised_losses
from lite_mlops.monitoring.findings import ALERT, NONE, UNKNOWN, WARN, Finding

ASSUMPTION = "assumes that the relation between inputs and outcome has not changed"
CHECK = "estimates"
WINDOW_ROWS = 1_000
_DRAWN = 3  # metrics
_SIDES = ("value", "low", "high")
MIN_ROWS = 50  # of a window that is judged
MIN_LABELS = 100  # of a window, for its estimate to be compared with them
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


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of a classifier, in the order in which they were given.

    `predicted` and `labels` are places of classes, -1 where there is none; `scores` has the shape
    (rows, classes); `times` are microseconds since 1970 UTC, or nothing.
    """

    scores: Floats
    predicted: Codes
    labels: Codes
    times: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def __getitem__(self, rows: slice | Flags) -> Answers:
        times = None if self.times is None else self.times[rows]
        return Answers(self.scores[rows], self.predicted[rows], self.labels[rows], times)

    @property
    def whole(self) -> Flags:
        """Which rows have all scores and an answer that is one of the classes."""
        return usable(self.scores) & (self.predicted >= 0)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Answers of a regressor, and what it was asked; labels that are not known are NaN."""

    features: Floats
    predicted: Floats
    labels: Floats
    times: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def __getitem__(self, rows: slice | Flags) -> Numbers:
        times = None if self.times is None else self.times[rows]
        return Numbers(self.features[rows], self.predicted[rows], self.labels[rows], times)


@dataclass(frozen=True)
class Compared:
    """A metric of the labelled rows of a window: by their labels, and as estimated of them."""

    realised: float
    estimated: float
    realised_interval: Interval
    estimated_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        lists = {name: list(getattr(self, name)) for name in vars(self) if "interval" in name}
        return vars(self) | lists


@dataclass(frozen=True)
class WindowEstimates:
    """What is estimated of a window, and `compared` with its labels where there are 100 of them."""

    rows: int
    labelled: int
    begin: datetime | None
    end: datetime | None
    estimates: tuple[Estimate, ...]
    compared: Mapping[str, Compared] = field(default_factory=dict)
    outside: float = 0.0  # share of rows with a score, or feature, beyond all of the reference

    def __getitem__(self, metric: str) -> Estimate:
        for one in self.estimates:
            if one.metric == metric:
                return one
        raise KeyError(metric)

    def to_dict(self) -> dict[str, Any]:
        """Return the window as JSON can hold it."""
        return {
            "rows": self.rows,
            "labelled": self.labelled,
            "begin": None if self.begin is None else self.begin.isoformat(),
            "end": None if self.end is None else self.end.isoformat(),
            "outside": self.outside,
            "estimates": [one.to_dict() for one in self.estimates],
            "compared": {name: one.to_dict() for name, one in self.compared.items()},
        }


@dataclass(frozen=True)
class EstimateReport:
    """Estimates of a model by windows, the oldest first, and what they rest on."""

    model: str
    reference: str  # what it is, in words
    reference_rows: int
    reference_metrics: Mapping[str, float]
    recalibrated: bool
    windows: tuple[WindowEstimates, ...]
    concept: tuple[ConceptDrift, ...] = ()
    unusable: int = 0  # rows without scores, or with another answer than the classes
    why_not: str = ""  # why nothing is estimated

    @property
    def fires(self) -> bool:
        """Whether any finding asks for somebody."""
        return any(one.fires for one in self.findings())

    def __str__(self) -> str:
        if not self.windows:
            return f"Nothing can be estimated: {self.why_not}"
        last = self.windows[-1]
        figures = ", ".join(
            f"{one.metric} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
            for one in last.estimates
        )
        text = f"Estimated of the last {amount(last.rows, 'row')}: {figures}. This {ASSUMPTION}."
        if self.concept:
            names = ", ".join(one.metric for one in self.concept)
            text += f" Labels say otherwise: concept drift suspected ({names})."
        return text

    def __repr__(self) -> str:
        return f"<EstimateReport {self.model}, {amount(len(self.windows), 'window')}: {self}>"

    def _repr_html_(self) -> str:
        facts = {"reference": self.reference, "estimated": str(self)}
        rows = [
            (one.rows, one.labelled, e.metric, f"{e.value:.4f}", f"{e.low:.4f} to {e.high:.4f}")
            for one in self.windows
            for e in one.estimates
        ]
        names = ("rows", "labelled", "metric", "estimate", "95 % interval")
        table = html_table("Windows", names, rows)
        return in_notebook(html_facts(f"Estimates of {self.model}", facts) + self._drawn() + table)

    def _drawn(self) -> str:
        """Return the first metrics over the windows as pictures."""
        at = [one.begin.timestamp() for one in self.windows if one.begin is not None]
        if len(at) < 2 or len(at) < len(self.windows):
            return ""
        charts = []
        for place, first in enumerate(self.windows[0].estimates[:_DRAWN]):
            found = [one.estimates[place] for one in self.windows]
            values, low, high = ([getattr(o, side) for o in found] for side in _SIDES)
            line = Line("estimated", at, values, low, high, shaded=True)
            known = self.reference_metrics.get(first.metric)
            limit = None if known is None else Limit(known, "reference")
            charts.append(line_chart(first.metric, [line], x=None, limit=limit, legend=True))
        return beside(charts)

    def findings(self) -> list[Finding]:
        """Return a finding for each metric of the last window, and for suspected concept drift."""
        return list(estimate_findings(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "model": self.model,
            "assumption": ASSUMPTION,
            "fires": self.fires,
            "reference": self.reference,
            "reference_rows": self.reference_rows,
            "reference_metrics": dict(self.reference_metrics),
            "recalibrated": self.recalibrated,
            "unusable": self.unusable,
            "why_not": self.why_not,
            "windows": [one.to_dict() for one in self.windows],
            "concept": [one.to_dict() for one in self.concept],
            "findings": [one.to_dict() for one in self.findings()],
        }


# -- windows ------------------------------------------------------------------------------------


def parts(rows: int, of_a_window: int) -> list[slice]:
    """Return windows of so many rows; a rest of less than half a window joins the last one."""
    if of_a_window < MIN_ROWS:
        raise Invalid(f"a window of {of_a_window} rows is too small; at least {MIN_ROWS}.")
    if not rows:
        return []
    count = max(1, (rows + of_a_window // 2) // of_a_window)
    edges = [place * of_a_window for place in range(count)] + [rows]
    return [slice(begin, end) for begin, end in pairwise(edges)]


def _moment(times: NDArray[np.int64] | None, place: int) -> datetime | None:
    return None if times is None else datetime.fromtimestamp(int(times[place]) / 1e6, UTC)


def _window(
    part: Answers | Numbers,
    labelled: Flags,
    estimated: Callable[[Any], tuple[Estimate, ...]],
    realised: Callable[[Any], Mapping[str, float]],
    outside: float = 0.0,
) -> WindowEstimates:
    compared = {}
    estimates = estimated(part)
    known = part[labelled]
    if len(known) >= MIN_LABELS:
        values = realised(known)
        for one in estimates if len(known) == len(part) else estimated(known):
            if one.metric not in values:
                continue
            value, reach = values[one.metric], CONFIDENCE * one.sampling
            compared[one.metric] = Compared(
                value, one.value, (value - reach, value + reach), (one.low, one.high)
            )
    return WindowEstimates(
        rows=len(part),
        labelled=len(known),
        begin=_moment(part.times, 0),
        end=_moment(part.times, -1),
        estimates=estimates,
        compared=compared,
        outside=outside,
    )


def _suspected(windows: Iterable[WindowEstimates]) -> tuple[ConceptDrift, ...]:
    windows = list(windows)
    metrics = dict.fromkeys(name for one in windows for name in one.compared)
    found = []
    for metric in metrics:
        pairs = [
            (one.compared[metric].estimated_interval, one.compared[metric].realised_interval)
            if metric in one.compared
            else None
            for one in windows
        ]
        drift = concept_drift(metric, pairs)
        if drift is not None:
            found.append(drift)
    return tuple(found)


def estimate_windows(
    answers: Answers,
    reference: Answers,
    *,
    model: str = "",
    named: str = "reference",
    rows: int = WINDOW_ROWS,
) -> EstimateReport:
    """Return estimates of answers, calibrated on a reference whose labels are known.

    Args:
        answers: What is estimated, in windows of `rows`.
        reference: Rows with labels and scores; those without are left out.
        model: The name of the model.
        named: What the reference is, in words.
        rows: How many rows a window has; at least 50.

    Raises:
        Invalid: the reference has fewer than 200 such rows, or fewer than 10 of a class.
    """
    reference = reference[reference.whole & (reference.labels >= 0)]
    calibration: Calibration = calibrate(reference.scores, reference.labels)
    whole = answers.whole
    unusable = int((~whole).sum())
    answers = answers if whole.all() else answers[whole]
    windows = [
        _window(
            answers[part],
            answers.labels[part] >= 0,
            lambda one: expected_metrics(one.scores, one.predicted, calibration),
            lambda one: realised_metrics(one.scores, one.predicted, one.labels),
            calibration.outside(told(answers.scores[part])),
        )
        for part in parts(len(answers), rows)
    ]
    return EstimateReport(
        model=model,
        reference=named,
        reference_rows=len(reference),
        reference_metrics=realised_metrics(reference.scores, reference.predicted, reference.labels),
        recalibrated=calibration.kept,
        windows=tuple(windows),
        concept=_suspected(windows),
        unusable=unusable,
        why_not="" if windows else "there are no predictions with scores in that time.",
    )


def estimate_losses(
    answers: Numbers,
    reference: Numbers,
    *,
    model: str = "",
    named: str = "reference",
    rows: int = WINDOW_ROWS,
) -> EstimateReport:
    """Return estimates of the losses of a regressor; see `estimate_windows`.

    Raises:
        Invalid: the reference has fewer than 200 rows with a label and a prediction.
    """
    known = np.isfinite(reference.labels) & np.isfinite(reference.predicted)
    reference = reference[known]
    losses: LossModel = fit_loss(reference.features, reference.predicted, reference.labels)
    whole = np.isfinite(answers.predicted)
    unusable = int((~whole).sum())
    answers = answers[whole]
    windows = [
        _window(
            answers[part],
            np.isfinite(answers.labels[part]),
            lambda one: losses.estimates(one.features, one.predicted),
            lambda one: realised_losses(one.predicted, one.labels),
            losses.outside(answers.features[part], answers.predicted[part]),
        )
        for part in parts(len(answers), rows)
    ]
    return EstimateReport(
        model=model,
        reference=named,
        reference_rows=len(reference),
        reference_metrics=realised_losses(reference.predicted, reference.labels),
        recalibrated=False,
        windows=tuple(windows),
        concept=_suspected(windows),
        unusable=unusable,
        why_not="" if windows else "there are no predictions in that time.",
    )


# -- findings -----------------------------------------------------------------------------------


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


def nothing_estimated(model: str, reference: str, why_not: str) -> EstimateReport:
    """Return the report of a model of which nothing can be estimated, and why."""
    return EstimateReport(model, reference, 0, {}, recalibrated=False, windows=(), why_not=why_not)
