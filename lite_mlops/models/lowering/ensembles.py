"""Ensembles of other models: voting, and calibrated classifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.linear import expit
from lite_mlops.models.lowering.parts import (
    MATRIX,
    Answering,
    Given,
    Lowered,
    Lowering,
    Rows,
    all_finite,
    lowers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, Value, op

Calibrator: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _models(parts: list[Any]) -> list[Answering]:
    if not parts or not all(isinstance(part, Answering) for part in parts):
        raise ValueError("a part answers nothing")
    return parts


@op(
    "vote",
    models=Value("nodes"),
    weights=ArrayOf("f", optional=True),
    classes=Value("labels", optional=True),
    soft=Value("flag"),
)
def _vote(
    models: list[Any],
    weights: NDArray[Any] | None,
    classes: NDArray[Any] | None,
    *,
    soft: bool,
) -> Answering:
    parts = _models(models)
    if weights is not None and weights.shape != (len(parts),):
        raise ValueError("its weights do not fit")

    def predictions(rows: Rows) -> NDArray[Any]:
        return np.asarray([part.predict(part.raw(rows)) for part in parts]).T

    def most(votes: NDArray[Any]) -> np.intp:
        return np.bincount(votes, weights=weights).argmax()

    if classes is None:
        return Answering(
            lambda rows: np.average(predictions(rows), axis=1, weights=weights), lambda mean: mean
        )
    if not soft:
        return Answering(
            predictions, lambda votes: classes[np.apply_along_axis(most, axis=1, arr=votes)]
        )
    if any(part.proba is None for part in parts):
        raise ValueError("a part has no probabilities")

    def proba(rows: Rows) -> NDArray[np.float64]:
        each = [part.proba(part.raw(rows)) for part in parts if part.proba is not None]
        found: NDArray[np.float64] = np.average(np.asarray(each), axis=0, weights=weights)
        return found

    return Answering(proba, lambda mean: classes[mean.argmax(axis=1)], lambda mean: mean)


@op(
    "sigmoid",
    model=Value("node"),
    slopes=ArrayOf("f"),
    intercepts=ArrayOf("f"),
)
def _sigmoid(model: Any, slopes: NDArray[Any], intercepts: NDArray[Any]) -> Any:
    if slopes.shape != intercepts.shape:
        raise ValueError("it has nothing to calibrate")
    return _calibrating(model, list(map(_along, slopes.tolist(), intercepts.tolist())))


def _along(slope: float, plus: float) -> Calibrator:
    return lambda scores: expit(-(slope * scores + plus))


@op("isotonic", model=Value("node"), x=ArrayOf("f"), y=ArrayOf("f"), ends=Value("ints"))
def _isotonic(model: Any, x: NDArray[Any], y: NDArray[Any], ends: list[int]) -> Any:
    spans = list(zip([0, *ends[:-1]], ends, strict=True))
    if x.shape != y.shape or not ends or ends[-1] != len(x):
        raise ValueError("its steps do not fit")
    if any(not 0 <= start < end for start, end in spans) or not np.isfinite(x).all():
        raise ValueError("its steps do not fit")
    return _calibrating(model, [_between(x[start:end], y[start:end]) for start, end in spans])


def _between(x: NDArray[Any], y: NDArray[Any]) -> Calibrator:
    """Return what draws lines between points, and goes on level beyond them."""

    def along(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        all_finite(scores)  # as of naive Bayes of extreme magnitudes
        if len(y) == 1:
            return np.full(scores.shape, y[0])
        found: NDArray[np.float64] = np.interp(np.clip(scores, x[0], x[-1]), x, y)
        return found

    return along


def _calibrating(model: Any, calibrators: list[Calibrator]) -> Any:
    """Return what gives probabilities; of two classes only the second has a calibrator."""
    (part,) = _models([model])
    response = part.decision or part.proba
    if response is None or not calibrators:
        raise ValueError("it has nothing to calibrate")
    binary = len(calibrators) == 1

    def proba(rows: Rows) -> NDArray[np.float64]:
        scores = response(part.raw(rows))
        if binary:
            scores = scores.reshape(-1, 1) if scores.ndim == 1 else scores[:, 1:2]
        made = np.zeros((len(scores), 2 if binary else len(calibrators)))
        for place, calibrated in enumerate(calibrators):
            made[:, place + binary] = calibrated(scores[:, place])
        if binary:
            made[:, 0] = 1.0 - made[:, 1]
        else:
            total = made.sum(axis=1)[:, None]
            same = np.full_like(made, 1 / len(calibrators))
            made = np.divide(made, total, out=same, where=total != 0)
        made[(made > 1.0) & (made <= 1.0 + 1e-5)] = 1.0
        return made

    return proba


@op("calibrated", parts=Value("nodes"), classes=Value("labels"))
def _calibrated(parts: list[Any], classes: NDArray[Any]) -> Answering:
    if not parts:
        raise ValueError("a part answers nothing")

    def raw(rows: Rows) -> NDArray[np.float64]:
        total: NDArray[np.float64] = parts[0](rows) + 0.0
        for part in parts[1:]:
            total += part(rows)
        total /= len(parts)
        return total

    return Answering(raw, lambda proba: classes[proba.argmax(axis=1)], lambda proba: proba)


# -- what is lowered ----------------------------------------------------------------------------


@lowers("sklearn.ensemble._voting.VotingClassifier", "sklearn.ensemble._voting.VotingRegressor")
def _voting(model: Any, given: Given, lowering: Lowering) -> Lowered:
    names = [name for name, part in model.estimators if part != "drop"]
    parts = [
        lowering.lower(part, given, name)[0]
        for name, part in zip(names, model.estimators_, strict=True)
    ]
    node: Node = {"op": "vote", "models": parts, "soft": getattr(model, "voting", "") == "soft"}
    weights = model._weights_not_none  # noqa: SLF001
    if weights is not None:
        node["weights"] = lowering.array(weights, np.float64)
    if hasattr(model, "classes_"):
        if not isinstance(model.classes_, np.ndarray):
            raise lowering.refused("it has several labels for a row")
        node["classes"] = lowering.labels(model.classes_)
    return node, MATRIX


def _slopes(calibrators: Any, lowering: Lowering) -> Node:
    return {
        "op": "sigmoid",
        "slopes": lowering.array([one.a_ for one in calibrators], np.float64),
        "intercepts": lowering.array([one.b_ for one in calibrators], np.float64),
    }


def _steps(calibrators: Any, lowering: Lowering) -> Node:
    for one in calibrators:
        if one.out_of_bounds != "clip" or one.X_thresholds_.dtype != np.float64:
            raise lowering.refused("its calibrators are not those of scikit-learn")
    return {
        "op": "isotonic",
        "x": lowering.array(np.concatenate([one.X_thresholds_ for one in calibrators])),
        "y": lowering.array(np.concatenate([one.y_thresholds_ for one in calibrators])),
        "ends": np.cumsum([len(one.X_thresholds_) for one in calibrators]).tolist(),
    }


@lowers("sklearn.calibration.CalibratedClassifierCV")
def _calibrated_classifier(model: Any, given: Given, lowering: Lowering) -> Lowered:
    if model.method not in ("sigmoid", "isotonic"):
        raise lowering.refused(f"its method is {model.method}; sigmoid and isotonic are supported")
    parts: list[Node] = []
    for one in model.calibrated_classifiers_:
        if not np.array_equal(one.estimator.classes_, model.classes_):
            raise lowering.refused("one of its parts has other classes")
        inner, _ = lowering.lower(one.estimator, given, "calibrated")
        fields = (_slopes if model.method == "sigmoid" else _steps)(one.calibrators, lowering)
        parts.append(fields | {"model": inner})
    node: Node = {"op": "calibrated", "parts": parts}
    return node | {"classes": lowering.labels(model.classes_)}, MATRIX


@lowers("sklearn.frozen._frozen.FrozenEstimator")
def _frozen(model: Any, given: Given, lowering: Lowering) -> Lowered:
    return lowering.lower(model.estimator, given)
