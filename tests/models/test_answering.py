"""Asking a model once: the labels that follow from probabilities are those that `predict` gives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from sklearn.utils import all_estimators

from lite_mlops.models import Asking, infer_signature
from lite_mlops.models.answering import _MOST_PROBABLE

CLASSIFIERS = {name: kind for name, kind in all_estimators("classifier") if name in _MOST_PROBABLE}


class Counting:
    """A fitted model that counts how often it is asked for labels."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict(self, rows: Any) -> Any:
        self.asked += 1
        return self.model.predict(rows)


def test_every_classifier_of_the_list_is_there() -> None:
    assert set(CLASSIFIERS) == _MOST_PROBABLE


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_labels_are_those_that_predict_gives(name: str, classes: int) -> None:
    features, target = make_classification(
        400, 6, n_informative=4, n_redundant=0, n_classes=classes, random_state=classes
    )
    labels = np.array(["no", "yes", "maybe"])[target]
    model = make_pipeline(MinMaxScaler(), CLASSIFIERS[name]())
    if name == "CategoricalNB":
        features = np.round(MinMaxScaler().fit_transform(features) * 3)
        model = CLASSIFIERS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(features[:200], labels[:200])
        asking = Asking(model, infer_signature(model, features[:200]))
        answers = asking.ask(features)
        assert answers.predicted.tolist() == model.predict(features).tolist()
    assert answers.probabilities is not None


def test_a_draw_is_left_to_predict() -> None:
    rows = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    model = LogisticRegression().fit(rows, ["no", "yes"] * 2)
    counting = Counting(model)
    asking = Asking(counting, infer_signature(model, rows))
    asking._classes = model.classes_
    assert asking.ask([[0.5], [-0.5]]).predicted.tolist() == ["yes", "no"]
    assert counting.asked == 0
    model.intercept_[:] = 1e-17
    assert asking.ask([[0.0]]).predicted.tolist() == ["yes"]
    assert counting.asked == 1


def test_a_model_with_a_threshold_of_its_own_is_asked() -> None:
    rows = np.linspace(-1, 1, 50)[:, None]
    labels = np.where(rows[:, 0] > 0, "yes", "no")
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.9, pos_label="yes")
    model.fit(rows, labels)
    asking = Asking(model, infer_signature(model, rows))
    assert asking.ask(rows).predicted.tolist() == model.predict(rows).tolist()
    assert asking.ask([[0.1]]).predicted.tolist() == ["no"]


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(2, bootstrap=False, random_state=0),
        ExtraTreesClassifier(2, random_state=0),
        DecisionTreeClassifier(random_state=0),
        ExtraTreeClassifier(random_state=0),
    ],
)
def test_trees_that_are_undecided_are_asked_once(model: Any) -> None:
    rows = np.repeat(np.arange(20.0), 10).reshape(-1, 1)
    labels = np.tile(["b", "a"], 100)
    model.fit(rows, labels)
    expected = model.predict(rows)
    asking = Asking(model, infer_signature(model, training=rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(model), "predict", None, raising=False)
        found = asking.ask(rows)
    assert found.probabilities is not None
    assert (found.probabilities == 0.5).any()
    assert found.predicted.tolist() == expected.tolist()
