"""MLflow's scoring protocol, for clients that know no other.

POST /invocations   {"dataframe_split": {"columns": [...], "data": [...]}}
                    {"dataframe_records": [...]}   {"instances": [...]}   {"inputs": {...}}
                    or CSV with a line of names
GET  /ping  /version

As there, the answer is {"predictions": [...]}, columns that the model does not know are left out,
`params` are not used, and what does not fit is 400 with {"error_code": ..., "message": ...}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.jsontext import json_bytes
from lite_mlops.models import Signature
from lite_mlops.serving import Answers, Served
from lite_mlops.web.kernel import Deferred, Limits, Malformed, Operation, Request, Response, Route
from lite_mlops.web.predicting.answering import headers_of
from lite_mlops.web.predicting.asking import asked
from lite_mlops.web.predicting.formats import Taking, csv_rows, refused
from lite_mlops.web.predicting.formats.json_rows import check_size, of_split
from lite_mlops.web.predicting.meter import Meter
from lite_mlops.web.predicting.schemas import (
    JSON,
    STAYING,
    answer,
    by_column,
    closed,
    entity,
    errors,
    reference,
)

PATH = "/invocations"

_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


def error_form(status: int, message: str, error: LiteMlopsError | None) -> Response:  # noqa: ARG001
    """Return an error as MLflow's clients read it; rows that do not fit are 400 there."""
    status = 400 if status == 422 else status
    code = _CODES.get(status, "BAD_REQUEST")
    return Response.json({"error_code": code, "message": message}, status)


# -- the four shapes ----------------------------------------------------------------------------


def _of_split(value: Any, signature: Signature) -> Any:
    if type(value) is not dict or "data" not in value:
        raise Invalid("'dataframe_split' must be an object with 'columns' and 'data'.")
    unknown = [name for name in value if name not in ("columns", "data", "index")]
    if unknown:
        raise Invalid(f"'dataframe_split' has no {unknown[0]!r}; it has columns, data and index.")
    if "columns" not in value:
        return value["data"]
    names = value["columns"]
    names = list(map(str, names)) if type(names) is list else names
    return of_split(names, value["data"], signature)


def _of_records(value: Any, _: Signature) -> Any:
    if type(value) is not list or not all(type(row) is dict for row in value):
        raise Invalid("'dataframe_records' must be a list of objects of columns.")
    return value


def _of_instances(value: Any, _: Signature) -> Any:
    if type(value) is not list:
        raise Invalid("'instances' must be a list of rows.")
    return value


def _of_inputs(value: Any, _: Signature) -> Any:
    if type(value) not in (list, dict):
        raise Invalid("'inputs' must be an object of columns, or a list of rows.")
    return value


_SHAPES: dict[str, Callable[[Any, Signature], Any]] = {
    "dataframe_split": _of_split,
    "dataframe_records": _of_records,
    "instances": _of_instances,
    "inputs": _of_inputs,
}

_OF_ARRAYS = ("instances", "inputs")


def rows_of(body: Any, signature: Signature) -> Any:
    """Return the rows of a request as `Signature.validate` takes them.

    Raises:
        Malformed: the body has none of the four shapes.
    """
    told = ", ".join(map(repr, _SHAPES))
    if type(body) is not dict:
        raise Malformed(f"the body must be a JSON object with exactly one of {told}.")
    given = [name for name in body if name != "params"]
    if len(given) != 1 or given[0] not in _SHAPES:
        found = (
            f"it has {', '.join(repr(name[:60]) for name in given[:5])}" if given else "it has none"
        )
        raise Malformed(f"the body must have exactly one of {told}; {found}.")
    return _SHAPES[given[0]](body[given[0]], signature)


def request_schema(signature: Signature) -> dict[str, Any]:
    """Return the schema of a request for rows of a signature, with an example."""
    if signature.tensor is not None:
        rows = {"type": "array", "minItems": 1, "items": signature.json_schema()}
        return {"anyOf": [closed({name: rows, "params": {}}, "params") for name in _OF_ARRAYS]}
    named, in_order = signature.json_schema()["anyOf"]
    loose = {name: value for name, value in named.items() if name != "additionalProperties"}
    rows = {"type": "array", "minItems": 1, "items": {"anyOf": [loose, in_order]}}
    data = {"type": "array", "minItems": 1, "items": in_order}
    shapes = {
        "dataframe_split": entity(
            {"data": data, "columns": {"const": list(signature.features)}}, "columns"
        ),
        "dataframe_records": {"type": "array", "minItems": 1, "items": loose},
        "instances": rows,
        "inputs": {"anyOf": [rows, entity(by_column(signature))]},
    }
    row = signature.example_row()
    split = {"columns": list(row), "data": [list(row.values())]}
    return {
        "anyOf": [closed({name: one, "params": {}}, "params") for name, one in shapes.items()],
        "examples": [{"dataframe_split": split}],
    }


# -- routes -------------------------------------------------------------------------------------

_ABOUT = Operation(
    summary="Answer rows, as MLflow does",
    parameters=(STAYING,),
    body={JSON: {"schema": reference("Scoring")}, csv_rows.MEDIA: {"schema": {}}},
    answers={
        "200": answer(
            "The predictions, in the order of the rows",
            {
                "type": "object",
                "properties": {"predictions": {"type": "array", "items": reference("Prediction")}},
                "required": ["predictions"],
            },
        ),
        **errors("MlflowError", s400="Rows do not fit", s415="Neither JSON nor CSV"),
    },
)


def routes(served: Served, limits: Limits, meter: Meter) -> list[Route]:
    """Return the routes of the protocol; they answer with the default model."""

    def invocations(request: Request) -> Deferred:
        endpoint = served.default
        loaded = endpoint.current
        rows = _read(request, Taking(loaded.signature, limits))

        def tell(answers: Answers) -> Response:
            body = json_bytes({"predictions": answers.predictions()})
            return Response(200, body, JSON, headers_of(answers))

        return asked(endpoint, loaded, rows, request, meter, tell, ignore_unknown=True)

    def ping(_: Request) -> Response:
        return Response.json({"status": "ok"})

    def version(_: Request) -> Response:
        from importlib.metadata import version as installed_version  # slow to load

        return Response.text(installed_version("lite-mlops"))

    text = {"200": answer("The version", {"type": "string"}, "text/plain")}
    lives = {"200": answer("It lives", {"type": "object"})}
    return [
        Route("POST", PATH, invocations, about=_ABOUT),
        Route("GET", "/ping", ping, open=True, about=Operation(summary="Liveness", answers=lives)),
        Route(
            "GET",
            "/version",
            version,
            about=Operation(summary="The version of lite-mlops", answers=text),
        ),
    ]


def _read(request: Request, taking: Taking) -> Any:
    if request.media == csv_rows.MEDIA:
        return csv_rows.read(request, taking).rows
    if request.media not in ("", JSON):
        raise refused(request.media, (JSON, csv_rows.MEDIA))
    rows = rows_of(request.json(depth=taking.limits.json_depth), taking.signature)
    check_size(rows, taking)
    return rows
