"""K-means: the center that is nearest to a row, with distances rounded as scikit-learn does.

Its distances lack the square of the row, which is the same for all centers, and come from a product
of matrices. BLAS multiplies a single row in another way than several; so there are at least two.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.parts import (
    MATRIX,
    Aim,
    Answering,
    Given,
    Lowered,
    Lowering,
    Rows,
    all_finite,
    floats,
    lowers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, op

_CHUNK = 256  # rows that scikit-learn multiplies at once
_MOST_BETWEEN = 3_000  # rows that aim at where two centers are equally near


@op("nearest", centers=ArrayOf("f", 2), norms=ArrayOf("f"))
def _nearest(centers: NDArray[np.float64], norms: NDArray[np.float64]) -> Answering:
    if norms.shape != (len(centers),) or not centers.size:
        raise ValueError("its centers do not fit")
    turned = centers.T

    def some(array: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(array) == 1:
            return (np.concatenate([array, array]) @ turned)[:1]
        found: NDArray[np.float64] = array @ turned
        return found

    def raw(rows: Rows) -> NDArray[np.float64]:
        array = np.ascontiguousarray(floats(rows))
        all_finite(array)
        parts = [some(array[at : at + _CHUNK]) for at in range(0, len(array), _CHUNK)]
        return norms - 2.0 * (parts[0] if len(parts) == 1 else np.concatenate(parts))

    return Answering(raw, lambda far: far.argmin(axis=1).astype(np.int32))


def _between(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows that are as near to one center as to another, and their neighbours."""
    pairs = np.array(list(combinations(range(len(centers)), 2)), np.intp).reshape(-1, 2)
    rng = np.random.default_rng(0)
    if len(pairs) > _MOST_BETWEEN:
        pairs = rng.choice(pairs, _MOST_BETWEEN, replace=False)
    middle = (centers[pairs[:, 0]] + centers[pairs[:, 1]]) / 2
    rows = [middle]
    for end in (-np.inf, np.inf):
        moved = rng.random(middle.shape) < 0.5
        rows.append(np.where(moved, np.nextafter(middle, end), middle))
    return np.concatenate(rows)


@lowers("sklearn.cluster._kmeans.KMeans", "sklearn.cluster._kmeans.MiniBatchKMeans")
def _k_means(model: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    centers = model.cluster_centers_
    if centers.dtype != np.float64:
        raise lowering.refused(f"its centers are {centers.dtype}")
    node: Node = {
        "op": "nearest",
        "centers": lowering.array(np.ascontiguousarray(centers)),
        "norms": lowering.array(np.einsum("ij,ij->i", centers, centers)),
    }
    lowering.aims.append(Aim(model, node, {}, _between(centers)))
    return node, MATRIX
