"""The fields of a form: what each type of column becomes, and what they are filled with."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.models import Column, Example, Output, Signature
from lite_mlops.web.pages.fields import fields, number_text, text_of
from lite_mlops.web.pages.rows import first_row, random_row

AGE = Column(
    "age", "integer", low=18, high=90, quantiles=(19.0, 22.0, 35.0, 52.0, 70.0, 84.0, 89.0)
)
RATE = Column("rate", "float", missing=True, low=-0.5, high=12_345.678, missing_share=0.25)
PLAN = Column("plan", "text", categories=("basic", "pro"))
NOTE = Column("note", "text")
MEMBER = Column("member", "boolean")
SINCE = Column(
    "since", "datetime", low="2019-03-02T10:00:00.000000", high="2024-08-20T00:00:00.000000"
)
SIGNATURE = Signature((AGE, RATE, PLAN, NOTE, MEMBER, SINCE), (Output("number", "float"),))


def test_each_type_has_its_field() -> None:
    row = SIGNATURE.example_row()
    made = {field.column: field for field in fields(SIGNATURE, row)}
    told = {name: (one.kind, one.text, one.hint) for name, one in made.items()}
    assert told == {
        "age": ("number", "52", "18 to 90 in training"),
        "rate": ("number", "0", "-0.5 to 12,346 in training, may be empty"),
        "plan": ("choice", "basic", ""),
        "note": ("text", "", ""),
        "member": ("choice", "true", ""),
        "since": ("moment", "2019-03-02T10:00", "2019-03-02 to 2024-08-20 in training, UTC"),
    }
    assert made["plan"].options == ("basic", "pro")
    assert (made["plan"].open, made["member"].open) == (True, False)
    # A telephone shows number keys without a minus where there is no need for one.
    assert (made["age"].keyboard, made["rate"].keyboard) == ("numeric", "")


def test_where_everything_may_be_empty_no_field_says_so() -> None:
    signature = Signature((RATE,), SIGNATURE.outputs)
    assert fields(signature, {})[0].hint == "-0.5 to 12,346 in training"


def test_a_value_that_was_never_seen_can_be_shown() -> None:
    made = {field.column: field for field in fields(SIGNATURE, {"plan": "gold", "age": None})}
    assert made["plan"].options == ("basic", "pro", "gold")
    assert (made["plan"].text, made["age"].text) == ("gold", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2024-05-01T14:30:00+02:00", "2024-05-01T12:30"),
        ("2024-05-01T12:30:07.250000Z", "2024-05-01T12:30:07"),
        ("2024-05-01", "2024-05-01T00:00"),
        ("yesterday", ""),
        (None, ""),
    ],
)
def test_times_are_filled_in_as_browsers_keep_them(value: Any, text: str) -> None:
    made = {field.column: field.text for field in fields(SIGNATURE, {"since": value})}
    assert made["since"] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (3.0, "3"), (0.1, "0.1"), (1e300, "1e+300"), (7, "7"), (None, ""), ("a", "a")],
)
def test_values_are_filled_in_as_they_are_typed(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_numbers_are_told_in_few_digits() -> None:
    told = [number_text(one) for one in (0, -3.0, 0.000123456, 6.98123, 19_204.13, 2e15)]
    assert told == ["0", "-3", "0.0001235", "6.981", "19,204", "2e+15"]


# -- rows ---------------------------------------------------------------------------------------


def test_the_first_kept_row_is_shown_by_name_without_what_the_model_does_not_take() -> None:
    signature = Signature((AGE, PLAN), SIGNATURE.outputs)
    named = Example(("plan", "id", "age"), [["pro", 1, 44], ["basic", 2, 45]])
    assert first_row(signature, named) == {"plan": "pro", "age": 44}
    assert first_row(signature, Example(None, [[44, "pro"]])) == {"age": 44, "plan": "pro"}
    assert first_row(signature, None) == {"age": 52, "plan": "basic"}
    # Rows that lack a column are of no use.
    assert first_row(signature, Example(("plan",), [["pro"]])) == {"age": 52, "plan": "basic"}


def test_random_rows_are_kept_ones_where_there_are_some() -> None:
    signature = Signature((AGE, PLAN), SIGNATURE.outputs)
    example = Example(None, [[age, "pro"] for age in range(20, 30)])
    drawn = [random_row(signature, example, random.Random(seed)) for seed in range(60)]
    assert {one.made_up for one in drawn if one} == {False}
    assert {one.row["age"] for one in drawn if one} == set(range(20, 30))


@given(seed=st.integers(0, 10_000))
def test_made_up_rows_are_valid_and_within_the_training_data(seed: int) -> None:
    drawn = random_row(SIGNATURE, None, random.Random(seed))
    assert drawn is not None
    assert drawn.made_up
    table = SIGNATURE.validate([drawn.row])
    assert SIGNATURE.outside(table) == []
    assert datetime.fromisoformat(drawn.row["since"]).year in range(2019, 2025)


def test_made_up_numbers_follow_the_quantiles() -> None:
    signature = Signature((AGE,), SIGNATURE.outputs)
    rows = [random_row(signature, None, random.Random(seed)) for seed in range(2000)]
    ages = sorted(one.row["age"] for one in rows if one)
    assert abs(ages[1000] - 52) <= 2
    assert abs(ages[500] - 35) <= 2
    missing = [random_row(Signature((RATE,)), None, random.Random(seed)) for seed in range(400)]
    share = sum(one.row["rate"] is None for one in missing if one) / 400
    assert 0.18 < share < 0.32


def test_a_tensor_has_the_rows_that_were_kept_or_none() -> None:
    picture = Signature.from_dict(
        {"version": 2, "tensor": {"type": "float", "shape": [2, 2]}, "outputs": []}
    )
    kept = Example(None, [[[1.0, 2.0], [3.0, 4.0]]])
    assert first_row(picture, kept) == [[1.0, 2.0], [3.0, 4.0]]
    assert first_row(picture, None) is None
    assert random_row(picture, None, random.Random(0)) is None
    text = Signature.from_dict({"version": 2, "tensor": {"type": "text"}, "outputs": []})
    assert first_row(text, Example(None, [["good", "bad"]])) == "good"
