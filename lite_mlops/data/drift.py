"""Drift of one feature: how far the present differs from the reference. Pure functions.

Both sides are counts in the same bins. A size (PSI) and a test (chi-square) are taken together:
with few rows a size alone cries wolf, with many rows a test alone does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_ROWS = 30
MIN_PSI = 0.2
MAX_P = 0.01  # over all features together, by Bonferroni


@dataclass(frozen=True)
class FeatureDrift:
    """The drift of one feature, and the verdict."""

    feature: str
    psi: float
    ks: float
    p_value: float
    rows: int
    drifted: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return dict(vars(self))


def population_stability_index(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    """Return the PSI of two histograms: the sum of (q - p) ln(q / p) over the bins.

    Half a row is added to every bin, so that an empty one does not make it infinite. Rule of thumb
    (Siddiqi, "Credit Risk Scorecards", 2006): below 0.1 stable, above 0.25 changed.
    """
    p = (reference + 0.5) / (reference + 0.5).sum()
    q = (current + 0.5) / (current + 0.5).sum()
    return float(np.sum((q - p) * np.log(q / p)))


def kolmogorov_smirnov(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    """Return the largest distance of the two cumulative distributions at the edges of the bins."""
    if not reference.sum() or not current.sum():
        return 0.0
    p, q = np.cumsum(reference) / reference.sum(), np.cumsum(current) / current.sum()
    return float(np.max(np.abs(p - q)))


def _p_value(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    """Return the p-value of Pearson's chi-square test of homogeneity, empty bins left out."""
    from scipy.stats import chi2_contingency  # slow to load, and rarely needed

    table = np.array([reference, current])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 1.0
    return float(chi2_contingency(table, correction=False).pvalue)


def feature_drift(
    feature: str,
    reference: Sequence[int],
    current: Sequence[int],
    features: int,
) -> FeatureDrift:
    """Return the drift of one of `features` features, from its counts on both sides.

    It has drifted if there are at least 30 rows, PSI is at least 0.2, and the chi-square test is
    significant at 1 % over all features together (Bonferroni).
    """
    old, new = np.asarray(reference, np.int64), np.asarray(current, np.int64)
    rows = int(new.sum())
    psi, p_value = population_stability_index(old, new), _p_value(old, new)
    drifted = rows >= MIN_ROWS and psi >= MIN_PSI and p_value < MAX_P / features
    return FeatureDrift(feature, psi, kolmogorov_smirnov(old, new), p_value, rows, drifted)
