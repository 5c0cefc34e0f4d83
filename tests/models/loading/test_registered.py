"""Model files: nothing of one is executed before its hash was checked."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import lite_mlops
from lite_mlops import verbs
from lite_mlops.errors import Damaged, Invalid
from lite_mlops.models.loading import LIMIT, ModelFile, load_model, save_model
from lite_mlops.project import Project
from tests.conftest import Prepared


class Marker:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def _make_registered(project: Project) -> None:
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = LogisticRegression().fit(rows, ["no", "no", "yes", "yes"])
    project.models.register(model, "churn")
    project.models.set_alias("churn", "champion", 1)


@pytest.fixture
def registered(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_registered)


def test_what_is_loaded_is_what_was_saved(registered: Project) -> None:
    for reference in ("churn", "churn/1", "churn@champion", "models:/churn@champion"):
        model = registered.models.load(reference)
        assert model.predict([[0.0], [3.0]]).tolist() == ["no", "yes"]


def test_the_module_function_loads_from_the_current_project(
    registered: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs._Current, "project", registered)
    assert lite_mlops.load_model("churn").n_features_in_ == 1


@pytest.mark.parametrize("write", [pickle.dump, joblib.dump], ids=["pickle", "joblib"])
def test_a_file_that_was_replaced_is_never_executed(
    registered: Project, tmp_path: Path, write: Any
) -> None:
    version = registered.models.get("churn")
    path = registered.store.objects.path(version.sha256)
    with path.open("wb") as file:
        write(Marker(tmp_path / "executed"), file)
    for load in (registered.models.load, registered.endpoint):
        with pytest.raises(
            Damaged, match="The file of model version churn/1 is damaged: it should"
        ):
            load("churn@champion")
    assert not (tmp_path / "executed").exists()
    joblib.load(path)  # it would have been
    assert (tmp_path / "executed").exists()


def test_a_file_with_a_trailing_byte_is_damaged(registered: Project) -> None:
    path = registered.store.objects.path(registered.models.get("churn").sha256)
    with path.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(Damaged, match="damaged"):
        registered.models.load("churn")


def test_a_file_that_is_gone_is_told(registered: Project) -> None:
    registered.store.objects.path(registered.models.get("churn").sha256).unlink()
    with pytest.raises(Damaged, match="The file of model version churn/1 is missing from the "):
        registered.models.load("churn")


def test_equal_models_are_one_file(project: Project) -> None:
    one = save_model(project.store.objects, {"weights": [1, 2]}, limit=LIMIT)
    other = save_model(project.store.objects, {"weights": [1, 2]}, limit=LIMIT)
    assert one == other
    assert len(list(project.store.objects.all())) == 1
    assert load_model(project.store.objects, ModelFile(one.sha256, one.size)) == {"weights": [1, 2]}


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lambda row: row, "this function cannot be pickled: "),
        (threading.Lock(), "this lock cannot be written to a file: cannot pickle"),
        (
            (number for number in range(3)),
            "this generator cannot be written to a file",
        ),
    ],
    ids=["function", "lock", "generator"],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    project: Project, model: Any, text: str
) -> None:
    project.create()
    with pytest.raises(Invalid, match=text):
        save_model(project.store.objects, model, limit=LIMIT)
    assert list(project.store.objects.all()) == []
