"""Conditions of slices: what is written is read, what is read is written, and rows are met."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.data import as_columns
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.gates.conditions import Condition, Term, parse_condition

TABLE = as_columns(
    {
        "age": [25, 40, None, 61],
        "plan": ["basic", "pro", None, "it's"],
        "fee paid": [True, False, True, True],
        "since": [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4)],
        "score": [0.5, float("nan"), -1.0, 2.5],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("age < 40", [0]),
        ("age <= 40", [0, 1]),
        ("age != 40", [0, 3]),
        ("age >= 40 and plan = 'pro'", [1]),
        ("plan in ('basic', 'it''s')", [0, 3]),
        ("plan not in ('basic')", [1, 3]),
        ("age is missing", [2]),
        ("plan is not missing AND age > 30", [1, 3]),
        ('"fee paid" = true', [0, 2, 3]),
        ('"fee paid" = False', [1]),
        ("since >= '2026-03-01'", [2, 3]),
        ("score > -1.5e0 and score < .6", [0, 2]),
        ("score is missing", [1]),
    ],
)
def test_rows_that_meet_a_condition(text: str, rows: list[int]) -> None:
    assert np.flatnonzero(parse_condition(text).rows(TABLE)).tolist() == rows


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at its end: expected the name of a column"),
        ("age", "at its end: expected one of = != < <= > >=, 'in' or 'is missing'"),
        ("age <", "at its end: expected a number, a text in single quotes, true or false"),
        ("age < 3 or age > 5", "at 'or age > 5': expected 'and' or the end"),
        ("age is here", "at 'here': expected 'missing'"),
        ("age in 3", "at '3': expected '(' and values"),
        ("age in (3 4)", "at '4)': expected ',' or ')'"),
        ("age = ;", "at ';'"),
        ("and = 3", "at 'and = 3': expected the name of a column"),
        ("age not 3", "at '3'"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(Invalid) as error:
        parse_condition(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("agee < 3", NotFound, "The data has no column 'agee'. Did you mean 'age'?"),
        ("age = 'x'", Invalid, "'age' holds values of the kind integer, which 'x' is not."),
        ("plan = 3", Invalid, "'plan' holds values of the kind text, which 3 is not."),
        ("age = true", Invalid, "which True is not"),
        ("since > 'soon'", Invalid, "'soon' is no time; 'since' holds times."),
    ],
)
def test_what_does_not_fit_the_data_is_told(text: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error) as found:
        parse_condition(text).rows(TABLE)
    assert told in str(found.value)


values = st.one_of(
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
)
names = st.text(min_size=1, max_size=8)
terms = st.one_of(
    st.builds(
        lambda name, op, value: Term(name, op, (value,)),
        names,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        values,
    ),
    st.builds(
        lambda name, op, some: Term(name, op, tuple(some)),
        names,
        st.sampled_from(["in", "not in"]),
        st.lists(values, min_size=1, max_size=3),
    ),
    st.builds(Term, names, st.sampled_from(["missing", "not missing"])),
)


@given(st.lists(terms, min_size=1, max_size=3))
def test_what_is_written_is_read_again(some: list[Term]) -> None:
    condition = Condition(tuple(some))
    assert parse_condition(str(condition)) == condition


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_condition(text)
    except Invalid:
        return
    assert parse_condition(str(found)) == found


OPS: dict[str, Any] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
}


@given(
    st.lists(st.none() | st.integers(-3, 3), min_size=1, max_size=8),
    st.sampled_from(list(OPS)),
    st.integers(-3, 3),
)
def test_each_row_is_met_as_python_would(column: list[int | None], op: str, value: int) -> None:
    rows = Term("x", op, (value,)).rows(as_columns({"x": column}))
    assert rows.tolist() == [one is not None and OPS[op](one, value) for one in column]
