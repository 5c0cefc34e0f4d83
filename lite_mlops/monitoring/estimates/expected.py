"""Expected metrics: what accuracy, AUC and the rest are, if each row is right with a known chance.

    for one in expected_metrics(scores, predicted, calibration):
        print(one.metric, one.value, one.low, one.high)

Confidence-based performance estimation: the expected confusion matrix is the sum of the chances
(Garg et al., "Leveraging unlabeled data to predict out-of-distribution performance", ICLR 2022, and
Bialek et al., "Estimating model performance under covariate shift without labels", 2024).
Every metric is a smooth function of sums over rows of labels that are drawn with these chances; so
the same gradient gives both parts of its interval (delta method). Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.estimates.calibration import Calibration, Codes, Floats, told

CONFIDENCE = 1.959964  # standard deviations of a 95 % interval
METRICS = ("accuracy", "auc", "f1", "precision", "recall", "brier")
LOWER_IS_BETTER = frozenset({"brier", "mae", "rmse"})


@dataclass(frozen=True)
class Estimate:
    """An estimated metric with its 95 % interval.

    `sampling` is the standard deviation of the metric itself, as so many labels are drawn;
    `calibration` is that of the estimate, as the reference has so many rows.
    """

    metric: str
    value: float
    low: float
    high: float
    sampling: float
    calibration: float

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as JSON can hold it."""
        return dict(vars(self))


def estimate(
    metric: str, value: float, sampling: float, calibration: float, most: float = 1.0
) -> Estimate:
    """Return an estimate whose interval comes from two standard deviations, from 0 to `most`."""
    reach = CONFIDENCE * float(np.hypot(sampling, calibration))
    low, high = max(0.0, value - reach), min(most, value + reach)
    return Estimate(metric, value, low, high, sampling, calibration)


def metric_values(
    labels: Floats, scores: Floats, predicted: Codes
) -> Iterator[tuple[str, float, Floats]]:
    """Give each metric that is defined, with its gradient by the labels.

    `labels` has the shape (rows, classes): chances, or 0 and 1 for what is known. Two classes have
    one column, that of the second. Of several, precision, recall, F1 and AUC are the means over the
    classes for which they are defined (macro, one against the rest), and Brier is the sum.

    - accuracy: the mean label of what was predicted.
    - precision TP / PP, recall TP / P, F1 2 TP / (PP + P), with P the sum of the labels.
    - AUC (R - P (P + 1) / 2) / (P (n - P)), with R the sum of the midranks of the scores times the
      labels (Mann and Whitney, 1947): the integral over ranks of the ROC curve.
    - Brier: the mean of (label - score)^2 (1950).
    """
    rows, classes = labels.shape
    if not rows:
        return
    binary = classes == 1
    chosen = predicted[:, np.newaxis] == (1 if binary else np.arange(classes))
    sign = 2.0 * chosen - 1 if binary else chosen.astype(np.float64)
    yes = float((labels * sign).sum()) + (float((~chosen).sum()) if binary else 0.0)
    yield "accuracy", yes / rows, sign / rows
    yield from _one_against_the_rest(labels, scores, chosen)
    squares = (labels * (1 - 2 * scores) + scores**2).sum()
    yield "brier", float(squares) / rows, (1 - 2 * scores) / rows


def _one_against_the_rest(
    labels: Floats, scores: Floats, chosen: NDArray[np.bool_]
) -> Iterator[tuple[str, float, Floats]]:
    from scipy.stats import rankdata  # slow to load, and only who estimates needs it

    rows = len(labels)
    positive, answered = labels.sum(axis=0), chosen.sum(axis=0).astype(np.float64)
    hits = (labels * chosen).sum(axis=0)
    ranks = rankdata(scores, axis=0)
    pairs = positive * (rows - positive)
    wins = (labels * ranks).sum(axis=0) - positive * (positive + 1) / 2
    both = answered + positive
    parts: dict[str, tuple[NDArray[np.bool_], Floats, Floats, Floats]] = {}
    # Of each metric where it is defined, its value, and its gradient: of rows, and of all rows.
    with np.errstate(divide="ignore", invalid="ignore"):
        area = wins / pairs
        slope = -(positive + 0.5) / pairs - area * (rows - 2 * positive) / pairs
        parts["auc"] = pairs > 0, area, ranks / pairs, slope
        parts["f1"] = both > 0, 2 * hits / both, 2 * chosen / both, -2 * hits / both**2
        nothing = np.zeros_like(positive)
        parts["precision"] = answered > 0, hits / answered, chosen / answered, nothing
        parts["recall"] = positive > 0, hits / positive, chosen / positive, -hits / positive**2
    for name, (defined, values, own, common) in parts.items():
        if defined.any():
            gradient = np.where(defined, own + common, 0.0) / defined.sum()
            yield name, float(values[defined].mean()), gradient


def expected_metrics(
    scores: Floats, predicted: Codes, calibration: Calibration
) -> tuple[Estimate, ...]:
    """Return the estimate of each metric of some rows, in the order of `METRICS`.

    `scores` has the shape (rows, classes), all finite; `predicted` is the place of the class that
    was answered. A metric that is not defined, as precision is if nothing was answered, is left
    out.

    With the chances p and the gradient g of a metric, its variance is the sum over rows of
    sum(g^2 p) - sum(g p)^2 (of one column: g^2 p (1 - p)); that of the estimate is the sum over
    bins of the reference of G^2 v, with G the sum of g over the rows in a bin and v the variance of
    its chance.
    """
    columns = told(scores)
    chances = calibration.chances(columns)
    found = {}
    for metric, value, gradient in metric_values(chances, columns, predicted):
        weighted = gradient * chances
        drawn = (gradient * weighted).sum(axis=1) - weighted.sum(axis=1) ** 2
        learned = 0.0
        for place, one in enumerate(calibration.classes):
            sums = np.bincount(
                one.bins(columns[:, place]),
                weights=gradient[:, place],
                minlength=len(one.variances),
            )
            learned += float(sums**2 @ one.variances)
        most = 2.0 if metric == "brier" and chances.shape[1] > 1 else 1.0
        sampling = float(np.sqrt(max(0.0, float(drawn.sum()))))
        found[metric] = estimate(metric, value, sampling, float(np.sqrt(learned)), most)
    return tuple(found[metric] for metric in METRICS if metric in found)


def realised_metrics(scores: Floats, predicted: Codes, labels: Codes) -> dict[str, float]:
    """Return each metric of rows whose labels are known, in the order of `METRICS`."""
    columns = told(scores)
    places = np.arange(columns.shape[1]) if columns.shape[1] > 1 else np.array([1])
    known = (labels[:, np.newaxis] == places).astype(np.float64)
    found = {metric: value for metric, value, _ in metric_values(known, columns, predicted)}
    return {metric: found[metric] for metric in METRICS if metric in found}
