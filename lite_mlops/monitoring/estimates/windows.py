"""What is estimated of a model, window after window. Pure functions.

report = estimate_windows(answers, reference, model="churn/3")
report.windows[-1]["auc"], report.concept, report.findings()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.estimates.answers import Answers, Numbers
from lite_mlops.monitoring.estimates.calibration import Calibration, Flags, calibrate, told
from lite_mlops.monitoring.estimates.concept import ConceptDrift, concept_drift
from lite_mlops.monitoring.estimates.expected import (
    CONFIDENCE,
    Estimate,
    expected_metrics,
    realised_metrics,
)
from lite_mlops.monitoring.estimates.judging import MIN_ROWS
from lite_mlops.monitoring.estimates.loss import LossModel, fit_loss, realised_losses
from lite_mlops.monitoring.estimates.report import Compared, EstimateReport, WindowEstimates

WINDOW_ROWS = 1_000
MIN_LABELS = 100  # of a window, for its estimate to be compared with them


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
