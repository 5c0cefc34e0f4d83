"""The OpenAPI document (3.1), made of the routes and of the signatures of what is served.

GET /openapi.json

A route with places for a model stands there once for each model that is served, with its address
and the schemas of its own rows and answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lite_mlops.models import Output, Signature, why_unexplained
from lite_mlops.serving import Endpoint, Served
from lite_mlops.web.kernel import Operation, Request, Response, Route
from lite_mlops.web.predicting import mlflow, open_inference, options
from lite_mlops.web.predicting.schemas import (
    COLUMNS,
    EXPLAIN,
    PROBA,
    STAYING,
    by_column,
    closed,
    entity,
)

PATH = "/openapi.json"

# What each model has its own of; other schemas are shared.
_OF_A_MODEL = ("Rows", "Row", "NamedRow", "Answers", "Prediction", "Scoring", "Inference")
_REF = "#/components/schemas/"


def route(served: Served, routes: Sequence[Route]) -> Route:
    """Return the route that answers with the document of the others and of itself."""

    def document(_: Request) -> Response:
        return Response.json(document_of([*routes, itself], served))

    about = Operation(
        summary="This document",
        answers={"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}},
    )
    itself = Route("GET", PATH, document, about=about)
    return itself


def document_of(routes: Iterable[Route], served: Served) -> dict[str, Any]:
    """Return the OpenAPI document of routes."""
    from importlib.metadata import version as installed_version  # slow to load

    paths: dict[str, Any] = {}
    schemas = dict(_SHARED)
    for number, (_, endpoint) in enumerate(served):
        for name, schema in _schemas(endpoint.version.signature).items():
            schemas[name + _suffix(number)] = _own(schema, number)
    for one in routes:
        if one.about is not None:
            for path, number, endpoint in _addresses(one.path, served):
                operation = _operation(one, one.about, path, endpoint.version.signature, number)
                if operation is not None:
                    paths.setdefault(path, {})[one.method.lower()] = operation
    models = ", ".join(reference for reference, _ in served)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"lite-mlops: {models}",
            "version": served.default.version.name,
            "description": f"Served by lite-mlops {installed_version('lite-mlops')}.",
        },
        # Beside the document, wherever the app is mounted.
        "servers": [{"url": "./"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


# -- addresses ----------------------------------------------------------------------------------


def _addresses(path: str, served: Served) -> Iterator[tuple[str, int, Endpoint]]:
    """Yield the addresses that a route has, with the number of the model that each means."""
    if "{" not in path:
        yield path, 0, served.default
        return
    for number, (reference, endpoint) in enumerate(served):
        version = endpoint.version
        numbered = reference == version.name and version.version > 0
        name = version.model if numbered or "/" in reference else reference
        if "{version}" in path:
            if numbered:
                places = {"name": version.model, "version": str(version.version)}
                yield _filled(path, places), number, endpoint
        elif not numbered or "{name}" in path:
            yield _filled(path, {"name": name, "reference": name}), number, endpoint


def _filled(path: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        path = path.replace(f"{{{name}}}", value)
    return path


# -- operations ---------------------------------------------------------------------------------


def _operation(
    one: Route, about: Operation, path: str, signature: Signature, number: int
) -> dict[str, Any] | None:
    """Return the operation of a route for one model; None if it cannot be asked so."""
    parameters = _parameters(one, about, signature)
    if parameters is None:
        return None
    told: dict[str, Any] = {"summary": about.summary, "operationId": _id(one.method, path)}
    if about.description:
        told["description"] = about.description
    if parameters:
        told["parameters"] = parameters
    if about.body is not None:
        told["requestBody"] = {"required": True, "content": _own(about.body, number)}
    told["responses"] = _own(about.answers, number)
    if not one.open:
        told["security"] = [{}, {"bearer": []}, {"key": []}]
    return told


def _id(method: str, path: str) -> str:
    words = "".join(sign if sign.isalnum() else "_" for sign in path).strip("_")
    return f"{method.lower()}_{words or 'index'}"


def _parameters(one: Route, about: Operation, signature: Signature) -> list[Any] | None:
    """Return the parameters of an operation for one model; None if it cannot be asked so."""
    parameters: list[Any] = []
    for parameter in about.parameters:
        if parameter is PROBA:
            parameters += options.parameters("proba") if signature.probabilities else ()
        elif parameter is EXPLAIN:
            explains = why_unexplained(signature) is None
            parameters += options.parameters("explain") if explains else ()
        elif parameter is STAYING and "{version}" in one.path:
            continue
        elif parameter is not COLUMNS:
            parameters.append(parameter)
        elif signature.tensor is not None:
            return None
        else:
            parameters += _columns(signature)
    return parameters


def _columns(signature: Signature) -> list[dict[str, Any]]:
    """Return the columns as parameters of an address; what is missing is an empty text there."""
    schemas = signature.json_schema()["anyOf"][0]["properties"]
    found = []
    for column in signature.columns:
        schema = dict(schemas[column.name])
        if column.missing:
            schema["type"] = schema["type"][0]
        name = options.argument_of(column.name)
        found.append({"name": name, "in": "query", "required": True, "schema": schema})
    return found


# -- schemas ------------------------------------------------------------------------------------


def _suffix(number: int) -> str:
    return str(number) if number else ""


def _own(value: Any, number: int) -> Any:
    """Return a part of the document that refers to the schemas of the model of this number."""
    if number == 0:
        return value
    if isinstance(value, Mapping):
        ref = value.get("$ref")
        if isinstance(ref, str) and ref.removeprefix(_REF) in _OF_A_MODEL:
            return {"$ref": ref + _suffix(number)}
        return {name: _own(one, number) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_own(one, number) for one in value]
    return value


_STRING = {"type": "string"}
_SHARED: dict[str, Any] = {
    "Error": entity(
        {
            "error": entity(
                {
                    "status": {"type": "integer"},
                    "message": _STRING,
                    "problems": {
                        "type": "array",
                        "items": entity(
                            {
                                "row": {"type": ["integer", "null"]},
                                "column": {"type": ["string", "null"]},
                                "value": _STRING,
                                "expected": _STRING,
                            }
                        ),
                    },
                    "count": {"type": "integer"},
                },
                "problems",
                "count",
            )
        }
    ),
    "MlflowError": entity({"error_code": _STRING, "message": _STRING}),
    "InferenceError": entity({"error": _STRING}),
    "Warning": entity(
        {
            "column": _STRING,
            "what": {"enum": ["range", "category", "missing"]},
            "value": {},
            "expected": _STRING,
        }
    ),
}


def _schemas(signature: Signature) -> dict[str, Any]:
    """Return the schemas of the rows and answers of one model."""
    row = {name: value for name, value in signature.json_schema().items() if name[0] != "$"}
    found: dict[str, Any] = {"Row": row, "Rows": _rows(signature)}
    if signature.tensor is None:
        found["NamedRow"] = row["anyOf"][0]
        found["Row"] = row | {"anyOf": [{"$ref": f"{_REF}NamedRow"}, row["anyOf"][1]]}
        found["NamedRow"] = found["NamedRow"] | {"examples": [signature.example_row()]}
    found["Scoring"] = mlflow.request_schema(signature)
    found["Inference"] = open_inference.request_schema(signature)
    found["Prediction"] = _prediction(signature)
    answer = {
        "id": _STRING,
        "prediction": {"$ref": f"{_REF}Prediction"},
        "probabilities": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "quality": {"enum": ["ok", "doubtful"]},
        "warnings": {"type": "array", "items": {"$ref": f"{_REF}Warning"}},
        "row": {"type": "object"},
        "explanation": {},
    }
    one = entity(answer, "probabilities", "warnings", "row", "explanation")
    found["Answers"] = entity(
        {
            "model": _STRING,
            "version": {"type": ["integer", "null"]},
            "predictions": {"type": "array", "items": one},
        }
    )
    return found


def _rows(signature: Signature) -> dict[str, Any]:
    """Return the schema of what is taken as rows in JSON."""
    several = {"type": "array", "items": {"$ref": f"{_REF}Row"}, "minItems": 1}
    if signature.tensor is not None:
        return {"anyOf": [several, closed({"rows": several}), closed({"instances": several})]}
    named = {"$ref": f"{_REF}NamedRow"}
    _, in_order = signature.json_schema()["anyOf"]
    data = {"type": "array", "items": in_order, "minItems": 1}
    inner = {"anyOf": [several, named]}
    return {
        "anyOf": [
            named,
            several,
            closed({"rows": inner}),
            closed({"instances": inner}),
            closed({"columns": {"const": list(signature.features)}, "data": data}),
            closed(by_column(signature)),
        ]
    }


def _prediction(signature: Signature) -> dict[str, Any]:
    kinds = [_value(output) for output in signature.outputs]
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        return {"type": "array", "prefixItems": kinds}
    return {}


def _value(output: Output) -> dict[str, Any]:
    if output.kind == "any":
        return {}
    if output.classes:
        return {"enum": list(output.classes)}
    if output.type in ("integer", "float"):
        return {"type": ["number", "null"]}  # not a number, and infinity, are null
    return {"type": "boolean" if output.type == "boolean" else "string"}
