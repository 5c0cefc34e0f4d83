"""Metrics of a classifier from answers and labels. Pure functions.

    measure_classes(Classes(truth, answers, count=2, score=shares))["auc"]

Two classes have precision, recall and F1 of the positive one, and an AUC; more have the means over
their classes. A label of a class that the model never saw in training is an answer that is wrong;
where a probability of it would be needed its row is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.performance.intervals import (
    Floats,
    Measured,
    area_under_roc,
    f_measure,
    mean_of,
    mean_of_measured,
    share,
)

Codes = NDArray[np.int64]
Chosen = NDArray[np.bool_] | NDArray[np.int64] | slice

_LEAST = float(np.finfo(np.float64).eps)  # a probability of 0 counts as this one


@dataclass(frozen=True, eq=False)
class Classes:
    """Answers and labels as numbers of classes, of rows that have a label.

    Attributes:
        truth: The class of each row; -1 for one that the model does not know.
        answers: The class that was answered.
        count: How many classes there are.
        positive: The number of the positive class, of two.
        score: The probability of the positive class, of two.
        of_truth: The probability of the true class, of more than two.
        squares: The sum of the squares of all probabilities, of more than two.
    """

    truth: Codes
    answers: Codes
    count: int
    positive: int = 1
    score: Floats | None = None
    of_truth: Floats | None = None
    squares: Floats | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def binary(self) -> bool:
        """Whether there are two classes."""
        return self.count == 2

    def where(self, chosen: Chosen) -> Classes:
        """Return some of the rows."""
        score, of_truth, squares = (
            None if values is None else values[chosen]
            for values in (self.score, self.of_truth, self.squares)
        )
        return replace(
            self,
            truth=self.truth[chosen],
            answers=self.answers[chosen],
            score=score,
            of_truth=of_truth,
            squares=squares,
        )


def measure_classes(rows: Classes) -> dict[str, Measured]:
    """Return the metrics of rows by name; without rows none, and those that need two classes not.

    accuracy, balanced_accuracy (the mean recall), precision, recall, f1; with probabilities also
    log_loss, brier and, of two classes, auc. Definitions are those of scikit-learn.
    """
    right = rows.truth == rows.answers
    found: dict[str, Measured | None] = {"accuracy": share(int(right.sum()), len(rows))}
    found |= _of_classes(rows, right)
    if rows.score is not None and rows.binary:
        found |= _of_score(rows, rows.score)
    elif rows.of_truth is not None:
        found |= _of_probabilities(rows, rows.of_truth)
    return {name: measured for name, measured in found.items() if measured is not None}


def _counted(codes: Codes, classes: int) -> Codes:
    return np.asarray(np.bincount(codes[codes >= 0], minlength=classes)[:classes])


def _of_classes(rows: Classes, right: NDArray[np.bool_]) -> dict[str, Measured | None]:
    truth, answered = (_counted(codes, rows.count) for codes in (rows.truth, rows.answers))
    hit = _counted(rows.truth[right], rows.count)
    present = np.flatnonzero(truth).tolist()
    recalls = {one: share(int(hit[one]), int(truth[one])) for one in present}
    known = int(truth.sum())
    balanced = mean_of_measured([one for one in recalls.values() if one is not None], known)
    if rows.binary:
        one = rows.positive
        missed, false = int(truth[one] - hit[one]), int(answered[one] - hit[one])
        return {
            "balanced_accuracy": balanced,
            "precision": share(int(hit[one]), int(answered[one])),
            "recall": share(int(hit[one]), int(truth[one])),
            "f1": f_measure(int(hit[one]), missed + false),
        }
    # As scikit-learn has it: a class that is never answered has the precision 0.
    either = np.flatnonzero(truth + answered).tolist()
    nothing = Measured(0.0, 0.0, 0.0, 0)
    precision = [share(int(hit[one]), int(answered[one])) or nothing for one in either]
    recall = [recalls.get(one) or nothing for one in either]
    wrong = truth + answered - 2 * hit
    f1 = [f_measure(int(hit[one]), int(wrong[one])) for one in either]
    return {
        "balanced_accuracy": balanced,
        "precision": mean_of_measured(precision, known),
        "recall": mean_of_measured(recall, known),
        "f1": mean_of_measured([one for one in f1 if one is not None], known),
    }


def _of_score(rows: Classes, score: Floats) -> dict[str, Measured | None]:
    """Return the metrics of the probability of the positive class.

    Log loss: the mean of -log p(true class). Brier score: the mean of (p - y)^2 (Brier, Monthly
    Weather Review 78, 1950).
    """
    known = (rows.truth >= 0) & np.isfinite(score)
    score, positive = score[known], rows.truth[known] == rows.positive
    of_truth = np.where(positive, score, 1 - score)
    return {
        "auc": area_under_roc(score[positive], score[~positive]),
        "log_loss": mean_of(-np.log(np.clip(of_truth, _LEAST, 1 - _LEAST))),
        "brier": mean_of(np.square(1 - of_truth)),
    }


def _of_probabilities(rows: Classes, of_truth: Floats) -> dict[str, Measured | None]:
    """Return the metrics of the probabilities of more than two classes.

    The Brier score is the mean over rows of the sum over classes of (p - y)^2.
    """
    known = (rows.truth >= 0) & np.isfinite(of_truth)
    p = of_truth[known]
    found = {"log_loss": mean_of(-np.log(np.clip(p, _LEAST, 1 - _LEAST)))}
    if rows.squares is not None:
        found["brier"] = mean_of(rows.squares[known] - 2 * p + 1)
    return found
