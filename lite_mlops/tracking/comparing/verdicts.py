"""Verdicts: is one model better than another on the same rows? Pure functions.

    for verdict in verdicts(labels, answers_before, answers_now):
        print(verdict.text)

Labels decide which metrics are meant. Texts, true and false, and whole numbers of at most 50
different values that are answered with whole numbers are classes: accuracy, balanced accuracy,
macro F1, and with scores of two classes ROC AUC. All other numbers are measured: MAE and RMSE.

A verdict is worth its caution. Fewer than 30 rows are too few to tell, and so are models that
differ on fewer than 6, as five that all speak for one side happen by chance one time in sixteen.
Accuracy is better only if McNemar's test agrees. Each interval stands for itself: who looks at
many will find one that leaves out zero by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.tracking.comparing.statistics import (
    CONFIDENCE,
    GROUPS,
    Counts,
    Numbers,
    Statistic,
    grouped,
    mcnemar,
    mean_ratio,
    placements,
    resampled,
    sums_by,
    weighted_auc,
)
from lite_mlops.tracking.comparing.values import BETTER, TOO_FEW, UNCLEAR, WORSE, Verdict

MIN_ROWS = 30
MIN_DIFFERENT = 6
MAX_CLASSES = 50  # of numbers; texts are always classes

Column = NDArray[Any]


@dataclass(frozen=True)
class _Question:
    """A metric of both models as functions of the weights of the rows."""

    metric: str
    higher_is_better: bool
    pair: tuple[Statistic, Statistic]
    counts: Counts
    different: int
    p_value: float | None = None


def verdicts(
    labels: Column,
    first: Column,
    second: Column,
    first_scores: Numbers | None = None,
    second_scores: Numbers | None = None,
    *,
    confidence: float = CONFIDENCE,
    only: str | None = None,
) -> tuple[Verdict, ...]:
    """Return a verdict on the second model by each metric that the labels allow, or by one only.

    All columns are of equal length, row for row. The models exchanged give the same verdicts the
    other way round, to the last digit.
    """
    scores = None
    if first_scores is not None and second_scores is not None:
        scores = (first_scores, second_scores)
    # The same order of both, whichever was named first, so that the same rows are drawn.
    exchanged = _content(second, second_scores) < _content(first, first_scores)
    if exchanged:
        first, second = second, first
        scores = None if scores is None else scores[::-1]
    if are_classes(labels, first, second):
        questions = _of_classes(labels, first, second, scores)
    else:
        questions = _of_numbers(labels, first, second)
    wanted = (one for one in questions if only in (None, one.metric))
    found = (_answered(question, len(labels), confidence) for question in wanted)
    return tuple(_other_way_round(verdict) if exchanged else verdict for verdict in found)


def _content(answers: Column, scores: Numbers | None) -> tuple[bytes, bytes]:
    return answers.tobytes(), b"" if scores is None else scores.tobytes()


def are_classes(*columns: Column) -> bool:
    """Return whether labels and answers are classes, and not measured numbers."""
    if all(column.dtype.kind in "Ub" for column in columns):
        return True
    if any(column.dtype.kind == "f" and (column != np.floor(column)).any() for column in columns):
        return False
    return len(np.unique(np.concatenate(columns))) <= MAX_CLASSES


def _answered(question: _Question, rows: int, confidence: float) -> Verdict:
    first, second = question.pair

    def difference(weights: Numbers) -> Numbers:
        return second(weights) - first(weights)

    once = question.counts[np.newaxis].astype(np.float64)
    low, high = resampled(difference, question.counts, confidence=confidence)
    too_few = rows < MIN_ROWS or question.different < MIN_DIFFERENT
    tested = question.p_value is None or question.p_value < 1 - confidence
    word = UNCLEAR
    if low > 0 or high < 0:
        word = BETTER if (low > 0) == question.higher_is_better else WORSE
        word = TOO_FEW if too_few else word if tested else UNCLEAR
    return Verdict(
        metric=question.metric,
        higher_is_better=question.higher_is_better,
        first=float(first(once)[0]),
        second=float(second(once)[0]),
        low=low,
        high=high,
        confidence=confidence,
        rows=rows,
        rows_that_differ=question.different,
        p_value=question.p_value,
        word=word,
    )


def _other_way_round(verdict: Verdict) -> Verdict:
    word = {BETTER: WORSE, WORSE: BETTER}.get(verdict.word, verdict.word)
    return replace(
        verdict,
        first=verdict.second,
        second=verdict.first,
        low=-verdict.high,
        high=-verdict.low,
        word=word,
    )


# -- classes -------------------------------------------------------------------------------------


def _of_classes(
    labels: Column, first: Column, second: Column, scores: tuple[Numbers, Numbers] | None
) -> Iterator[_Question]:
    names = np.unique(np.concatenate([labels, first, second]))
    truth, *answers = (np.searchsorted(names, column) for column in (labels, first, second))
    classes = len(names)
    # Rows with the same label and the same answers are alike: the bootstrap draws their counts.
    sorts, counts = np.unique(
        (truth * classes + answers[0]) * classes + answers[1], return_counts=True
    )
    truth, both = sorts // classes**2, (sorts // classes % classes, sorts % classes)
    right = [answer == truth for answer in both]
    only = [int(counts[right[one] & ~right[1 - one]].sum()) for one in (0, 1)]
    different = int(counts[both[0] != both[1]].sum())

    def asked(metric: str, of: Callable[[int], Statistic], p: float | None = None) -> _Question:
        return _Question(metric, True, (of(0), of(1)), counts, different, p)

    yield asked("accuracy", lambda one: _accuracy(right[one]), mcnemar(*only))
    by_truth = sums_by(truth, classes)
    yield asked("balanced accuracy", lambda one: _balanced(right[one], by_truth))
    by_answer = [sums_by(answer, classes) for answer in both]
    yield asked("macro F1", lambda one: _f1(right[one], by_truth, by_answer[one]))
    if scores is not None and len(kinds := np.unique(labels)) == 2:
        yield _roc_auc(labels == kinds[1], *scores)


def _accuracy(hit: NDArray[np.bool_]) -> Statistic:
    return lambda weights: weights @ hit / weights.sum(axis=1)


def _balanced(hit: NDArray[np.bool_], by_truth: Statistic) -> Statistic:
    return lambda weights: mean_ratio(by_truth(weights * hit), by_truth(weights))


def _f1(hit: NDArray[np.bool_], by_truth: Statistic, by_answer: Statistic) -> Statistic:
    def f1(weights: Numbers) -> Numbers:
        return mean_ratio(2 * by_truth(weights * hit), by_truth(weights) + by_answer(weights))

    return f1


def _roc_auc(positive: NDArray[np.bool_], first: Numbers, second: Numbers) -> _Question:
    rows, different = len(positive), int(np.count_nonzero(first != second))
    if rows <= GROUPS:
        pair = (weighted_auc(positive, first), weighted_auc(positive, second))
        return _Question("ROC AUC", True, pair, np.ones(rows, np.int64), different)
    sides = np.column_stack([positive, ~positive]).astype(np.float64)
    placed = [placements(positive, scores) for scores in (first, second)]
    columns = grouped(np.hstack([sides, *(sides * p[:, np.newaxis] for p in placed)]))
    areas = [float(p[positive].mean()) for p in placed]

    def area(number: int) -> Statistic:
        def auc(weights: Numbers) -> Numbers:
            sums = weights @ columns
            above, below = (sums[:, 2 + 2 * number + side] / sums[:, side] for side in (0, 1))
            return np.asarray(above + below - areas[number])

        return auc

    counts = np.ones(len(columns), np.int64)
    return _Question("ROC AUC", True, (area(0), area(1)), counts, different)


# -- numbers -------------------------------------------------------------------------------------


def _of_numbers(labels: Column, first: Column, second: Column) -> Iterator[_Question]:
    truth = labels.astype(np.float64)
    errors = [np.abs(answers.astype(np.float64) - truth) for answers in (first, second)]
    different = int(np.count_nonzero(errors[0] != errors[1]))
    ones = np.ones(len(truth))
    columns = grouped(np.column_stack([ones, *errors, *(error**2 for error in errors)]))
    counts = np.ones(len(columns), np.int64)

    def mean(column: int) -> Statistic:
        return lambda weights: weights @ columns[:, column] / (weights @ columns[:, 0])

    def root(column: int) -> Statistic:
        squares = mean(column)
        return lambda weights: np.sqrt(squares(weights))

    yield _Question("MAE", False, (mean(1), mean(2)), counts, different)
    yield _Question("RMSE", False, (root(3), root(4)), counts, different)
