"""How good is one model on the rows of its evaluation, and how sure is that? Pure functions.

    for metric in measure(evaluation):
        print(metric.name, metric.value, metric.low, metric.high)

The interval of a metric is that of its difference to perfect answers on the same rows, whose
metric is the same in every resample: 1, or for errors 0.
"""

from __future__ import annotations

import numpy as np

from lite_mlops.tracking.comparing.statistics import CONFIDENCE
from lite_mlops.tracking.comparing.values import Measured
from lite_mlops.tracking.comparing.verdicts import verdicts
from lite_mlops.tracking.evaluations import Evaluation


def measure(
    evaluation: Evaluation, *, confidence: float = CONFIDENCE, only: str | None = None
) -> tuple[Measured, ...]:
    """Return the metrics that the labels of an evaluation allow; which, see `verdicts`."""
    truth, scores = evaluation.y_true, evaluation.y_score
    perfect = None if scores is None else (truth == np.unique(truth)[-1]).astype(np.float64)
    columns = truth, truth, evaluation.y_pred, perfect, scores
    against = verdicts(*columns, confidence=confidence, only=only)
    return tuple(
        Measured(
            name=found.metric,
            value=found.second,
            low=found.first + found.low,
            high=found.first + found.high,
            confidence=confidence,
            rows=found.rows,
            higher_is_better=found.higher_is_better,
        )
        for found in against
    )
