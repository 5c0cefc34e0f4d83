"""What departs from the training data is told, and is no error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lite_mlops.models.signature import Column, Signature, Table, Tensor

SIGNATURE = Signature(
    (
        Column("age", "integer", missing=True, low=18, high=90, missing_share=0.0),
        Column("city", "text", missing=True, categories=("Oslo", "Rome"), missing_share=0.5),
        Column("since", "datetime", low="2026-01-01", high="2026-12-31T00:00:00.000000"),
        Column("weight", "float"),
    )
)
ROW: list[Any] = [41, "Rome", "2026-05-05", 1e9]


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (0, 17, ("age", "range", "18 to 90")),
        (0, 91, ("age", "range", "18 to 90")),
        (0, None, ("age", "missing", "a value, as in all of the training data")),
        (1, "Bonn", ("city", "category", "Oslo, Rome")),
        (2, "2027-01-01", ("since", "range", "2026-01-01 to 2026-12-31T00:00:00.000000")),
        (0, 18, None),
        (0, 90, None),
        (1, None, None),
        (3, -1e300, None),
    ],
)
def test_each_departure_is_told(place: int, value: Any, told: Any) -> None:
    row = [*ROW]
    row[place] = value
    found = SIGNATURE.outside(SIGNATURE.validate([ROW, row, ROW, row]))
    assert [(one.column, one.what, one.expected) for one in found] == ([told] if told else [])
    for one in found:
        assert one.to_dict()["rows"] == [1, 3]


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [(0, 91, "range"), (0, None, "missing"), (1, "Bonn", "category"), (1, None, None)],
)
def test_single_rows_depart_as_they_do_together(place: int, value: Any, what: Any) -> None:
    signature = Signature(SIGNATURE.columns[:2])
    row = ROW[:2]
    row[place] = value
    each = [signature.validate([one]) for one in (ROW[:2], row)]
    for table, rows in ((each[1], [0]), (Table.joined(each), [1])):
        found = [(one.what, one.rows.tolist()) for one in signature.outside(table)]
        assert found == ([(what, rows)] if what else [])


def test_a_tensor_and_no_rows_depart_from_nothing() -> None:
    assert SIGNATURE.outside(SIGNATURE.validate([])) == []
    signature = Signature(tensor=Tensor("float", (2, 2), low=0, high=1))
    assert signature.outside(signature.validate(np.full((1, 2, 2), 5.0))) == []
