"""The profile of a table: what its columns hold, in figures small enough to keep for ever.

Numbers are counted in ten bins between their deciles; drift is later measured against these.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.tables import Columns, is_missing

BINS = 10
_TOP_VALUES = 20
_LARGE, _SCALING = 1e150, 600


def bin_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inner edges of the bins: the deciles, each once.

    Where the first decile is the lowest value, a bin below it is for what was never seen, as a -1
    for what is missing.
    """
    quantiles = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    lowest = values.min()
    below = [np.nextafter(lowest, -np.inf)] if quantiles[0] == lowest else []
    return np.unique([*below, *quantiles])


def bin_counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many values lie in each bin; a value on an edge belongs to the bin below it."""
    places = np.searchsorted(edges, values, side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.int64)


def _numbers(values: NDArray[np.float64]) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return {"edges": [], "counts": []}
    # The squares of very large numbers would overflow; powers of two change no digit.
    power = _SCALING if np.abs(finite).max() > _LARGE else 0
    scaled = np.ldexp(finite, -power)
    edges = np.unique(np.ldexp(bin_edges(scaled), power))
    return {
        "min": float(finite.min()),
        "max": float(finite.max()),
        "mean": float(np.ldexp(scaled.mean(), power)),
        "std": float(np.ldexp(scaled.std(), power)),
        "edges": edges.tolist(),
        "counts": bin_counts(finite, edges).tolist(),
    }


def _texts(values: NDArray[Any]) -> dict[str, Any]:
    counted = Counter(str(value) for value in values)
    return {"distinct": len(counted), "top": dict(counted.most_common(_TOP_VALUES))}


def profile(columns: Columns) -> dict[str, Any]:
    """Return the profile of each column: kind, missing values, and range or top values."""
    found = {}
    for name, column in columns.items():
        missing = is_missing(column)
        present = column[~missing]
        numeric = column.dtype.kind in "iuf"
        facts = _numbers(present.astype(np.float64)) if numeric else _texts(present)
        found[name] = {
            "kind": "number" if numeric else "text",
            "missing": int(missing.sum()),
            **facts,
        }
    return found
