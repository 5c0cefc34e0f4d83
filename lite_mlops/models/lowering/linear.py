"""Linear models: a product with coefficients, and what is made of it.

The product is written as scikit-learn writes it, on an array that lies in memory as there: BLAS
adds up in another order for another layout. With the sparse rows of a one-hot encoder SciPy adds up
one entry after the other, which is done here column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.onehot import Sparse
from lite_mlops.models.lowering.parts import (
    MATRIX,
    Answering,
    Given,
    Lowered,
    Lowering,
    Rows,
    Unsure,
    all_finite,
    lowers,
    numbers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Value, op

_BASE = "sklearn.linear_model._"
_REGRESSORS = (
    "base.LinearRegression",
    "ridge.Ridge",
    "ridge.RidgeCV",
    "coordinate_descent.Lasso",
    "coordinate_descent.LassoCV",
    "coordinate_descent.ElasticNet",
    "coordinate_descent.ElasticNetCV",
    "coordinate_descent.MultiTaskLasso",
    "coordinate_descent.MultiTaskElasticNet",
    "least_angle.Lars",
    "least_angle.LarsCV",
    "least_angle.LassoLars",
    "least_angle.LassoLarsCV",
    "least_angle.LassoLarsIC",
    "omp.OrthogonalMatchingPursuit",
    "omp.OrthogonalMatchingPursuitCV",
    "bayes.BayesianRidge",
    "bayes.ARDRegression",
    "huber.HuberRegressor",
    "theil_sen.TheilSenRegressor",
    "quantile.QuantileRegressor",
    "stochastic_gradient.SGDRegressor",
    "passive_aggressive.PassiveAggressiveRegressor",
)
_CLASSIFIERS = (
    "ridge.RidgeClassifier",
    "ridge.RidgeClassifierCV",
    "perceptron.Perceptron",
    "passive_aggressive.PassiveAggressiveClassifier",
)
_GLMS = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")


def expit(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)), with the exponential of the C library as SciPy has it.

    NumPy's own differs from it in the last place where it uses wide registers. Of complex numbers
    it asks the C library, and exp(x + 0i) is exp(x) there, in a tenth of the time of a loop.
    """
    if values.size == 1:  # most requests are of one row
        return np.full(values.shape, 1 / (1 + _power(-values.item())))
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(-values.astype(np.complex128)).real
        found: NDArray[np.float64] = 1 / (1 + powers)
    return found


def _power(value: float) -> float:
    try:
        return exp(value)
    except OverflowError:
        return inf


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return softmax by rows, step by step as `sklearn.utils.extmath.softmax`."""
    found: NDArray[np.float64] = scores - scores.max(axis=1).reshape((-1, 1))
    np.exp(found, out=found)
    found /= found.sum(axis=1).reshape((-1, 1))
    return found


def two_columns(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of both classes from those of the second."""
    if proba.size == 1:
        one = proba.item()
        return np.array([[1 - one, one]])
    found = np.empty((len(proba), 2))
    np.subtract(1, proba, out=found[:, 0])
    found[:, 1] = proba
    return found


def _two_classes(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of both classes from the scores of the second."""
    if scores.size == 1:
        one = 1 / (1 + _power(-scores.item()))
        return np.array([[1 - one, one]])
    return two_columns(expit(scores))


def one_over_all(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of an expit of each class, made to add up to one."""
    return _shares(expit(scores))


def _shares(proba: NDArray[np.float64]) -> NDArray[np.float64]:
    total = proba.sum(axis=1)
    none = total == 0
    if none.any():
        proba[none, :] = 1
        total[none] = proba.shape[1]
    proba /= total.reshape((len(proba), -1))
    return proba


def _modified_huber(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of `SGDClassifier(loss="modified_huber")`."""
    proba = np.clip(scores, -1, 1)
    proba += 1.0
    proba /= 2.0
    return two_columns(proba) if proba.ndim == 1 else _shares(proba)


def _by_link(link: str) -> Callable[[Any], NDArray[Any]] | None:
    found = {
        "expit": lambda scores: _two_classes(scores) if scores.ndim == 1 else one_over_all(scores),
        "softmax": lambda scores: _two_classes(scores) if scores.ndim == 1 else softmax(scores),
        "huber": _modified_huber,
        "none": None,
    }
    return found[link]


# -- what runs ----------------------------------------------------------------------------------


def product(
    coef: NDArray[np.float64], intercept: NDArray[np.float64], *, sparse: bool = False
) -> Callable[[Rows], NDArray[np.float64]]:
    """Return what multiplies rows with coefficients (features,) or (outputs, features)."""
    turned = coef.T
    features = turned.shape[0]
    if turned.ndim == 2 and intercept.shape not in ((), (1,), (turned.shape[1],)):
        raise ValueError(f"the intercept has the shape {intercept.shape}")
    if turned.ndim == 1 and intercept.shape not in ((), (1,)):
        raise ValueError(f"the intercept has the shape {intercept.shape}")

    def dense(rows: Rows) -> NDArray[np.float64]:
        array = numbers(rows)
        scores: NDArray[np.float64] = array @ turned + intercept
        fine = isfinite(scores.item()) if scores.size == 1 else np.isfinite(scores).all()
        if not fine:
            all_finite(array)
        return scores

    def of_sparse(rows: Sparse) -> NDArray[np.float64]:
        return rows.times(turned) + intercept

    if not np.isfinite(coef).all() or features == 0:
        raise ValueError("its coefficients are not finite")
    return of_sparse if sparse else dense


def product_alone(
    coef: NDArray[np.float64], intercept: NDArray[np.float64]
) -> Callable[[Sequence[Any]], float] | None:
    """Return what multiplies a single row that is sparse with the coefficients of one output.

    None: there are several outputs.
    """
    if coef.ndim == 2 and len(coef) != 1:
        return None
    weights: list[float] = coef.ravel().tolist()
    plus = float(intercept.item())

    def times(row: Sequence[Any]) -> float:
        total, at = 0.0, 0
        for value in row:
            if type(value) is tuple:
                place, width = value
                if place >= 0:
                    total += weights[at + place]
                at += width
            else:
                total += value * weights[at]
                at += 1
        if at != len(weights) or not isfinite(total):
            raise Unsure
        return total + plus

    return times


_LINK = Value("text", ("none", "expit", "softmax", "huber"))


@op(
    "classify",
    coef=ArrayOf("f", 2),
    intercept=ArrayOf("f", (0, 1)),
    classes=Value("labels"),
    link=_LINK,
    sparse=Value("flag"),
)
def _classify(
    coef: NDArray[Any],
    intercept: NDArray[Any],
    classes: NDArray[Any],
    link: str,
    *,
    sparse: bool,
) -> Answering:
    times = product(coef, intercept, sparse=sparse)
    binary = coef.shape[0] == 1
    if len(classes) != (2 if binary else coef.shape[0]):
        raise ValueError(f"{len(classes)} classes do not fit")

    def raw(rows: Rows) -> NDArray[np.float64]:
        scores = times(rows)
        return scores.reshape(-1) if binary else scores

    first, second = classes[:1], classes[1:2]

    def predict(scores: NDArray[np.float64]) -> NDArray[Any]:
        if binary and scores.size == 1:  # most requests are of one row
            return second if scores.item() > 0 else first
        chosen = (scores > 0).astype(np.intp) if binary else scores.argmax(axis=1)
        found: NDArray[Any] = classes.take(chosen)
        return found

    alone = None
    if sparse and (score := product_alone(coef, intercept)) is not None:

        def alone(row: Sequence[Any]) -> NDArray[np.float64]:
            return np.array([score(row)])

    return Answering(raw, predict, _by_link(link), lambda scores: scores, alone)


@op(
    "regress",
    coef=ArrayOf("f", (1, 2)),
    intercept=ArrayOf("f", (0, 1)),
    inverse=Value("text", ("identity", "log")),
    sparse=Value("flag"),
)
def _regress(
    coef: NDArray[Any], intercept: NDArray[Any], inverse: str, *, sparse: bool
) -> Answering:
    times = product(coef, intercept, sparse=sparse)
    alone = None
    if sparse and (score := product_alone(coef, intercept)) is not None:

        def alone(row: Sequence[Any]) -> NDArray[np.float64]:
            return np.array([[score(row)]] if coef.ndim == 2 else [score(row)])

    predict = np.exp if inverse == "log" else lambda scores: scores
    return Answering(times, predict, alone=alone)


# -- what is lowered ----------------------------------------------------------------------------


def _coefficients(model: Any, lowering: Lowering) -> NDArray[Any]:
    coef = model.coef_
    if hasattr(coef, "toarray"):
        raise lowering.refused("its coefficients were made sparse")
    if not isinstance(coef, np.ndarray) or coef.dtype != np.float64:
        raise lowering.refused("its coefficients are no array of float64")
    return coef


def _linear(model: Any, given: Given, lowering: Lowering) -> dict[str, Any]:
    """Return the fields that all linear models have. Raises `NotLowered`."""
    if given.kind != "sparse":
        lowering.need_numbers(given)
    coef = _coefficients(model, lowering)
    return {
        "coef": lowering.array(coef),
        "intercept": lowering.array(model.intercept_, np.float64),
        "sparse": given.kind == "sparse",
    }


@lowers(_BASE + "logistic.LogisticRegression", _BASE + "logistic.LogisticRegressionCV")
def _logistic(model: Any, given: Given, lowering: Lowering) -> Lowered:
    node = {"op": "classify", **_linear(model, given, lowering)}
    if model.coef_.shape[0] == 1 and len(model.classes_) != 2:
        raise lowering.refused("it has one class")
    return node | {"classes": lowering.labels(model.classes_), "link": "softmax"}, MATRIX


@lowers("sklearn.discriminant_analysis.LinearDiscriminantAnalysis")
def _discriminant(model: Any, given: Given, lowering: Lowering) -> Lowered:
    if given.kind == "sparse":
        raise lowering.refused("it takes no sparse rows")
    return _logistic(model, given, lowering)


@lowers(_BASE + "stochastic_gradient.SGDClassifier")
def _sgd(model: Any, given: Given, lowering: Lowering) -> Lowered:
    links = {"log_loss": "expit", "modified_huber": "huber"}
    node = {"op": "classify", **_linear(model, given, lowering)}
    link = links.get(model.loss, "none")
    return node | {"classes": lowering.labels(model.classes_), "link": link}, MATRIX


@lowers(*(_BASE + name for name in _CLASSIFIERS), "sklearn.svm._classes.LinearSVC")
def _classifier(model: Any, given: Given, lowering: Lowering) -> Lowered:
    classes = model.classes_
    if not isinstance(classes, np.ndarray) or model.coef_.ndim != 2:
        raise lowering.refused("it has several labels for a row")
    if len(classes) != (2 if model.coef_.shape[0] == 1 else model.coef_.shape[0]):
        raise lowering.refused("it has several labels for a row")
    node = {"op": "classify", **_linear(model, given, lowering)}
    return node | {"classes": lowering.labels(classes), "link": "none"}, MATRIX


@lowers(*(_BASE + name for name in _REGRESSORS), "sklearn.svm._classes.LinearSVR")
def _regressor(model: Any, given: Given, lowering: Lowering) -> Lowered:
    return {"op": "regress", **_linear(model, given, lowering), "inverse": "identity"}, MATRIX


@lowers(*(f"{_BASE}glm.glm.{name}" for name in _GLMS))
def _glm(model: Any, given: Given, lowering: Lowering) -> Lowered:
    link = type(model._base_loss.link).__name__  # noqa: SLF001 (there is no other name of it)
    inverse = {"IdentityLink": "identity", "LogLink": "log"}.get(link)
    if inverse is None:
        raise lowering.refused(f"its link is {link}")
    return {"op": "regress", **_linear(model, given, lowering), "inverse": inverse}, MATRIX
