"""A parameter search: one run with the table, and runs for its best candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from lite_mlops.tracking import Run
from tests.autologging.conftest import Logged, Table

_GRID = {"C": [0.01, 0.1, 1.0, 10.0]}


def _family(logged: Logged) -> tuple[Run, list[Run]]:
    runs = logged.runs()
    (parent,) = [run for run in runs if run.parent_id is None]
    children = [run for run in runs if run.parent_id == parent.id]
    assert len(children) == len(runs) - 1
    return parent, children


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(LogisticRegression(), _GRID, cv=2),
        RandomizedSearchCV(LogisticRegression(), _GRID, n_iter=3, cv=2, random_state=0),
        HalvingGridSearchCV(LogisticRegression(), _GRID, cv=2, random_state=0),
        HalvingRandomSearchCV(LogisticRegression(), _GRID, n_candidates=4, cv=2, random_state=0),
    ],
    ids=lambda search: type(search).__name__,
)
def test_a_search(logged: Logged, classes: Table, search: Any) -> None:
    search.fit(*classes)
    parent, children = _family(logged)
    assert parent.params["best_C"] == str(search.best_params_["C"])
    assert parent.metrics["best_cv_score"].value == pytest.approx(search.best_score_)
    assert len(children) == len(search.cv_results_["params"])
    scores = sorted(search.cv_results_["mean_test_score"])
    found = sorted(child.metrics["mean_test_score"].value for child in children)
    assert found == pytest.approx(scores)
    assert all(child.status == "finished" and child.params["C"] for child in children)
    assert all("std_test_score" in child.metrics for child in children)


def test_the_whole_table_is_kept(logged: Logged, classes: Table) -> None:
    search = GridSearchCV(LogisticRegression(), _GRID, cv=2).fit(*classes)
    parent, _ = _family(logged)
    import json

    data = logged.project.runs.read_artifact(parent.id, "search/cv_results.json")
    table = json.loads(data)
    assert table["columns"] == list(search.cv_results_)
    place = table["columns"].index("mean_test_score")
    kept = [row[place] for row in table["data"]]
    assert kept == pytest.approx(search.cv_results_["mean_test_score"].tolist())


def test_only_the_best_get_a_run(switch: Any, logged: Logged, classes: Table) -> None:
    switch(max_child_runs=2)
    search = GridSearchCV(LogisticRegression(), _GRID, cv=2).fit(*classes)
    _, children = _family(logged)
    ranks = sorted(search.cv_results_["rank_test_score"])[:2]
    assert sorted(child.metrics["rank_test_score"].value for child in children) == ranks
    switch(max_child_runs=0)
    GridSearchCV(LogisticRegression(), _GRID, cv=2).fit(*classes)
    assert len(logged.runs()) == 4


def test_children_are_named_by_their_params(logged: Logged, classes: Table) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    grid = {"logisticregression__C": [1, 2], "standardscaler": [MinMaxScaler()]}
    GridSearchCV(model, grid, cv=2).fit(*classes)
    _, children = _family(logged)
    names = {child.name for child in children}
    assert names == {"C=1, standardscaler=MinMaxScaler()", "C=2, standardscaler=MinMaxScaler()"}


def test_several_metrics(logged: Logged, classes: Table) -> None:
    search = GridSearchCV(
        LogisticRegression(), _GRID, cv=2, scoring=["accuracy", "f1"], refit="f1"
    ).fit(*classes)
    parent, children = _family(logged)
    assert parent.metrics["best_cv_score"].value == pytest.approx(search.best_score_)
    assert {"mean_test_f1", "std_test_accuracy"} <= set(children[0].metrics)


def test_a_grid_of_several_grids(logged: Logged, classes: Table) -> None:
    grid = [{"C": [1, 2]}, {"fit_intercept": [False]}]
    GridSearchCV(LogisticRegression(), grid, cv=2).fit(*classes)
    _, children = _family(logged)
    assert sorted(tuple(child.params) for child in children) == [("C",), ("C",), ("fit_intercept",)]


def test_without_a_refit_there_is_no_model(
    logged: Logged, classes: Table, warnings_of: Any
) -> None:
    GridSearchCV(LogisticRegression(), _GRID, cv=2, refit=False).fit(*classes)
    parent, children = _family(logged)
    assert len(children) == 4
    assert not [a.path for a in parent.artifacts if a.path.startswith(("model", "plots"))]
    assert warnings_of() == []


@pytest.mark.filterwarnings("ignore")
def test_candidates_that_failed_come_last(switch: Any, logged: Logged, classes: Table) -> None:
    switch(max_child_runs=1, silent=True)
    features, labels = classes
    search = GridSearchCV(LogisticRegression(), {"C": [np.nan, 1.0]}, cv=2)
    search.fit(features, labels)
    _, (child,) = _family(logged)
    assert child.params["C"] == "1.0"


def test_the_model_of_a_search_is_its_best_estimator(logged: Logged, classes: Table) -> None:
    import io

    import joblib

    GridSearchCV(LogisticRegression(), _GRID, cv=2).fit(*classes)
    parent, _ = _family(logged)
    data = logged.project.runs.read_artifact(parent.id, "model/model.joblib")
    assert type(joblib.load(io.BytesIO(data))).__name__ == "LogisticRegression"


def test_a_search_within_a_run(logged: Logged, classes: Table) -> None:
    logged.project.set_experiment("churn")
    with logged.project.start_run("mine"):
        GridSearchCV(LogisticRegression(), _GRID, cv=2).fit(*classes)
    parent, children = _family(logged)
    assert parent.name == "mine"
    assert {child.experiment for child in children} == {"churn"}
