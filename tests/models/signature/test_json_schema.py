"""The JSON Schema of a signature says what `validate` says, as far as JSON Schema can say it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lite_mlops.models.signature import Column, InvalidRows, Signature, Tensor
from lite_mlops.models.signature.kinds import EXACT
from tests.models.signature.strategies import JUNK, misshapen, rows, signatures


def taken(signature: Signature, given_rows: Any) -> bool:
    """Whether `validate` takes rows."""
    try:
        signature.validate(given_rows)
    except InvalidRows:
        return False
    return True


def in_schema(schema: dict[str, Any], value: Any) -> bool:
    """Whether a schema takes a value as it comes through JSON."""
    Draft202012Validator.check_schema(schema)
    return bool(Draft202012Validator(schema).is_valid(json.loads(json.dumps(value))))


def beyond(value: Any) -> bool:
    """Whether there is a whole number that JSON Schema takes for a large float."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (type(value) is int and abs(value) > EXACT) or any(map(beyond, inner))


@given(data=st.data())
def test_the_schema_of_a_row_agrees_with_validate(data: st.DataObject) -> None:
    signature = data.draw(signatures())
    row = data.draw(rows(signature) | rows(signature, junk=True) | misshapen(signature))
    if isinstance(row, float) and row != row:
        return
    fits = in_schema(signature.json_schema(), row)
    if taken(signature, [row]):
        assert fits
    elif not beyond(row):
        assert not fits


@given(data=st.data())
def test_the_schema_of_a_request_agrees_with_validate(data: st.DataObject) -> None:
    signature = data.draw(signatures())
    one = rows(signature) | rows(signature, junk=True) | misshapen(signature)
    body = data.draw(st.lists(one, max_size=3) | JUNK)
    schema = signature.json_schema(rows=True)
    fits = in_schema(schema, body)
    if isinstance(body, list) and taken(signature, body):
        assert fits
        assert in_schema(schema, {"rows": body})
    elif not isinstance(body, dict) and not beyond(body):
        assert not fits
        assert not in_schema(schema, {"rows": body})


def test_one_row_as_an_object_is_a_request() -> None:
    signature = Signature((Column("a", "float"),))
    schema = signature.json_schema(rows=True)
    assert in_schema(schema, {"a": 1})
    assert in_schema(schema, {"rows": {"a": 1}})
    for body in ({"a": "1"}, {"rows": 5}, [1], {}, None):
        assert not in_schema(schema, body)


@pytest.mark.parametrize(
    ("given_rows", "fits"),
    [
        ([[[1, 2], [3, 4]]], True),
        ([], True),
        ([[[1, 2], [3]]], False),
        ([[[1, 2], [3, "4"]]], False),
    ],
)
def test_tensors(given_rows: Any, fits: bool) -> None:  # noqa: FBT001
    signature = Signature(tensor=Tensor("float", (2, 2)))
    assert in_schema(signature.json_schema(rows=True), given_rows) == fits
    assert taken(signature, given_rows) == fits


def test_what_is_known_of_the_training_data_is_no_limit() -> None:
    signature = Signature(
        (
            Column("age", "integer", low=18, high=90),
            Column("city", "text", categories=("Oslo", "Rome"), distinct=2),
            Column("street", "text", distinct=4_000),
        )
    )
    by_name = signature.json_schema()["anyOf"][0]["properties"]
    assert by_name["age"]["description"] == "In the training data 18 to 90."
    assert by_name["city"]["examples"] == ["Oslo", "Rome"]
    assert by_name["street"]["description"] == "One of 4,000 values in the training data."
    assert in_schema(signature.json_schema(), [7, "Bonn", "Main Street"])
