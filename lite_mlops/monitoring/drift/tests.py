"""Could it be chance: a test for each kind of column and each size of sample. Pure functions.

    kolmogorov_smirnov_p(0.04, 5_000, 5_000)
    homogeneity_p(np.array([50, 50]), np.array([60, 40]))

All are tests of two samples: the reference is as uncertain as the present. One that takes the
shares of the reference for exact calls its noise drift.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.drift.effects import Counts, Floats

EXPECTED = 5  # rows that a cell needs for chi-square (Cochran, 1954)
_EXACT = 40_000  # pairs of values up to which the exact distribution is used
_CLEAR = 0.5  # a p-value from which on nothing depends on it; exact ones near 1 may exceed it
_POOLED = 0.2  # share of rows in pooled categories above which few rows are permuted instead
_FEW = 1_000  # rows of the smaller side that are few
_ROUNDS = (999, 9_999)  # permutations; the second if the first leaves it open
_OPEN = 0.02
_SEED = 1939  # the same data has the same p-value


def kolmogorov_smirnov_p(distance: float, reference: int, current: int) -> float:
    """Return the p-value of a Kolmogorov-Smirnov distance of two samples of these sizes.

    By the distribution of Simard and L'Ecuyer (2011) with the effective size nm / (n + m) (Hodges,
    1958). Ties make it too large, never too small.
    """
    from scipy.stats import kstwo  # slow to load, and only who tests needs it

    return float(kstwo.sf(distance, np.round(reference * current / (reference + current))))


def kolmogorov_smirnov_critical(p_value: float, reference: int, current: int) -> float:
    """Return the distance that has a p-value, for samples of these sizes; see above."""
    from scipy.stats import kstwo

    return float(kstwo.isf(p_value, np.round(reference * current / (reference + current))))


def smallest_shift(reference: int, current: int, level: float) -> float | None:
    """Return the shift that so many rows show at a level about four times of five.

    It is in standard deviations, of a normal column whose mean moved. Its Kolmogorov-Smirnov
    distance 2 Phi(d / 2) - 1 is the critical one, sqrt(-ln(level / 2) (1/n + 1/m) / 2) (Smirnov,
    1948), which the largest distance of two samples exceeds more often than not. None where no
    shift is large enough, as for a single row.
    """
    if not reference or not current:
        return None
    from scipy.special import ndtri

    critical = np.sqrt(-np.log(level / 2) * (1 / reference + 1 / current) / 2)
    return float(2 * ndtri((1 + critical) / 2)) if critical < 1 else None


def two_samples_p(distance: float, reference: Floats, current: Floats) -> float:
    """Return the p-value of the Kolmogorov-Smirnov distance of two sorted samples.

    Of small ones by the exact distribution (Hodges, 1958) where it may matter, of others as
    `kolmogorov_smirnov_p`.
    """
    p = kolmogorov_smirnov_p(distance, len(reference), len(current))
    if p > _CLEAR or len(reference) * len(current) > _EXACT:
        return p
    from scipy.stats import ks_2samp

    return float(ks_2samp(reference, current, method="exact").pvalue)


def pooled(reference: Counts, current: Counts) -> tuple[Counts, Counts]:
    """Return the counts with the categories put together of which fewer than 5 are expected.

    If even all of them together are too few, they join the smallest of the others.
    """
    totals = reference + current
    rows = totals.sum()
    smaller = min(int(reference.sum()), int(current.sum())) / rows
    rare = totals * smaller < EXPECTED
    if not rare.any():
        return reference, current
    sides = [[*side[~rare].tolist(), int(side[rare].sum())] for side in (reference, current)]
    old, new = np.array(sides, np.int64)
    if len(old) > 2 and (old[-1] + new[-1]) * smaller < EXPECTED:
        smallest = int(np.argmin((old + new)[:-1]))
        for side in (old, new):
            side[smallest] += side[-1]
        old, new = old[:-1], new[:-1]
    return old, new


def _chi_square(tables: NDArray[np.int64], totals: Counts) -> Floats:
    """Return Pearson's statistic of each row of counts, against the rest of the totals."""
    sizes = tables.sum(axis=-1, keepdims=True)
    expected = totals * sizes / totals.sum()
    rest = totals - expected
    found: Floats = ((tables - expected) ** 2 * (1 / expected + 1 / rest)).sum(axis=-1)
    return found


def chi_square_p(reference: Counts, current: Counts) -> float:
    """Return the p-value of Pearson's chi-square test that both sides have the same shares.

    1 if there are not two categories, or a side is empty.
    """
    from scipy.special import chdtrc

    totals = reference + current
    used = totals > 0
    if used.sum() < 2 or not reference.sum() or not current.sum():
        return 1.0
    statistic = float(_chi_square(current[used][None], totals[used])[0])
    return float(chdtrc(int(used.sum()) - 1, statistic))


def permutation_p(reference: Counts, current: Counts) -> float:
    """Return the p-value of Pearson's statistic among random divisions of the rows in two sides.

    The rows of a side of a random division are multivariate hypergeometric, so none is touched. The
    observed division counts as one of them (Davison and Hinkley, 1997), so that p is never 0.
    """
    totals = reference + current
    used = totals > 0
    totals, seen = totals[used], current[used]
    if len(totals) < 2 or not reference.sum() or not current.sum():
        return 1.0
    observed = float(_chi_square(seen[None], totals)[0]) * (1 - 1e-12)
    chance = np.random.default_rng(_SEED)
    p = 1.0
    for rounds in _ROUNDS:
        drawn = chance.multivariate_hypergeometric(totals, int(seen.sum()), rounds, "marginals")
        p = float(1 + (_chi_square(drawn, totals) >= observed).sum()) / (rounds + 1)
        if p > _OPEN:
            break
    return p


def homogeneity_p(reference: Counts, current: Counts) -> float:
    """Return the p-value that both sides have the same shares of each category.

    By chi-square with rare categories pooled; by permutation where few rows, 1,000 or fewer on one
    side, would be pooled for more than a fifth.
    """
    old, new = pooled(reference, current)
    totals = reference + current
    smaller = min(int(reference.sum()), int(current.sum()))
    rare = totals[totals * (smaller / totals.sum()) < EXPECTED].sum() / totals.sum()
    if smaller <= _FEW and rare > _POOLED:
        return permutation_p(reference, current)
    return chi_square_p(old, new)
