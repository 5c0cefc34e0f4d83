"""Signatures from models, examples and training data of every kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from lite_mlops.errors import Invalid
from lite_mlops.models.signature import Column, Output, Signature, Tensor, infer_signature
from lite_mlops.models.signature.reading import RawColumn
from lite_mlops.models.signature.summary import of_matrix, summarised

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
NAMED = pd.DataFrame(ROWS, columns=["age", "visits"])
LABELS = ["no", "yes", "no"]


class Rules:
    """A model of no library."""

    def predict(self, data: Any) -> Any:
        return np.where(np.asarray(data)[:, 0].astype(float) > 1, "high", "low")


def bare() -> Any:
    return LinearRegression().fit(ROWS, [0.0, 1.0, 2.0])


def named() -> Any:
    return LogisticRegression().fit(NAMED, LABELS)


def floats(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "float") for name in names)


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "example",
    [
        {"age": 1.0, "visits": 2.0},
        [{"age": 1.0, "visits": 2.0}, {"age": 1.0, "visits": 2.0}],
        {"age": [1.0, 2.0], "visits": [2.0, 1.0]},
        NAMED,
        NAMED.iloc[:0],
        pl.DataFrame({"age": [1.0], "visits": [2.0]}),
        pl.DataFrame({"age": [1.0], "visits": [2.0]}).to_arrow(),
        np.array([(1.0, 2.0)], [("age", float), ("visits", float)]),
    ],
    ids=["row", "rows", "columns", "frame", "empty frame", "polars", "Arrow", "structured"],
)
def test_an_example_names_the_features(example: Any) -> None:
    expected = Signature(floats("age", "visits"), (Output("number", "float"),))
    assert infer_signature(bare(), example) == expected


def test_a_model_that_knows_its_features_needs_no_example() -> None:
    signature = infer_signature(named())
    assert signature.columns == floats("age", "visits")
    assert (signature.classes, signature.framed) == (("no", "yes"), True)


@pytest.mark.parametrize("example", [None, ROWS, ROWS.tolist(), ROWS[0]], ids=range(4))
def test_features_without_names_are_numbered(example: Any) -> None:
    assert infer_signature(bare(), example).columns == floats("x0", "x1")
    if example is not None:
        assert infer_signature(object(), example).features == ("x0", "x1")


def test_the_model_tells_the_order_of_the_columns() -> None:
    turned = NAMED[["visits", "age"]] + [0.5, 0]
    signature = infer_signature(named(), training=turned)
    assert signature.features == ("age", "visits")
    assert [column.low for column in signature.columns] == [0.0, 0.5]


@pytest.mark.parametrize(
    ("model", "example", "text"),
    [
        (object(), None, "the features of this model are not known; pass an input_example."),
        (bare(), {"age": 1.0}, "the model takes 2 features; the input_example names 1."),
        (bare(), [[1.0, 2.0, 3.0]], "the model takes 2 features; the input_example has 3."),
        (named(), {"age": 1.0, "sex": 0.0}, "the model was fitted on age, visits; the "),
        (bare(), pd.DataFrame([[1, 2]], columns=["a", "a"]), "two features have the same name"),
        (object(), 5, "the features of this model are not known; pass an input_example."),
        (object(), [], "the features of this model are not known; pass an input_example."),
        (bare(), [[1.0], [1.0, 2.0]], r"of an example have the same length; these have \[1, 2\]."),
        (
            bare(),
            {"a": ["x", 1], "b": [1, 2]},
            "the column 'a' holds values of several types: int, str.",
        ),
        (bare(), {"a": [b"x"], "b": [1]}, "'a' holds values of a type that no signature has"),
        (Rules(), {"a": ["x"]}, "the model cannot answer the input_example: could not convert"),
    ],
)
def test_what_cannot_be_a_signature_is_refused(model: Any, example: Any, text: str) -> None:
    with pytest.raises(Invalid, match=text):
        infer_signature(model, example)


def test_example_and_training_data_name_the_same() -> None:
    with pytest.raises(Invalid, match="was fitted on age, visits; the input_example names a, b"):
        infer_signature(bare(), {"a": 1.0, "b": 2.0}, NAMED)


def test_the_example_names_what_the_training_data_does_not() -> None:
    signature = infer_signature(bare(), {"age": 1.0, "visits": 2.0}, ROWS)
    assert [(one.name, one.low, one.high) for one in signature.columns] == [
        ("age", 0.0, 2.0),
        ("visits", 0.0, 2.0),
    ]
    with pytest.raises(Invalid, match="the model takes 3 features; the training data has 2"):
        infer_signature(object(), {"a": 1.0, "b": 2.0, "c": 3.0}, ROWS)
    with pytest.raises(Invalid, match="the model takes 2 features; the input_example has 3"):
        infer_signature(object(), [[1.0, 2.0, 3.0]], NAMED)


# -- types --------------------------------------------------------------------------------------

TABLE: dict[str, list[Any]] = {
    "whole": [1, 2, 3],
    "gaps": [1, None, 3],
    "number": [0.5, 1.0, None],
    "text": ["001", "2", None],
    "flag": [True, False, True],
    "time": [dt.datetime(2026, 1, day, tzinfo=dt.UTC).replace(tzinfo=None) for day in (1, 2, 3)],
}
COLUMNS = {
    "whole": ("integer", False, 1, 3, (1, 2, 3)),
    "gaps": ("integer", True, 1, 3, (1, 3)),
    "number": ("float", True, 0.5, 1.0, None),
    "text": ("text", True, None, None, ("001", "2")),
    "flag": ("boolean", False, None, None, (False, True)),
    "time": ("datetime", False, "2026-01-01T00:00:00.000000", "2026-01-03T00:00:00.000000", None),
}


def as_pandas() -> Any:
    frame = pd.DataFrame(TABLE)
    frame["gaps"] = pd.array(TABLE["gaps"], "Int64")
    return frame


def as_objects() -> Any:
    return np.array(list(zip(*TABLE.values(), strict=True)), object)


FORMS: dict[str, Callable[[], Any]] = {
    "columns": lambda: TABLE,
    "rows": lambda: [
        dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)
    ],
    "pandas": as_pandas,
    "polars": lambda: pl.DataFrame(TABLE),
    "Arrow": lambda: pl.DataFrame(TABLE).to_arrow(),
    "arrays": lambda: {name: np.array(column, object) for name, column in TABLE.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_signature(form: str) -> None:
    signature = infer_signature(object(), training=FORMS[form]())
    found = {
        column.name: (
            column.type,
            column.missing,
            column.low,
            column.high,
            column.categories,
        )
        for column in signature.columns
    }
    expected = {name: (kind, True, *rest) for name, (kind, _, *rest) in COLUMNS.items()}
    seen = {name: (kind, gaps, *rest) for name, (kind, gaps, *rest) in COLUMNS.items()}
    assert found == seen != expected
    columns = infer_signature(object(), training=TABLE).columns
    assert signature.columns == columns


def test_an_array_of_objects_has_the_same_types() -> None:
    signature = infer_signature(object(), training=as_objects())
    assert [column.type for column in signature.columns] == [kind for kind, *_ in COLUMNS.values()]


def test_types_come_from_the_training_data_before_the_example() -> None:
    signature = infer_signature(bare(), {"age": 1, "visits": None}, NAMED, answers=[0.5])
    assert [column.type for column in signature.columns] == ["float", "float"]
    assert [column.missing for column in signature.columns] == [False, True]
    assert infer_signature(bare(), {"age": 1, "visits": 2}).columns[0].type == "integer"


def test_categoricals_and_zones_are_known() -> None:
    frame = pd.DataFrame(
        {
            "city": pd.Categorical(["Rome", None]),
            "since": pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/Rome"),
        }
    )
    city, since = infer_signature(object(), training=frame).columns
    assert (city.categorical, city.type, city.categories) == (True, "text", ("Rome",))
    assert (since.zone, since.low) == ("Europe/Rome", "2025-12-31T23:00:00.000000")
    city, since = infer_signature(object(), training=pl.from_pandas(frame)).columns
    assert (city.categorical, since.zone) == (True, "Europe/Rome")


def test_tensors() -> None:
    pictures = np.arange(18.0).reshape(2, 3, 3)
    expected = Tensor("float", (3, 3), low=0.0, high=17.0)
    for form in (pictures, pictures.tolist()):
        assert infer_signature(object(), training=form).tensor == expected
    for texts in (["a", "b"], np.array(["a", "b"]), pd.Series(["a", "b"]), pl.Series(["a", "b"])):
        assert infer_signature(object(), training=texts).tensor == Tensor("text")
    with pytest.raises(Invalid, match="the nested lists of an example are not of one shape"):
        infer_signature(object(), [[[1, 2], [3]]])


def test_a_sparse_matrix() -> None:
    signature = infer_signature(bare(), training=csr_matrix(ROWS))
    assert [(column.low, column.high) for column in signature.columns] == [(0, 2), (0, 2)]
    assert {(column.quantiles, column.categories) for column in signature.columns} == {((), None)}


def test_many_columns_without_names_are_an_array() -> None:
    wide = np.arange(3003.0).reshape(3, 1001)
    for form in (wide, csr_matrix(wide)):
        signature = infer_signature(object(), training=form)
        assert signature == Signature(tensor=Tensor("float", (1001,), low=0.0, high=3002.0))
        np.testing.assert_array_equal(signature.validate(form).matrix(), wide)
    with pytest.raises(Invalid, match="the model takes 2 features; the training data has 1001"):
        infer_signature(bare(), training=wide)
    assert len(infer_signature(object(), training=wide[:, :1000]).columns) == 1000


# -- the training data --------------------------------------------------------------------------


def test_ranges_quantiles_and_shares() -> None:
    values = np.append(np.arange(999.0), np.nan)
    (column,) = infer_signature(object(), training={"a": values}).columns
    assert (column.low, column.high, column.missing_share) == (0.0, 998.0, 0.001)
    assert column.quantiles[3] == 499
    assert column.categories is None
    assert infer_signature(object(), {"a": values}).columns == (Column("a", "float", missing=True),)


def test_categories_are_listed_up_to_a_hundred() -> None:
    few = summarised("a", RawColumn([f"c{number:03}" for number in range(100)] * 2))
    assert few.categories is not None
    assert (len(few.categories), few.distinct) == (100, 100)
    many = summarised("a", RawColumn([f"c{number}" for number in range(101)]))
    assert (many.categories, many.distinct) == (None, 101)
    codes = summarised("a", RawColumn(np.arange(1000) % 20))
    assert codes.categories == tuple(range(20))
    assert summarised("a", RawColumn(np.arange(1000) % 21)).categories is None


@given(
    arrays(
        st.sampled_from([np.float64, np.float32, np.int64]),
        st.tuples(st.integers(1, 4), st.integers(1, 3)),
        elements=st.integers(-5, 5) | st.sampled_from([0, 1]),
    ),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([np.nan, np.inf]))),
)
def test_an_array_is_summarised_as_its_columns_are(
    array: NDArray[Any], holes: list[tuple[int, float]]
) -> None:
    if array.dtype.kind == "f":
        for place, value in holes:
            array.flat[place % array.size] = value
    names = [f"x{place}" for place in range(array.shape[1])]
    each = [summarised(name, RawColumn(array[:, place])) for place, name in enumerate(names)]
    assert of_matrix(names, array) == each


@given(st.lists(st.none() | st.integers(-5, 5) | st.floats(-5, 5), min_size=1))
def test_a_summary_is_that_of_the_values_that_are_there(values: list[Any]) -> None:
    column = summarised("a", RawColumn(values))
    there = [value for value in values if value is not None]
    assert column.missing == (len(there) < len(values))
    if there:
        assert (column.low, column.high) == (min(there), max(there))
        assert list(column.quantiles) == sorted(column.quantiles)


def test_the_training_data_fit_their_signature() -> None:
    for form in FORMS.values():
        data = form()
        signature = infer_signature(object(), training=data)
        table = signature.validate(data)
        assert len(table) == 3
        assert signature.outside(table) == []


# -- missing values -----------------------------------------------------------------------------


def mixed(number: Any) -> Any:
    """A pipeline on a number and a text, with its data."""
    data = pd.DataFrame({"age": [1.0, 2.0, 3.0], "city": ["a", "b", "a"], "id": [1, 2, 3]})
    columns = ColumnTransformer([("n", number, ["age"]), ("t", OneHotEncoder(), ["city"])])
    model = make_pipeline(columns, LogisticRegression()).fit(data, LABELS)
    return infer_signature(model, training=data)


@pytest.mark.parametrize(
    ("number", "taken"),
    [
        (StandardScaler(), False),  # keeps what is missing, and the regression refuses it
        (SimpleImputer(), True),
        (make_pipeline(SimpleImputer(), StandardScaler()), True),
        ("passthrough", False),
    ],
    ids=str,
)
def test_the_steps_of_a_pipeline_say_what_may_be_missing(number: Any, taken: bool) -> None:  # noqa: FBT001
    signature = mixed(number)
    assert [column.missing for column in signature.columns] == [taken, True, True]


def test_a_model_says_what_may_be_missing() -> None:
    trees = HistGradientBoostingClassifier(max_iter=1).fit(ROWS, LABELS)
    assert [one.missing for one in infer_signature(trees, training=ROWS).columns] == [True, True]
    assert [one.missing for one in infer_signature(bare(), training=ROWS).columns] == [False] * 2
    scaled = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(scaled, {"logisticregression__C": [1]}, cv=2).fit(
        np.vstack([ROWS, ROWS]), LABELS * 2
    )
    assert not infer_signature(search).columns[0].missing
    assert infer_signature(Rules(), [[1.0]]).columns[0].missing  # nothing tells
    assert not infer_signature(Rules(), training=[[1.0]]).columns[0].missing


# -- outputs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "kind", "classes"),
    [
        ([0, 1, 0], "integer", (0, 1)),
        ([False, True, False], "boolean", (False, True)),
        (["1", "2", "1"], "text", ("1", "2")),
    ],
)
def test_classes_are_values(labels: list[Any], kind: Any, classes: tuple[Any, ...]) -> None:
    signature = infer_signature(LogisticRegression().fit(ROWS, labels))
    assert signature.outputs == (Output("label", kind, classes, probabilities=True),)
    assert [type(one) for one in signature.classes] == [type(one) for one in classes]
    signature = infer_signature(LinearSVC().fit(ROWS, labels))
    assert signature.outputs == (Output("label", kind, classes),)


def test_outputs_of_other_kinds() -> None:
    assert infer_signature(KMeans(2).fit(ROWS)).outputs == (Output("cluster", "integer"),)
    assert infer_signature(IsolationForest(n_estimators=2).fit(ROWS)).outputs == (
        Output("outlier", "integer"),
    )
    assert infer_signature(StandardScaler().fit(ROWS)).outputs == ()
    assert infer_signature(Rules(), ROWS).outputs == (Output("any", "text"),)


def test_several_outputs() -> None:
    two = LinearRegression().fit(ROWS, ROWS)
    assert infer_signature(two, ROWS).outputs == (Output("number", "float"),) * 2
    assert infer_signature(two, answers=ROWS).outputs == (Output("number", "float"),) * 2
    labels = KNeighborsClassifier(1).fit(ROWS, [[0, 5], [1, 6], [0, 5]])
    outputs = infer_signature(labels, ROWS).outputs
    assert [output.classes for output in outputs] == [(0, 1), (5, 6)]
    assert infer_signature(labels, ROWS).classes == ()
