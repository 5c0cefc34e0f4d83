"""Tables from whatever holds one: the same columns, or a refusal that says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lite_mlops.data import as_columns
from lite_mlops.data.tables import is_missing
from lite_mlops.errors import Invalid

AGES, SEXES = [41, 38, 55], ["f", "m", "f"]
ROWS = [{"age": age, "sex": sex} for age, sex in zip(AGES, SEXES, strict=True)]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"age": AGES, "sex": SEXES}),
        {"age": AGES, "sex": SEXES},
        {"age": np.array(AGES), "sex": pd.Series(SEXES)},
        {"age": tuple(AGES), "sex": np.array(SEXES)},
        ROWS,
        tuple(ROWS),
    ],
    ids=["frame", "columns", "arrays", "mixed", "rows", "tuple of rows"],
)
def test_every_kind_of_table_gives_the_same_columns(table: Any) -> None:
    columns = as_columns(table)
    assert list(columns) == ["age", "sex"]
    assert columns["age"].tolist() == AGES
    assert columns["age"].dtype.kind == "i"
    assert columns["sex"].tolist() == SEXES
    assert columns["sex"].dtype == object


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, ["x0", "x1"]),
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        (np.array(["a", "b"]), ["a", "b"]),
        (pd.Index(["a", "b"]), ["a", "b"]),
    ],
    ids=["none", "list", "tuple", "array", "index"],
)
def test_the_columns_of_a_bare_array_get_names(names: Any, expected: list[str]) -> None:
    for table in (np.array([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.0], [3.0, 4.0]]):
        columns = as_columns(table, names)
        assert list(columns) == expected
        assert [column.tolist() for column in columns.values()] == [[1.0, 3.0], [2.0, 4.0]]


def test_a_flat_array_is_one_column() -> None:
    for table in (np.array([1, 2, 3]), [1, 2, 3]):
        (column,) = as_columns(table, ["n"]).values()
        assert column.tolist() == [1, 2, 3]


def test_rows_without_a_key_miss_its_value() -> None:
    columns = as_columns([{"a": 1}, {"b": 2}])
    assert columns["a"].tolist() == [1, None]
    assert columns["b"].tolist() == [None, 2]


def test_columns_of_rows_keep_their_own_types() -> None:
    columns = as_columns([[41, "f"], [38, "m"]], ["age", "sex"])
    assert columns["age"].tolist() == [41, 38]
    assert columns["sex"].tolist() == ["f", "m"]


def test_values_of_several_types_stay_as_they_are() -> None:
    values = [1, "1", "a\0", None, 2.5]
    assert as_columns({"a": values})["a"].tolist() == values
    assert as_columns({"a": [1, "a"]})["a"].tolist() == [1, "a"]
    assert as_columns({"a": ["a\0", "b"]})["a"].tolist() == ["a\0", "b"]


def test_names_of_columns_become_texts() -> None:
    assert list(as_columns({1: [1], "b": [2]})) == ["1", "b"]
    assert list(as_columns(pd.DataFrame([[1, 2]]))) == ["0", "1"]


def test_a_table_without_rows_is_one() -> None:
    columns = as_columns(pd.DataFrame({"a": [1]}).iloc[:0])
    assert len(columns["a"]) == 0
    assert as_columns({"a": []})["a"].tolist() == []


REFUSED: dict[str, tuple[Any, Sequence[str] | None]] = {
    "this is a NoneType.": (None, None),
    "this is a str.": ("abc", None),
    "this is a bytes.": (b"abc", None),
    "this is a list.": ([], None),
    "this is a int.": (5, None),
    "this is a Series.": (pd.Series([1]), None),
    r"an array of the shape \(1, 1, 1\) is not a table": (np.zeros((1, 1, 1)), None),
    r"an array of the shape \(\) is not a table": (np.array(5), None),
    "3 column names were given for 2 columns": (np.zeros((2, 2)), ["a", "b", "c"]),
    r"the columns of a table have the same length; these have \[1, 2\]": (
        {"a": [1], "b": [1, 2]},
        None,
    ),
    r"the column 'a' has the shape \(2, 2\); a column is flat": ({"a": np.zeros((2, 2))}, None),
    r"the column 'a' has the shape \(\); a column is flat": ({"a": 5}, None),
    "two columns have the same name: a, a": (pd.DataFrame([[1, 2]], columns=["a", "a"]), None),
    "two columns have the same name: 1, 1": (pd.DataFrame([[1, 2]], columns=[1, "1"]), None),
    "two columns have the same name: b, b": (np.zeros((2, 2)), ["b", "b"]),
    "two columns have the same name: 2, 2": ({2: [1], "2": [2]}, None),
    "two columns have the same name: 3, 3": ([{3: 1, "3": 2}], None),
    "the rows of a table have the same length": ([[1, 2], [3]], None),
    "the column 'c'": ({"c": [[1], [1, 2]]}, None),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_table_is_refused(text: str) -> None:
    table, names = REFUSED[text]
    with pytest.raises(Invalid, match=text):
        as_columns(table, names)


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([1.0, np.nan], [False, True]),
        ([1, 2], [False, False]),
        ([True, False], [False, False]),
        (["a", None], [False, True]),
        (["a", float("nan")], [False, True]),
        ([None, None], [True, True]),
        (pd.Series([1, None], dtype="Int64"), [False, True]),
        (pd.Series(["a", None], dtype="category"), [False, True]),
        (pd.Series(["a", None], dtype="str"), [False, True]),
        (pd.Series(["a", None], dtype="string"), [False, True]),
        (pd.Series([True, None], dtype="boolean"), [False, True]),
        (pd.Series(pd.to_datetime(["2026-01-02", None])), [False, True]),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_what_is_missing_is_found_in_every_type(values: Any, missing: list[bool]) -> None:
    assert is_missing(as_columns({"a": values})["a"]).tolist() == missing
