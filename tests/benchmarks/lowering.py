"""Plans beside the models they were made of: how long rows take, and whether a bit differs.

The peer is the same question asked of scikit-learn with one thread, as a server without plans would
ask it. For exactness each configuration of the tests answers at least 10,000 rows that aim at
thresholds, ties, missing and unseen values, and extreme magnitudes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from lite_mlops.models import Asking, Signature, infer_signature
from lite_mlops.models.lowering.lower import lower
from lite_mlops.models.lowering.parts import NotLowered
from lite_mlops.models.lowering.plan import Plan
from lite_mlops.models.lowering.proving import one_job, prove
from lite_mlops.models.lowering.running import Running
from tests.benchmarks.measuring import Figure, compared, interleaved, seconds_of
from tests.models.lowering.configurations import CONFIGURATIONS, fitted

_ROWS = 10_000  # of each configuration
_PEER = "scikit-learn, asked for the same"
# From so many rows on the model itself answers once it is loaded.
_TAKEN_OVER = {"support vectors, 64 rows"}


def _models(quick: bool) -> Iterator[tuple[str, Any, Any]]:  # noqa: FBT001
    rows, labels = load_breast_cancer(return_X_y=True)
    yield "logistic regression", LogisticRegression(max_iter=5000).fit(rows, labels), rows
    trees = 20 if quick else 200
    forest = RandomForestClassifier(trees, random_state=0).fit(rows, labels)
    yield f"forest of {trees}", forest, rows
    scaled = make_pipeline(StandardScaler(), SVC()).fit(rows, labels)
    yield "support vectors", scaled, rows
    yield "gradient boosting", GradientBoostingClassifier(random_state=0).fit(rows, labels), rows
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(2_000 if quick else 20_640, 20))
    boosted = HistGradientBoostingRegressor(random_state=0)
    yield "histogram boosting", boosted.fit(wide, wide[:, 0] + np.sin(wide[:, 1])), wide
    frame = pd.DataFrame(rng.normal(size=(1_000, 4)), columns=list("abcd"))
    for name in ("city", "plan", "device"):
        frame[name] = rng.choice(["x", "y", "z", "w"], 1_000)
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list("abcd")),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["city", "plan", "device"]),
        ]
    )
    pipeline = make_pipeline(columns, LogisticRegression())
    yield "pipeline of columns", pipeline.fit(frame, frame["a"] > 0), frame


def _repeated(action: Callable[[], object], times: int) -> float:
    return seconds_of(lambda: [action() for _ in range(times)]) / times


def _speed(what: str, model: Any, rows: Any, repetitions: int) -> Iterator[Figure]:
    signature = infer_signature(model, rows[:5], rows)
    plan, _ = lower(model, signature)
    running = Running(Plan.from_bytes(plan.to_bytes()))
    asking = Asking(model, signature)
    with one_job(model):
        for count in (1, 64):
            table = signature.validate(rows[:count])
            answer = partial(running.answer, table, probabilities=running.has_probabilities)
            ours, theirs = interleaved(
                repetitions,
                partial(_repeated, answer, 100),
                partial(_repeated, partial(asking.ask_checked, table), 5),
            )
            told = f"{what}, {count} row{'s' if count > 1 else ''}"
            goal = None if told in _TAKEN_OVER else 0.5
            yield compared(told, ours, theirs, floor_is=_PEER, within=goal)


def _differing(name: str) -> bool:
    """Whether the plan of a configuration differs from its model in any bit of many rows."""
    model, data = fitted(name)
    signature: Signature = infer_signature(model, data.rows[:5], data.rows)
    plan, lowering = lower(model, signature)
    try:
        proved, proof = prove(model, plan, lowering, signature, seconds=None, times=14)
    except NotLowered:
        return True
    assert proof.rows >= _ROWS, f"{name}: {proof.rows} rows"
    return proved.exact != "bits"


def measure(*, quick: bool = False) -> list[Figure]:
    """Measure plans of five models, and compare every configuration with its model."""
    figures: list[Figure] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for what, model, rows in _models(quick):
            figures += _speed(what, model, rows, 3 if quick else 15)
        names = list(CONFIGURATIONS)[::10] if quick else list(CONFIGURATIONS)
        wrong = sum(map(_differing, names))
    told = f"of {len(names)} models, those that differ from their plans in {_ROWS:,} rows each"
    return [*figures, Figure(told, 100 * wrong / len(names), "%", at_most=0.0)]
