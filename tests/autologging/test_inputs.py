"""Whatever a fit is given: frames, lists, sparse matrices, texts, nothing; and odd estimators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csc_array, csr_matrix
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from lite_mlops.autologging.tables import sparse_columns
from lite_mlops.data.fingerprint import fingerprint
from lite_mlops.errors import Invalid
from lite_mlops.models import Signature
from lite_mlops.models.signature import Tensor
from lite_mlops.project import Project
from tests.autologging.conftest import Logged, Table


def test_a_frame(logged: Logged, classes: Table) -> None:
    patients = pd.DataFrame(classes[0], columns=["age", "weight", "height", "pulse"])
    sick = pd.Series(classes[1], name="sick")
    LogisticRegression().fit(patients, sick)
    run = logged.run()
    signature = Signature.from_dict(logged.json("model/signature.json"))
    assert signature.features == tuple(patients.columns)
    assert (signature.columns[1].low, signature.columns[1].high) == (
        patients["weight"].min(),
        patients["weight"].max(),
    )
    assert logged.json("model/input_example.json")["columns"] == list(patients.columns)
    assert set(logged.json("plots/importances.json")["series"][0]["x"]) == set(patients.columns)
    dataset = logged.project.datasets.used_by(run.id, "training")
    assert dataset is not None
    assert dataset.name == "patients"
    assert list(dataset.profile) == ["age", "weight", "height", "pulse", "sick"]


def test_a_frame_of_polars(logged: Logged, classes: Table) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({f"f{i}": column for i, column in enumerate(classes[0].T)})
    make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, polars.Series(classes[1]))
    assert logged.metrics()["training_rows"] == 80
    signature = Signature.from_dict(logged.json("model/signature.json"))
    assert signature.features == ("f0", "f1", "f2", "f3")
    dataset = logged.project.datasets.used_by(logged.run().id, "training")
    assert dataset is not None
    assert dataset.columns == 5


def test_lists(logged: Logged) -> None:
    KNeighborsClassifier(1).fit([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], ["a", "b", "a"])
    found = logged.metrics()
    assert (found["training_rows"], found["training_columns"]) == (3, 2)
    assert found["training_accuracy_score"] == 1


def test_a_sparse_matrix(logged: Logged, classes: Table) -> None:
    X_train = csr_matrix(classes[0])
    LogisticRegression().fit(X_train, classes[1])
    assert logged.metrics()["training_rows"] == 80
    assert len(logged.json("model/input_example.json")["data"]) == 5
    dataset = logged.project.datasets.used_by(logged.run().id, "training")
    assert dataset is not None
    assert (dataset.name, dataset.rows) == ("X_train", 80)
    assert list(dataset.profile) == ["4 sparse columns of float64", "y"]


_MATRICES = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(
            st.sampled_from([0.0, 0.0, -0.0, 1.5, -2.0, np.nan]), min_size=width, max_size=width
        ),
        min_size=1,
        max_size=6,
    )
)


def _version(matrix: Any) -> str:
    return fingerprint(sparse_columns(matrix))


@given(_MATRICES, st.randoms(use_true_random=False))
def test_equal_sparse_matrices_are_equal_data(rows: list[list[float]], random: Any) -> None:
    dense = np.array(rows)
    version = _version(csr_matrix(dense))
    assert _version(csc_array(dense)) == _version(coo_array(dense)) == version
    assert _version(csr_matrix(dense.astype(np.float32))) == version
    # In any order, with values in two parts, with zeros that are stored.
    places = [(i, j) for i in range(dense.shape[0]) for j in range(dense.shape[1])]
    random.shuffle(places)
    entries = [(i, j, part) for i, j in places for part in (dense[i, j] / 2, dense[i, j] / 2)]
    i, j, values = (list(column) for column in zip(*entries, strict=True))
    shuffled = coo_array((values, (i, j)), shape=dense.shape)
    assert _version(shuffled) == version
    assert shuffled.nnz == len(entries)  # it was not touched
    changed = dense.copy()
    changed[random.choice(places)] = 7
    assert _version(csr_matrix(changed)) != version
    assert _version(csr_matrix(np.column_stack([dense, np.zeros(len(dense))]))) != version


def test_a_sparse_matrix_that_is_no_table(logged: Logged) -> None:
    with pytest.raises(Invalid, match="a sparse matrix of complex128 is no table of numbers"):
        sparse_columns(csr_matrix(np.array([[1j]])))
    assert sparse_columns(csr_matrix(np.array([[True, False]]))).keys() == {
        "2 sparse columns of int64"
    }


def test_texts(logged: Logged, warnings_of: Any) -> None:
    texts = ["good film", "bad film", "good play", "bad play"] * 3
    model = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 0, 1, 0] * 3)
    assert logged.metrics()["training_accuracy_score"] == 1
    assert "model/model.joblib" in logged.paths()
    signature = Signature.from_dict(logged.json("model/signature.json"))
    assert signature.tensor == Tensor("text")
    assert warnings_of() == []
    assert model.score(texts, [1, 0, 1, 0] * 3) == 1
    assert logged.metrics()["score_texts"] == 1


def test_an_iterator_is_not_touched(logged: Logged, warnings_of: Any) -> None:
    def texts() -> Iterator[str]:
        yield from ("one two", "two three")

    counted = CountVectorizer().fit_transform(texts())
    assert counted.shape == (2, 3)
    assert "training_rows" not in logged.metrics()
    assert warnings_of() == []


def test_no_target(logged: Logged, classes: Table) -> None:
    KernelDensity().fit(classes[0])
    MinMaxScaler().fit(classes[0], None)
    assert [run.status for run in logged.runs()] == ["finished"] * 2


def test_keywords_in_any_order(logged: Logged, classes: Table) -> None:
    LogisticRegression().fit(y=classes[1], X=classes[0])
    assert logged.metrics()["training_columns"] == 4


def test_one_class_in_the_data(logged: Logged, warnings_of: Any) -> None:
    KNeighborsClassifier(1).fit([[0.0], [1.0]], ["a", "a"])
    assert logged.metrics()["training_accuracy_score"] == 1
    assert warnings_of() == []


def test_one_row(logged: Logged, warnings_of: Any) -> None:
    LinearRegression().fit([[1.0]], [2.0])
    found = logged.metrics()
    assert found["training_mean_squared_error"] == pytest.approx(0)
    assert "training_r2_score" not in found
    assert warnings_of() == []


class Odd(RegressorMixin, BaseEstimator):
    """Returns nothing from fit, and cannot tell its params."""

    def fit(self, X: Any) -> None:
        self.fitted_ = True

    def get_params(self, deep: bool = True) -> Any:
        raise RuntimeError("no params")


def test_a_fit_that_returns_nothing(logged: Logged, warnings_of: Any) -> None:
    model = Odd()
    result: Any = model.fit(np.ones((3, 2)))  # type: ignore[func-returns-value]
    assert result is None
    assert model.fitted_
    assert logged.run().status == "finished"
    (warning,) = warnings_of()
    assert warning == (
        "Autologging could not log the params (RuntimeError: no params). The fit is as it would "
        "be without."
    )


class Secretive:
    """A param that cannot be written out."""

    def __repr__(self) -> str:
        raise OSError("locked")


class Given(BaseEstimator):
    def __init__(self, thing: Any = None, other: int = 1) -> None:
        self.thing = thing
        self.other = other

    def fit(self, X: Any, y: Any = None) -> Given:
        return self


def test_a_param_that_cannot_be_written_out(project: Project, logged: Logged) -> None:
    Given(Secretive()).fit([[1]])
    assert logged.run().params == {"thing": "<Secretive>", "other": "1"}


def test_a_secret_among_the_params_is_masked(logged: Logged) -> None:
    class Client(Given):
        def __init__(self, api_key: str = "", other: int = 1) -> None:
            self.api_key = api_key
            self.other = other

    Client("sk-very-secret-value").fit([[1]])
    assert "very-secret" not in logged.run().params["api_key"]


def test_data_without_rows_is_the_estimators_own_error(logged: Logged) -> None:
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        LinearRegression().fit(np.empty((0, 2)), [])
    assert logged.run().status == "failed"


def test_missing_values(logged: Logged, classes: Table) -> None:
    features = classes[0].copy()
    features[3, 1] = np.nan
    StandardScaler().fit(features)
    assert None in [
        value for row in logged.json("model/input_example.json")["data"] for value in row
    ]
