"""Scores and metrics that are computed later go to the run of the model."""

from __future__ import annotations

import gc
import pickle
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import GridSearchCV

from lite_mlops.autologging import patching
from lite_mlops.project import Project
from tests.autologging.conftest import Logged, Table


def test_a_score_is_named_after_the_data(logged: Logged, classes: Table) -> None:
    X_train, y_train = classes
    X_test, y_test = X_train[:20], y_train[:20]
    model = LogisticRegression().fit(X_train, y_train)
    score = model.score(X_test, y_test)
    assert logged.metrics()["score_X_test"] == score


def test_a_metric_of_predictions_is_named_after_their_data(logged: Logged, classes: Table) -> None:
    X_train, y_train = classes
    X_test, y_test = X_train[:20], y_train[:20]
    model = LogisticRegression().fit(X_train, y_train)
    predicted = model.predict(X_test)
    assert logged.run().status == "finished"
    value = accuracy_score(y_test, predicted)
    macro = f1_score(y_test, y_pred=predicted, average="macro")
    sklearn.metrics.roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    sklearn.metrics.confusion_matrix(y_test, predicted)
    sklearn.metrics.classification_report(y_test, predicted)
    found = logged.metrics()
    assert found["accuracy_score_X_test"] == value
    assert found["f1_score_macro_X_test"] == macro
    assert "roc_auc_score_X_test" in found
    assert not [name for name in found if "matrix" in name or "report" in name]


def test_each_model_has_its_own(logged: Logged, classes: Table) -> None:
    features, labels = classes
    first = LogisticRegression().fit(features, labels)
    second = LogisticRegression(C=9).fit(features, labels)
    one, two = first.predict(features), second.predict(features)
    accuracy_score(labels, two)
    accuracy_score(labels, one)
    accuracy_score(labels, one)
    points = [run.metrics["accuracy_score_features"].points for run in logged.runs()]
    assert points == [2, 1]


def test_a_model_that_is_fitted_again_belongs_to_the_new_run(
    logged: Logged, classes: Table
) -> None:
    features, labels = classes
    model = LogisticRegression().fit(features, labels)
    model.fit(features, labels)
    model.score(features, labels)
    scored = ["score_features" in run.metrics for run in logged.runs()]
    assert scored == [False, True]


def test_the_best_estimator_of_a_search_belongs_to_it(logged: Logged, classes: Table) -> None:
    features, labels = classes
    search = GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=2).fit(features, labels)
    search.best_estimator_.score(features, labels)
    parent = next(run for run in logged.runs() if run.parent_id is None)
    assert "score_features" in parent.metrics


def test_labels_of_fit_predict_are_predictions(logged: Logged, classes: Table) -> None:
    features, labels = classes
    found = KMeans(2, n_init=1).fit_predict(features)
    sklearn.metrics.adjusted_rand_score(labels, found)
    assert "adjusted_rand_score_features" in logged.metrics()


def test_metrics_of_unknown_predictions_are_not_logged(logged: Logged, classes: Table) -> None:
    features, labels = classes
    LogisticRegression().fit(features, labels)
    accuracy_score(labels, labels)
    assert "accuracy_score" not in logged.metrics()


def test_nothing_is_kept_alive(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model = LogisticRegression().fit(features, labels)
    predicted = model.predict(features)
    watch: Any = patching.seen_by()
    assert (len(watch._models), len(watch._predictions)) == (1, 1)
    del model, predicted
    logged.project.store.background.wait()
    gc.collect()
    assert (len(watch._models), len(watch._predictions)) == (0, 0)


def test_metrics_remain_what_they_were(logged: Logged) -> None:
    original = accuracy_score.__wrapped__
    assert accuracy_score.__name__ == "accuracy_score"
    assert accuracy_score.__doc__ == original.__doc__
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        accuracy_score([1, 0], [1])


def test_metrics_are_pickled_as_the_functions(switch: Any) -> None:
    before = sklearn.metrics.accuracy_score
    switch()
    assert accuracy_score is not before
    for function in (before, accuracy_score, sklearn.metrics.accuracy_score):
        assert pickle.loads(pickle.dumps(function)) is before
    scorer = pickle.loads(pickle.dumps(make_scorer(accuracy_score)))
    assert scorer._score_func is before


def test_the_metrics_come_back(project: Project, switch: Any) -> None:
    before = {name: getattr(sklearn.metrics, name) for name in sklearn.metrics.__all__}
    mine = accuracy_score
    switch()
    assert accuracy_score is not mine
    switch(disable=True)
    assert accuracy_score is mine
    assert {name: getattr(sklearn.metrics, name) for name in sklearn.metrics.__all__} == before


def test_a_result_that_is_no_number_is_passed_through(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model = LogisticRegression().fit(features, labels)
    matrix = sklearn.metrics.confusion_matrix(labels, model.predict(features))
    assert np.shape(matrix) == (2, 2)
