"""scikit-learn stays what it is: signatures, clones, pickles; and everything is given back."""

from __future__ import annotations

import inspect
import pickle
import subprocess
from collections.abc import Callable
from typing import Any

import joblib
import pytest
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin, clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from lite_mlops.autologging import patching
from tests.autologging.conftest import Logged, Table

Python = Callable[..., subprocess.CompletedProcess[str]]


def _functions() -> dict[tuple[type, str], Any]:
    found = {}
    for cls in (ClusterMixin, TransformerMixin, BaseEstimator, *patching._below(BaseEstimator)):
        for name, value in vars(cls).items():
            found[cls, name] = value
    return found


def test_disable_gives_the_very_functions_back(switch: Any) -> None:
    before = _functions()
    switch()
    during = _functions()
    assert during[LogisticRegression, "fit"] is not before[LogisticRegression, "fit"]
    assert during[Pipeline, "fit_predict"] is not before[Pipeline, "fit_predict"]
    assert (
        during[TransformerMixin, "fit_transform"] is not before[TransformerMixin, "fit_transform"]
    )
    switch(disable=True)
    after = _functions()
    assert after.keys() == before.keys()
    assert all(after[key] is value for key, value in before.items())


def test_signature_name_and_docs_remain(switch: Any) -> None:
    before = SVC.fit
    signature = inspect.signature(before)
    switch()
    assert SVC.fit is not before
    assert inspect.signature(SVC.fit) == signature
    assert (SVC.fit.__name__, SVC.fit.__qualname__) == (before.__name__, before.__qualname__)
    assert SVC.fit.__doc__ == before.__doc__
    assert inspect.isfunction(SVC.fit)


def test_what_is_there_under_a_condition_remains_so(logged: Logged) -> None:
    assert hasattr(make_pipeline(StandardScaler(), SVC()), "decision_function")
    assert not hasattr(make_pipeline(StandardScaler(), SVC()), "fit_predictx")
    assert not hasattr(make_pipeline(StandardScaler(), SVC()), "predict_proba")
    assert not hasattr(SVC(), "predict_proba")
    assert hasattr(RandomForestClassifier(), "predict_proba")
    with pytest.raises(AttributeError, match="fit_predict"):
        make_pipeline(StandardScaler(), StandardScaler()).fit_predict([[1.0]])


def test_clones_params_and_kinds_remain(logged: Logged, classes: Table) -> None:
    model = StackingClassifier([("a", SVC(C=2))], cv=2).fit(*classes)
    again = clone(model)
    assert again.get_params()["a__C"] == 2
    assert is_classifier(again)
    assert isinstance(again, BaseEstimator)
    assert set(vars(SVC().fit(*classes))) == set(vars(SVC().fit(*classes)))


def test_sample_weight_is_still_known_to_be_taken(logged: Logged) -> None:
    from sklearn.utils.validation import has_fit_parameter

    assert has_fit_parameter(SVC(), "sample_weight")


def test_output_of_transformers_can_still_be_set(logged: Logged, classes: Table) -> None:
    scaler = StandardScaler().set_output(transform="pandas")
    assert list(scaler.fit_transform(classes[0]).columns) == ["x0", "x1", "x2", "x3"]


def test_the_files_of_models_are_the_same(switch: Any, classes: Table) -> None:
    model = RandomForestClassifier(3, random_state=0)
    without = pickle.dumps(clone(model).fit(*classes))
    switch()
    assert pickle.dumps(clone(model).fit(*classes)) == without


@pytest.mark.slow
def test_pickles_load_where_nothing_is_observed(
    logged: Logged, classes: Table, python: Python, tmp_path: Any
) -> None:
    search = GridSearchCV(make_pipeline(PCA(2), SVC()), {"svc__C": [1, 2]}, cv=2)
    joblib.dump(search.fit(*classes), tmp_path / "model.joblib")
    code = (
        "import joblib, sys; model = joblib.load(sys.argv[1]); "
        "print(model.predict([[0.0] * 4]).shape, 'lite_mlops' in sys.modules)"
    )
    assert python(code, str(tmp_path / "model.joblib")).stdout == "(1,) False\n"


def test_classes_are_not_kept_alive(logged: Logged, classes: Table) -> None:
    import gc
    import weakref

    class Short(LogisticRegression):
        def fit(self, X: Any, y: Any) -> Any:
            super().fit(X, y)
            return self

    Short().fit(*classes)
    reference = weakref.ref(Short)
    del Short
    logged.project.store.background.wait()
    gc.collect()
    assert reference() is None


def test_a_class_that_is_defined_later_is_given_back(switch: Any) -> None:
    switch()

    class Later(BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Later:
            return self

    assert hasattr(Later.fit, "__wrapped__")
    switch(disable=True)
    assert not hasattr(Later.fit, "__wrapped__")
    assert "__init_subclass__" not in vars(BaseEstimator)


_SCRIPT = """
import sys
import lite_mlops as lm
lm.autolog()
assert not {"sklearn", "numpy", "duckdb"} & set(sys.modules)
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.metrics import accuracy_score
X = [[0.0], [1.0]] * 10
y = [0, 1] * 10
StandardScaler().fit_transform(X)
model = LogisticRegression().fit(X, y)
print(accuracy_score(y, model.predict(X)))
runs = lm.current_project().runs
print([run.tags["estimator"] for run in runs.page()])
print([name for run in runs.page() for name in run.metrics if "score_X" in name])
lm.autolog(disable=True)
LogisticRegression().fit(X, y)
print(len(runs.page()))
"""


@pytest.mark.slow
def test_scikit_learn_is_observed_when_it_is_imported(python: Python) -> None:
    assert python(_SCRIPT).stdout.splitlines() == [
        "1.0",
        "['LogisticRegression', 'StandardScaler']",
        "['accuracy_score_X']",
        "2",
    ]


@pytest.mark.slow
def test_scikit_learn_is_left_alone_when_it_is_imported_after_disabling(python: Python) -> None:
    code = (
        "import sys, lite_mlops as lm; before = list(sys.meta_path); lm.autolog(); "
        "lm.autolog(disable=True); from sklearn.svm import SVC; from lite_mlops.autologging "
        "import patching; print(len(patching._classes), before == sys.meta_path)"
    )
    assert python(code).stdout == "0 True\n"
