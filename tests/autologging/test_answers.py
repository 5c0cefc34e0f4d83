"""What a model is asked after its fit: once where once will do, for a sample that it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from lite_mlops.autologging.training import Training, answers_of, predicts_the_highest
from tests.autologging.conftest import Logged

_FOREST = RandomForestClassifier(6, max_depth=2, random_state=0)
_ASKED_ONCE = [
    _FOREST,
    ExtraTreesClassifier(5, max_depth=2, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(max_depth=1), 4, random_state=0),  # with ties
    CalibratedClassifierCV(GaussianNB(), cv=2),
    make_pipeline(StandardScaler(), _FOREST),
    GridSearchCV(make_pipeline(_FOREST), {"randomforestclassifier__max_depth": [1, 2]}, cv=2),
]


class Contrary(RandomForestClassifier):
    """Says another class than the likeliest one."""

    def predict(self, X: Any) -> Any:
        return super().predict(X)[::-1]


@pytest.mark.parametrize("model", _ASKED_ONCE, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("classes", [2, 3])
def test_the_highest_probability_is_what_the_model_predicts(model: Any, classes: int) -> None:
    features, labels = make_classification(
        300, 6, n_informative=4, n_classes=classes, random_state=0
    )
    names = np.array(["ash", "beech", "oak"])[labels]
    model = clone(model).fit(features, names)
    assert predicts_the_highest(model)
    answers = answers_of(
        model, Training(features, names), seconds=60, with_scores=True, all_rows=True
    )
    order = np.random.default_rng(0).choice(300, 300, replace=False)
    assert answers.predicted.tolist() == model.predict(features[order]).tolist()
    assert answers.truth is not None
    assert answers.truth.tolist() == names[order].tolist()
    assert np.array_equal(answers.scores, model.predict_proba(features)[order])  # type: ignore[arg-type]
    assert not answers.sampled


@pytest.mark.parametrize(
    "model",
    [
        SVC(),
        LogisticRegression(),
        DecisionTreeClassifier(),
        Contrary(),
        make_pipeline(Contrary(3)),
        make_pipeline(StandardScaler(), "passthrough"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_other_models_are_asked_for_both(model: Any) -> None:
    assert not predicts_the_highest(model)


def test_a_model_that_says_otherwise_is_believed(logged: Logged) -> None:
    features, labels = make_classification(90, 4, random_state=0)
    model = Contrary(5, random_state=0).fit(features, labels)
    expected = np.mean(model.predict(features) == labels)
    assert logged.metrics()["training_accuracy_score"] == expected


def test_answers_come_from_any_container() -> None:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    features, labels = make_classification(250, 4, random_state=0)
    found = []
    for data in (features, features.tolist(), csr_matrix(features), pd.DataFrame(features)):
        model = LogisticRegression().fit(data, labels)
        training = Training(data, labels.tolist(), np.ones(250))
        answers = answers_of(model, training, seconds=60, with_scores=True, all_rows=True)
        found.append(np.mean(answers.predicted == answers.truth))
        assert answers.rows == answers.of == 250
    assert len(set(found)) == 1
    rows = np.array([3, 1])
    frame = Training(pl.DataFrame({"a": [1, 2, 3, 4]}), pl.Series([5, 6, 7, 8])).at(rows)
    assert frame.data["a"].to_list() == [4, 2]
    assert frame.target.to_list() == [8, 6]
    table = Training(pa.table({"a": [1, 2, 3, 4]}), pa.array([5, 6, 7, 8])).at(rows)
    assert table.data["a"].to_pylist() == [4, 2]
    assert table.target.to_pylist() == [8, 6]


def test_truth_is_kept_as_it_was() -> None:
    features, labels = make_classification(50, 4, random_state=0)
    model = LogisticRegression().fit(features, labels)
    answers = answers_of(model, Training(features, labels), seconds=1, with_scores=False)
    before = labels.tolist()
    labels[:] = 7
    assert answers.truth is not None
    assert answers.truth.tolist() == before
