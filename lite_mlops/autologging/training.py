"""How a model does on the data it was fitted on, by its kind. Pure functions.

answers = answers_of(model, training, seconds=0.4)
metrics_of("classifier", model, answers)      # {"training_accuracy_score": 0.98, ...}

The names are those that MLflow gives. Where predicting for all rows would take too long, a random
sample of them is taken, as large as fits; it has 200,000 rows at most.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.utils import resample
from sklearn.utils.multiclass import type_of_target

_FIRST_ROWS = 500
_MOST_ROWS = 200_000  # metrics and curves sort them, several times
_METRICS_SECONDS = 3e-6  # what that takes for one row
_SILHOUETTE_ROWS = 1_000  # it compares each row with each other one
_MAX_CLASSES = 100


@dataclass(frozen=True)
class Training:
    """What a model was fitted on; `target` and `weight` where they were given."""

    data: Any
    target: Any = None
    weight: Any = None

    @property
    def rows(self) -> int:
        """The number of rows; 0 if it cannot be told."""
        shape = getattr(self.data, "shape", None)
        if shape:
            return int(shape[0])
        return len(self.data) if isinstance(self.data, list | tuple) else 0

    @property
    def columns(self) -> int:
        """The number of columns; 0 if it cannot be told."""
        shape = getattr(self.data, "shape", None)
        if shape:
            return int(shape[1]) if len(shape) > 1 else 1
        first = self.data[0] if isinstance(self.data, list | tuple) and self.data else None
        return len(first) if isinstance(first, list | tuple) else int(first is not None)

    def sample(self, rows: int) -> Training:
        """Return a random sample of the rows, the same each time; all of them if there are less."""
        if rows >= self.rows:
            return self
        given = {"target": self.target, "weight": self.weight}
        given = {name: value for name, value in given.items() if value is not None}
        taken = resample(self.data, *given.values(), replace=False, n_samples=rows, random_state=0)
        if not given:
            return replace(self, data=taken)
        return Training(taken[0], **dict(zip(given, taken[1:], strict=True)))


@dataclass(frozen=True)
class Answers:
    """What a model says to rows that it was fitted on.

    `scores` are probabilities (rows x classes) or decision values; `seconds` is what it took.
    """

    training: Training
    predicted: NDArray[Any]
    scores: NDArray[np.float64] | None
    probable: bool
    seconds: float


def _ask(model: Any, training: Training, *, with_scores: bool) -> Answers:
    began = time.perf_counter()
    predicted = np.asarray(model.predict(training.data))
    scores, probable = None, False
    if with_scores and hasattr(model, "predict_proba"):
        scores, probable = model.predict_proba(training.data), True
    elif with_scores and hasattr(model, "decision_function"):
        scores = model.decision_function(training.data)
    scores = None if scores is None or isinstance(scores, list) else np.asarray(scores)
    return Answers(training, predicted, scores, probable, time.perf_counter() - began)


def answers_of(model: Any, training: Training, *, seconds: float, with_scores: bool) -> Answers:
    """Return the answers to as many rows as fit into the seconds.

    The sample grows by ten as long as the next one will fit, so that what is slow for few rows
    and quick for many is not mistaken.
    """
    began = time.perf_counter()
    training = training.sample(_MOST_ROWS)
    rows = min(_FIRST_ROWS, training.rows)
    answers = _ask(model, training.sample(rows), with_scores=with_scores)
    while rows < training.rows:
        left = seconds - (time.perf_counter() - began)
        fitting = int(0.8 * left / (answers.seconds / rows + _METRICS_SECONDS))
        larger = min(10 * rows, training.rows, fitting)
        if larger < 2 * rows and larger < training.rows:
            break
        rows = larger
        answers = _ask(model, training.sample(rows), with_scores=with_scores)
    return answers


def metrics_of(kind: str, model: Any, answers: Answers) -> dict[str, float]:
    """Return the metrics of a classifier or regressor; none where they do not apply."""
    if answers.training.target is None:
        return {}
    if kind == "classifier":
        return _of_classifier(model, answers)
    return _of_regressor(answers)


def _of_classifier(model: Any, answers: Answers) -> dict[str, float]:
    training = answers.training
    truth, predicted = np.asarray(training.target), answers.predicted
    if type_of_target(truth) not in ("binary", "multiclass", "multilabel-indicator"):
        return {}
    weight = {"sample_weight": training.weight}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, predicted, average="weighted", zero_division=0, **weight
    )
    found = {
        "training_accuracy_score": metrics.accuracy_score(truth, predicted, **weight),
        "training_precision_score": precision,
        "training_recall_score": recall,
        "training_f1_score": f1,
    }
    classes = getattr(model, "classes_", None)
    if answers.scores is None or truth.ndim != 1 or isinstance(classes, list | None):
        return _floats(found)
    if answers.probable and len(classes) > 1:
        found["training_log_loss"] = metrics.log_loss(
            truth, answers.scores, labels=classes, **weight
        )
    auc = _area(truth, answers, classes)
    return _floats(found if auc is None else found | {"training_roc_auc": auc})


def _area(truth: NDArray[Any], answers: Answers, classes: Any) -> float | None:
    """Return the area under the ROC curve, weighted over the classes; None if there is none."""
    if len(np.unique(truth)) < len(classes) or not 2 <= len(classes) <= _MAX_CLASSES:
        return None
    weight = {"sample_weight": answers.training.weight}
    if len(classes) == 2:
        scores = second_class(answers)
        return float(metrics.roc_auc_score(truth == classes[1], scores, **weight))
    if not answers.probable:
        return None
    every = {"multi_class": "ovr", "average": "weighted", "labels": classes}
    return float(metrics.roc_auc_score(truth, answers.scores, **every, **weight))


def second_class(answers: Answers) -> NDArray[np.float64]:
    """Return the scores of the second of two classes."""
    assert answers.scores is not None
    return answers.scores[:, 1] if answers.scores.ndim == 2 else answers.scores


def _of_regressor(answers: Answers) -> dict[str, float]:
    truth = np.asarray(answers.training.target)
    rest = {"sample_weight": answers.training.weight}
    predicted = answers.predicted.reshape(truth.shape)
    square = metrics.mean_squared_error(truth, predicted, **rest)
    found = {
        "training_mean_absolute_error": metrics.mean_absolute_error(truth, predicted, **rest),
        "training_mean_squared_error": square,
        "training_root_mean_squared_error": metrics.root_mean_squared_error(
            truth, predicted, **rest
        ),
    }
    if len(truth) > 1:
        found["training_r2_score"] = metrics.r2_score(truth, predicted, **rest)
    return _floats(found)


def _floats(found: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in found.items()}


# -- without a target ----------------------------------------------------------------------------


def metrics_of_clusters(model: Any, training: Training, labels: Any) -> dict[str, float]:
    """Return how well clusters are apart; `labels` are those of the rows, -1 is no cluster.

    The silhouette coefficient (Rousseeuw 1987) is taken on a sample of 1,000 rows.
    """
    found = {}
    inertia = getattr(model, "inertia_", None)
    if inertia is not None:
        found["training_inertia"] = float(inertia)
    labels = np.asarray(labels)
    shape = np.shape(training.data)
    found["training_clusters"] = float(len(np.unique(labels[labels != -1])))
    if len(shape) != 2 or len(labels) != shape[0]:
        return found
    sample = Training(training.data, labels).sample(_SILHOUETTE_ROWS)
    if _are_apart(sample.target):
        inside = np.flatnonzero(sample.target != -1)
        rows = _rows_at(sample.data, inside)
        found["training_silhouette_score"] = float(
            metrics.silhouette_score(rows, sample.target[inside])
        )
    if _are_apart(labels) and not hasattr(training.data, "tocsr"):
        inside = np.flatnonzero(labels != -1)
        whole = len(inside) == len(labels)
        rows = training.data if whole else _rows_at(training.data, inside)
        found["training_calinski_harabasz_score"] = float(
            metrics.calinski_harabasz_score(rows, labels[inside])
        )
    return found


def _rows_at(data: Any, places: NDArray[np.intp]) -> Any:
    return (data if hasattr(data, "tocsr") else np.asarray(data))[places]


def _are_apart(labels: NDArray[Any]) -> bool:
    inside = labels[labels != -1]
    return 2 <= len(np.unique(inside)) < len(inside)


def share_of_outliers(labels: Any) -> dict[str, float]:
    """Return the share of rows that are labelled -1, as outlier detectors do."""
    return {"training_outlier_share": float(np.mean(np.asarray(labels) == -1))}
