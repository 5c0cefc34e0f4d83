"""The routes of a served model: predict, send labels later, ask what it takes.

POST /predict    {"rows": [{"age": 41}, {"age": 38}]} or a single object
POST /feedback   {"id": "...", "label": "benign"} or a list of them; where answers are recorded
GET  /schema  /health  /
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.monitoring import Monitoring
from lite_mlops.serving import Answers, Served
from lite_mlops.web.kernel import App, Deferred, Request, Response, Route

MAX_ROWS = 10_000


def _rows(body: Any) -> list[Any]:
    """Return the rows of a request: `rows`, a list, or a single object."""
    if isinstance(body, Mapping) and set(body) == {"rows"}:
        body = body["rows"]
    rows = [body] if isinstance(body, Mapping) else body
    if not isinstance(rows, list):
        raise Invalid("the body must be an object of features, a list of them, or {'rows': [...]}.")
    if len(rows) > MAX_ROWS:
        raise Invalid(f"{len(rows):,} rows are too many for one request; at most {MAX_ROWS:,}.")
    return rows


def _labels(body: Any) -> list[tuple[str, Any]]:
    items = body if isinstance(body, list) else [body]
    for item in items:
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
            raise Invalid("feedback is {'id': ..., 'label': ...}, or a list of these.")
        if "label" not in item:
            raise Invalid(f"the feedback to {item['id']!r} has no label.")
    return [(item["id"], item["label"]) for item in items]


def _feedback_route(monitoring: Monitoring) -> Route:
    def feedback(request: Request) -> Response:
        labels = _labels(request.json())
        monitoring.feedback_all(labels)
        return Response.json({"recorded": len(labels)})

    return Route("POST", "/feedback", feedback)


def prediction_app(served: Served, monitoring: Monitoring | None = None) -> App:
    """Return the app that serves one model version; without `monitoring` it takes no labels."""
    endpoint = served.default
    version = endpoint.version

    def predict(request: Request) -> Deferred:
        loaded = endpoint.current
        table = loaded.table(_rows(request.json()))

        def finish(answers: Answers) -> Response:
            records = loaded.recorded(answers).records()
            return Response.json({"model": version.name, "predictions": records})

        return Deferred(loaded.batching, table, finish)

    def schema(_: Request) -> Response:
        return Response.json({"model": version.name, **version.signature.to_dict()})

    def health(_: Request) -> Response:
        return Response.json({"status": "ok", "model": version.name})

    def index(_: Request) -> Response:
        routes = [f"{route.method} {route.path}" for route in app.routes.all]
        return Response.json({"model": version.name, "routes": routes})

    app = App(
        [
            Route("GET", "/", index),
            Route("GET", "/health", health),
            Route("GET", "/schema", schema),
            Route("POST", "/predict", predict),
            *([] if monitoring is None else [_feedback_route(monitoring)]),
        ]
    )
    return app
