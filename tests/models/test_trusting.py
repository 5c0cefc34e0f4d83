"""Trust: what a file imports beyond the shipped list is named, confirmed once and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import lite_mlops
from lite_mlops.errors import Denied, Invalid, NotFound
from lite_mlops.models import PythonModel, Untrusted
from lite_mlops.project import Project

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]])
Y = [0, 0, 1, 1]
OWN = "tests.models.test_trusting:Doubler"


class Doubler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A step of the user's own."""

    def fit(self, rows: Any, target: Any = None) -> Doubler:  # noqa: ARG002
        """Do nothing."""
        return self

    def transform(self, rows: Any) -> Any:
        """Return twice the numbers."""
        return np.asarray(rows) * 2


@pytest.fixture
def model() -> Any:
    return make_pipeline(Doubler(), LogisticRegression()).fit(X, Y)


def test_a_model_of_known_packages_needs_no_trust(project: Project) -> None:
    version = project.models.register(LogisticRegression().fit(X, Y), "plain")
    assert project.models.needs(version.name) == ()
    assert version.trusted == ()


def test_what_is_not_confirmed_is_told_and_not_loaded(
    project: Project, model: Any, warnings_of: Callable[[], list[str]]
) -> None:
    version = project.models.register(model, "churn", input_example=X)
    (told,) = warnings_of()
    assert told == (
        f"churn/1 cannot be loaded yet: its file imports {OWN}, which is not on the shipped list. "
        "If you know it, confirm it once: `lite-mlops models trust churn/1`, or trust=[...]."
    )
    assert project.models.needs(version.name) == (OWN,)
    with pytest.raises(Untrusted, match="would import what is not known to be safe") as refused:
        project.models.load("churn")
    assert refused.value.imports == (OWN,)
    assert project.models.trust("churn/1", reason="it is mine").trusted == (OWN,)
    assert project.models.load("churn").predict(X).tolist() == model.predict(X).tolist()
    assert project.models.needs("churn/1") == ()
    rows = project.sql("SELECT record ->> 'reason' FROM decisions WHERE kind = 'version_trusted'")
    assert rows.rows == (("it is mine",),)


@pytest.mark.parametrize("trust", [True, [OWN], OWN])
def test_it_is_confirmed_in_code(project: Project, model: Any, trust: Any) -> None:
    version = project.models.register(model, "churn", input_example=X, trust=trust)
    assert version.trusted == (OWN,)
    assert project.models.load("churn").predict(X).tolist() == model.predict(X).tolist()


def test_the_next_versions_need_no_second_word(
    project: Project, model: Any, warnings_of: Callable[[], list[str]]
) -> None:
    project.models.register(model, "churn", input_example=X, trust=[OWN])
    assert project.models.register(model, "churn", input_example=X).trusted == (OWN,)
    assert warnings_of() == []
    assert (
        project.models.register(model, "other", input_example=X).trusted == ()
    )  # another model is another matter


def test_only_what_the_file_needs_is_confirmed(project: Project, model: Any) -> None:
    project.models.register(model, "churn", input_example=X)
    with pytest.raises(Invalid, match=f"does not need 'os:system'; it needs {OWN}"):
        project.models.trust("churn/1", ["os:system"])
    with pytest.raises(NotFound, match="has no version 2"):
        project.models.trust("churn/2")
    assert project.models.get("churn/1").trusted == ()


def test_a_file_is_registered_after_it_was_confirmed(
    project: Project, model: Any, tmp_path: Path
) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(model, path)
    with pytest.raises(Denied, match=f"would import what is not known to be safe: {OWN}"):
        project.models.register_file(path, "churn")
    assert not project.exists  # nothing was stored
    version = project.models.register_file(path, "churn", trust=[OWN], input_example=X[:2])
    assert version.size == path.stat().st_size
    assert version.signature.features == ("x0", "x1")
    assert version.requirements["scikit-learn"]
    assert project.models.load("churn").predict(X).tolist() == model.predict(X).tolist()
    again = project.models.register_file(path, "churn", input_example=X)
    assert (again.version, again.sha256, again.trusted) == (2, version.sha256, (OWN,))


def test_a_compressed_file_is_registered_as_such(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl.xz"
    joblib.dump(LogisticRegression().fit(X, Y), path, compress=("xz", 3))
    version = project.models.register_file(path, "churn")
    assert version.compression == "xz"
    assert project.models.load("churn").predict(X).tolist() == Y


def test_what_is_no_model_file_is_refused(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "x.joblib"
    with pytest.raises(NotFound, match=r"There is no model file .*x\.joblib"):
        project.models.register_file(path, "churn")
    path.write_text("nonsense")
    with pytest.raises(Invalid, match="begin as no model file"):
        project.models.register_file(path, "churn")
    joblib.dump({"a": 1}, path)
    with pytest.raises(Invalid, match="holds no model: its dict has no predict"):
        project.models.register_file(path, "churn")
    assert project.sql("SELECT count(*) FROM model_versions").rows == ((0,),)


class Table(PythonModel):
    """A model that looks its answers up in a file."""

    def load_context(self, context: lite_mlops.ModelContext) -> None:
        """Read the file."""
        self.answers = context.artifacts["table"].read_text().split()

    def predict(self, context: lite_mlops.ModelContext, rows: Any) -> Any:  # noqa: ARG002
        """Return the word at the place that each row says."""
        return [self.answers[int(row[0])] for row in np.asarray(rows)]


def test_an_object_of_the_users_own_is_served_with_its_files(
    project: Project, tmp_path: Path
) -> None:
    words = tmp_path / "words.txt"
    words.write_text("zero one two")
    version = project.models.register(
        Table(), "words", input_example=[{"place": 1}], artifacts={"table": words}, trust=True
    )
    words.unlink()
    assert version.members["table"].size == 12
    answers = project.endpoint("words").predict([{"place": 2}, {"place": 0}])
    assert [answer.prediction for answer in answers] == ["two", "zero"]
    with pytest.raises(NotFound, match=r"There is no file .* for the artifact 'table'"):
        project.models.register(
            Table(), "words", input_example=[{"place": 1}], artifacts={"table": words}
        )
