"""Comparing two runs that were evaluated on the same rows.

A verdict has intervals from 2,000 resamples of the rows. It is measured beside scikit-learn, which
computes the same metrics of both models once, without any interval; keeping the labels, answers and
scores of one model beside NumPy, which writes them to a file as they are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from lite_mlops.tracking.comparing.verdicts import verdicts
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project

_ONCE = "scikit-learn, the same metrics of both models once"
_PLAIN = "numpy.savez and sync of the same columns"

Column = NDArray[Any]


def _answers(labels: Column, seed: int) -> tuple[Column, Column]:
    """Return the answers and scores of a model that is right on four rows of five."""
    random = np.random.default_rng(seed)
    answers = np.where(random.random(len(labels)) < 0.8, labels, 1 - labels)
    return answers, labels + random.normal(size=len(labels))


def _sklearn_classes(labels: Column, *models: tuple[Column, Column]) -> None:
    for answers, scores in models:
        metrics.accuracy_score(labels, answers)
        metrics.balanced_accuracy_score(labels, answers)
        metrics.f1_score(labels, answers, average="macro")
        metrics.roc_auc_score(labels, scores)


def _sklearn_numbers(labels: Column, *models: Column) -> None:
    for answers in models:
        metrics.mean_absolute_error(labels, answers)
        metrics.root_mean_squared_error(labels, answers)


def _kept_plainly(path: Path, *columns: Column) -> None:
    with path.open("wb") as file:
        np.savez(file, *columns)
        file.flush()
        os.fsync(file.fileno())


def _verdicts(rows: int, turns: int) -> list[Figure]:
    """Return what verdicts on so many rows cost, of classes and of numbers."""
    labels = np.random.default_rng(0).integers(0, 2, rows)
    (first, low), (second, high) = _answers(labels, 1), _answers(labels, 2)
    measured = labels + 0.5
    classes = interleaved(
        turns,
        lambda: seconds_of(lambda: verdicts(labels, first, second, low, high)),
        lambda: seconds_of(lambda: _sklearn_classes(labels, (first, low), (second, high))),
    )
    numbers = interleaved(
        turns,
        lambda: seconds_of(lambda: verdicts(measured, low, high)),
        lambda: seconds_of(lambda: _sklearn_numbers(measured, low, high)),
    )
    return [
        compared(f"verdicts on {rows:,} {what}", *sides, floor_is=_ONCE, at_most=5.0)
        for what, sides in (("rows of two classes", classes), ("rows of numbers", numbers))
    ]


def _keeping(rows: int, turns: int) -> Figure:
    """Return what keeping an evaluation of so many rows costs."""
    labels = np.random.default_rng(0).integers(0, 2, rows)
    answers, scores = _answers(labels, 1)
    with scratch() as folder:
        project = new_project(folder)
        with project.start_run() as run:
            ours, plain = interleaved(
                turns,
                lambda: seconds_of(lambda: run.log_evaluation(labels, answers, y_score=scores)),
                lambda: seconds_of(lambda: _kept_plainly(folder / "x", labels, answers, scores)),
            )
        project.close()
    return compared(f"log_evaluation of {rows:,} rows", ours, plain, floor_is=_PLAIN)


def measure(*, quick: bool) -> list[Figure]:
    """Measure verdicts on few and on many rows, and what a run keeps of its evaluation."""
    turns, most = (2, 20_000) if quick else (5, 1_000_000)
    found = [figure for rows in (1_000, 10_000, most) for figure in _verdicts(rows, turns)]
    return [*found, _keeping(most, turns)]
