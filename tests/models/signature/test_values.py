"""Signatures as JSON: they come back as they were written, the first form too."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Invalid
from lite_mlops.models.signature import Column, Output, Signature, Tensor, infer_signature
from lite_mlops.models.signature.kinds import Type

FRAME = pd.DataFrame(
    {
        "age": [1, 2, 3],
        "gaps": [0.5, None, 1.0],
        "city": pd.Categorical(["Rome", "001", "Rome"]),
        "since": pd.to_datetime(["2026-01-01"] * 3).tz_localize("Europe/Rome"),
    }
)
WRITTEN: list[Signature] = [
    Signature(),
    infer_signature(object(), training=FRAME),
    infer_signature(LogisticRegression().fit(np.eye(2), [3, 4]), training=np.eye(2)),
    Signature(tensor=Tensor("float", (2, 3), low=0.0), outputs=(Output("any", "text"),)),
    Signature((Column("a", "boolean", missing=True),), framed=True),
]


@pytest.mark.parametrize("signature", WRITTEN, ids=range(len(WRITTEN)))
def test_a_signature_comes_back_as_it_was_written(signature: Signature) -> None:
    written = json.loads(json.dumps(signature.to_dict(), allow_nan=False))
    assert Signature.from_dict(written) == signature


def test_what_is_as_by_default_is_not_written() -> None:
    signature = Signature((Column("a", "float"),), (Output("number", "float"),))
    assert signature.to_dict() == {
        "version": 2,
        "columns": [{"name": "a", "type": "float"}],
        "outputs": [{"kind": "number", "type": "float"}],
    }


def test_the_first_form_is_read() -> None:
    signature = Signature.from_dict({"features": ["age", "visits"], "classes": ["no", "yes"]})
    assert signature.features == ("age", "visits")
    assert signature.classes == ("no", "yes")
    assert signature.probabilities
    assert {(column.type, column.missing) for column in signature.columns} == {("float", True)}
    assert np.isnan(signature.validate([{"age": None, "visits": 1}]).matrix()[0, 0])
    assert Signature.from_dict({"features": ["a"], "classes": []}).classes == ()


def test_a_later_version_is_told_and_its_further_fields_are_no_harm() -> None:
    with pytest.raises(Invalid, match=r"this signature is of version 3; .* Install a newer one"):
        Signature.from_dict({"version": 3})
    written: dict[str, Any] = {"version": 2, "columns": [], "outputs": []}
    written["columns"] = [{"name": "a", "type": "float", "unit": "kg"}]
    assert Signature.from_dict(written) == Signature((Column("a", "float"),))


@pytest.mark.parametrize("signature", WRITTEN, ids=range(len(WRITTEN)))
def test_the_example_fits(signature: Signature) -> None:
    row = json.loads(json.dumps(signature.example_row()))
    assert list(row) == list(signature.features)
    if signature.columns:
        assert signature.outside(signature.validate([row])) == []


def test_examples_without_training_data_fit_too() -> None:
    kinds: tuple[Type, ...] = ("boolean", "integer", "float", "text", "datetime")
    signature = Signature(tuple(Column(kind, kind) for kind in kinds))
    assert signature.example_row() == {
        "boolean": True,
        "integer": 0,
        "float": 0.0,
        "text": "",
        "datetime": "2026-01-31T12:00:00Z",
    }
    assert len(signature.validate([signature.example_row()])) == 1


def test_columns_are_found_by_name() -> None:
    signature = Signature((Column("a", "float"), Column("b", "text")))
    assert signature.column("b").type == "text"
    assert not signature.numeric
    with pytest.raises(KeyError):
        signature.column("c")
