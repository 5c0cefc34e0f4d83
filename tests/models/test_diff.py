"""What differs between two versions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.project import Project
from tests.conftest import Prepared

X = np.array([[0.0, 5.0], [1.0, 4.0], [2.0, 6.0], [3.0, 1.0]])
Y = ["no", "no", "yes", "yes"]


def log(project: Project, model: object, auc: float, rows: int) -> None:
    with project.start_run() as run:
        run.log_params({"C": getattr(model, "C", "none"), "kept": "same"})
        run.log_metric("auc", auc)
        run.log_evaluation([0, 1] * rows, [0, 1] * rows, name="test")
        project.log_dataset({"visits": list(range(rows))}, "customers")
        project.log_model(model, "churn", input_example=X)


def _make_churn(project: Project) -> None:
    log(project, LogisticRegression(C=0.01).fit(X, Y), 0.8, 30)
    log(project, LogisticRegression(C=1.0).fit(X, Y[::-1]), 0.9, 30)


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def test_origin_and_answers_are_compared(churn: Project) -> None:
    found = churn.models.diff("churn/1", "churn/2")
    assert [(row.name, row.values) for row in found.params] == [("C", ("0.01", "1.0"))]
    (auc,) = found.metrics
    assert (auc.name, auc.values) == ("auc", (0.8, 0.9))
    assert found.data == ()  # the same version
    assert found.signature == ()
    assert {row.name for row in found.importances} == {"x0", "x1"}
    assert {"SHA-256"} <= {row.name for row in found.file}
    assert found.answers is not None
    first, second = (churn.models.load(name).predict(X) for name in ("churn/1", "churn/2"))
    assert found.answers.changed == int((first != second).sum()) > 0
    assert found.answers.rows == 4
    assert "answered differently" in found.answers.text
    assert [pair.name for pair in found.evaluations] == ["test"]
    told = json.loads(json.dumps(found.to_dict()))
    assert told["answers"]["sample"] == "input example of churn/2"


def test_numbers_are_compared_by_their_difference(project: Project) -> None:
    x, y = load_diabetes(return_X_y=True)
    for model in (LinearRegression(), Ridge(alpha=1.0)):
        project.models.register(model.fit(x, y), "sugar", input_example=x[:50])
    found = project.models.diff("sugar/1", "sugar/2")
    first, second = (project.models.load(name).predict(x[:50]) for name in ("sugar/1", "sugar/2"))
    assert found.answers is not None
    assert found.answers.changed is None
    assert found.answers.largest == pytest.approx(np.abs(second - first).max())
    assert found.answers.mean == pytest.approx(np.abs(second - first).mean())


def test_another_kind_of_model_and_another_signature_are_told(churn: Project) -> None:
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(X[:, :1], Y)
    churn.models.register(forest, "churn", input_example=X[:, :1])
    found = churn.models.diff("churn/1", "churn/3")
    assert any(row.name == "class" for row in found.file)
    assert found.signature
    assert found.answers is None
    assert found.no_answers is not None
    assert "cannot be answered" in found.no_answers


def test_without_rows_the_answers_are_not_compared(project: Project) -> None:
    for strength in (1.0, 2.0):
        project.models.register(LogisticRegression(C=strength).fit(X, Y), "churn")
    found = project.models.diff("churn/1", "churn/2")
    assert found.answers is None
    assert found.no_answers == "neither version was registered with an input example."


def test_a_file_that_is_damaged_is_told_and_the_rest_is_compared(churn: Project) -> None:
    path = churn.store.objects.path(churn.models.get("churn/1").sha256)
    path.chmod(0o600)
    path.write_bytes(b"other")
    found = churn.models.diff("churn/1", "churn/2")
    assert found.no_answers is not None
    assert found.no_answers.startswith("churn/1 cannot be loaded: ")
    assert found.params


def test_two_versions_are_needed(churn: Project) -> None:
    with pytest.raises(Invalid, match="are both churn/2; name two versions"):
        churn.models.diff("churn/2", "churn")
    with pytest.raises(NotFound, match="has no version 7"):
        churn.models.diff("churn/1", "churn/7")
