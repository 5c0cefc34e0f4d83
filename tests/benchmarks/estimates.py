"""Estimates without labels: how far off they are, and what they cost, beside NannyML's CBPE.

The error is the mean over windows of 1,000 rows of |estimate - metric by labels|. NannyML (its
CBPE, no plots) gets the same tables, where it is installed in this Python; `naive` says that the
metric is what it was in the reference. Models are overconfident on purpose (naive Bayes), well
calibrated, or of three classes. Neither sees a change of concept, which the last case shows.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from lite_mlops.monitoring.estimates import Answers, estimate_windows
from lite_mlops.monitoring.estimates.expected import realised_metrics
from tests.benchmarks.measuring import Figure, compared, interleaved, seconds_of

ROWS = 1_000
_NAMES = {"auc": "roc_auc", "accuracy": "accuracy", "f1": "f1"}
_PEER = "CBPE of NannyML on the same rows"
_NAIVE = "what the metric was in the reference"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Answers to a reference and to what came later; all labels are known to the benchmark."""

    name: str
    reference: Answers
    later: Answers


def _people(chance: np.random.Generator, rows: int, shift: float) -> Floats:
    table = chance.normal(size=(rows, 5))
    table[:, 1] = 0.8 * table[:, 0] + 0.6 * table[:, 1]  # naive Bayes counts it twice
    table[:, 0] += shift
    table[:, 2] -= shift / 2
    return table


def _outcomes(
    chance: np.random.Generator, table: Floats, classes: int, turned: float
) -> NDArray[np.int64]:
    """Draw the class of each row; `turned` changes what the first column says of it."""
    weights = np.array([[1.2 * (1 - turned), 0.4, -0.7, 0.3, 0.0], [-0.8, 0.9, 0.2, -0.5, 0.4]])
    logits = np.column_stack([np.zeros(len(table)), table @ weights[0] + 0.4 * table[:, 3] ** 2])
    if classes == 3:
        logits = np.column_stack([logits, table @ weights[1] - 0.3])
    return np.asarray((logits + chance.gumbel(size=logits.shape)).argmax(axis=1), np.int64)


def _answers(model: Any, table: Floats, labels: NDArray[np.int64]) -> Answers:
    scores = model.predict_proba(table)
    return Answers(scores, scores.argmax(axis=1).astype(np.int64), labels)


def _case(
    name: str,
    model: Any,
    seed: int,
    *,
    windows: int,
    classes: int = 2,
    shift: float = 0.0,
    turned: float = 0.0,
) -> Case:
    chance = np.random.default_rng([40, seed])
    tables = [_people(chance, rows, 0.0) for rows in (4_000, 5_000)]
    tables.append(_people(chance, windows * ROWS, shift))
    labels = [_outcomes(chance, table, classes, 0.0) for table in tables[:2]]
    labels.append(_outcomes(chance, tables[2], classes, turned))
    model.fit(tables[0], labels[0])
    return Case(name, *(_answers(model, tables[place], labels[place]) for place in (1, 2)))


def _cases(windows: int) -> list[Case]:
    boosted = partial(HistGradientBoostingClassifier, max_iter=60, random_state=1)
    case = partial(_case, windows=windows)
    return [
        case("calibrated, nothing changed", LogisticRegression(), 1),
        case("calibrated, other people", LogisticRegression(), 2, shift=0.8),
        case("overconfident, nothing changed", GaussianNB(), 3),
        case("overconfident, other people", GaussianNB(), 4, shift=-0.8),
        case("boosted trees, other people", boosted(), 5, shift=0.8),
        case("three classes, other people", boosted(), 6, shift=0.8, classes=3),
        case("another concept", LogisticRegression(), 7, turned=1.2),
    ]


def _ours(case: Case) -> list[Mapping[str, float]]:
    report = estimate_windows(case.later, case.reference, rows=ROWS)
    return [{one.metric: one.value for one in window.estimates} for window in report.windows]


def _frame(answers: Answers) -> Any:
    import pandas as pd

    columns: dict[str, Any] = {"predicted": answers.predicted, "label": answers.labels}
    if answers.scores.shape[1] == 2:
        columns["score"] = answers.scores[:, 1]
    else:
        columns |= {f"score {place}": column for place, column in enumerate(answers.scores.T)}
    return pd.DataFrame(columns)


def _peer(case: Case, reference: Any, later: Any) -> list[Mapping[str, float]]:
    os.environ.setdefault("NML_DISABLE_USAGE_LOGGING", "1")  # it would send what it is used for
    import nannyml as nml  # type: ignore[import-not-found, unused-ignore]

    classes = case.reference.scores.shape[1]
    binary = classes == 2
    estimator = nml.CBPE(
        problem_type="classification_binary" if binary else "classification_multiclass",
        y_pred_proba="score" if binary else {place: f"score {place}" for place in range(classes)},
        y_pred="predicted",
        y_true="label",
        metrics=list(_NAMES.values()),
        chunk_size=ROWS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(reference)
        found = estimator.estimate(later).filter(period="analysis").to_df()
    columns = {name: found[theirs, "value"].to_numpy(float) for name, theirs in _NAMES.items()}
    return [
        {name: float(values[place]) for name, values in columns.items()}
        for place in range(len(found))
    ]


def _error(found: list[Mapping[str, float]], truth: list[dict[str, float]], metric: str) -> float:
    pairs = zip(found, truth, strict=True)
    return float(np.mean([abs(one[metric] - other[metric]) for one, other in pairs]))


def _metrics(answers: Answers) -> dict[str, float]:
    return realised_metrics(answers.scores, answers.predicted, answers.labels)


def measure(*, quick: bool) -> list[Figure]:
    """Measure the errors of all cases, then what the last but one costs."""
    installed = importlib.util.find_spec("nannyml") is not None
    cases = _cases(3 if quick else 20)
    figures = []
    for case in cases:
        windows = [case.later[begin : begin + ROWS] for begin in range(0, len(case.later), ROWS)]
        truth = [_metrics(one) for one in windows]
        if installed:
            beside = _peer(case, _frame(case.reference), _frame(case.later))
        else:
            beside = [_metrics(case.reference)] * len(windows)
        ours = _ours(case)
        figures += [
            Figure(
                f"error of {metric}: {case.name}",
                100 * _error(ours, truth, metric),
                "%",
                floor=100 * _error(beside, truth, metric),
                floor_is=_PEER if installed else _NAIVE,
                within=1.1 if installed else None,
            )
            for metric in _NAMES
        ]
    for case in (cases[3], cases[5]):
        frames = _frame(case.reference), _frame(case.later)
        sides = [partial(seconds_of, partial(_ours, case))]
        if installed:
            sides.append(partial(seconds_of, partial(_peer, case, *frames)))
        times = interleaved(3, *sides)
        about: dict[str, Any] = {"floor_is": _PEER, "within": 0.1} if installed else {}
        figures.append(compared(f"{len(case.later):,} rows: {case.name}", *times, **about))
    return figures
