"""Many columns at once: the share of false discoveries among what is called drift. Pure functions.

benjamini_hochberg([0.001, 0.04, 0.6])      # 0.003, 0.06, 0.6
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p-values, in the order given.

    Of what is below a level, at most this share is false on average, among columns that depend on
    each other positively as well (Benjamini and Hochberg, 1995; Benjamini and Yekutieli, 2001).
    """
    found = np.asarray(p_values, np.float64)
    order = np.argsort(found)[::-1]
    scaled = found[order] * len(found) / np.arange(len(found), 0, -1)
    adjusted = np.empty_like(found)
    adjusted[order] = np.minimum(1, np.minimum.accumulate(scaled))
    return [float(one) for one in adjusted]
