"""What was true: labels that come later, by the id of the prediction.

POST /feedback   {"id": "6b0720be", "label": "yes"}, or a list of these
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.monitoring import Monitoring
from lite_mlops.web.kernel import Limits, Operation, Request, Response, Route
from lite_mlops.web.predicting.formats import check_count, check_json
from lite_mlops.web.predicting.schemas import JSON, answer, errors

_ONE = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "label": {"type": ["string", "number", "boolean"], "minLength": 1},
    },
    "required": ["id", "label"],
}
_ABOUT = Operation(
    summary="Send true labels of earlier predictions",
    body={JSON: {"schema": {"anyOf": [_ONE, {"type": "array", "items": _ONE}]}}},
    answers={
        "200": answer(
            "How many were recorded",
            {
                "type": "object",
                "properties": {"recorded": {"type": "integer"}},
                "required": ["recorded"],
            },
        ),
        **errors(s404="There is no such prediction; none was recorded", s422="It is no feedback"),
    },
)


def _labels(body: Any) -> list[tuple[str, Any]]:
    items = body if isinstance(body, list) else [body]
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
            raise Invalid("feedback is {'id': ..., 'label': ...}, or a list of these.")
        if "label" not in item:
            raise Invalid(f"the feedback to {item['id']!r} has no label.")
    return [(item["id"], item["label"]) for item in items]


def routes(monitoring: Monitoring, limits: Limits) -> list[Route]:
    """Return the route that takes labels."""

    def feedback(request: Request) -> Response:
        check_json(request)
        labels = _labels(request.json(depth=limits.json_depth))
        check_count(len(labels), limits)
        monitoring.feedback_all(labels)
        return Response.json({"recorded": len(labels)})

    return [Route("POST", "/feedback", feedback, waits=True, about=_ABOUT)]
