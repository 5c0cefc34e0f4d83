"""Multi-layer perceptrons: products, and what is made of them in each layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.linear import expit, softmax, two_columns
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

_ACTIVATIONS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "logistic": expit,
    "softmax": softmax,
    "exp": np.exp,
}


@op("layer", weights=ArrayOf("f", 2), plus=ArrayOf("f"), then=Value("text", tuple(_ACTIVATIONS)))
def _layer(
    weights: NDArray[Any], plus: NDArray[Any], then: str
) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    if plus.shape != (weights.shape[1],):
        raise ValueError("its layers do not fit")
    activation = _ACTIVATIONS[then]
    return lambda rows: activation(rows @ weights + plus)


@op("network", layers=Value("nodes"), classes=Value("labels", optional=True))
def _network(layers: list[Any], classes: NDArray[Any] | None) -> Answering:
    def raw(rows: Rows) -> NDArray[np.float64]:
        found = numbers(rows)
        all_finite(found)
        for layer in layers:
            found = layer(found)
        return found

    if classes is None:
        return Answering(raw, lambda one: one.ravel() if one.shape[1] == 1 else one)
    if len(classes) == 2:
        return Answering(
            raw,
            lambda one: classes[(one.ravel() > 0.5).astype(int)],
            lambda one: two_columns(one.ravel()),
        )
    return Answering(raw, lambda one: classes.take(one.argmax(axis=1)), lambda one: one)


@lowers(
    *(
        f"sklearn.neural_network._multilayer_perceptron.MLP{what}"
        for what in ("Classifier", "Regressor")
    )
)
def _perceptron(model: Any, given: Given, lowering: Lowering) -> Lowered:
    lowering.need_numbers(given)
    layers: list[Node] = []
    for weights, plus in zip(model.coefs_, model.intercepts_, strict=True):
        if weights.dtype != np.float64:
            raise lowering.refused(f"its weights are {weights.dtype}")
        layers.append(
            {
                "op": "layer",
                "weights": lowering.array(weights),
                "plus": lowering.array(plus, np.float64),
                "then": model.activation,
            }
        )
    layers[-1]["then"] = model.out_activation_
    node: Node = {"op": "network", "layers": layers}
    if hasattr(model, "classes_"):
        if model._label_binarizer.y_type_ not in ("binary", "multiclass"):  # noqa: SLF001
            raise lowering.refused("it has several labels for a row")
        node["classes"] = lowering.labels(model.classes_)
    return node, MATRIX
