"""Direct loss estimation: the error of a regressor, foreseen by a second model.

    model = fit_loss(features, predicted, labels)
    for one in model.estimates(new_features, new_predicted):
        print(one.metric, one.value, one.low, one.high)

The second model learns from labelled rows how large the error is, given the features and the
prediction (Bialek et al., 2024, direct loss estimation). Made on request: it is a model of its own,
no better than its reference, and beyond that it foresees what it knows of the nearest rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid
from lite_mlops.monitoring.estimates.calibration import MIN_REFERENCE, Codes, Floats
from lite_mlops.monitoring.estimates.expected import CONFIDENCE, Estimate

_FOLDS = 3
_TREES, _LEAVES, _SMALLEST = 60, 15, 20
_SEED = 2024


def _inputs(features: Floats, predicted: Floats) -> Floats:
    """Return the columns that the second model sees; what is infinite is missing."""
    table = np.column_stack([features, predicted])
    return np.where(np.isfinite(table), table, np.nan)


def _new_model() -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor  # only who asks for it

    return HistGradientBoostingRegressor(
        max_iter=_TREES,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=_SMALLEST,
        early_stopping=False,
        random_state=_SEED,
    )


@dataclass(frozen=True, eq=False)
class LossModel:
    """The second models, of the absolute and of the squared error, and how well they foresee.

    `spreads` are the standard deviations of the errors less what is foreseen of them, for rows that
    a model has not seen.
    """

    rows: int
    models: tuple[Any, Any]
    spreads: tuple[float, float]
    lowest: Floats  # of each feature and the prediction in the reference
    highest: Floats

    def outside(self, features: Floats, predicted: Floats) -> float:
        """Return the share of rows with a value beyond all those of the reference."""
        if not len(predicted):
            return 0.0
        table = _inputs(features, predicted)
        beyond = (table < self.lowest) | (table > self.highest)
        return float(beyond.any(axis=1).mean())

    def estimates(self, features: Floats, predicted: Floats) -> tuple[Estimate, ...]:
        """Return the expected MAE and RMSE of some rows; nothing without rows.

        Shapes (rows, features) and (rows,). With the spread s, n rows and m of the reference, the
        mean error has the variance s^2 / n by sampling and s^2 / m by the reference.
        """
        from threadpoolctl import threadpool_limits

        if not len(predicted):
            return ()
        table = _inputs(features, predicted)
        with threadpool_limits(1):
            means = [max(0.0, float(model.predict(table).mean())) for model in self.models]
        found = []
        for metric, mean, spread in zip(("mae", "rmse"), means, self.spreads, strict=True):
            sampling = spread / float(np.sqrt(len(predicted)))
            learned = spread / float(np.sqrt(self.rows))
            reach = CONFIDENCE * float(np.hypot(sampling, learned))
            low, high = max(0.0, mean - reach), mean + reach
            if metric == "rmse":
                root = float(np.sqrt(mean))
                slope = 1 / (2 * root) if root else 0.0
                value, low, high = root, float(np.sqrt(low)), float(np.sqrt(high))
                sampling, learned = sampling * slope, learned * slope
            else:
                value = mean
            found.append(Estimate(metric, value, low, high, sampling, learned))
        return tuple(found)


def realised_losses(predicted: Floats, labels: Floats) -> dict[str, float]:
    """Return MAE and RMSE of rows whose labels are known; nothing without rows."""
    if not len(labels):
        return {}
    errors = np.abs(predicted - labels)
    return {"mae": float(errors.mean()), "rmse": float(np.sqrt((errors**2).mean()))}


def fit_loss(features: Floats, predicted: Floats, labels: Floats) -> LossModel:
    """Return a model of the error, from rows whose labels are known.

    Rows without a finite prediction or label are left out; features may be missing.

    Raises:
        Invalid: there are fewer than 200 rows, or errors are beyond 1e150.
    """
    from threadpoolctl import threadpool_limits  # it comes with scikit-learn; loaded before it

    there = np.isfinite(predicted) & np.isfinite(labels)
    if there.sum() < MIN_REFERENCE:
        raise Invalid(
            f"the reference has {amount(int(there.sum()), 'row')} with a label and a prediction; "
            f"at least {MIN_REFERENCE} are needed."
        )
    with np.errstate(over="ignore"):
        errors = np.abs(predicted[there] - labels[there])
    if not errors.max() < 1e150:
        raise Invalid(f"an error of {errors.max():.3g} is too large to be squared.")
    table = _inputs(features[there], predicted[there])
    fold: Codes = np.random.default_rng(_SEED).permutation(len(table)) % _FOLDS
    models, spreads = [], []
    with threadpool_limits(1):  # trees this small gain nothing by threads that wait for each other
        for target in (errors, errors**2):
            left = np.empty(len(target))
            for number in range(_FOLDS):
                held = fold == number
                foreseen = _new_model().fit(table[~held], target[~held]).predict(table[held])
                left[held] = target[held] - foreseen
            models.append(_new_model().fit(table, target))
            spreads.append(float(np.sqrt((left**2).mean())))
    missing = np.isnan(table)
    return LossModel(
        len(table),
        (models[0], models[1]),
        (spreads[0], spreads[1]),
        lowest=np.where(missing, np.inf, table).min(axis=0),
        highest=np.where(missing, -np.inf, table).max(axis=0),
    )
