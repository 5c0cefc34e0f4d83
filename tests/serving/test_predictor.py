"""The predictor: what a server does with rows, in this process."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lite_mlops as lm
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models import InvalidRows
from lite_mlops.project import Project
from tests.conftest import wait_until

ROWS = np.random.default_rng(1).normal(size=(100, 2))
LABELS = np.where(ROWS[:, 0] > 0, "yes", "no")


def register(project: Project) -> None:
    model = LogisticRegression().fit(ROWS, LABELS)
    project.models.register(
        model, "churn", input_example={"age": 0.0, "visits": 0.0}, training=ROWS, alias="champion"
    )


def test_rows_are_answered_judged_and_recorded(project: Project) -> None:
    register(project)
    with project.predictor("churn@champion") as predictor:
        one, other = predictor.predict([[2.0, 0.0], {"age": -90.0, "visits": 0.0}])
    assert (one.prediction, one.quality, one.warnings) == ("yes", "ok", ())
    assert (other.prediction, other.quality) == ("no", "doubtful")
    (warning,) = other.warnings
    assert (warning.column, warning.what, warning.value) == ("age", "range", -90.0)
    assert project.sql("SELECT prediction_id FROM predictions ORDER BY 1").rows == (
        (one.id,),
        (other.id,),
    )


def test_a_forest_answers_in_one_thread_whatever_it_was_fitted_with(project: Project) -> None:
    forest = RandomForestClassifier(5, n_jobs=2, random_state=0)
    model = make_pipeline(StandardScaler(), forest).fit(ROWS, LABELS)
    project.models.register(model, "churn", training=ROWS)
    with project.predictor("churn/1") as predictor:
        asked = predictor._endpoint.current.asking.model
        assert asked.get_params()["randomforestclassifier__n_jobs"] == 1
        assert [one.prediction for one in predictor.predict(ROWS)] == model.predict(ROWS).tolist()


def test_it_follows_the_alias_and_stops_when_it_is_closed(project: Project) -> None:
    register(project)
    with project.predictor("churn@champion") as predictor:
        register(project)
        wait_until(lambda: predictor.version.version == 2)
    assert "lite-mlops-follow" not in {thread.name for thread in threading.enumerate()}
    register(project)
    assert predictor.version.version == 2
    assert predictor.predict([[1.0, 1.0]]).version.version == 2


def test_module_function_acts_on_the_current_project(project: Project) -> None:
    register(project)
    lm.use_project(project)
    with lm.predictor("churn/1", record=False) as predictor:
        assert repr(predictor) == "Predictor('churn/1')"
        assert predictor.predict({"age": 3.0, "visits": 0.0})[0].prediction == "yes"
    assert project.sql("SELECT 1 FROM predictions").rows == ()


def test_unknown_columns_are_refused_unless_they_are_to_be_ignored(project: Project) -> None:
    register(project)
    row = {"age": 1.0, "visits": 0.0, "note": "x"}
    with project.predictor("churn") as predictor:
        with pytest.raises(InvalidRows, match="note is not known"):
            predictor.predict([row])
        assert len(predictor.predict([row], ignore_unknown=True)) == 1
        with pytest.raises(Invalid, match="there are no rows"):
            predictor.predict([])


def test_a_reference_to_nothing(project: Project) -> None:
    with pytest.raises(NotFound):
        project.predictor("churn@champion")
