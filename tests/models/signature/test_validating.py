"""Rows in every form: typed arrays if they fit, and every problem by its place if not."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from lite_mlops.errors import Invalid
from lite_mlops.models.signature import Column, InvalidRows, Problem, Signature, Table, Tensor
from lite_mlops.models.signature.kinds import EXACT, Refused, cell, is_missing
from lite_mlops.models.signature.typing_columns import quick
from tests.models.signature.strategies import JUNK, columns, misshapen, rows, signatures, values

MIXED = Signature(
    (
        Column("age", "integer", missing=True),
        Column("income", "float"),
        Column("city", "text", missing=True),
        Column("member", "boolean"),
        Column("since", "datetime", missing=True),
    )
)
ROWS: list[dict[str, Any]] = [
    {"age": 41, "income": 1.5, "city": "001", "member": True, "since": "2026-01-31T12:00:00Z"},
    {"age": None, "income": 2, "city": None, "member": False, "since": None},
]
TWO = Signature((Column("a", "float", missing=True), Column("b", "float")))
WHOLE = Signature((Column("a", "integer"), Column("b", "integer", missing=True)))
MOMENT = np.datetime64("2026-01-31T12:00:00", "us")


def frame() -> Any:
    """The mixed rows as pandas has them."""
    made = pd.DataFrame(ROWS)
    made["age"] = made["age"].astype("Int64")
    made["since"] = pd.to_datetime(made["since"])
    return made


def plain(table: Table) -> list[list[Any]]:
    """The columns as lists, with None where something is missing."""
    return [
        [None if is_missing(value) else value for value in array.tolist()] for array in table.arrays
    ]


# -- forms --------------------------------------------------------------------------------------

FORMS: dict[str, Any] = {
    "dictionaries": lambda: ROWS,
    "lists": lambda: [list(row.values()) for row in ROWS],
    "tuples": lambda: tuple(tuple(row.values()) for row in ROWS),
    "other order": lambda: [dict(reversed(row.items())) for row in ROWS],
    "columns": lambda: {name: [row[name] for row in ROWS] for name in ROWS[0]},
    "arrays": lambda: {name: np.array([row[name] for row in ROWS], object) for name in ROWS[0]},
    "pandas": frame,
    "series": lambda: dict(frame().items()),
    "pandas of objects": lambda: frame().astype(object),
    "polars": lambda: pl.DataFrame(ROWS),
    "polars series": lambda: {one.name: one for one in pl.DataFrame(ROWS)},
    "Arrow": lambda: pl.DataFrame(ROWS).to_arrow(),
    "objects": lambda: np.array([list(row.values()) for row in ROWS], object),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_arrays(form: str) -> None:
    table = MIXED.validate(FORMS[form]())
    assert len(table) == 2
    assert [array.dtype.str[1:] for array in table.arrays] == ["f8", "f8", "O", "b1", "M8[us]"]
    moment = MOMENT.item()
    assert plain(table) == [[41, None], [1.5, 2], ["001", None], [True, False], [moment, None]]


def test_whole_numbers_stay_whole_if_none_is_missing() -> None:
    table = WHOLE.validate([[1, 2], [3.0, 4]])
    assert [array.dtype for array in table.arrays] == [np.int64, np.int64]
    assert table["b"].tolist() == [2, 4]
    table = WHOLE.validate([[1, None]])
    assert [array.dtype for array in table.arrays] == [np.int64, np.float64]
    assert WHOLE.validate(np.array([[1, 2]], np.uint8)).arrays[0].dtype == np.int64


def test_many_rows_are_looked_at_in_pieces() -> None:
    many: list[Any] = [
        {"a": None if place == 700 else place / 2, "b": place} for place in range(1_000)
    ]
    matrix = TWO.validate(many).matrix()
    assert np.isnan(matrix[700, 0])
    assert matrix[[0, 255, 256, 999]].tolist() == [[p / 2, p] for p in (0, 255, 256, 999)]
    many[600]["b"] = "600"
    with pytest.raises(InvalidRows, match="row 600: b is '600'"):
        TWO.validate(many)


def test_a_single_row_may_stand_alone() -> None:
    assert TWO.validate({"a": 1, "b": 2}).matrix().tolist() == [[1, 2]]


def test_arrays_are_not_copied() -> None:
    array = np.ones((3, 2))
    assert TWO.validate(array).matrix() is array
    assert TWO.validate(array.astype(np.float32)).matrix().dtype == np.float64


def test_other_containers_of_numbers() -> None:
    expected = [[1.0, 2.0]]
    sparse = TWO.validate(csr_matrix(np.array(expected)))
    structured = np.array([(2.0, 1.0)], [("b", float), ("a", float)])
    masked = np.ma.masked_array([[1.0, 2.0]], [[True, False]])
    assert sparse.matrix().tolist() == expected
    assert TWO.validate(structured).matrix().tolist() == expected
    assert np.isnan(TWO.validate(masked).matrix()[0, 0])
    assert TWO.validate([np.array([1.0, 2.0])]).matrix().tolist() == expected
    assert TWO.validate([[np.float32(1), Decimal(2)]]).matrix().tolist() == expected


@pytest.mark.parametrize("empty", [[], (), np.empty((0, 2)), {"a": [], "b": []}], ids=repr)
def test_no_rows_are_a_table_of_none(empty: Any) -> None:
    table = TWO.validate(empty)
    assert len(table) == 0
    assert table.matrix().shape == (0, 2)
    frames = (pd.DataFrame({"a": [], "b": []}), pl.DataFrame({"a": [], "b": []}))
    assert [len(TWO.validate(one)) for one in frames] == [0, 0]


def test_columns_beside_those_of_the_signature_are_left_out_on_request() -> None:
    given = pd.DataFrame({"id": [1], "b": [2.0], "a": [1.0]})
    for form in (given, given.to_dict("records"), given.to_dict("list")):
        with pytest.raises(InvalidRows, match=r"id is (not known|1); expected only the columns"):
            TWO.validate(form)
        assert TWO.validate(form, ignore_unknown=True).matrix().tolist() == [[1, 2]]


def test_times_come_in_utc() -> None:
    signature = Signature((Column("t", "datetime", missing=True),))
    zoned = pd.Series(pd.to_datetime(["2026-01-31T13:00:00+01:00", None]))
    forms: list[Any] = [
        zoned.to_frame("t"),
        pl.DataFrame({"t": [dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), None]}),
        pl.DataFrame({"t": [dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), None]}).to_arrow(),
        [["2026-01-31T13:00:00+01:00"], [None]],
        [[MOMENT.item()], [pd.NaT]],
        [[pd.Timestamp("2026-01-31T12", tz="UTC")], [pd.NA]],
        np.array([["2026-01-31T12"], ["NaT"]], "datetime64[ns]"),
    ]
    for form in forms:
        found = signature.validate(form)["t"]
        assert found.dtype == np.dtype("datetime64[us]")
        assert found[0] == MOMENT
        assert np.isnat(found[1])
    days: list[Any] = [[["2026-01-31"]], [[dt.date(2026, 1, 31)]]]
    for form in days:
        assert signature.validate(form)["t"][0] == np.datetime64("2026-01-31")


# -- what models take ---------------------------------------------------------------------------


def test_a_frame_has_the_types_of_the_columns() -> None:
    made = MIXED.validate(ROWS).frame()
    kinds = [str(kind) for kind in made.dtypes]
    assert kinds == ["float64", "float64", "str", "bool", "datetime64[us]"]
    assert list(made.columns) == list(MIXED.features)


def test_categoricals_and_zones_come_back() -> None:
    signature = Signature(
        (
            Column("city", "text", categories=("Oslo", "Rome"), categorical=True),
            Column("since", "datetime", zone="Europe/Rome"),
        )
    )
    made = signature.validate([["Rome", "2026-01-31T12:00:00Z"], ["Bonn", "2026-07-31"]]).frame()
    assert list(made["city"].cat.categories) == ["Oslo", "Rome"]
    assert made["city"].isna().tolist() == [False, True]
    assert [moment.hour for moment in made["since"]] == [13, 2]


def test_a_matrix_is_of_numbers() -> None:
    flags = Signature((Column("a", "boolean", missing=True), Column("b", "integer")))
    matrix = flags.validate([[True, 1], [None, 2]]).matrix()
    np.testing.assert_array_equal(matrix, [[1, 1], [np.nan, 2]])
    with pytest.raises(Invalid, match="column 'city' is of the type text; a matrix is of numbers"):
        MIXED.validate(ROWS).matrix()
    assert MIXED.validate(ROWS).objects().shape == (2, 5)


def test_rows_are_recorded_as_numbers_and_texts() -> None:
    assert MIXED.validate(ROWS).numbers_and_texts() == [
        ([41, 1.5, None, 1, None], [None, None, "001", None, "2026-01-31T12:00:00.000000"]),
        ([None, 2, None, 0, None], [None] * 5),
    ]
    assert TWO.validate([[None, 1]]).numbers_and_texts() == [([None, 1], None)]


# -- problems -----------------------------------------------------------------------------------

ONLY = "only the columns a, b"
EXACTLY = "a whole number of at most 2**53"
ROW = "an object of the columns, or a list of 2 values"
REFUSED: list[tuple[Any, list[tuple[Any, ...]]]] = [
    ([{"a": 1}], [(0, "b", "missing", "a number")]),
    ([{"a": 1, "B": 2}], [(0, "b", "missing", "a number"), (0, "B", "not known", ONLY)]),
    ([[1, 2], {"a": 1, "b": 2, "c": 3}], [(1, "c", "not known", ONLY)]),
    ([[1]], [(0, None, "of length 1", "length 2")]),
    ([5, "ab", None], [(0, None, "5", ROW), (1, None, "'ab'", ROW), (2, None, "null", ROW)]),
    ([[1, "41"]], [(0, "b", "'41'", "a number")]),
    ([[True, 2]], [(0, "a", "True", "a number")]),
    ([[1, [2]]], [(0, "b", "[2]", "a number")]),
    ([[1, None]], [(0, "b", "null", "a number")]),
    ([[1, float("nan")]], [(0, "b", "nan", "a number")]),
    ([[1, float("inf")]], [(0, "b", "inf", "a finite number")]),
    ([[EXACT + 1, 1]], [(0, "a", str(EXACT + 1), EXACTLY)]),
    ([[1, 10**400]], [(0, "b", "a number of more than 30 digits", EXACTLY)]),
    (np.array([[1.0, np.nan]]), [(0, "b", "nan", "a number")]),
    (np.array([[True, False]]), [(0, "a", "True", "a number"), (0, "b", "False", "a number")]),
    (np.array([["1", "2"]]), [(0, "a", "'1'", "a number"), (0, "b", "'2'", "a number")]),
    (np.ones((1, 3)), [(None, None, "an array of 1 x 3", "rows x 2")]),
    (np.ones(2), [(None, None, "an array of 2", "rows x 2")]),
    (
        pd.DataFrame({"a": [1.0], "c": [1]}),
        [(None, "c", "not known", ONLY), (None, "b", "missing", "a number")],
    ),
    (
        pd.DataFrame([[1, 2, 3]], columns=["a", "b", "b"]),
        [(None, "b", "there twice", "one column of each name")],
    ),
    ({"a": [1, 2], "b": [1]}, [(None, "b", "of 1 values", "2, as in the first")]),
    ({}, [(0, "a", "missing", "a number"), (0, "b", "missing", "a number")]),
    ("ab", [(None, None, "a str", "a list of rows, or a table")]),
    (None, [(None, None, "a NoneType", "a list of rows, or a table")]),
    ([{1: 2, "a": 1}], [(0, "b", "missing", "a number"), (0, "1", "not known", ONLY)]),
]


@pytest.mark.parametrize(("given", "told"), REFUSED, ids=range(len(REFUSED)))
def test_what_does_not_fit_is_named(given: Any, told: list[tuple[Any, ...]]) -> None:
    with pytest.raises(InvalidRows) as error:
        TWO.validate(given)
    assert error.value.problems == tuple(Problem(*one) for one in told)
    assert error.value.count == len(told)
    assert error.value.to_dict()["problems"][0]["value"] == told[0][2]


def test_whole_numbers_are_asked_for() -> None:
    for form in ([[1.5, 1]], np.array([[1.5, 1]]), pd.DataFrame({"a": [1.5], "b": [1]})):
        with pytest.raises(InvalidRows, match=r"row 0: a is 1\.5; expected a whole number"):
            WHOLE.validate(form)
    for big in ([[2**60, 1]], np.array([[2**60, 1]]), [[1e17, 1]], np.array([[1e17, 1]])):
        with pytest.raises(InvalidRows, match=r"row 0: a is 1.*; expected a whole number of at"):
            WHOLE.validate(big)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("age", "41", "a whole number"),
        ("income", None, "a number"),
        ("city", 1, "a text"),
        ("city", ["x"], "a text"),
        ("member", 1, "true or false"),
        ("member", "true", "true or false"),
        ("since", "2026-13-01", "a time such as '2026-01-31T12:00:00Z'"),
        ("since", "tomorrow", "a time such as '2026-01-31T12:00:00Z'"),
        ("since", 1700000000, "a time such as '2026-01-31T12:00:00Z'"),
        ("since", "0001-01-01T00:00:00+14:00", "a time such as '2026-01-31T12:00:00Z'"),
    ],
)
def test_a_value_of_another_type_is_named(column: str, value: Any, expected: str) -> None:
    with pytest.raises(InvalidRows) as error:
        MIXED.validate([ROWS[0], ROWS[0] | {column: value}])
    (problem,) = error.value.problems
    assert (problem.row, problem.column, problem.expected) == (1, column, expected)


def test_of_many_problems_the_first_rows_are_told() -> None:
    given = [[1, "x"]] * 5_000
    with pytest.raises(InvalidRows) as error:
        TWO.validate(given)
    assert [problem.row for problem in error.value.problems] == list(range(20))
    assert error.value.count == 5_000
    assert str(error.value).endswith("And 4,997 more.")
    with pytest.raises(InvalidRows) as error:
        TWO.validate([["x" * 1_000, 1]])
    assert len(str(error.value)) < 120


def test_of_many_names_only_some_are_told() -> None:
    signature = Signature(tuple(Column(f"x{number}", "float") for number in range(100)))
    with pytest.raises(InvalidRows) as error:
        signature.validate([{f"y{number}": 0 for number in range(100)}])
    assert error.value.count == 200
    assert len(str(error.value)) < 200


def test_values_of_any_depth_and_length_are_told_shortly() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    long: list[Any] = ["x" * 10**6, [10**5_000], {"a": list(range(10**5))}, deep]
    for value in long:
        with pytest.raises(InvalidRows) as error:
            TWO.validate([[1, value]])
        assert len(str(error.value)) < 120
    while deep:  # else freeing it would go as deep
        deep = deep.pop()


# -- tensors ------------------------------------------------------------------------------------


def test_arrays_of_a_shape() -> None:
    signature = Signature(tensor=Tensor("float", (2, 2)))
    table = signature.validate([[[1, 2], [3, 4.5]]])
    assert table.matrix().shape == (1, 2, 2)
    assert table.numbers_and_texts() == [([1, 2, 3, 4.5], None)]
    assert len(signature.validate(np.ones((3, 2, 2), np.float32))) == 3
    assert len(signature.validate([])) == 0
    for wrong in ([[[1, 2], [3]]], [[1, 2]], np.ones((3, 2)), np.float64(1), 5, "ab"):
        with pytest.raises(InvalidRows, match="expected rows x 2 x 2, each a number"):
            signature.validate(wrong)
    with pytest.raises(InvalidRows, match="row 1 is 'x'; expected a number"):
        signature.validate([[[1, 2], [3, 4]], [[1, "x"], [3, 4]]])
    with pytest.raises(InvalidRows, match="row 0 is True; expected a number"):
        signature.validate([[[1, True], [3, 4]]])


def test_a_text_in_each_row() -> None:
    signature = Signature(tensor=Tensor("text"))
    texts = ["a", "b"]
    for form in (texts, np.array(texts), pd.Series(texts), pl.Series(texts)):
        table = signature.validate(form)
        assert table.arrays[0].tolist() == texts
    assert table.numbers_and_texts() == [([None], ["a"]), ([None], ["b"])]
    with pytest.raises(InvalidRows, match="row 1 is 5; expected a text"):
        signature.validate(["a", 5])


# -- the quick and the careful way --------------------------------------------------------------


@given(data=st.data())
def test_the_quick_way_agrees_with_the_look_at_each_value(data: st.DataObject) -> None:
    column = data.draw(columns("a"))
    listed = data.draw(st.lists(values(column) | JUNK, max_size=4))
    array = quick(column, listed)
    if array is None:
        return
    for value, found in zip(listed, array.tolist(), strict=True):
        if is_missing(value):
            assert column.missing
            assert is_missing(found)
        else:
            assert cell(column.type, value) == found


@given(data=st.data())
def test_rows_fit_if_each_of_their_values_does(data: st.DataObject) -> None:
    signature = data.draw(signatures())
    given_rows = data.draw(st.lists(rows(signature, junk=True), max_size=4))
    wrong = []
    for number, row in enumerate(given_rows):
        ordered = [row[name] for name in signature.features] if isinstance(row, dict) else row
        for column, value in zip(signature.columns, ordered, strict=True):
            if not _fits(column, value):
                wrong.append((number, column.name))
    if wrong:
        with pytest.raises(InvalidRows) as error:
            signature.validate(given_rows)
        assert [(one.row, one.column) for one in error.value.problems] == wrong
    else:
        table = signature.validate(given_rows)
        assert len(table) == len(given_rows)
        assert len(table.numbers_and_texts()) == len(given_rows)
        again = signature.validate(table.frame())
        assert plain(again) == plain(table)
        if given_rows:
            _check_joined(table, [signature.validate([row]) for row in given_rows])


def _check_joined(whole: Table, each: list[Table]) -> None:
    """Rows that came one by one are, joined, what they are when they come together."""
    joined = Table.joined(each)
    assert plain(joined) == plain(whole)
    assert [one.dtype for one in joined.arrays] == [one.dtype for one in whole.arrays]
    assert joined.numbers_and_texts() == whole.numbers_and_texts()


def _fits(column: Column, value: Any) -> bool:
    if is_missing(value):
        return column.missing
    try:
        cell(column.type, value)
    except Refused:
        return False
    return True


@given(data=st.data())
def test_nothing_but_a_list_of_problems_comes_of_any_rows(data: st.DataObject) -> None:
    signature = data.draw(signatures())
    given_rows = data.draw(st.lists(misshapen(signature) | rows(signature), max_size=4) | JUNK)
    try:
        signature.validate(given_rows)
    except InvalidRows as error:
        told = error
    else:
        return
    assert told.count >= len(told.problems) >= 1
    assert str(told)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.floats(allow_infinity=False) | st.integers(-5, 5),
            min_size=3,
        ),
        max_size=4,
    ),
    st.randoms(use_true_random=False),
)
def test_rows_by_name_come_into_the_order_of_the_signature(
    given_rows: list[dict[str, float]], chance: random.Random
) -> None:
    signature = Signature(tuple(Column(name, "float", missing=True) for name in "bca"))
    shuffled = [dict(chance.sample(list(row.items()), 3)) for row in given_rows]
    lists = [[row[name] for name in "bca"] for row in given_rows]
    expected = np.array(lists, np.float64).reshape(-1, 3)
    for form in (shuffled, lists, expected):
        np.testing.assert_array_equal(signature.validate(form).matrix(), expected)
