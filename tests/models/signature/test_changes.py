"""What differs between signatures: it is breaking if rows or answers of before go wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.models.signature import Column, Output, Signature, Tensor, compatible
from tests.models.signature.strategies import rows, signatures

AGE, CITY = Column("age", "integer", low=18, high=90), Column("city", "text", categories=("Rome",))
LABEL = Output("label", "integer", (0, 1), probabilities=True)
OLD = Signature((AGE, CITY), (LABEL,))


def with_inputs(*columns: Column) -> Signature:
    return replace(OLD, columns=columns)


def with_output(**changes: object) -> Signature:
    return replace(OLD, outputs=(replace(LABEL, **changes),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (OLD, []),
        (with_inputs(AGE), [("city: is not taken any more", True)]),
        (with_inputs(AGE, CITY, Column("sex", "text")), [("sex: is asked for now", True)]),
        (with_inputs(CITY, AGE), [("inputs: the order of the columns changed", True)]),
        (
            with_inputs(replace(AGE, type="float"), CITY),
            [("age: the type integer became float", False)],
        ),
        (
            with_inputs(AGE, replace(CITY, type="integer")),
            [("city: the type text became integer", True)],
        ),
        (with_inputs(replace(AGE, missing=True), CITY), [("age: may be missing now", False)]),
        (
            with_inputs(replace(AGE, low=20), CITY),
            [("age: the training range 18 to 90 became 20 to 90", False)],
        ),
        (
            with_inputs(AGE, replace(CITY, categories=("Oslo",))),
            [("city: categories: 1 new ['Oslo'], 1 gone ['Rome']", False)],
        ),
        (with_output(classes=(0, 1, 2)), [("outputs: new classes: 2", True)]),
        (with_output(classes=(0,)), [("outputs: classes gone: 1", False)]),
        (with_output(classes=(1, 0)), [("outputs: the order of the classes changed", False)]),
        (
            with_output(probabilities=False),
            [("outputs: there are no probabilities any more", True)],
        ),
        (
            replace(OLD, outputs=(LABEL, LABEL)),
            [("outputs: 1 values for each row became 2", True)],
        ),
        (
            replace(OLD, columns=(), tensor=Tensor("float", (2, 2))),
            [("inputs: columns became an array", True)],
        ),
    ],
)
def test_each_difference_is_told(new: Signature, told: list[tuple[str, bool]]) -> None:
    assert [(str(change), change.breaking) for change in compatible(OLD, new)] == told


def test_the_other_way_round() -> None:
    narrower = with_inputs(replace(AGE, missing=True, type="float"), CITY)
    assert [(one.text, one.breaking) for one in compatible(narrower, OLD)] == [
        ("the type float became integer", True),
        ("may not be missing any more", True),
    ]
    shapes = [Signature(tensor=Tensor("float", shape)) for shape in ((2, 2), (3,))]
    (change,) = compatible(*shapes)
    assert change.to_dict() == {
        "what": "inputs",
        "text": "the shape [2, 2] became [3]",
        "breaking": True,
    }


@given(data=st.data())
def test_what_the_old_one_took_the_new_one_takes_unless_it_is_breaking(
    data: st.DataObject,
) -> None:
    old, new = data.draw(signatures()), data.draw(signatures())
    if not any(change.breaking for change in compatible(old, new)):
        new.validate([data.draw(rows(old))])
    assert compatible(old, old) == []
