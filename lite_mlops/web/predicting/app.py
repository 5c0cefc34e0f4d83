"""The app that serves models: all protocols on the same endpoints, composed of lists of routes.

app = prediction_app(Served({"churn@champion": endpoint}), monitoring=project.monitoring)
Server(app)
"""

from __future__ import annotations

from collections.abc import Sequence

from lite_mlops.monitoring import Monitoring
from lite_mlops.serving import Served
from lite_mlops.web.kernel import App, Guard, Limits, Metrics, Observer, Request, Response, Route
from lite_mlops.web.predicting import (
    describing,
    feedback,
    health,
    mlflow,
    open_inference,
    openapi,
    predict,
)
from lite_mlops.web.predicting import meter as counting
from lite_mlops.web.predicting.describing import Card
from lite_mlops.web.predicting.health import Readiness
from lite_mlops.web.predicting.meter import Meter
from lite_mlops.web.predicting.predict import Predicting


def prediction_app(
    served: Served,
    *,
    monitoring: Monitoring | None = None,
    guard: Guard | None = None,
    limits: Limits | None = None,
    readiness: Readiness | None = None,
    card: Card | None = None,
    meter: Meter | None = None,
    observer: Observer | None = None,
    pages: Sequence[Route] = (),
) -> App:
    """Return the app that serves models.

    Args:
        served: What is served.
        monitoring: What takes labels; without it there is no feedback.
        guard: Who may ask; by default whoever addresses it by a name of loopback.
        limits: What may be asked.
        readiness: Whether requests are welcome; by default they always are.
        card: Makes the model card of a version; without it there are no cards.
        meter: Counts answers, and tells all that is counted; None: a new one.
        observer: Is told of every answer, to count it.
        pages: Further routes, such as the form at `/`.
    """
    limits = limits or Limits()
    readiness = readiness or Readiness()
    counts = meter or Meter(served, Metrics())
    routes = [
        *pages,
        *predict.routes(Predicting(served, limits, counts)),
        *mlflow.routes(served, limits, counts),
        *open_inference.routes(served, limits, counts, readiness),
        *health.routes(served, readiness),
        *describing.routes(served, card),
        *counting.routes(counts),
        *([] if monitoring is None else feedback.routes(monitoring, limits)),
    ]
    routes.append(openapi.route(served, routes))
    if not any(route.path == "/" for route in pages):
        routes.append(_index(served, routes))
    forms = {open_inference.BEGINNING: open_inference.error_form, mlflow.PATH: mlflow.error_form}
    return App(routes, guard, limits, forms, observer)


def _index(served: Served, routes: Sequence[Route]) -> Route:
    told = {
        "models": [reference for reference, _ in served],
        "routes": [f"{route.method} {route.path}" for route in routes],
    }

    def index(_: Request) -> Response:
        return Response.json(told)

    return Route("GET", "/", index)
