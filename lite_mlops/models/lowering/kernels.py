"""Support vector machines: a kernel of each row with each vector, added up as libsvm does.

The dot products are those of BLAS, one for each pair; exponentials and tangents are those of the C
library; sums are made one after the other. So the answers are the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from math import exp, tanh
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.parts import (
    MATRIX,
    Answering,
    Given,
    Lowered,
    Lowering,
    Rows,
    all_finite,
    floats,
    lowers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, Value, op

_KERNELS = ("linear", "poly", "rbf", "sigmoid")
_MOST_VECTORS = 5_000
_MOST_CLASSES, _MOST_DEGREE = 200, 100
_TOGETHER = 1 << 20  # numbers that are held at once


def _each(function: Callable[[float], float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([*map(function, values.ravel().tolist())]).reshape(values.shape)


def _power(base: NDArray[np.float64], times: int) -> NDArray[np.float64]:
    """Return a power by squaring, in the order in which libsvm multiplies."""
    found, square = np.ones_like(base), base
    while times > 0:
        if times % 2:
            found = found * square
        square = square * square
        times //= 2
    return found


def _kernel(
    name: str, vectors: NDArray[np.float64], gamma: float, coef0: float, degree: int
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return what gives the kernel of rows with vectors, shape (rows, vectors)."""

    def inner(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.vecdot(rows[:, None], vectors)
        return found

    def rbf(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = rows[:, None] - vectors
        return _each(exp, -gamma * np.vecdot(apart, apart))

    return {
        "linear": inner,
        "poly": lambda rows: _power(gamma * inner(rows) + coef0, degree),
        "rbf": rbf,
        "sigmoid": lambda rows: _each(tanh, gamma * inner(rows) + coef0),
    }[name]


def _one_by_one(parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each row, from 0 on."""
    found: NDArray[np.float64] = np.add.accumulate(parts, axis=1)[:, -1] + 0.0
    return found


Pair: TypeAlias = tuple[NDArray[np.intp], NDArray[np.float64]]  # vectors, and their coefficients


def _between_pairs(coef: NDArray[np.float64], counts: list[int]) -> list[Pair]:
    """Return the vectors that tell two classes apart, for each pair of classes.

    Raises:
        ValueError: there are no so many vectors.
    """
    if len(counts) > _MOST_CLASSES or min(counts) < 0:
        raise ValueError("its classes do not fit")
    if len(coef) != len(counts) - 1 or sum(counts) != coef.shape[1]:
        raise ValueError("its classes do not fit")
    ends = np.cumsum([0, *counts]).tolist()
    spans = [np.arange(start, end) for start, end in pairwise(ends)]
    found = []
    for one, other in combinations(range(len(counts)), 2):
        mine, others = spans[one], spans[other]
        weights = np.concatenate([coef[other - 1, mine], coef[one, others]])
        found.append((np.concatenate([mine, others]), weights))
    return found


@op(
    "vectors",
    vectors=ArrayOf("f", 2),
    coef=ArrayOf("f", 2),
    intercept=ArrayOf("f"),
    kernel=Value("text", _KERNELS),
    gamma=Value("number"),
    coef0=Value("number"),
    degree=Value("int"),
    counts=Value("ints", optional=True),
    classes=Value("labels", optional=True),
    answers=Value("text", ("number", "side", "pairs", "classes")),
)
def _vectors(
    vectors: NDArray[np.float64],
    coef: NDArray[np.float64],
    intercept: NDArray[np.float64],
    kernel: str,
    gamma: float,
    coef0: float,
    degree: int,
    counts: list[int] | None,
    classes: NDArray[Any] | None,
    answers: str,
) -> Answering:
    """Make what a machine answers: a number, a side of a plane, or a class that most pairs name.

    The decision function of several classes is that of `pairs`, or one of `classes`.
    """
    if not 0 <= degree <= _MOST_DEGREE or not vectors.size or coef.shape[1] != len(vectors):
        raise ValueError("its vectors do not fit")
    pairs: list[Pair] = [(np.arange(len(vectors)), coef[0])]
    if counts and classes is not None:
        pairs = _between_pairs(coef, counts)
    if len(intercept) != len(pairs) or len(counts or ()) != (
        0 if classes is None else len(classes)
    ):
        raise ValueError("its classes do not fit")
    with_vectors = _kernel(kernel, vectors, gamma, coef0, degree)
    together = max(1, _TOGETHER // vectors.size)

    def some(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        near = with_vectors(rows)
        each = [
            _one_by_one(near[:, chosen] * weights) + plus
            for (chosen, weights), plus in zip(pairs, intercept, strict=True)
        ]
        return np.stack(each, axis=1)

    def raw(rows: Rows) -> NDArray[np.float64]:
        array = np.ascontiguousarray(floats(rows))
        all_finite(array)
        if len(array) <= together:
            return some(array)
        parts = [some(array[at : at + together]) for at in range(0, len(array), together)]
        return np.concatenate(parts)

    if classes is not None:
        return _classifier(raw, classes, answers)
    if answers == "side":
        return Answering(
            raw,
            lambda scores: np.where(scores[:, 0] > 0, 1, -1),
            None,
            lambda scores: scores[:, 0],
        )
    return Answering(raw, lambda scores: scores[:, 0])


def _classifier(
    raw: Callable[[Rows], NDArray[np.float64]], classes: NDArray[Any], answers: str
) -> Answering:
    each = list(combinations(range(len(classes)), 2))

    def votes(first: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = np.zeros((len(first), len(classes)))
        for place, (one, other) in enumerate(each):
            found[:, one] += first[:, place]
            found[:, other] += ~first[:, place]
        return found

    def predict(scores: NDArray[np.float64]) -> NDArray[Any]:
        found: NDArray[Any] = classes.take(votes(scores > 0).argmax(axis=1))
        return found

    def by_class(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return votes with what breaks ties, as `sklearn.utils.multiclass` does."""
        sums = np.zeros((len(scores), len(classes)))
        for place, (one, other) in enumerate(each):
            sums[:, one] -= -scores[:, place]
            sums[:, other] += -scores[:, place]
        found: NDArray[np.float64] = votes(~(scores < 0)) + sums / (3 * (np.abs(sums) + 1))
        return found

    if len(classes) == 2:
        return Answering(raw, predict, None, lambda scores: -scores.ravel())
    decision = by_class if answers == "classes" else lambda scores: scores
    return Answering(raw, predict, None, decision)


# -- what is lowered ----------------------------------------------------------------------------


def _fields(model: Any, given: Given, lowering: Lowering) -> Node:
    """Return the fields that all machines have. Raises `NotLowered`."""
    lowering.need_numbers(given)
    if model.kernel not in _KERNELS:
        raise lowering.refused("its kernel is a function of its own, or is computed before")
    if model._sparse or hasattr(model.support_vectors_, "toarray"):  # noqa: SLF001
        raise lowering.refused("it was fitted on sparse rows")
    count = len(model.support_vectors_)
    if not 0 < count <= _MOST_VECTORS:
        raise lowering.refused(f"it has {count:,} support vectors; up to {_MOST_VECTORS:,} pay off")
    return {
        "op": "vectors",
        "vectors": lowering.array(np.ascontiguousarray(model.support_vectors_), np.float64),
        "coef": lowering.array(model._dual_coef_, np.float64),
        "intercept": lowering.array(model._intercept_, np.float64),
        "kernel": model.kernel,
        "gamma": float(model._gamma),  # noqa: SLF001
        "coef0": float(model.coef0),
        "degree": int(model.degree),
    }


@lowers("sklearn.svm._classes.SVR", "sklearn.svm._classes.NuSVR")
def _regressor(model: Any, given: Given, lowering: Lowering) -> Lowered:
    return _fields(model, given, lowering) | {"answers": "number"}, MATRIX


@lowers("sklearn.svm._classes.OneClassSVM")
def _one_class(model: Any, given: Given, lowering: Lowering) -> Lowered:
    return _fields(model, given, lowering) | {"answers": "side"}, MATRIX


@lowers("sklearn.svm._classes.SVC", "sklearn.svm._classes.NuSVC")
def _several_classes(model: Any, given: Given, lowering: Lowering) -> Lowered:
    if hasattr(model, "predict_proba"):
        raise lowering.refused("its probabilities are made by libsvm (probability=True)")
    if len(model.classes_) > _MOST_CLASSES:
        raise lowering.refused(f"it has {len(model.classes_):,} classes")
    if model.break_ties and len(model.classes_) > 2:
        raise lowering.refused("break_ties is used")
    node = _fields(model, given, lowering)
    node["counts"] = [int(one) for one in model._n_support]  # noqa: SLF001
    node["classes"] = lowering.labels(model.classes_)
    node["answers"] = "classes" if model.decision_function_shape == "ovr" else "pairs"
    return node, MATRIX
