"""Only the outermost fit is logged, and how it joins a run of the user."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn import ensemble, linear_model, model_selection
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import k_means
from sklearn.compose import TransformedTargetRegressor
from sklearn.feature_selection import RFECV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, StandardScaler

from lite_mlops.project import Project
from tests.autologging.conftest import Logged, Table

_LOGISTIC = linear_model.LogisticRegression()


@pytest.mark.parametrize(
    "model",
    [
        ensemble.VotingClassifier([("a", GaussianNB()), ("b", _LOGISTIC)]),
        ensemble.StackingClassifier([("a", GaussianNB()), ("b", _LOGISTIC)], cv=2),
        ensemble.BaggingClassifier(_LOGISTIC, n_estimators=3),
        ensemble.AdaBoostClassifier(n_estimators=3),
        ensemble.RandomForestClassifier(4, n_jobs=2),
        OneVsRestClassifier(_LOGISTIC),
        CalibratedClassifierCV(_LOGISTIC, cv=2),
        RFECV(_LOGISTIC, cv=2),
        make_pipeline(make_pipeline(StandardScaler()), _LOGISTIC),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_an_estimator_fits_inside_is_not_logged(
    logged: Logged, classes: Table, model: Any
) -> None:
    clone(model).fit(*classes)
    assert logged.run().tags["estimator"] == type(model).__name__


def test_members_fitted_in_threads_are_not_logged(logged: Logged, classes: Table) -> None:
    from joblib import parallel_config

    model = ensemble.VotingClassifier([("a", GaussianNB()), ("b", _LOGISTIC)], n_jobs=2)
    with parallel_config("threading"):
        model.fit(*classes)
    assert logged.run().tags["estimator"] == "VotingClassifier"


def test_cross_validation_logs_nothing(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model_selection.cross_val_score(_LOGISTIC, features, labels, cv=2)
    model_selection.cross_validate(_LOGISTIC, features, labels, cv=2, return_estimator=True)
    model_selection.cross_val_predict(_LOGISTIC, features, labels, cv=2)
    model_selection.learning_curve(_LOGISTIC, features, labels, cv=2, train_sizes=[0.5])
    assert not logged.project.exists


def test_functions_of_the_library_log_nothing(logged: Logged) -> None:
    k_means(np.arange(20.0).reshape(-1, 1), 2, n_init=1)
    assert not logged.project.exists


def test_a_regressor_on_a_transformed_target(logged: Logged, numbers: Table) -> None:
    TransformedTargetRegressor(linear_model.Ridge(), transformer=StandardScaler()).fit(*numbers)
    assert logged.run().params["regressor__alpha"] == "1.0"


class Committee(ClassifierMixin, BaseEstimator):
    """An estimator of a user, which fits others by itself or with joblib."""

    def __init__(self, *, threads: bool = False) -> None:
        self.threads = threads

    def fit(self, X: Any, y: Any) -> Committee:
        models = [clone(_LOGISTIC) for _ in range(3)]
        if self.threads:
            calls = [delayed(model.fit)(X, y) for model in models]
            self.models_ = Parallel(n_jobs=2, backend="threading")(calls)
        else:
            self.models_ = [model.fit(X, y) for model in models]
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return self.models_[0].predict(X)


@pytest.mark.parametrize("threads", [False, True])
def test_what_an_estimator_of_the_user_fits_is_not_logged(
    logged: Logged, classes: Table, *, threads: bool
) -> None:
    Committee(threads=threads).fit(*classes)
    run = logged.run()
    assert run.tags["estimator"] == "Committee"
    assert run.metrics["training_accuracy_score"].value > 0.5


def test_an_estimator_defined_before_and_after(
    project: Project, switch: Any, classes: Table
) -> None:
    switch()

    class Later(Committee):
        def fit(self, X: Any, y: Any) -> Committee:
            return super().fit(X, y)

    Later().fit(*classes)
    assert Logged(project).run().tags["estimator"] == "Later"


# -- joining a run -------------------------------------------------------------------------------


def test_a_fit_joins_the_active_run(logged: Logged, classes: Table) -> None:
    with logged.project.start_run("mine") as run:
        linear_model.LogisticRegression(C=2).fit(*classes)
        run.log_metric("own", 1)
        assert run.status == "running"
    found = logged.run()
    assert found.name == "mine"
    assert found.params["C"] == "2"
    assert {"own", "training_accuracy_score"} <= set(found.metrics)


def test_several_fits_in_one_run_are_told_apart(logged: Logged, classes: Table) -> None:
    features, labels = classes
    with logged.project.start_run():
        scaled = StandardScaler().fit_transform(features)
        LabelEncoder().fit(labels)
        linear_model.LogisticRegression(C=2).fit(scaled, labels)
        linear_model.LogisticRegression(C=3).fit(scaled, labels)
    run = logged.run()
    assert run.params["StandardScaler.with_mean"] == "True"
    assert run.params["C"] == "2"
    assert run.params["LogisticRegression-2.C"] == "3"
    assert {"training_accuracy_score", "LogisticRegression-2.training_accuracy_score"} <= set(
        run.metrics
    )
    assert {"model/model.joblib", "LogisticRegression-2/model/model.joblib"} <= set(logged.paths())


def test_what_is_logged_inside_a_fit_goes_to_its_run(logged: Logged) -> None:
    def noted(values: Any) -> Any:
        run = logged.project.active_run()
        assert run is not None
        run.log_metric("seen", len(values))
        return values

    FunctionTransformer(noted, validate=True).fit_transform(np.ones((3, 1)))
    assert logged.metrics()["seen"] == 3
