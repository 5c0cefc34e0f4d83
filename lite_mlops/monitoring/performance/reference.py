"""What performance is compared with: what was measured when the version was made.

    reference_of(models, version, positive="leaves").metrics["auc"]

That is an evaluation which its run kept (`log_evaluation`), preferably one called 'test', else the
metrics that were logged or registered, by their usual names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import amount
from lite_mlops.models import Models, ModelVersion
from lite_mlops.monitoring.labels.reading import reading_of
from lite_mlops.monitoring.performance.calibration import Calibration, calibrate
from lite_mlops.monitoring.performance.classification import Classes, measure_classes
from lite_mlops.monitoring.performance.intervals import Measured
from lite_mlops.monitoring.performance.regression import measure_numbers
from lite_mlops.tracking.evaluations import PARTS, is_of_training

# Names under which metrics are logged. Precision, recall and F1 are not among them: what they are
# averaged over is not known.
_NAMES = {
    "accuracy": ("accuracy", "acc", "accuracy_score"),
    "balanced_accuracy": ("balanced_accuracy", "balanced_accuracy_score"),
    "auc": ("auc", "roc_auc", "auroc", "roc_auc_score", "auc_roc"),
    "log_loss": ("log_loss", "logloss", "cross_entropy"),
    "brier": ("brier", "brier_score", "brier_score_loss"),
    "mae": ("mae", "mean_absolute_error"),
    "rmse": ("rmse", "root_mean_squared_error"),
    "r2": ("r2", "r2_score"),
}
_CALLED = {name: metric for metric, names in _NAMES.items() for name in names}
# On what they were measured, the most honest first; those of training are no reference.
_PLACES = (*PARTS, "")
_LOGGED = re.compile(rf"(?:({'|'.join(PARTS)})[_/. -])?(.+?)(?:_(?:x_)?({'|'.join(PARTS)}))?")


@dataclass(frozen=True)
class Reference:
    """What performance is compared with: metrics, where they come from, and the calibration."""

    what: str = ""  # '' is nothing
    metrics: Mapping[str, Measured] = field(default_factory=dict)
    calibration: Calibration | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the reference as JSON can hold it."""
        return {
            "what": self.what,
            "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()},
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
        }


def given(metrics: Mapping[str, float]) -> Reference:
    """Return metrics that somebody states, as exact ones."""
    return Reference("the metrics given", {name: _exact(value) for name, value in metrics.items()})


def _exact(value: float) -> Measured:
    return Measured(float(value), float(value), float(value), 0)


def reference_of(models: Models, version: ModelVersion, positive: int) -> Reference:
    """Return what was measured when a version was made; an empty one if nothing was."""
    for name, found in models.kept_evaluations(version).items():
        if is_of_training(name):
            continue
        metrics, calibration = _of_evaluation(
            version, positive, found.y_true, found.y_pred, found.y_score
        )
        if metrics:
            what = f"the evaluation {name!r} of its run, {amount(len(found), 'row')}"
            return Reference(what, metrics, calibration)
    logged = named_metrics(version.metrics.items())
    return Reference("the metrics of its run", logged) if logged else Reference()


def named_metrics(logged: Iterable[tuple[str, float]]) -> dict[str, Measured]:
    """Return those of logged metrics that are known by their names; those of training are not."""
    found: dict[str, tuple[int, float]] = {}
    for name, value in logged:
        plain = name.lower().replace(" ", "_")
        if is_of_training(plain) or not np.isfinite(value):
            continue
        parsed = _LOGGED.fullmatch(plain)
        if parsed is None or parsed[2] not in _CALLED:
            continue
        metric, place = _CALLED[parsed[2]], _PLACES.index(parsed[1] or parsed[3] or "")
        if metric not in found or place < found[metric][0]:
            found[metric] = (place, float(value))
    return {metric: _exact(value) for metric, (_, value) in found.items()}


def _of_evaluation(
    version: ModelVersion, positive: int, truth: Any, answers: Any, score: Any
) -> tuple[dict[str, Measured], Calibration | None]:
    """Return metrics and calibration of the rows of an evaluation."""
    output = version.signature.outputs[0]
    if output.kind == "number":
        if truth.dtype.kind == "U" or answers.dtype.kind == "U":
            return {}, None
        return measure_numbers(truth.astype(np.float64), answers.astype(np.float64)), None
    classes = tuple(map(str, output.classes))
    if not classes:
        return {}, None
    codes = [_codes(version, classes, column) for column in (truth, answers)]
    if (codes[1] < 0).any():  # not answers of this model
        return {}, None
    if score is not None and len(classes) == 2 and positive == 0:
        score = 1 - score  # it is of the class that sorts last
    rows = Classes(codes[0], codes[1], count=len(classes), positive=positive, score=score)
    metrics = measure_classes(rows)
    if score is None or len(classes) != 2:
        return metrics, None
    if score.min() < 0 or score.max() > 1:  # they rank, and are no probabilities
        return {n: m for n, m in metrics.items() if n not in ("log_loss", "brier")}, None
    known = codes[0] >= 0
    return metrics, calibrate(score[known], codes[0][known] == positive)


def _codes(version: ModelVersion, classes: tuple[str, ...], column: Any) -> NDArray[np.int64]:
    """Return the numbers of classes of a column; -1 for what is none of them."""
    reading = reading_of(version.signature)
    different, places = np.unique(column, return_inverse=True)
    named = [reading.same_class(str(value)) for value in different.tolist()]
    numbers = [-1 if name is None else classes.index(name) for name in named]
    return np.array(numbers, np.int64)[places]
