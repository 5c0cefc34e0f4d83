"""The numbers of plots, in one form, so that each can be drawn again at any time. Pure functions.

    {"kind": "lines", "title": "ROC", "x": "false positive rate", "y": "true positive rate",
     "series": [{"name": "1", "x": [0.0, ...], "y": [0.0, ...]}]}

`kind` is lines, points, bars or matrix. Bars have names as their `x`. A matrix has a series per
row: `name` is the true class, `x` are the predicted ones, `y` the counts. `pictures` draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.inspection import permutation_importance

from lite_mlops.autologging.training import Answers, second_class

MAX_POINTS = 200
_MAX_CLASSES = 20
_MAX_BARS = 50

Plot = dict[str, Any]


def _plot(kind: str, title: str, x: str, y: str, series: list[dict[str, Any]]) -> Plot:
    return {"kind": kind, "title": title, "x": x, "y": y, "series": series}


def _thinned(*columns: NDArray[Any]) -> list[list[float]]:
    """Return at most 200 points of a curve, evenly placed, with its first and its last."""
    count = len(columns[0])
    places = np.unique(np.linspace(0, count - 1, min(count, MAX_POINTS)).astype(int))
    return [np.asarray(column, np.float64)[places].tolist() for column in columns]


def _series(name: Any, x: NDArray[Any], y: NDArray[Any]) -> dict[str, Any]:
    xs, ys = _thinned(x, y)
    return {"name": str(name), "x": xs, "y": ys}


def plots_of(kind: str, classes: Sequence[Any], answers: Answers) -> dict[str, Plot]:
    """Return the plots of a classifier or regressor on its training data, by name."""
    truth = answers.truth
    if truth is None or truth.ndim != 1:
        return {}
    plots = (
        {"residuals": residuals(truth, answers.predicted)}
        if kind == "regressor"
        else _of_classifier(truth, classes, answers)
    )
    for plot in plots.values():
        plot["title"] += _rests_on(answers)
    return plots


def _rests_on(answers: Answers) -> str:
    """Return what the title of a plot says of a sample."""
    return f", {answers.rows:,} of {answers.of:,} rows" if answers.sampled else ""


def _of_classifier(
    truth: NDArray[Any], classes: Sequence[Any], answers: Answers
) -> dict[str, Plot]:
    if not 2 <= len(classes) <= _MAX_CLASSES:
        return {}
    plots = {"confusion_matrix": confusion_matrix(truth, answers.predicted, classes)}
    if answers.scores is not None:
        curves = _curves(truth, answers, classes)
        plots["roc"] = roc(curves)
        plots["precision_recall"] = precision_recall(curves)
    return plots


Curves = list[tuple[Any, NDArray[np.bool_], NDArray[np.float64]]]


def _curves(truth: NDArray[Any], answers: Answers, classes: Sequence[Any]) -> Curves:
    """Return name, truth and scores of each class that has a curve: both sides must be there."""
    assert answers.scores is not None
    if len(classes) == 2:
        found = [(classes[1], truth == classes[1], second_class(answers))]
    elif answers.scores.ndim == 2 and answers.scores.shape[1] == len(classes):
        found = [(c, truth == c, answers.scores[:, i]) for i, c in enumerate(classes)]
    else:
        found = []
    return [(name, is_it, scores) for name, is_it, scores in found if 0 < is_it.mean() < 1]


def confusion_matrix(truth: Any, predicted: Any, classes: Sequence[Any]) -> Plot:
    """Return how often each class was taken for each."""
    counts = metrics.confusion_matrix(truth, predicted, labels=classes)
    names = [str(name) for name in classes]
    rows = [
        {"name": name, "x": names, "y": row}
        for name, row in zip(names, counts.tolist(), strict=True)
    ]
    return _plot("matrix", "Confusion matrix", "predicted", "true", rows)


def roc(curves: Curves) -> Plot:
    """Return the ROC curve of each class."""
    series = []
    for name, is_it, scores in curves:
        false_rate, true_rate, _ = metrics.roc_curve(is_it, scores)
        series.append(_series(name, false_rate, true_rate))
    return _plot("lines", "ROC", "false positive rate", "true positive rate", series)


def precision_recall(curves: Curves) -> Plot:
    """Return the precision-recall curve of each class."""
    series = []
    for name, is_it, scores in curves:
        precision, recall, _ = metrics.precision_recall_curve(is_it, scores)
        series.append(_series(name, recall, precision))
    return _plot("lines", "Precision and recall", "recall", "precision", series)


def residuals(truth: NDArray[Any], predicted: NDArray[Any]) -> Plot:
    """Return the error of evenly chosen predictions, from the lowest to the highest."""
    predicted = predicted.reshape(truth.shape)
    order = np.argsort(predicted, kind="stable")
    series = _series("training", predicted[order], (truth - predicted)[order])
    return _plot("points", "Residuals", "predicted", "true - predicted", [series])


# -- importances ---------------------------------------------------------------------------------


def permuted_importances(model: Any, answers: Answers, rows: int) -> NDArray[np.float64]:
    """Return how much worse the model scores with each feature shuffled (Breiman 2001)."""
    sample = answers.first.sample(rows)
    found = permutation_importance(model, sample.data, sample.target, n_repeats=1, random_state=0)
    return np.asarray(found.importances_mean, np.float64)


def importances(values: NDArray[np.float64], names: Sequence[str], how: str) -> Plot:
    """Return the importances of features, the 50 highest."""
    if len(names) != len(values):
        names = [f"x{i}" for i in range(len(values))]
    order = np.argsort(-values, kind="stable")[:_MAX_BARS]
    bars = {"name": how, "x": [str(names[i]) for i in order], "y": values[order].tolist()}
    return _plot("bars", "Importances", "feature", how, [bars])
