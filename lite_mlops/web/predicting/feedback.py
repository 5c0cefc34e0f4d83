"""What was true: labels that come later, by the id of the prediction or by a column of the model.

POST /feedback   {"id": "6b0720be", "label": "yes"}, or a list of these
                 {"ids": ["6b0720be", "6b0720bf"], "labels": ["yes", "no"]}
                 {"model": "churn", "key": "customer", "values": [7, 8], "labels": ["yes", "no"]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Invalid
from lite_mlops.monitoring import Monitoring
from lite_mlops.web.kernel import Limits, Operation, Request, Response, Route
from lite_mlops.web.predicting.formats import check_count, check_json
from lite_mlops.web.predicting.schemas import JSON, answer, errors

if TYPE_CHECKING:
    from lite_mlops.monitoring.labels import Received

_LABEL: dict[str, Any] = {"type": ["string", "number", "boolean"], "minLength": 1}
_TIME: dict[str, Any] = {"type": "string", "minLength": 10}
_ONE = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "label": _LABEL, "time": _TIME},
    "required": ["id", "label"],
}
_LABELS = {
    "labels": {"type": "array", "items": _LABEL},
    "times": {"type": "array", "items": _TIME},
}
_BY_IDS = {
    "type": "object",
    "properties": {"ids": {"type": "array", "items": {"type": "string"}}, **_LABELS},
    "required": ["ids", "labels"],
}
_BY_KEY = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "key": {"type": "string"},
        "values": {"type": "array", "items": _LABEL},
        **_LABELS,
    },
    "required": ["model", "key", "values", "labels"],
}
_COUNT = {"type": "integer"}
_ABOUT = Operation(
    summary="Send true labels of earlier predictions",
    body={JSON: {"schema": {"anyOf": [_ONE, {"type": "array", "items": _ONE}, _BY_IDS, _BY_KEY]}}},
    answers={
        "200": answer(
            "How many were recorded, and what else is worth a word",
            {
                "type": "object",
                "properties": {"recorded": _COUNT},
                "required": ["recorded"],
                "additionalProperties": _COUNT,
            },
        ),
        **errors(s404="There is no such prediction; none was recorded", s422="It is no feedback"),
    },
)
# What is told beside `recorded` where there was some of it.
_TOLD = (
    *("repeated", "replaced", "outdated", "contradictory"),
    *("unknown", "unlabelled", "unreadable", "unseen"),
)
_FORMS = (
    "feedback is {'id': ..., 'label': ...}, or a list of these; or {'ids': [...], "
    "'labels': [...]}; or {'model': ..., 'key': ..., 'values': [...], 'labels': [...]}."
)


def _items(body: Any) -> list[Mapping[str, Any]]:
    items = body if isinstance(body, list) else [body]
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
            raise Invalid(_FORMS)
        if "label" not in item:
            raise Invalid(f"the feedback to {item['id']!r} has no label.")
    return items


def _columns(body: Mapping[str, Any], names: tuple[str, ...], limits: Limits) -> list[list[Any]]:
    """Return columns of equal length, the last one of times, which may be empty texts."""
    found = [body.get(name) for name in names]
    if not all(isinstance(column, list) for column in found):
        raise Invalid(_FORMS)
    columns: list[list[Any]] = [column for column in found if isinstance(column, list)]
    times = body.get("times", [""] * len(columns[0]))
    columns.append(times)
    if not isinstance(times, list) or len({len(column) for column in columns}) > 1:
        raise Invalid(f"{', '.join(names)} and times are lists of the same length.")
    if not all(isinstance(moment, str) for moment in columns[-1]):
        raise Invalid("times are texts such as '2026-01-31T12:00:00Z'.")
    check_count(len(columns[0]), limits)
    return columns


def _told(received: Received) -> dict[str, int]:
    counts = received.counts()
    return {"recorded": received.recorded} | {name: counts[name] for name in _TOLD if counts[name]}


def _by_key(monitoring: Monitoring, body: Mapping[str, Any], limits: Limits) -> Received:
    key, model = body["key"], body.get("model")
    if not (isinstance(key, str) and isinstance(model, str)):
        raise Invalid(_FORMS)
    values, labels, times = _columns(body, ("values", "labels"), limits)
    label, time = (f"{key} {name}" for name in ("label", "time"))  # no column is called the same
    table = {key: values, label: labels, time: times}
    return monitoring.feedback_table(table, label=label, key=key, model=model, time=time)


def _by_ids(monitoring: Monitoring, body: Any, limits: Limits) -> Received:
    if isinstance(body, Mapping) and "ids" in body:
        return monitoring.feedback(*_columns(body, ("ids", "labels"), limits))
    items = _items(body)
    check_count(len(items), limits)
    times = [item.get("time", "") for item in items]
    if not all(isinstance(moment, str) for moment in times):
        raise Invalid("a time is a text such as '2026-01-31T12:00:00Z'.")
    return monitoring.feedback(
        [item["id"] for item in items], [item["label"] for item in items], times
    )


def routes(monitoring: Monitoring, limits: Limits) -> list[Route]:
    """Return the route that takes labels."""

    def feedback(request: Request) -> Response:
        check_json(request)
        body = request.json(depth=limits.json_depth)
        by_key = isinstance(body, Mapping) and "key" in body
        received = (_by_key if by_key else _by_ids)(monitoring, body, limits)
        return Response.json(_told(received))

    return [Route("POST", "/feedback", feedback, waits=True, about=_ABOUT)]
