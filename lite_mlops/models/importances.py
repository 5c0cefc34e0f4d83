"""The importances of features that a fitted model has itself. Pure functions.

built_in_importances(model)            # of what its last step sees
feature_importances(model, features)   # by name
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature.values import QUANTILES, Column


def class_of(estimator: Any) -> str:
    """Return the full name of the class of an estimator."""
    cls = type(estimator)
    return f"{cls.__module__}.{cls.__qualname__}"


def final_of(model: Any) -> Any:
    """Return the last step of a pipeline or the winner of a search; else the model itself."""
    model = getattr(model, "best_estimator_", model)
    steps = getattr(model, "steps", None)
    if isinstance(steps, Sequence) and steps:
        return final_of(steps[-1][1])
    return model


def built_in_importances(model: Any) -> NDArray[np.float64] | None:
    """Return the importances that a fitted model has itself, or the sizes of its coefficients."""
    final = final_of(model)
    # An attribute that is there under a condition may raise whatever it likes without it.
    values: Any = getattr(final, "feature_importances_", None)
    coefficients: Any = getattr(final, "coef_", None)
    if values is None and coefficients is not None:
        values = coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients
        values = np.abs(np.atleast_2d(np.asarray(values, np.float64))).mean(axis=0)
    return None if values is None else np.asarray(values, np.float64)


def names_of_features(model: Any, columns: Sequence[str]) -> Sequence[str]:
    """Return the names of the features that the last step of a model sees."""
    model = getattr(model, "best_estimator_", model)
    if not hasattr(model, "steps"):
        return columns
    if len(model.steps) == 1:
        return columns
    return [str(name) for name in model[:-1].get_feature_names_out(columns or None)]


def feature_importances(model: Any, columns: Sequence[str]) -> dict[str, float]:
    """Return the importances by feature; empty for a model that has none.

    A step that cannot name what it gives leaves the features numbered: x0, x1, ...
    """
    values = built_in_importances(model)
    if values is None or values.ndim != 1:
        return {}
    try:
        names = list(names_of_features(model, columns))
    except (AttributeError, ValueError):  # such as a step that is a function
        names = []
    if len(names) != len(values):
        names = [f"x{place}" for place in range(len(values))]
    return dict(zip(names, values.tolist(), strict=True))


def _spread(column: Column) -> float:
    """Return how far a column of the training data reaches: the distance of its quartiles."""
    if len(column.quantiles) != len(QUANTILES):
        return 1.0
    low, high = (column.quantiles[QUANTILES.index(share)] for share in (0.25, 0.75))
    return high - low if high > low else 1.0


def column_importances(model: Any, columns: Sequence[Column]) -> dict[str, float]:
    """Return the importance of each column that a model takes; they add up to 1.

    Those of what a pipeline makes of a column, such as an indicator of each category, are added up:
    'num__age' and 'cat__city_Rome' belong to 'age' and to 'city'. Coefficients of columns that the
    model takes as they are count times the spread of the column. Empty where the model has none, or
    where a step hides which column a value came from.
    """
    spreads = {column.name: _spread(column) for column in columns}
    found = dict.fromkeys(spreads, 0.0)
    by_length = sorted(spreads, key=len, reverse=True)
    as_they_are = final_of(model) is getattr(model, "best_estimator_", model)
    scaled = as_they_are and not hasattr(final_of(model), "feature_importances_")
    for name, size in feature_importances(model, list(spreads)).items():
        bare = name if name in found else name.rpartition("__")[2]
        column = next((c for c in by_length if bare == c or bare.startswith(f"{c}_")), None)
        if column is None:
            return {}
        found[column] += abs(size) * (spreads[column] if scaled else 1.0)
    total = sum(found.values())
    return {name: size / total for name, size in found.items()} if total > 0 else {}
