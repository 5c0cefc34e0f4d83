"""Selection: are the labels that came those of a random sample? A pure function on arrays.

    selected(scores_with_label, scores_without).told

A metric of labelled rows says little of the others where labels come rather for some answers than
for others, such as repayments of those loans only that were given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_mlops.monitoring.performance.intervals import Floats

LEAST_ROWS = 50  # of each side
SIGNIFICANCE = 0.001
LEAST_DISTANCE = 0.1


@dataclass(frozen=True)
class Selection:
    """How far the scores of labelled predictions are from those of unlabelled ones."""

    distance: float  # Kolmogorov-Smirnov, 0 to 1
    p_value: float
    labelled: float  # the means
    unlabelled: float

    @property
    def told(self) -> bool:
        """Whether labels are no random sample: it is no chance, and it is not small."""
        return self.p_value < SIGNIFICANCE and self.distance >= LEAST_DISTANCE

    def to_dict(self) -> dict[str, Any]:
        """Return the selection as JSON can hold it."""
        return vars(self) | {"told": self.told}


def kolmogorov_p(distance: float, first: int, second: int) -> float:
    """Return the asymptotic p-value of the distance of two samples of these sizes.

    2 sum (-1)^(k-1) exp(-2 k^2 t^2) with t = (sqrt(e) + 0.12 + 0.11 / sqrt(e)) D and
    e = nm / (n + m) (Stephens, Journal of the Royal Statistical Society B 32, 1970).
    """
    root = math.sqrt(first * second / (first + second))
    t = (root + 0.12 + 0.11 / root) * distance
    if t < 0.2:
        return 1.0
    terms = ((2 if k % 2 else -2) * math.exp(-2 * k * k * t * t) for k in range(1, 101))
    return min(1.0, max(0.0, sum(terms)))


def selected(labelled: Floats, unlabelled: Floats) -> Selection | None:
    """Return how far two samples of scores differ; None with fewer than 50 of one."""
    first, second = (np.sort(side[np.isfinite(side)]) for side in (labelled, unlabelled))
    if min(len(first), len(second)) < LEAST_ROWS:
        return None
    both = np.concatenate([first, second])
    shares = [np.searchsorted(side, both, "right") / len(side) for side in (first, second)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    p = kolmogorov_p(distance, len(first), len(second))
    return Selection(distance, p, float(first.mean()), float(second.mean()))
