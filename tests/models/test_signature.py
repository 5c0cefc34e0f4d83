"""Signatures: the features a model takes, and rows brought into their order."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression

from lite_mlops.errors import Invalid
from lite_mlops.models import Signature
from lite_mlops.models.signature import infer_signature

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
NAMED = pd.DataFrame(ROWS, columns=["age", "visits"])
LABELS = ["no", "yes", "no"]


def bare() -> Any:
    return LinearRegression().fit(ROWS, [0.0, 1.0, 2.0])


def named() -> Any:
    return LogisticRegression().fit(NAMED, LABELS)


@pytest.mark.parametrize(
    "example",
    [
        {"age": 1.0, "visits": 2},
        [{"age": 1.0, "visits": 2}, {"age": 1.0, "visits": 2}],
        NAMED,
        NAMED.iloc[:0],
    ],
    ids=["row", "rows", "frame", "empty frame"],
)
def test_an_example_names_the_features(example: Any) -> None:
    assert infer_signature(bare(), example) == Signature(("age", "visits"))


def test_a_model_that_knows_its_features_needs_no_example() -> None:
    assert infer_signature(named()) == Signature(("age", "visits"), ("no", "yes"))


def test_features_without_names_are_numbered() -> None:
    assert infer_signature(bare()) == Signature(("x0", "x1"))
    assert infer_signature(bare(), ROWS) == Signature(("x0", "x1"))
    assert infer_signature(object(), ROWS[0]) == Signature(("x0", "x1"))


@pytest.mark.parametrize(
    ("model", "example", "text"),
    [
        (object(), None, "the features of this model are not known; pass an input_example."),
        (bare(), {"age": 1.0}, "the model takes 2 features; the input_example names 1."),
        (
            bare(),
            {"a": 1, "b": 2, "c": 3},
            "the model takes 2 features; the input_example names 3.",
        ),
        (bare(), [[1.0, 2.0, 3.0]], "the model takes 2 features; the input_example has 3."),
        (named(), {"age": 1.0, "sex": 0.0}, "the model was fitted on age, visits; the "),
        (bare(), pd.DataFrame([[1, 2]], columns=["a", "a"]), "two features have the same name"),
        (object(), 5, "the features of this model are not known; pass an input_example."),
        (object(), [], "the features of this model are not known; pass an input_example."),
    ],
)
def test_features_that_are_not_known_are_refused(model: Any, example: Any, text: str) -> None:
    with pytest.raises(Invalid, match=text):
        infer_signature(model, example)


def test_a_signature_comes_back_as_it_was_written() -> None:
    signature = Signature(("age", "visits"), ("no", "yes"))
    assert Signature.from_dict(signature.to_dict()) == signature


# -- rows ---------------------------------------------------------------------------------------


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.floats() | st.integers(-5, 5), min_size=3),
        max_size=4,
    ),
    st.randoms(use_true_random=False),
)
def test_rows_by_name_come_into_the_order_of_the_signature(
    rows: list[dict[str, float]], chance: random.Random
) -> None:
    shuffled = [dict(chance.sample(list(row.items()), 3)) for row in rows]
    matrix = Signature(("b", "c", "a")).matrix(shuffled)
    expected = np.array([[row[name] for name in "bca"] for row in rows], np.float64).reshape(-1, 3)
    np.testing.assert_array_equal(matrix, expected)
    lists = [[row[name] for name in "bca"] for row in rows]
    np.testing.assert_array_equal(Signature(("b", "c", "a")).matrix(lists), expected)


def test_nothing_becomes_nan() -> None:
    matrix = Signature(("a", "b")).matrix([{"a": None, "b": 1}, [2.0, None]])
    assert math.isnan(matrix[0, 0])
    assert math.isnan(matrix[1, 1])
    assert (matrix[0, 1], matrix[1, 0]) == (1.0, 2.0)


def test_numbers_of_numpy_are_numbers() -> None:
    expected = [[1.5, 2.0]]
    signature = Signature(("a", "b"))
    assert signature.matrix([[np.float32(1.5), np.int64(2)]]).tolist() == expected
    assert signature.matrix(np.array(expected)).tolist() == expected  # type: ignore[arg-type]


NAMES = "expected the 2 features of the signature."
SIZE = "expected 2, or a dictionary of them by name."
REFUSED: list[tuple[Any, str]] = [
    ({"a": 1}, f"row 1 does not fit: missing ['b'], unknown []; {NAMES}"),
    ({"a": 1, "b": 2, "c": 3}, f"row 1 does not fit: missing [], unknown ['c']; {NAMES}"),
    ({"A": 1, "b": 2}, f"row 1 does not fit: missing ['a'], unknown ['A']; {NAMES}"),
    ([1], f"row 1 does not fit: 1 values, {SIZE}"),
    ([1, 2, 3], f"row 1 does not fit: 3 values, {SIZE}"),
    (5, f"row 1 does not fit: 0 values, {SIZE}"),
    ("ab", f"row 1 does not fit: 0 values, {SIZE}"),
    (b"ab", f"row 1 does not fit: 0 values, {SIZE}"),
    ({"a": 1, "b": "2"}, "row 1: b is '2'; expected a number."),
    ([True, 2], "row 1: a is True; expected a number."),
    ([1, [2]], "row 1: b is [2]; expected a number."),
    ([10**400, 2], "row 1: a is too large for a number."),
]


@pytest.mark.parametrize(("row", "text"), REFUSED, ids=range(len(REFUSED)))
def test_a_row_that_does_not_fit_is_named(row: Any, text: str) -> None:
    with pytest.raises(Invalid) as error:
        Signature(("a", "b")).matrix([{"a": 1, "b": 2}, row])
    assert str(error.value) == text


def test_of_many_names_only_some_are_told() -> None:
    features = tuple(f"x{number}" for number in range(100))
    with pytest.raises(Invalid) as error:
        Signature(features).matrix([{f"y{number}": 0 for number in range(100)}])
    assert len(str(error.value)) < 200
