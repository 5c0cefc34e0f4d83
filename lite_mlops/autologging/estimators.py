"""What an estimator tells of itself: its kind, its params as texts, its iterations. Pure functions.

params_of(make_pipeline(StandardScaler(), SVC(C=10)))   # {"svc__C": "10", ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from sklearn import base

from lite_mlops.autologging.texts import text_of
from lite_mlops.models import final_of

_MAX_POINTS = 10_000


def params_of(estimator: Any) -> dict[str, str]:
    """Return the params of an estimator, those of nested ones included, as texts."""
    return {name: text_of(value) for name, value in estimator.get_params(deep=True).items()}


def kind_of(model: Any) -> str:
    """Return 'classifier', 'regressor', 'clusterer', 'outlier detector' or 'other'."""
    if base.is_outlier_detector(model):
        return "outlier detector"
    if base.is_clusterer(model):
        return "clusterer"
    if base.is_classifier(model):
        return "classifier"
    if base.is_regressor(model):
        return "regressor"
    return "other"


def is_search(model: Any) -> bool:
    """Return whether it searched for params and has the table of its candidates."""
    return hasattr(model, "cv_results_") and hasattr(model, "best_index_")


# -- what was measured in each iteration ---------------------------------------------------------


def iterations_of(model: Any) -> dict[str, list[float]]:
    """Return what a model measured after each of its iterations, by name."""
    model = final_of(model)
    found: dict[str, list[float]] = {}
    for data, metrics in _evaluations(model).items():
        for name, values in metrics.items():
            found[f"{data}_{name}"] = _points(values)
    for attribute, name in (
        ("loss_curve_", "iteration_loss"),
        ("train_score_", "iteration_train_score"),
        ("validation_score_", "iteration_validation_score"),
        ("validation_scores_", "iteration_validation_score"),
    ):
        values = getattr(model, attribute, None)
        if values is not None and len(values):
            found[name] = _points(values)
    return found


def _points(values: Any) -> list[float]:
    return [float(value) for value in islice(values, _MAX_POINTS)]


def _evaluations(model: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return what LightGBM and XGBoost measured on each evaluation set."""
    if hasattr(model, "booster_"):  # LightGBM
        return model.evals_result_ or {}
    if hasattr(model, "get_booster") and getattr(model, "evals_result_", None):  # XGBoost
        return dict(model.evals_result())
    return {}
