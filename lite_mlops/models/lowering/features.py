"""What makes other features of columns: selected, binned, multiplied with each other, projected."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.encoding import checked_columns, lookup
from lite_mlops.models.lowering.onehot import Codes, Sparse
from lite_mlops.models.lowering.parts import (
    MATRIX,
    SPARSE,
    Given,
    Lowered,
    Lowering,
    Rows,
    Step,
    all_finite,
    floats,
    lowers,
    numbers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, Value, op

_SELECTORS = (
    "_univariate_selection.SelectKBest",
    "_univariate_selection.SelectPercentile",
    "_univariate_selection.SelectFpr",
    "_univariate_selection.SelectFdr",
    "_univariate_selection.SelectFwe",
    "_variance_threshold.VarianceThreshold",
)
_MOST_TERMS = 100_000


@op("select", chosen=ArrayOf("b"), missing=Value("flag"))
def _select(chosen: NDArray[Any], *, missing: bool) -> Step:
    def step(rows: Rows) -> NDArray[Any]:
        array = numbers(rows)
        if not missing:
            all_finite(array)
        found: NDArray[Any] = array[:, chosen]
        return found

    return step


@op(
    "bin",
    edges=ArrayOf("f"),
    ends=Value("ints"),
    widths=Value("ints", optional=True),
    sparse=Value("flag"),
)
def _bin(edges: NDArray[Any], ends: list[int], widths: list[int] | None, *, sparse: bool) -> Step:
    parts = [edges[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    if sum(map(len, parts)) != len(edges) or (widths is not None and len(widths) != len(ends)):
        raise ValueError("its edges are of other columns")
    if widths is not None and any(
        not len(part) < width < 1 << 24 for part, width in zip(parts, widths, strict=True)
    ):
        raise ValueError("its columns are too narrow")

    def step(rows: Rows) -> Any:
        made = np.array(floats(rows))
        all_finite(made)
        places = [part.searchsorted(made[:, at], side="right") for at, part in enumerate(parts)]
        if widths is None:
            for at, column in enumerate(places):
                made[:, at] = column
            return made
        found = Sparse([Codes(*one) for one in zip(places, widths, strict=True)], len(made))
        return found if sparse else found.dense()

    return step


@op(
    "multiply",
    parents=ArrayOf("iu"),
    features=ArrayOf("iu"),
    ends=Value("ints"),
    kept=ArrayOf("iu"),
    bias=Value("flag"),
    width=Value("int"),
)
def _multiply(
    parents: NDArray[Any],
    features: NDArray[Any],
    ends: list[int],
    kept: NDArray[Any],
    width: int,
    *,
    bias: bool,
) -> Step:
    terms = width + len(parents)
    if len(features) != len(parents) or not 0 < width < terms + 1 <= _MOST_TERMS + width + 1:
        raise ValueError("its terms do not fit")
    starts = [0, *ends[:-1]]
    if (ends[-1:] or [0])[0] != len(parents) or ends != sorted(ends):
        raise ValueError("its terms do not fit")
    if kept.max(initial=0) >= terms or features.max(initial=0) >= width:
        raise ValueError("its terms lead nowhere")
    if any((parents[s:e] >= width + s).any() for s, e in zip(starts, ends, strict=True)):
        raise ValueError("its terms lead nowhere")

    def step(rows: Rows) -> NDArray[np.float64]:
        array = floats(rows)
        all_finite(array)
        made = np.empty((len(array), terms))
        made[:, :width] = array
        for start, end in zip(starts, ends, strict=True):
            np.multiply(
                made[:, parents[start:end]],
                array[:, features[start:end]],
                out=made[:, width + start : width + end],
            )
        found = np.empty((len(array), len(kept) + bias))
        found[:, :bias] = 1
        found[:, bias:] = made[:, kept]
        return found

    return step


@op(
    "project",
    components=ArrayOf("f", 2),
    mean=ArrayOf("f", 2),
    scale=ArrayOf("f", optional=True),
)
def _project(components: NDArray[Any], mean: NDArray[Any], scale: NDArray[Any] | None) -> Step:
    turned = components.T
    shift = mean @ turned

    def step(rows: Rows) -> NDArray[np.float64]:
        array = floats(rows)
        made: NDArray[np.float64] = array @ turned
        if not np.isfinite(made).all():
            all_finite(array)
        made -= shift
        if scale is not None:
            made /= scale
        return made

    return step


# -- what is lowered ----------------------------------------------------------------------------


@lowers(*(f"sklearn.feature_selection.{name}" for name in _SELECTORS))
def _selector(selector: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    chosen = np.asarray(selector.get_support())
    if not chosen.any():
        raise lowering.refused("it selects nothing")
    missing = type(selector).__name__ == "VarianceThreshold"
    return {"op": "select", "chosen": lowering.array(chosen), "missing": missing}, MATRIX


@lowers("sklearn.preprocessing._discretization.KBinsDiscretizer")
def _bins(bins: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    if bins.dtype is not None and np.dtype(bins.dtype) != np.float64:
        raise lowering.refused(f"it gives {np.dtype(bins.dtype)}; only float64 is supported")
    inner = [np.asarray(edges, np.float64)[1:-1] for edges in bins.bin_edges_]
    node: Node = {
        "op": "bin",
        "edges": lowering.array(np.concatenate(inner)),
        "ends": np.cumsum([len(one) for one in inner]).tolist(),
        "sparse": bins.encode == "onehot",
    }
    if bins.encode != "ordinal":
        node["widths"] = [int(one) for one in bins.n_bins_]
    return node, SPARSE if bins.encode == "onehot" else MATRIX


@lowers("sklearn.preprocessing._polynomial.PolynomialFeatures")
def _polynomial(features: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    least, most = features._min_degree, features._max_degree  # noqa: SLF001
    if features.order != "C" or most < 1:
        raise lowering.refused("its order is not C, or its degree is 0")
    width = features.n_features_in_
    each = combinations if features.interaction_only else combinations_with_replacement
    at: dict[tuple[int, ...], int] = {(place,): place for place in range(width)}
    parents: list[int] = []
    chosen: list[int] = []
    ends: list[int] = []
    for degree in range(2, most + 1):
        for term in each(range(width), degree):
            if len(at) > _MOST_TERMS:
                raise lowering.refused(f"it has more than {_MOST_TERMS:,} terms")
            at[term] = width + len(parents)
            parents.append(at[term[1:]])
            chosen.append(term[0])
        ends.append(len(parents))
    kept = [place for term, place in at.items() if len(term) >= least]
    node: Node = {
        "op": "multiply",
        "parents": lowering.array(parents, np.int64),
        "features": lowering.array(chosen, np.int64),
        "ends": ends,
        "kept": lowering.array(kept, np.int64),
        "bias": bool(features.include_bias),
        "width": width,
    }
    return node, MATRIX


@lowers("sklearn.decomposition._pca.PCA")
def _pca(pca: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    if pca.components_.dtype != np.float64:
        raise lowering.refused(f"its components are {pca.components_.dtype}")
    node: Node = {
        "op": "project",
        "components": lowering.array(pca.components_),
        "mean": lowering.array(np.reshape(pca.mean_, (1, -1)), np.float64),
    }
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        scale[scale < np.finfo(scale.dtype).eps] = np.finfo(scale.dtype).eps
        node["scale"] = lowering.array(scale)
    return node, MATRIX


@lowers("sklearn.preprocessing._target_encoder.TargetEncoder")
def _target(encoder: Any, given: Given, lowering: Lowering) -> Lowered:
    checked_columns(given, lowering)
    several = encoder.target_type_ == "multiclass"
    classes = len(encoder.classes_) if several else 1
    columns, sources = [], []
    for place, encoding in enumerate(encoder.encodings_):
        source, which = divmod(place, classes)
        mean = encoder.target_mean_[which] if several else encoder.target_mean_
        values = [float(one) for one in encoding]
        columns.append(lookup(encoder.categories_[source], values, float(mean), lowering))
        sources.append(source)
    if not several:
        return {"op": "ordinal", "columns": columns}, MATRIX
    take: Node = {"op": "take", "places": sources, "view": False}
    return {"op": "chain", "steps": [take, {"op": "ordinal", "columns": columns}]}, MATRIX
