"""Fixtures: a project with a classifier of texts, one of numbers, and a regressor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from tests.conftest import Prepared

_RANDOM = np.random.default_rng(3)
_ROWS = _RANDOM.normal(size=(200, 2))
_PEOPLE = pd.DataFrame(
    {
        "age": _RANDOM.integers(18, 90, 200).astype(float),
        "city": _RANDOM.choice(["Rome", "Paris"], 200),
        "customer": [f"c{number}" for number in range(200)],
    }
)
_EXAMPLE = {"age": 0.0, "visits": 0.0}


def _make_models(project: Project) -> None:
    over = _ROWS[:, 0] > 0
    project.models.register(
        LogisticRegression().fit(_ROWS, np.where(over, "yes", "no")),
        "churn",
        input_example=_EXAMPLE,
    )
    project.models.register(
        LogisticRegression().fit(_ROWS, over.astype(int)), "fault", input_example=_EXAMPLE
    )
    project.models.register(
        LinearRegression().fit(_ROWS, _ROWS[:, 0]), "price", input_example=_EXAMPLE
    )
    columns = make_column_transformer(("passthrough", ["age"]), (OneHotEncoder(), ["city"]))
    project.models.register(
        make_pipeline(columns, LogisticRegression()).fit(_PEOPLE, _PEOPLE["age"] > 50),
        "people",
        input_example=_PEOPLE.head(5),
        training=_PEOPLE,
        personal=["customer"],
    )


@pytest.fixture
def models(project: Project, prepared: Prepared) -> Project:
    """`churn` says yes or no, `fault` 0 or 1, `price` a number, and `people` takes texts."""
    return prepared(project, _make_models)


@pytest.fixture(autouse=True)
def _no_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register models without proving plans, which is not what these tests are about."""
    monkeypatch.setenv(PREFIX + "LOWER", "false")
