"""Models that a run kept without registering them: named, loaded and registered."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import lite_mlops
from lite_mlops import verbs
from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.project import Project

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
Y = [0, 0, 1, 1]


@pytest.fixture
def run(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run whose model was kept by autologging."""
    monkeypatch.setattr(verbs._Current, "project", project)
    with lite_mlops.start_run("trial") as active, lite_mlops.autolog(silent=True):
        LogisticRegression(C=0.5).fit(X, Y)
    return active.id


def test_what_a_run_kept_is_named_and_loaded(project: Project, run: str) -> None:
    version = project.models.get(f"runs:/{run}/model")
    assert (version.model, version.version, version.run_id) == (f"runs:/{run}/model", 0, run)
    assert version.name == f"runs:/{run}/model"
    assert version.signature.features == ("x0", "x1")
    assert version.metrics["training_accuracy_score"] == 1.0
    model = project.models.load(f"runs:/{run}/model")
    assert model.C == 0.5
    assert project.models.get(f"runs:/{run[:12]}/model") == version  # the beginning is enough


def test_it_is_registered_without_being_copied(project: Project, run: str) -> None:
    kept = project.models.get(f"runs:/{run}/model")
    objects = {entry[0] for entry in project.store.objects.all()}
    version = lite_mlops.register_model(f"runs:/{run}/model", "churn", alias="champion")
    assert (version.name, version.aliases, version.run_id) == ("churn/1", ("champion",), run)
    assert (version.sha256, version.signature) == (kept.sha256, kept.signature)
    plan = project.models.plan("churn/1")
    assert plan.used
    assert {entry[0] for entry in project.store.objects.all()} == {*objects, plan.plan}
    again = lite_mlops.register_model("churn/1", "other")
    assert project.models.plan(again.name).plan == plan.plan
    assert version.params["C"] == "0.5"
    assert list(version.data.values()) == ["training"]
    again = lite_mlops.register_model(lite_mlops.get_run(run), "churn")
    assert again.name == "churn/2"
    assert lite_mlops.register_model("churn/2", "fraud").sha256 == kept.sha256
    path = project.store.objects.path(kept.sha256)
    assert lite_mlops.register_model(path, "fraud").version == 2
    assert lite_mlops.register_model(str(path), "fraud").version == 3


def test_what_a_run_registered_is_named_by_the_run_as_well(project: Project) -> None:
    model = LogisticRegression().fit(X, Y)
    with project.start_run() as active:
        project.log_model(model, "churn")
        project.log_model(model, "churn")
    assert project.models.get(f"runs:/{active.id}/churn").name == "churn/2"
    with pytest.raises(NotFound, match="It registered churn/1, churn/2"):
        project.models.get(f"runs:/{active.id}/model")
    with project.start_run() as single:
        project.log_model(model, "fraud")
    assert project.models.get(f"runs:/{single.id}/model").name == "fraud/1"


def test_what_is_not_there_is_told(project: Project, run: str) -> None:
    with pytest.raises(NotFound, match="There is no run 'zzz'"):
        project.models.get("runs:/zzz/model")
    with pytest.raises(NotFound, match=f"Run {run} kept no model as 'other'"):
        project.models.get(f"runs:/{run}/other")
    with project.start_run() as bare:
        bare.log_text("x", "model/model.joblib")
    with pytest.raises(Invalid, match=r"has no signature\.json beside it"):
        project.models.get(f"runs:/{bare.id}/model")
    with pytest.raises(Conflict, match="Several runs begin with"):
        project.models.get(f"runs:/{bare.id[:4]}/model")
    with pytest.raises(Invalid, match="names a model of a run; a registered version is needed"):
        project.models.remove(f"runs:/{run}/model")
