"""Importances of columns, whatever a pipeline makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lite_mlops.models.importances import column_importances
from lite_mlops.models.signature import infer_signature

pd = pytest.importorskip("pandas")

CHANCE = np.random.default_rng(1)
FRAME = pd.DataFrame(
    {
        "age": CHANCE.normal(40, 10, 300),
        "city": CHANCE.choice(["Rome", "Oslo"], 300),
        "city_size": CHANCE.normal(1e6, 1e5, 300),
    }
)
Y = np.where(FRAME["age"] + 30 * (FRAME["city"] == "Rome") > 55, "yes", "no")


def test_indicators_belong_to_their_column_and_longer_names_come_first() -> None:
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), remainder=StandardScaler()),
        RandomForestClassifier(20, random_state=0),
    ).fit(FRAME, Y)
    found = column_importances(model, infer_signature(model, training=FRAME).columns)
    assert set(found) == {"age", "city", "city_size"}
    assert sum(found.values()) == pytest.approx(1)
    assert found["city"] > 0.3 > 0.2 > found["city_size"]


def test_coefficients_count_times_the_spread_of_the_column() -> None:
    numbers = FRAME[["age", "city_size"]]
    target = numbers["age"] / 10 + numbers["city_size"] / 1e5
    model = LinearRegression().fit(numbers, target)
    found = column_importances(model, infer_signature(model, training=numbers).columns)
    assert found["age"] == pytest.approx(found["city_size"], rel=0.3)
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, Y)
    found = column_importances(scaled, infer_signature(scaled, training=numbers).columns)
    assert found["age"] > 0.8


def test_a_model_that_cannot_tell_has_none() -> None:
    numbers = FRAME[["age"]]
    model = HistGradientBoostingRegressor(max_iter=5).fit(numbers, numbers["age"])
    assert column_importances(model, infer_signature(model, training=numbers).columns) == {}
