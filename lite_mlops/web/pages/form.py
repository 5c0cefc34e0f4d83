"""The page `/`: a form for each served model, made from its signature.

app = App([*form_routes(served, monitoring=project.monitoring, example=example_of), ...])

GET /                          the form of the default; ?model=churn@champion of another one
GET /form/row?model=...        a random row to fill it with
GET /example?model=...         a row to try the model with, as `POST /predict` takes it
GET /static/...                the style sheet and the script

Without JavaScript the form is sent to `GET /predict`, which answers with JSON; with it the answer
is shown beside the form.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from secrets import SystemRandom
from typing import Any
from urllib.parse import quote

from lite_mlops.errors import NotFound
from lite_mlops.models import Column, Example, ModelVersion, Signature, why_unexplained
from lite_mlops.monitoring import Monitoring
from lite_mlops.serving import Endpoint, Served
from lite_mlops.web.kernel import Request, Response, Route
from lite_mlops.web.pages.fields import MAX_FIELDS, Field, fields, number_text
from lite_mlops.web.pages.files import files
from lite_mlops.web.pages.rendering import rendered
from lite_mlops.web.pages.rows import first_row, random_row
from lite_mlops.web.predicting.options import argument_of

# Returns the rows that were kept with a version.
ExampleOf = Callable[[ModelVersion], Example | None]

_SHOWN_IN_CURL = 2_000  # characters of a row


@dataclass(frozen=True)
class Link:
    """One of the served models, to be chosen."""

    name: str
    path: str
    current: bool


@dataclass(frozen=True)
class Page:
    """What the template shows.

    Attributes:
        title: The name of the model.
        version: Its version that answers, such as `3`; empty for a bundle.
        alias: The alias that it is served by; empty if by none.
        description: What somebody wrote of it.
        links: The served models; empty if there is but one.
        place: Where its routes begin, such as `/models/churn@champion`; empty for the default.
        mode: `fields`; `text` where a row is one text; `json` where it is a tensor or too wide.
        fields: Those of the form.
        row: What the field of a text or of JSON is filled with.
        takes: What a row of JSON is, in words.
        all_missing: Whether each of the fields may be left empty.
        drawable: Whether there is a random row to be had.
        curl: A command line that asks.
        data: What the script needs to know.
    """

    title: str
    version: str
    alias: str
    description: str
    links: Sequence[Link]
    place: str
    mode: str
    fields: Sequence[Field]
    row: str
    takes: str
    all_missing: bool
    drawable: bool
    curl: str
    data: dict[str, Any]


def form_routes(
    served: Served,
    *,
    monitoring: Monitoring | None = None,
    example: ExampleOf | None = None,
) -> list[Route]:
    """Return the routes of the form and of what it loads.

    Args:
        served: What is served.
        monitoring: Takes labels; without it there is no question whether an answer was right.
        example: Returns the rows that were kept with a version; without it rows are made up.
    """
    random = SystemRandom()

    def kept(version: ModelVersion) -> Example | None:
        return None if example is None else example(version)

    def page(request: Request) -> Response:
        reference, endpoint = _asked(served, request)
        loaded = endpoint.current
        shown = page_of(
            served,
            reference,
            loaded.version,
            kept(loaded.version),
            host=request.headers.get("host", "127.0.0.1"),
            feedback=monitoring is not None and loaded.recording is not None,
        )
        return rendered("form.html", page=shown)

    def row(request: Request) -> Response:
        _, endpoint = _asked(served, request)
        version = endpoint.version
        drawn = random_row(version.signature, kept(version), random)
        if drawn is None:
            raise NotFound(f"No rows were kept with {version.name}.")
        return Response.json(drawn._asdict(), headers={"Cache-Control": "no-store"})

    def example_row(request: Request) -> Response:
        _, endpoint = _asked(served, request)
        version = endpoint.version
        found = first_row(version.signature, kept(version))
        if found is None:
            raise NotFound(f"No rows were kept with {version.name}.")
        return Response.json(found if isinstance(found, dict) else [found])

    return [
        Route("GET", "/", page, waits=True, page=True),
        Route("GET", "/example", example_row, waits=True),
        Route("GET", "/form/row", row, waits=True),
        *(file.route() for file in files().values()),
        files()["icon.svg"].route("/favicon.ico"),  # which browsers ask for beside JSON
    ]


def _asked(served: Served, request: Request) -> tuple[str, Endpoint]:
    """Return the endpoint that an address means, and its reference. Raises `NotFound`."""
    asked = request.arguments().get("model")
    if asked is None:
        return next(iter(served))
    endpoint = served.find(asked)
    return next(one for one in served if one[1] is endpoint)


def page_of(
    served: Served,
    reference: str,
    version: ModelVersion,
    example: Example | None,
    *,
    host: str,
    feedback: bool,
) -> Page:
    """Return what the form of a version shows."""
    signature = version.signature
    mode = _mode(signature)
    row = first_row(signature, example)
    place = place_of(served, reference, version)
    links = [Link(name, f"/?model={quote(name, safe='')}", name == reference) for name, _ in served]
    renamed = {name: argument_of(name) for name in signature.features}
    return Page(
        title=version.model,
        version=str(version.version) if version.version else "",
        alias=reference.partition("@")[2] if reference.startswith(f"{version.model}@") else "",
        description=version.description or "",
        links=links if len(links) > 1 else (),
        place=place,
        mode=mode,
        fields=fields(signature, row, renamed) if mode == "fields" else (),
        row=row or "" if mode == "text" else _json(row, indent=_indent(row)),
        takes=_takes(signature),
        all_missing=all(column.missing for column in signature.columns),
        drawable=signature.tensor is None or row is not None,
        curl=_curl(f"http://{host}{place}/predict", row),
        data={
            "predict": f"{place}/predict",
            "row": f"/form/row?model={quote(reference, safe='')}",
            "feedback": "/feedback" if feedback and _labelled(signature) else None,
            "mode": mode,
            "version": version.version or None,
            "columns": list(signature.features),
            "classes": list(signature.classes),
            "labels": [str(one) for one in signature.classes],  # as probabilities name them
            "probabilities": signature.probabilities,
            "explains": why_unexplained(signature) is None,
            "judged": any(map(_is_known, signature.columns)),
            "range": _range(signature),
        },
    )


def place_of(served: Served, reference: str, version: ModelVersion) -> str:
    """Return where the routes of a served model begin; empty for the default."""
    if reference == next(iter(served))[0]:
        return ""
    name, _, number = reference.partition("/")
    if number and not number.isdecimal():  # such as the path of a bundle
        name, number = version.model, str(version.version)
    return f"/models/{quote(name, safe='@')}" + (f"/{number}" if number else "")


def _mode(signature: Signature) -> str:
    tensor = signature.tensor
    if tensor is not None:
        return "text" if tensor.type == "text" and not tensor.shape else "json"
    return "json" if len(signature.columns) > MAX_FIELDS else "fields"


def _takes(signature: Signature) -> str:
    if signature.tensor is None:
        return f"an object of {len(signature.columns)} columns, or a list in their order"
    shape = " x ".join(map(str, signature.tensor.shape)) or "1"
    what = {"text": "texts", "boolean": "booleans", "datetime": "times"}
    return f"{shape} {what.get(signature.tensor.type, 'numbers')}, as nested lists"


def _labelled(signature: Signature) -> bool:
    """Return whether an answer can be right or wrong."""
    return len(signature.outputs) == 1 and signature.outputs[0].kind in ("label", "number")


def _is_known(column: Column) -> bool:
    """Return whether there is something that a value could depart from."""
    return column.low is not None or bool(column.categories) or column.missing_share == 0


def _range(signature: Signature) -> str:
    """Return what was answered to the training data, in words."""
    if len(signature.outputs) != 1:
        return ""
    (output,) = signature.outputs
    if output.kind != "number" or output.low is None or output.high is None:
        return ""
    return f"{number_text(output.low)} to {number_text(output.high)}"


def _json(value: Any, indent: int | None = None) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=indent)


def _indent(row: Any) -> int | None:
    return 1 if isinstance(row, dict) else None


def _curl(address: str, row: Any) -> str:
    """Return a command line that asks for the answer to a row."""
    body = _json(row) if isinstance(row, dict) else _json([row])
    if row is None or len(body) > _SHOWN_IN_CURL:
        body = "@row.json"
    return f"curl {shlex.quote(address)} --json {shlex.quote(body)}"
