"""Real models behind the real app with its form: what the tests of the page look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from lite_mlops.models import Example, ModelVersion
from lite_mlops.project import Project
from lite_mlops.serving import Endpoint, Served
from lite_mlops.web import App, form_routes
from lite_mlops.web.predicting import prediction_app

RNG = np.random.default_rng(12)
ROWS = 300


def customers() -> tuple[Any, Any]:
    """Mixed columns: categories, numbers of which some are missing, a flag and a time."""
    frame = pd.DataFrame(
        {
            "plan": RNG.choice(["basic", "pro", "team"], size=ROWS, p=[0.6, 0.3, 0.1]),
            "age": RNG.integers(18, 90, size=ROWS),
            "income": RNG.normal(42_000, 9_000, size=ROWS).round(2),
            "visits": RNG.gamma(2.0, 3.0, size=ROWS).round(2),
            "member": RNG.random(ROWS) < 0.4,
            "since": pd.Timestamp("2019-03-01") + pd.to_timedelta(RNG.integers(0, 2000, ROWS), "D"),
            "country": RNG.choice(["Brazil", "France", "Japan", "Kenya"], size=ROWS),
        }
    )
    frame.loc[RNG.random(ROWS) < 0.1, "income"] = np.nan
    odds = 0.35 * (frame["visits"] - 6) + (frame["plan"] == "basic") - 0.02 * (frame["age"] - 50)
    return frame, np.where(odds + RNG.logistic(size=ROWS) > 0.5, "leaves", "stays")


def churn() -> tuple[Any, Any]:
    """A linear model of mixed columns, with its training data."""
    frame, labels = customers()
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["plan", "country"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income", "visits"]),
        ("passthrough", ["member"]),
    )
    return make_pipeline(columns, LogisticRegression()).fit(frame, labels), frame


def register(project: Project, model: Any, name: str, training: Any, **options: Any) -> None:
    """Register a model with its training data and its first rows as example."""
    project.models.register(
        model, name, input_example=training[:40], training=training, trust=True, **options
    )


def register_wide(project: Project) -> None:
    """A forest of 30 columns."""
    cancer = load_breast_cancer(as_frame=True)
    forest = RandomForestClassifier(40, max_depth=6, random_state=0)
    names = np.array(["malignant", "benign"])[cancer.target]
    register(project, forest.fit(cancer.data, names), "tumor", cancer.data)


def register_price(project: Project) -> None:
    """A number for each row."""
    rows = pd.DataFrame(
        {"rooms": RNG.integers(1, 9, size=ROWS), "area": RNG.uniform(20, 240, ROWS).round(1)}
    )
    target = 1000 * rows["area"] + 9000 * rows["rooms"] + RNG.normal(size=ROWS)
    model = LinearRegression().fit(rows, target)
    register(project, model, "price", rows)


def flat(pictures: Any) -> Any:
    return np.asarray(pictures).reshape(len(pictures), -1)


def register_pictures(project: Project) -> None:
    """A tensor for each row, and ten classes."""
    digits = load_digits()
    model = make_pipeline(FunctionTransformer(flat), LogisticRegression(max_iter=50, tol=0.1))
    model.fit(digits.images[:300], digits.target[:300])
    project.models.register(
        model, "digit", input_example=digits.images[:5], training=digits.images[:300], trust=True
    )


def register_texts(project: Project) -> None:
    """A text for each row."""
    texts = ["good and kind", "bad and rude", "kind people", "rude people", "good", "bad"]
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 0, 1, 0, 1, 0])
    project.models.register(model, "tone", input_example=texts, training=texts, trust=True)


def app_of(project: Project, *references: str) -> App:
    """The app that serves models of a project, with the form at its root."""
    return app_with(project, {reference: project.endpoint(reference) for reference in references})


def app_with(project: Project, endpoints: Mapping[str, Endpoint]) -> App:
    """The same, of endpoints."""
    served = Served(endpoints)

    def example(version: ModelVersion) -> Example | None:
        return project.models.example(version.name)

    pages = form_routes(served, monitoring=project.monitoring, example=example)
    return prediction_app(
        served,
        monitoring=project.monitoring,
        pages=pages,
        card=lambda version: f"<!doctype html><title>{version.name}</title>",
    )
