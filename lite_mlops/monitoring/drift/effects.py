"""How far two samples are apart: sizes with a meaning, beside which a p-value is judged.

    kolmogorov_smirnov(np.sort(old), np.sort(new))        # 0 for equal, 1 for apart
    excess_variation(np.array([50, 50]), np.array([60, 40]))

Pure functions of sorted numbers without NaN, or of counts of the same categories on both sides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import population_stability_index

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Distances(NamedTuple):
    """Two distances of the cumulative distributions F and G of two samples."""

    kolmogorov_smirnov: float
    wasserstein: float


def distances(reference: Floats, current: Floats) -> Distances:
    """Return how far two sorted samples are apart, neither of them empty.

    Kolmogorov-Smirnov is max |F - G|, from 0 to 1 (Smirnov, 1939). Wasserstein-1 is the integral of
    |F - G|, in the unit of the values: how far a value has to be moved on average (Vallender,
    1974). Both come from one merge of the samples.
    """
    merged = np.concatenate([reference, current])
    merged.sort(kind="stable")  # two sorted runs are merged in one pass
    apart = np.searchsorted(reference, merged, "right") / len(reference)
    apart -= np.searchsorted(current, merged, "right") / len(current)
    np.abs(apart, out=apart)
    # The largest finite numbers are further apart than a number can say: inf is the answer then.
    with np.errstate(over="ignore"):
        return Distances(float(apart.max()), float(np.diff(merged) @ apart[:-1]))


def spread(ordered: Floats) -> float:
    """Return the standard deviation of a sample, 0 if it is constant; inf if no number holds it."""
    largest = max(abs(float(ordered[0])), abs(float(ordered[-1])))
    if ordered[0] == ordered[-1]:
        return 0.0
    power = 2.0 ** np.floor(np.log2(largest))  # so that no square overflows or vanishes
    with np.errstate(over="ignore"):
        return float(np.std(ordered / power)) * float(power)


def total_variation(reference: Counts, current: Counts) -> float:
    """Return half the sum of |p - q|: the share of rows that would have to change their category.

    From 0 to 1. Neither side is empty.
    """
    return float(np.abs(reference / reference.sum() - current / current.sum()).sum() / 2)


def sampling_variation(reference: Counts, current: Counts) -> float:
    """Return the total variation to expect from sampling alone, if both sides are alike.

    A difference of two shares is close to normal with the variance p (1 - p) (1/n + 1/m), and the
    mean of its size is sqrt(2 / pi) of its deviation.
    """
    n, m = int(reference.sum()), int(current.sum())
    pooled = (reference + current) / (n + m)
    deviations = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return float(np.sqrt(2 / np.pi) * deviations.sum() / 2)


def excess_variation(reference: Counts, current: Counts) -> float:
    """Return the total variation beyond what sampling alone gives, at least 0."""
    found = total_variation(reference, current) - sampling_variation(reference, current)
    return max(found, 0.0)


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Return the Jensen-Shannon distance in bits: from 0 for equal to 1 for nothing in common.

    It is the root of the mean relative entropy to the mixture of both (Endres and Schindelin,
    2003). Never decided on: it grows with the number of categories when nothing has changed.
    """
    from scipy.special import rel_entr  # slow to load, and only who looks at drift needs it

    p, q = reference / reference.sum(), current / current.sum()
    mixture = (p + q) / 2
    divergence = (rel_entr(p, mixture).sum() + rel_entr(q, mixture).sum()) / (2 * np.log(2))
    return float(np.sqrt(np.clip(divergence, 0, 1)))


def excess_psi(reference: Counts, current: Counts) -> float:
    """Return the population stability index beyond what sampling alone gives, at least 0.

    If nothing has changed, PSI over k bins is about (1/n + 1/m) chi-square(k - 1) (Yurdakul and
    Naranjo, 2020), so (k - 1)(1/n + 1/m) is taken off. The marks 0.1 and 0.25 of credit scoring are
    help for reading; never decided on.
    """
    used = (reference + current) > 0
    expected = (used.sum() - 1) * (1 / reference.sum() + 1 / current.sum())
    found = population_stability_index(reference[used], current[used]) - expected
    return max(float(found), 0.0)
