"""Naive Bayes: joint log likelihoods, summed as scikit-learn sums them, and made probabilities."""

from __future__ import annotations

from typing import Any

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
    lowers,
    numbers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, Value, op


def _log_sum_exp(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(sum(exp(x))) by rows, step by step as scikit-learn, which keeps the largest out.

    SciPy's `logsumexp`, simplified there.
    """
    highest = array.max(axis=1, keepdims=True)
    at_highest = array == highest
    rest = np.array(array)
    rest[at_highest] = -np.inf
    ties = at_highest.astype(np.float64).sum(axis=1, keepdims=True)
    shift = np.where(np.isfinite(highest), highest, 0)
    total = np.exp(rest - shift).sum(axis=1, keepdims=True)
    total = np.where(total == 0, total, total / ties)
    found: NDArray[np.float64] = np.log1p(total) + np.log(ties) + highest
    return found


def _answering(raw: Any, classes: NDArray[Any]) -> Answering:
    def predict(joint: NDArray[np.float64]) -> NDArray[Any]:
        found: NDArray[Any] = classes[joint.argmax(axis=1)]
        return found

    def proba(joint: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.exp(joint - _log_sum_exp(joint))
        return found

    return Answering(raw, predict, proba)


@op(
    "gaussian",
    means=ArrayOf("f", 2),
    variances=ArrayOf("f", 2),
    begin=ArrayOf("f"),
    prior=ArrayOf("f"),
    classes=Value("labels"),
)
def _gaussian(
    means: NDArray[Any],
    variances: NDArray[Any],
    begin: NDArray[Any],
    prior: NDArray[Any],
    classes: NDArray[Any],
) -> Answering:
    shape = (len(classes), means.shape[1])
    if means.shape != shape or variances.shape != shape or not means.size:
        raise ValueError("its classes do not fit")
    if begin.shape != classes.shape or prior.shape != classes.shape:
        raise ValueError("its classes do not fit")

    def raw(rows: Rows) -> NDArray[np.float64]:
        array = numbers(rows)
        all_finite(array)
        if len(array) == 1:
            parts = (((array - means) ** 2) / variances).sum(axis=1)
            alone: NDArray[np.float64] = (prior + (begin - 0.5 * parts)).reshape(1, -1)
            return alone
        joint = [
            one_prior + (one_begin - 0.5 * (((array - mean) ** 2) / variance).sum(axis=1))
            for mean, variance, one_begin, one_prior in zip(
                means, variances, begin, prior, strict=True
            )
        ]
        return np.stack(joint).T

    return _answering(raw, classes)


@op(
    "counted",
    weights=ArrayOf("f", 2),
    plus=ArrayOf("f", optional=True),
    threshold=Value("number", optional=True),
    classes=Value("labels"),
)
def _counted(
    weights: NDArray[Any],
    plus: NDArray[Any] | None,
    threshold: float | None,
    classes: NDArray[Any],
) -> Answering:
    turned = weights.T
    if weights.shape[0] != len(classes) or (plus is not None and plus.shape != classes.shape):
        raise ValueError("its classes do not fit")

    def raw(rows: Rows) -> NDArray[np.float64]:
        array = numbers(rows)
        all_finite(array)
        if threshold is not None:
            array = (array > threshold).astype(np.float64)
        joint: NDArray[np.float64] = array @ turned
        return joint if plus is None else joint + plus

    return _answering(raw, classes)


# -- what is lowered ----------------------------------------------------------------------------


@lowers("sklearn.naive_bayes.GaussianNB")
def _lower_gaussian(model: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    logs = np.stack([np.sum(np.log(2.0 * np.pi * variance)) for variance in model.var_])
    node: Node = {
        "op": "gaussian",
        "means": lowering.array(model.theta_, np.float64),
        "variances": lowering.array(model.var_, np.float64),
        "begin": lowering.array(-0.5 * logs),
        "prior": lowering.array([np.log(one) for one in model.class_prior_], np.float64),
        "classes": lowering.labels(model.classes_),
    }
    return node, MATRIX


@lowers(*(f"sklearn.naive_bayes.{name}NB" for name in ("Multinomial", "Complement", "Bernoulli")))
def _lower_counted(model: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    kind = type(model).__name__
    weights, plus = model.feature_log_prob_, model.class_log_prior_
    if len(model.classes_) < 2:
        raise lowering.refused("it has one class")
    node: Node = {"op": "counted", "classes": lowering.labels(model.classes_)}
    if kind == "BernoulliNB":
        absent = np.log(1 - np.exp(weights))
        weights, plus = weights - absent, plus + absent.sum(axis=1)
        if model.binarize is not None:
            node["threshold"] = float(model.binarize)
    node["weights"] = lowering.array(weights, np.float64)
    if kind != "ComplementNB":
        node["plus"] = lowering.array(plus, np.float64)
    return node, MATRIX
