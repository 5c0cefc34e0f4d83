"""Parts of the OpenAPI document that several routes share; they belong to one served model.

answer("The answers", reference("Answers"))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JSON = "application/json"

# Stands for the columns of the model among the parameters of an operation.
COLUMNS: Mapping[str, Any] = {"in": "query", "name": "*"}


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
