"""How well one column tells another: pure measures, 1 for entirely and 0 for not at all.

AUC is 0.5 for not at all, and correlation -1 for entirely the other way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def auc(positive: NDArray[np.int64], negative: NDArray[np.int64]) -> float:
    """Return the area under the ROC curve: the probability that a positive row has a higher score.

    Given are how many rows of both classes have each score, from the lowest score on. Equal scores
    count half (Mann and Whitney, 1947). Both classes must be there.
    """
    below = np.cumsum(negative) - negative
    won = (positive * (below + negative / 2)).sum()
    return float(won / (positive.sum() * negative.sum()))


def goodman_kruskal_lambda(codes: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """Return the share of errors that knowing the code saves, against guessing the commonest label.

    0 if it saves none, 1 if it leaves none (Goodman and Kruskal, 1954).
    """
    width = int(labels.max()) + 1
    pairs, counts = np.unique(codes * width + labels, return_counts=True)
    best = np.zeros(int(codes.max()) + 1, np.int64)
    np.maximum.at(best, pairs // width, counts)
    commonest = int(np.bincount(labels).max())
    errors = len(labels) - commonest
    return float((best.sum() - commonest) / errors) if errors else 0.0


def correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return Pearson's correlation; 0 if one side is constant."""
    if left.min() == left.max() or right.min() == right.max():
        return 0.0
    # Scaled first, so that sums and squares of large numbers do not overflow.
    scaled = [side / np.abs(side).max() for side in (left, right)]
    sides = [side - side.mean() for side in scaled]
    norms = np.linalg.norm(sides[0]) * np.linalg.norm(sides[1])
    return float(sides[0] @ sides[1] / norms) if norms else 0.0
