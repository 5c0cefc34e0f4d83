"""A signature as JSON Schema (draft 2020-12), of one row and of a request with rows.

It says what `validate` takes as far as JSON Schema can say it; it cannot tell 2**53 + 1, which is
refused where floats are asked for, from a large float, and takes the 30th of February for a day.
What is only known of the training data stands in descriptions and examples, not in limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lite_mlops.models.signature.kinds import EXACT, MOMENT, Type
from lite_mlops.models.signature.values import Column, Signature, Tensor

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_VALUES: dict[Type, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -EXACT, "maximum": EXACT},
    "float": {"type": "number"},
    "text": {"type": "string"},
    "datetime": {"type": "string", "pattern": MOMENT},
}


def _value(kind: Type, *, missing: bool) -> dict[str, Any]:
    schema = dict(_VALUES[kind])
    if missing:
        schema["type"] = [schema["type"], "null"]
    return schema


def of_column(column: Column) -> dict[str, Any]:
    """Return the schema of one value of a column."""
    schema = _value(column.type, missing=column.missing)
    if column.low is not None:
        schema["description"] = f"In the training data {column.low} to {column.high}."
    elif column.categories is None and column.distinct:
        schema["description"] = f"One of {column.distinct:,} values in the training data."
    if column.categories:
        schema["examples"] = list(column.categories)
    return schema


def _of_tensor(tensor: Tensor) -> dict[str, Any]:
    schema = _value(tensor.type, missing=tensor.missing)
    for length in reversed(tensor.shape):
        schema = {"type": "array", "items": schema, "minItems": length, "maxItems": length}
    return schema


def _row(signature: Signature) -> dict[str, Any]:
    if signature.tensor is not None:
        return _of_tensor(signature.tensor)
    values = [of_column(column) for column in signature.columns]
    by_name = {
        "type": "object",
        "properties": dict(zip(signature.features, values, strict=True)),
        "required": list(signature.features),
        "additionalProperties": False,
    }
    in_order: dict[str, Any] = {"type": "array", "minItems": len(values), "maxItems": len(values)}
    if values:
        in_order["prefixItems"] = values
    return {"anyOf": [by_name, in_order]}


def _document(schema: Mapping[str, Any], title: str) -> dict[str, Any]:
    return {"$schema": DRAFT, "title": title, **schema}


def of_row(signature: Signature) -> dict[str, Any]:
    """Return the schema of one row: an object of the columns, or a list of values in order."""
    return _document(_row(signature), "A row")


def of_rows(signature: Signature) -> dict[str, Any]:
    """Return the schema of a request: a list of rows, alone or as `rows`; or one row as object."""
    row: dict[str, Any] = {"$ref": "#/$defs/row"}
    rows = {"type": "array", "items": row}
    inner = {"anyOf": [rows, {"allOf": [{"type": "object"}, row]}]}
    whole = {
        "type": "object",
        "properties": {"rows": inner},
        "required": ["rows"],
        "additionalProperties": False,
    }
    schema = {"anyOf": [*inner["anyOf"], whole], "$defs": {"row": _row(signature)}}
    return _document(schema, "A request with rows")
