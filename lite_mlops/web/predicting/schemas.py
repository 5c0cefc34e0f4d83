"""Parts of the OpenAPI document that several routes share; they belong to one served model.

answer("The answers", reference("Answers"))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lite_mlops.models import Signature
from lite_mlops.serving import CANARY_KEY

JSON = "application/json"

# Stand among the parameters of an operation for the columns of the model, and for the options
# that only a model with probabilities, or one that can be explained, has.
COLUMNS: Mapping[str, Any] = {"in": "query", "name": "*"}
PROBA: Mapping[str, Any] = {"in": "query", "name": "proba"}
EXPLAIN: Mapping[str, Any] = {"in": "query", "name": "explain"}
# Not among those of a certain version, which answers in any case.
STAYING: Mapping[str, Any] = {
    "name": CANARY_KEY.title(),
    "in": "header",
    "description": "While a canary is tried: requests with the same key stay with one version.",
    "schema": {"type": "string"},
}


def reference(name: str) -> dict[str, str]:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def answer(told: str, schema: Mapping[str, Any], media: str = JSON) -> dict[str, Any]:
    """Return an answer of one kind."""
    return {"description": told, "content": {media: {"schema": dict(schema)}}}


def errors(form: str = "Error", **told: str) -> dict[str, Any]:
    """Return the errors of a route by status, each as `s404="..."`; any other has the form too."""
    found = {status[1:]: answer(text, reference(form)) for status, text in told.items()}
    return found | {"default": answer("Any other refusal", reference(form))}


def entity(properties: Mapping[str, Any], *optional: str) -> dict[str, Any]:
    """Return the schema of an object, which may have further properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }


def closed(properties: Mapping[str, Any], *optional: str) -> dict[str, Any]:
    """Return the schema of an object that has no further properties."""
    return entity(properties, *optional) | {"additionalProperties": False}


def by_column(signature: Signature) -> dict[str, Any]:
    """Return the schemas of some values of each column."""
    named, _ = signature.json_schema()["anyOf"]
    return {
        name: {"type": "array", "items": schema, "minItems": 1}
        for name, schema in named["properties"].items()
    }
