"""Trees and forests: all trees go down together, one level in each step.

The nodes of all trees stand in one row, a left child right before its right one, so that a step is
`left[node] + (value > threshold[node])`. A leaf has itself as its left child and an infinite
threshold. Rows are float32 as in scikit-learn; for such a value a float64 threshold and the next
float32 below it decide the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.onehot import Sparse
from lite_mlops.models.lowering.parts import (
    MATRIX,
    Aim,
    Answering,
    Given,
    Lowered,
    Lowering,
    Refused,
    Rows,
    lowers,
    numbers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Field, Node, Value, op

_MAX_NODES = 20_000_000
_CATEGORIES = 256  # that a column has at most
_TOGETHER = 16_384  # pairs of a tree and a row that go down at once: they stay in the cache
_ALL_NODES = 2_000  # by level: up to so many it is quicker to ask each node where a row would go

TREES: dict[str, Field] = {
    "feature": ArrayOf("iu"),
    "threshold": ArrayOf("f"),
    "left": ArrayOf("iu"),
    "roots": ArrayOf("iu"),
    "missing_right": ArrayOf("b", optional=True),
    "category": ArrayOf("iu", optional=True),
    "category_right": ArrayOf("b", 2, optional=True),
    "depth": Value("int"),
    "features": Value("int"),
}


class Trees:
    """Trees that go down together. Raises `ValueError` if they are none."""

    def __init__(
        self,
        *,
        feature: NDArray[Any],
        threshold: NDArray[Any],
        left: NDArray[Any],
        roots: NDArray[Any],
        missing_right: NDArray[Any] | None,
        category: NDArray[Any] | None,
        category_right: NDArray[Any] | None,
        depth: int,
        features: int,
    ) -> None:
        nodes = len(feature)
        sizes = {len(threshold), len(left), nodes}
        sizes |= {len(one) for one in (missing_right, category) if one is not None}
        if sizes != {nodes} or not nodes or not len(roots) or not 0 <= depth <= nodes:
            raise ValueError("its trees have no shape")
        if feature.max() >= features or left.max() >= nodes or roots.max() >= nodes:
            raise ValueError("its trees lead nowhere")
        if min(feature.min(), left.min(), roots.min()) < 0:
            raise ValueError("its trees lead nowhere")
        inner = left != np.arange(nodes)
        if (left[inner] + 1).max(initial=0) >= nodes or np.isfinite(threshold[~inner]).any():
            raise ValueError("its trees lead nowhere")
        if (category is None) != (category_right is None):
            raise ValueError("its categories lead nowhere")
        if category is not None and category_right is not None:
            _check_categories(category, category_right)
        # Numbers of nodes are indices, and those of this type need no conversion.
        wide = np.intp if nodes < 1 << 22 else left.dtype
        self.feature = feature.astype(wide, copy=False)
        self.left = left.astype(wide, copy=False)
        self.roots = roots.astype(np.intp)[:, None]
        self.threshold = threshold
        self.missing_right = missing_right
        self.category, self.category_right = category, category_right
        self.depth, self.features = depth, features
        self._next = left.astype(np.int32) if nodes <= _ALL_NODES * depth else None

    def leaves(self, rows: NDArray[Any]) -> NDArray[np.intp]:
        """Return the leaf of each row in each tree, shape (trees, rows)."""
        trees = len(self.roots)
        together = max(1, _TOGETHER // trees)
        if rows.shape[1] != self.features:
            raise Refused(
                f"X has {rows.shape[1]} features, but the model expects {self.features} features."
            )
        if len(rows) == 1:
            return self._alone(rows[0])[:, None]
        if len(rows) <= together:
            return self._many(rows)
        parts = [
            self._many(rows[start : start + together]) for start in range(0, len(rows), together)
        ]
        return np.hstack(parts)

    def _alone(self, row: NDArray[Any]) -> NDArray[np.intp]:
        """Return the leaf of a single row in each tree."""
        nodes: NDArray[Any] = self.roots[:, 0]
        if self._next is None or self._is_odd(row):
            return self._down(row, nodes, 0)
        following = self._next + (row.take(self.feature) > self.threshold)
        for _ in range(self.depth):
            nodes = following.take(nodes)
        return nodes

    def _is_odd(self, flat: NDArray[Any]) -> bool:
        """Return whether more than a comparison decides where rows go."""
        if self.missing_right is not None and np.isnan(flat).any():
            return True
        return self.category is not None

    def _many(self, rows: NDArray[Any]) -> NDArray[np.intp]:
        flat = np.ascontiguousarray(rows).ravel()
        starts = np.arange(0, flat.size, self.features)
        nodes = np.empty((len(self.roots), len(rows)), np.intp)
        nodes[:] = self.roots
        return self._down(flat, nodes, starts)

    def _down(
        self, flat: NDArray[Any], nodes: NDArray[np.intp], starts: NDArray[np.intp] | int
    ) -> NDArray[np.intp]:
        feature, threshold, left = self.feature, self.threshold, self.left
        several = not isinstance(starts, int)
        odd = self._is_odd(flat)
        for _ in range(self.depth):
            places = feature.take(nodes)
            if several:
                places += starts
            values = flat.take(places)
            right = values > threshold.take(nodes)
            if odd:
                right = self._right(nodes, values, right)
            nodes = left.take(nodes)
            nodes += right
        return nodes

    def _right(
        self, nodes: NDArray[np.intp], values: NDArray[Any], right: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return where it goes right, with categories and missing values looked at."""
        missing = np.isnan(values)
        if self.category is not None and self.category_right is not None:
            category = self.category.take(nodes)
            among = category >= 0
            if among.any():
                codes = np.where(among & ~missing, values, 0).astype(np.intp)
                if codes.max() >= _CATEGORIES or codes.min() < 0:
                    raise ValueError("a code is none of a category")
                right = np.where(among, self.category_right[category, codes], right)
        if self.missing_right is not None:
            right = np.where(missing, self.missing_right.take(nodes), right)
        return right


def _check_categories(category: NDArray[Any], right: NDArray[Any]) -> None:
    if category.max() >= len(right) or category.min() < -1 or right.shape[1] != _CATEGORIES:
        raise ValueError("its categories lead nowhere")


def summed(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum along the first axis, added one after the other, as a loop does.

    NumPy adds up a single column in pairs, and several as asked for.
    """
    if parts[0].size == 1:
        alone: NDArray[np.float64] = np.add.accumulate(parts, axis=0)[-1]
        return alone
    found: NDArray[np.float64] = parts.sum(axis=0)
    return found


def single(rows: Rows, *, missing: bool) -> NDArray[np.float32]:
    """Return rows as float32. Raises `Refused` where scikit-learn does."""
    if isinstance(rows, Sparse):
        rows, missing = rows.dense(), False
    array = numbers(rows)
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    if not np.isfinite(found).all():
        if not missing and np.isnan(found).any():
            raise Refused("Input X contains NaN.")
        if np.isinf(found).any():
            raise Refused("Input X contains infinity or a value too large for dtype('float32').")
    return found


# -- what runs ----------------------------------------------------------------------------------


@op(
    "forest",
    **TREES,
    values=ArrayOf("f", 2),
    classes=Value("labels", optional=True),
    mean=Value("flag"),
    missing=Value("flag"),
)
def _forest(
    values: NDArray[Any],
    classes: NDArray[Any] | None,
    *,
    mean: bool,
    missing: bool,
    **trees: Any,
) -> Answering:
    down = Trees(**trees)
    count = len(down.roots)
    if len(values) != len(down.feature) or (not mean and count != 1):
        raise ValueError("its leaves have no values")
    if values.shape[1] != (1 if classes is None else len(classes)):
        raise ValueError("its leaves have other classes")

    def raw(rows: Rows) -> NDArray[np.float64]:
        leaves = down.leaves(single(rows, missing=missing))
        if not mean:
            found: NDArray[np.float64] = values.take(leaves[0], axis=0)
            return found
        total = summed(values.take(leaves, axis=0))
        total += 0.0  # scikit-learn begins with it: no sum is -0.0
        total /= count
        return total

    if classes is None:
        return Answering(raw, lambda means: means[:, 0])
    return Answering(raw, lambda proba: classes.take(proba.argmax(axis=1)), lambda proba: proba)


@op(
    "isolation",
    **TREES,
    depths=ArrayOf("f"),
    denominator=Value("number"),
    offset=Value("number"),
)
def _isolation(depths: NDArray[Any], denominator: float, offset: float, **trees: Any) -> Answering:
    down = Trees(**trees)
    if len(depths) != len(down.feature):
        raise ValueError("its leaves have no depths")

    def raw(rows: Rows) -> NDArray[np.float64]:
        if isinstance(rows, Sparse):
            rows = rows.dense()
        with np.errstate(over="ignore"):
            leaves = down.leaves(numbers(rows).astype(np.float32))
        total = summed(depths.take(leaves))
        total += 0.0
        share = total / denominator if denominator else np.ones_like(total)
        found: NDArray[np.float64] = -(2 ** (-share)) - offset
        return found

    def predict(scores: NDArray[np.float64]) -> NDArray[np.int64]:
        found = np.ones_like(scores, dtype=int)
        found[scores < 0] = -1
        return found

    return Answering(raw, predict, None, lambda scores: scores)


# -- what is lowered ----------------------------------------------------------------------------


@dataclass
class Structure:
    """A tree as scikit-learn has it: a child of -1 or 0 where `leaf` is set."""

    left: NDArray[Any]
    right: NDArray[Any]
    feature: NDArray[Any]
    threshold: NDArray[Any]
    leaf: NDArray[np.bool_]
    missing_left: NDArray[np.bool_]
    category: NDArray[Any] | None = None  # a row of `category_right`, or -1


def _in_order(tree: Structure) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Return the nodes level by level, siblings side by side, the left children, and the depth."""
    order = [np.zeros(1, np.intp)]
    lefts = []
    at, depth = 1, -1
    level = order[0]
    while level.size:
        depth += 1
        inner = ~tree.leaf[level]
        parents = level[inner]
        left = np.full(level.size, -1, np.intp)
        left[inner] = at + 2 * np.arange(parents.size)
        lefts.append(left)
        level = np.stack([tree.left[parents], tree.right[parents]], axis=1).ravel().astype(np.intp)
        order.append(level)
        at += level.size
    return np.concatenate(order), np.concatenate(lefts), depth


def structure_of(tree: Any) -> Structure:
    """Return a tree of `sklearn.tree`."""
    state = tree.__getstate__()["nodes"]
    return Structure(
        state["left_child"],
        state["right_child"],
        state["feature"],
        state["threshold"],
        state["left_child"] == -1,
        state["missing_go_to_left"].astype(bool),
    )


def joined_trees(
    trees: Sequence[Structure], features: int, lowering: Lowering, *, as_single: bool
) -> tuple[dict[str, Any], list[NDArray[np.intp]]]:
    """Return the fields of all trees together, and the order of the nodes of each.

    Raises:
        NotLowered: they are too many.
    """
    if sum(len(tree.feature) for tree in trees) > _MAX_NODES:
        raise lowering.refused(f"its trees have more than {_MAX_NODES:,} nodes")
    orders, lefts, roots, depth, at = [], [], [], 0, 0
    for tree in trees:
        order, left, deep = _in_order(tree)
        lefts.append(np.where(left < 0, np.arange(at, at + len(order)), left + at))
        orders.append(order)
        roots.append(at)
        at += len(order)
        depth = max(depth, deep)

    def gathered(name: str) -> NDArray[Any]:
        return np.concatenate(
            [getattr(tree, name)[order] for tree, order in zip(trees, orders, strict=True)]
        )

    leaf = gathered("leaf")
    threshold: NDArray[Any] = gathered("threshold").astype(np.float64)
    feature = np.where(leaf, 0, gathered("feature"))
    if as_single:
        threshold = below(threshold)
    threshold[leaf] = np.inf
    node = {
        "feature": lowering.array(feature, np.int32),
        "threshold": lowering.array(threshold),
        "left": lowering.array(np.concatenate(lefts), np.int32),
        "roots": lowering.array(roots, np.int32),
        "depth": depth,
        "features": features,
    }
    missing_right = ~gathered("missing_left") & ~leaf
    if missing_right.any():
        node["missing_right"] = lowering.array(missing_right)
    return node, orders


def aimed(estimator: Any, node: Node, trees: Sequence[Structure], lowering: Lowering) -> Node:
    """Note the thresholds of trees for the proof, and return their node."""
    feature = np.concatenate([tree.feature[~tree.leaf] for tree in trees])
    threshold = np.concatenate([tree.threshold[~tree.leaf] for tree in trees])
    by_column = {
        column: np.unique(threshold[feature == column]) for column in np.unique(feature).tolist()
    }
    lowering.aims.append(Aim(estimator, node, by_column))
    return node


def below(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each threshold."""
    with np.errstate(over="ignore"):
        found = threshold.astype(np.float32)
    above = found > threshold
    found[above] = np.nextafter(found[above], np.float32(-np.inf))
    return found


def _values(trees: Sequence[Any], orders: Sequence[NDArray[np.intp]]) -> NDArray[np.float64]:
    parts = [tree.value[order, 0, :] for tree, order in zip(trees, orders, strict=True)]
    return np.concatenate(parts)


def _forest_node(
    model: Any, estimators: Sequence[Any], given: Given, lowering: Lowering, *, mean: bool
) -> Node:
    if given.kind != "sparse":
        lowering.need_numbers(given)
    if model.n_outputs_ != 1:
        raise lowering.refused("it has several outputs")
    trees = [estimator.tree_ for estimator in estimators]
    structures = [structure_of(tree) for tree in trees]
    fields, orders = joined_trees(structures, model.n_features_in_, lowering, as_single=True)
    values = _values(trees, orders)
    node: Node = {"op": "forest", **fields, "values": lowering.array(values), "mean": mean}
    if hasattr(model, "classes_"):
        node["classes"] = lowering.labels(model.classes_)
        if values.shape[1] != len(model.classes_):
            raise lowering.refused("its leaves have other classes")
    first = estimators[0]
    exact = type(first).__name__.startswith("DecisionTree") or first.splitter == "random"
    node["missing"] = bool(exact)
    return aimed(model, node, structures, lowering)


@lowers(
    *(
        f"sklearn.tree._classes.{kind}Tree{what}"
        for kind in ("Decision", "Extra")
        for what in ("Classifier", "Regressor")
    )
)
def _tree(model: Any, given: Given, lowering: Lowering) -> Lowered:
    return _forest_node(model, [model], given, lowering, mean=False), MATRIX


@lowers(
    *(
        f"sklearn.ensemble._forest.{kind}{what}"
        for kind in ("RandomForest", "ExtraTrees")
        for what in ("Classifier", "Regressor")
    )
)
def _trees(model: Any, given: Given, lowering: Lowering) -> Lowered:
    return _forest_node(model, model.estimators_, given, lowering, mean=True), MATRIX


@lowers("sklearn.ensemble._iforest.IsolationForest")
def _isolation_forest(model: Any, given: Given, lowering: Lowering) -> Lowered:
    if given.kind != "sparse":
        lowering.need_numbers(given)
    structures = []
    depths = []
    for place, (estimator, chosen) in enumerate(
        zip(model.estimators_, model.estimators_features_, strict=True)
    ):
        tree = structure_of(estimator.tree_)
        tree.feature = np.asarray(chosen)[np.where(tree.leaf, 0, tree.feature)]
        structures.append(tree)
        lengths = model._decision_path_lengths[place]  # noqa: SLF001 (they stand nowhere else)
        depths.append(lengths + model._average_path_length_per_tree[place] - 1.0)  # noqa: SLF001
    fields, orders = joined_trees(structures, model.n_features_in_, lowering, as_single=True)
    whole = np.concatenate([one[order] for one, order in zip(depths, orders, strict=True)])
    average = _average_path(int(model._max_samples))  # noqa: SLF001
    node: Node = {
        "op": "isolation",
        **fields,
        "depths": lowering.array(whole, np.float64),
        "denominator": float(len(model.estimators_) * average),
        "offset": float(model.offset_),
    }
    return aimed(model, node, structures, lowering), MATRIX


def _average_path(samples: int) -> float:
    """Return the mean depth of a leaf in a random tree of so many samples.

    Liu, Ting, Zhou, "Isolation Forest", 2008, equation 1.
    """
    if samples <= 2:
        return float(samples == 2)
    count = np.array([samples])
    found = 2.0 * (np.log(count - 1.0) + np.euler_gamma) - 2.0 * (count - 1.0) / count
    return float(found[0])
