"""What is served: the models, what they take, and their cards.

GET /models                            what is served, and where it is asked
GET /schema                            the signature, and JSON Schema of a row and of a request
GET /models/churn@champion/schema      the same of a certain one
GET /card                              the model card, as a page
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lite_mlops.models import ModelVersion
from lite_mlops.serving import Endpoint, Served
from lite_mlops.web.kernel import Operation, Request, Response, Route
from lite_mlops.web.predicting.places import PLACES, endpoint_of
from lite_mlops.web.predicting.schemas import answer, errors

# Makes the card of a version as an HTML page.
Card = Callable[[ModelVersion], str]

_OBJECT = {"type": "object"}
_PAGE = {"Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-store"}


def routes(served: Served, card: Card | None) -> list[Route]:
    """Return the routes that describe what is served; without `card` there are no cards."""

    def models(_: Request) -> Response:
        return Response.json({"models": [_about(*one) for one in served]})

    def schema(request: Request) -> Response:
        return Response.json(_schema(endpoint_of(served, request)))

    def page(request: Request) -> Response:
        assert card is not None
        text = card(endpoint_of(served, request).version)
        return Response(200, text.encode(), "text/html; charset=utf-8", _PAGE)

    told = Operation(
        summary="What the model takes and answers",
        answers={"200": answer("Signature and JSON Schema", _OBJECT), **errors()},
    )
    shown = Operation(
        summary="The model card",
        answers={"200": answer("A page", {"type": "string"}, "text/html"), **errors()},
    )
    listed = Operation(summary="What is served", answers={"200": answer("Models", _OBJECT)})
    found = [Route("GET", "/models", models, about=listed)]
    for place in PLACES:
        found.append(Route("GET", f"{place}/schema", schema, about=told))
        if card is not None:
            found.append(Route("GET", f"{place}/card", page, waits=True, page=True, about=shown))
    return found


def _about(reference: str, endpoint: Endpoint) -> dict[str, Any]:
    version = endpoint.version
    return {
        "reference": reference,
        "model": version.model,
        "version": version.version or None,
        "format": version.format,
        "class": version.class_name,
        "sha256": version.sha256,
        "description": version.description,
        "probabilities": version.signature.probabilities,
    }


def _schema(endpoint: Endpoint) -> dict[str, Any]:
    version = endpoint.version
    return {
        "model": version.model,
        "version": version.version or None,
        "signature": version.signature.to_dict(),
        "row": version.signature.json_schema(),
        "request": version.signature.json_schema(rows=True),
    }
