"""The four models that are served in the benchmark of serving, with rows to ask them.

    case = logistic()
    case.rows(100)            # records by the names of columns, as people send them
    case.table(rows)          # what the model itself takes
    case.answers(rows)        # what it says to them

Three were fitted on an array, one on a frame of numbers and texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Row = dict[str, Any]
_CITIES = ("Basel", "Bern", "Geneva", "Lausanne", "Lugano", "Lucerne", "Winterthur", "Zurich")
_PLANS = ("basic", "plus", "pro")
_CHANNELS = ("web", "phone", "shop", "partner")


@dataclass(frozen=True)
class Case:
    """A fitted model, with the columns of rows to ask it.

    Attributes:
        name: Under which it is registered.
        title: What it is.
        model: The model.
        columns: The values of each column.
        framed: Whether it was fitted on a frame, else on an array.
    """

    name: str
    title: str
    model: Any
    columns: Mapping[str, Sequence[Any]]
    framed: bool = False

    @property
    def kinds(self) -> dict[str, type]:
        """The type of each column: float or str."""
        return {name: type(values[0]) for name, values in self.columns.items()}

    @property
    def probable(self) -> bool:
        """Whether it has probabilities."""
        return hasattr(self.model, "predict_proba")

    def rows(self, count: int, place: int = 0) -> list[Row]:
        """Return so many rows from the place on, by the names of the columns."""
        length = len(next(iter(self.columns.values())))
        return [
            {name: values[at % length] for name, values in self.columns.items()}
            for at in range(place, place + count)
        ]

    def table(self, rows: Sequence[Row]) -> Any:
        """Return rows as the model takes them."""
        if self.framed:
            return pd.DataFrame(rows)
        return np.array([list(row.values()) for row in rows])

    def answers(self, rows: Sequence[Row]) -> list[Any]:
        """Return what the model answers to rows."""
        found: list[Any] = self.model.predict(self.table(rows)).tolist()
        return found


def _cells() -> tuple[dict[str, Any], Any, Any]:
    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    columns = {name: column.tolist() for name, column in zip(names, data.data.T, strict=True)}
    return columns, data.data, data.target


def logistic() -> Case:
    """Return a logistic regression on 30 columns."""
    columns, data, target = _cells()
    model = LogisticRegression(max_iter=10_000).fit(data, target)
    return Case("logistic", "logistic regression", model, columns)


def forest() -> Case:
    """Return a forest of 200 trees on the same 30 columns."""
    columns, data, target = _cells()
    model = RandomForestClassifier(200, random_state=0).fit(data, target)
    return Case("forest", "forest of 200", model, columns)


def boosting() -> Case:
    """Return a gradient boosting of 100 iterations on 20 columns."""
    random = np.random.default_rng(0)
    data = random.normal(size=(20_640, 20)).round(6)
    target = data[:, 0] * data[:, 1] + np.sin(3 * data[:, 2]) + random.normal(size=len(data)) / 10
    model = HistGradientBoostingRegressor(max_iter=100, random_state=0).fit(data, target)
    columns = {f"x{place}": column.tolist() for place, column in enumerate(data.T)}
    return Case("boosting", "gradient boosting", model, columns)


def pipeline() -> Case:
    """Return a pipeline on seven columns, three of them of texts."""
    random = np.random.default_rng(0)
    rows = 5_000
    frame = pd.DataFrame(
        {
            "age": random.integers(18, 90, rows).astype(float),
            "visits": random.poisson(4, rows).astype(float),
            "spent": random.gamma(2, 50, rows).round(2),
            "months": random.integers(0, 60, rows).astype(float),
            "city": random.choice(_CITIES, rows),
            "plan": random.choice(_PLANS, rows),
            "channel": random.choice(_CHANNELS, rows),
        }
    )
    chances = (frame.age - 50) / 20 + (frame["plan"] == "pro") - frame.visits / 8
    target = np.where(chances + random.logistic(size=rows) > 0, "yes", "no")
    texts = ["city", "plan", "channel"]
    made = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts),
        (StandardScaler(), [name for name in frame if name not in texts]),
    )
    model = make_pipeline(made, LogisticRegression(max_iter=1_000)).fit(frame, target)
    columns = {str(name): frame[name].tolist() for name in frame}
    return Case("pipeline", "pipeline of mixed columns", model, columns, framed=True)


CASES = (logistic, forest, boosting, pipeline)
