"""Exact contributions of the columns to a linear model of scikit-learn.

The contribution of column j to f(x) = b + sum_i w_i t_i(x) is the sum of w_i (t_i(x) - t_i(r))
over all features t_i that are made of column j alone; r is the reference. Together with f(r) they
add up to f(x). For a model without steps it is w_j (x_j - r_j), the situational importance with a
reference in place of the mean: E. Strumbelj, I. Kononenko, "Explaining prediction models and
individual predictions with feature contributions", Knowledge and Information Systems 41 (2014),
647-665.

It is exact in the unit of the decision function: log-odds, not probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.answering import Asking, unanswerable
from lite_mlops.models.explaining.owners import owners
from lite_mlops.models.explaining.scores import places_of, units
from lite_mlops.models.explaining.values import EXACT_LINEAR, Told
from lite_mlops.models.signature import Table

_NUMBERS = frozenset(
    "ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lars LarsCV Lasso LassoCV "
    "LassoLars LassoLarsCV LassoLarsIC LinearRegression LinearSVR OrthogonalMatchingPursuit "
    "OrthogonalMatchingPursuitCV QuantileRegressor Ridge RidgeCV SGDRegressor "
    "TheilSenRegressor".split()
)
_LOGS = frozenset({"GammaRegressor", "PoissonRegressor"})
_SOFTMAX = frozenset({"LinearDiscriminantAnalysis", "LogisticRegression", "LogisticRegressionCV"})
_DECISIONS = frozenset(
    "LinearSVC Perceptron RidgeClassifier RidgeClassifierCV SGDClassifier".split()
)


def told(asking: Asking, table: Table, reference: Table) -> Told | None:
    """Return the contributions; None if the model is not linear in features of single columns.

    Raises:
        Invalid: the model cannot answer the rows.
    """
    *steps, final = _steps(asking.model)
    classes = asking.signature.classes
    unit = _unit(final, len(classes))
    if unit is None:
        return None
    owned = owners(steps, asking.signature.features)
    coefficients = _coefficients(final)
    if owned is None or coefficients.shape[1] != len(owned):
        return None
    intercepts = np.atleast_1d(np.asarray(final.intercept_, np.float64))
    if len(coefficients) == 1 and classes:  # of two classes: the odds of the first are turned
        coefficients = np.concatenate([-coefficients, coefficients])
        intercepts = np.concatenate([-intercepts, intercepts])
    places = places_of(asking.ask_checked(table).predicted, classes)
    features = _features(asking, steps, Table.joined([table, reference]))
    weights = coefficients[places]
    parts = (features[:-1] - features[-1]) * weights
    contributions = np.zeros((len(asking.signature.features), len(table)))
    np.add.at(contributions, owned, parts.T)
    baselines = weights @ features[-1] + np.broadcast_to(intercepts, len(coefficients))[places]
    return Told(
        EXACT_LINEAR,
        units(unit, places, classes),
        baselines,
        baselines + contributions.sum(axis=0),
        contributions.T,
    )


def _steps(model: Any) -> list[Any]:
    """Return the steps of a model in a row; a search stands for its winner."""
    if type(model).__module__.startswith("sklearn.model_selection"):
        model = getattr(model, "best_estimator_", model)
    if type(model).__module__.startswith("sklearn.pipeline") and hasattr(model, "steps"):
        *first, (_, final) = model.steps
        return [step for _, step in first] + _steps(final)
    return [model]


def _unit(final: Any, classes: int) -> str | None:
    """Return what the linear part of an estimator tells; None if it has none that is known."""
    cls = type(final)
    if not cls.__module__.startswith("sklearn."):  # a class of the same name may do anything
        return None
    name = cls.__name__
    if name in _NUMBERS:
        return "prediction"
    if name in _LOGS or (name == "TweedieRegressor" and _has_log_link(final)):
        return "logarithm of the prediction"
    if name == "TweedieRegressor":
        return "prediction"
    if name in _SOFTMAX:
        return "log-odds" if classes == 2 else "softmax score"
    if name == "SGDClassifier" and final.loss == "log_loss" and classes == 2:
        return "log-odds"
    return "decision function" if name in _DECISIONS else None


def _has_log_link(final: Any) -> bool:
    return bool(final.link == "log" or (final.link == "auto" and final.power > 0))


def _coefficients(final: Any) -> NDArray[np.float64]:
    """Return the coefficients, shape (classes or 1, features)."""
    values = final.coef_
    values = values.toarray() if hasattr(values, "toarray") else values  # of a sparse model
    return np.atleast_2d(np.asarray(values, np.float64))


def _features(asking: Asking, steps: Sequence[Any], table: Table) -> NDArray[np.float64]:
    """Return what the linear model sees of some rows."""
    values = asking.signature.input_for(asking.model)(table)
    try:
        for step in steps:
            if step is not None and not isinstance(step, str):  # 'passthrough'
                values = step.transform(values)
    except (ValueError, TypeError) as error:  # such as a category that an encoder does not take
        raise unanswerable(error) from error
    values = values.toarray() if hasattr(values, "toarray") else values
    return np.asarray(values, np.float64)
