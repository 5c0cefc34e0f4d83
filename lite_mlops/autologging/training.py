"""How a model does on the data it was fitted on, by its kind. Pure functions.

answers = answers_of(model, training, seconds=0.4)
metrics_of("classifier", model, answers)      # {"training_accuracy_score": 0.98, ...}

The names are those that MLflow gives. Where predicting for all rows would take too long, a random
sample of them is taken, as large as fits; it has 200,000 rows at most.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.utils.multiclass import type_of_target

_FIRST_ROWS = 100
_CALL_SHARE = 0.25  # of what it takes to ask for the first rows, what each row takes at least
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

    def at(self, places: NDArray[np.int64]) -> Training:
        """Return a copy of some of the rows."""
        rest = (self.target, self.weight)
        return Training(
            _rows_at(self.data, places),
            *(None if value is None else _rows_at(value, places) for value in rest),
        )

    def sample(self, rows: int) -> Training:
        """Return a random sample of the rows, the same each time; all of them if there are less."""
        if rows >= self.rows:
            return self
        return self.at(np.random.default_rng(0).choice(self.rows, rows, replace=False))


def _rows_at(data: Any, places: NDArray[np.int64]) -> Any:
    if hasattr(data, "tocsr"):
        return data.tocsr()[places]
    if hasattr(data, "iloc"):
        return data.iloc[places]
    if hasattr(data, "to_pylist"):  # of Arrow
        return data.take(places)
    if isinstance(data, list | tuple):
        return [data[place] for place in places]
    return data[places]


@dataclass(frozen=True)
class Answers:
    """What a model says to rows that it was fitted on, all of them or a random sample.

    Truth and weight are copies, so that they remain what they were. `scores` are probabilities
    (rows x classes) or decision values; `first` are some of the rows with their data; `seconds`
    is what asking took.
    """

    rows: int
    of: int
    truth: NDArray[Any] | None
    weight: NDArray[Any] | None
    predicted: NDArray[Any]
    scores: NDArray[np.float64] | None
    probable: bool
    first: Training
    seconds: float

    @property
    def sampled(self) -> bool:
        """Whether only some of the rows were asked for."""
        return self.rows < self.of


# Whose `predict` is the class with the highest of `self.predict_proba`, to the letter.
_BY_HIGHEST = {
    "sklearn.calibration.CalibratedClassifierCV.predict",
    "sklearn.ensemble._bagging.BaggingClassifier.predict",
    "sklearn.ensemble._forest.ForestClassifier.predict",
}
_INNER = {  # and whose `predict` is that of a model inside
    "sklearn.model_selection._search.BaseSearchCV.predict": lambda model: model.best_estimator_,
    "sklearn.pipeline.Pipeline.predict": lambda model: model.steps[-1][1],
}


def predicts_the_highest(model: Any) -> bool:
    """Return whether `predict` is known to be the class of the highest probability.

    Then one question answers both. Nothing is guessed: a class is known by the very function that
    it predicts with.
    """
    predict: Any = getattr(type(model), "predict", None)
    if predict is None:
        return False
    predict = inspect.unwrap(predict)
    name = f"{predict.__module__}.{predict.__qualname__}"
    if name in _INNER:
        return predicts_the_highest(_INNER[name](model))
    return name in _BY_HIGHEST


class _Answer(NamedTuple):
    rows: int
    predicted: NDArray[Any]
    scores: NDArray[np.float64] | None
    seconds: float


class _Question:
    """How a model is asked: for scores as well where it has them, and once where once will do."""

    def __init__(self, model: Any, *, with_scores: bool) -> None:
        self._model = model
        self.probable = with_scores and hasattr(model, "predict_proba")
        decides = with_scores and not self.probable and hasattr(model, "decision_function")
        self._scores = (
            model.predict_proba if self.probable else model.decision_function if decides else None
        )
        self._classes = getattr(model, "classes_", None)
        self._once = (
            self.probable and isinstance(self._classes, np.ndarray) and predicts_the_highest(model)
        )

    def ask(self, training: Training) -> _Answer:
        began = time.perf_counter()
        scores = None if self._scores is None else self._scores(training.data)
        scores = None if scores is None or isinstance(scores, list) else np.asarray(scores)
        if self._once and scores is not None:
            predicted = self._classes.take(np.argmax(scores, axis=1), axis=0)  # type: ignore[union-attr]
        else:
            predicted = np.asarray(self._model.predict(training.data))
        return _Answer(training.rows, predicted, scores, time.perf_counter() - began)


def answers_of(
    model: Any, training: Training, *, seconds: float, with_scores: bool, all_rows: bool = False
) -> Answers:
    """Return the answers to a hundred rows, and to as many more as fit into the seconds.

    A hundred rows are asked for first, to see what they take; then more and more. The rows are a
    random sample, the same each time; of 200,000 at most, unless `all_rows`.
    """
    question = _Question(model, with_scores=with_scores)
    most = training.rows if all_rows else min(training.rows, _MOST_ROWS)
    places = None
    if training.rows > _FIRST_ROWS:
        places = np.random.default_rng(0).choice(training.rows, most, replace=False)
    first = training if places is None else training.at(places[:_FIRST_ROWS])
    answers = [question.ask(first)]  # in the time of which what has to be loaded is loaded
    began = time.perf_counter()
    done = answers[0].rows
    while places is not None and done < most:
        left = seconds - (time.perf_counter() - began)
        fitting = min(_fitting(answers, left), 10 * done)
        if fitting < min(_FIRST_ROWS, most - done):
            break
        rows = places[done : done + fitting]
        answers.append(question.ask(training.at(rows)))
        done += len(rows)
    truth, weight = training.target, training.weight
    if places is not None:
        truth, weight = (
            None if value is None else _rows_at(value, places[:done]) for value in (truth, weight)
        )
    scores = [answer.scores for answer in answers if answer.scores is not None]
    return Answers(
        done,
        training.rows,
        None if truth is None else np.array(truth),
        None if weight is None else np.array(weight),
        np.concatenate([answer.predicted for answer in answers]),
        np.concatenate(scores) if scores else None,
        question.probable,
        first,
        sum(answer.seconds for answer in answers),
    )


def _fitting(answers: Sequence[_Answer], left: float) -> int:
    """Return how many more rows can be asked for in the seconds that are left."""
    last = answers[-1]
    # A call takes its time for few rows too, so the first one makes rows look dearer than they are.
    share = _CALL_SHARE if len(answers) == 1 else 1.0
    return int(max(left, 0.0) / (share * last.seconds / last.rows + _METRICS_SECONDS))


def metrics_of(kind: str, model: Any, answers: Answers) -> dict[str, float]:
    """Return the metrics of a classifier or regressor; none where they do not apply."""
    if answers.truth is None:
        return {}
    if kind == "classifier":
        return _of_classifier(model, answers)
    return _of_regressor(answers)


def _of_classifier(model: Any, answers: Answers) -> dict[str, float]:
    truth: Any = answers.truth
    predicted = answers.predicted
    if type_of_target(truth) not in ("binary", "multiclass", "multilabel-indicator"):
        return {}
    weight = {"sample_weight": answers.weight}
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
    weight = {"sample_weight": answers.weight}
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
    truth: Any = answers.truth
    rest = {"sample_weight": answers.weight}
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
        if sample.rows < len(labels):
            found["training_silhouette_rows_sampled"] = float(sample.rows)
    if _are_apart(labels) and not hasattr(training.data, "tocsr"):
        inside = np.flatnonzero(labels != -1)
        whole = len(inside) == len(labels)
        rows = training.data if whole else _rows_at(training.data, inside)
        found["training_calinski_harabasz_score"] = float(
            metrics.calinski_harabasz_score(rows, labels[inside])
        )
    return found


def _are_apart(labels: NDArray[Any]) -> bool:
    inside = labels[labels != -1]
    return 2 <= len(np.unique(inside)) < len(inside)


def share_of_outliers(labels: Any) -> dict[str, float]:
    """Return the share of rows that are labelled -1, as outlier detectors do."""
    return {"training_outlier_share": float(np.mean(np.asarray(labels) == -1))}
