"""The HTTP door: a small kernel, the routes of served models, and what serves them."""

from lite_mlops.web.kernel import App, Guard, Limits, Request, Response, Route, Server
from lite_mlops.web.pages import first_row, form_routes
from lite_mlops.web.predicting import Meter, Readiness, prediction_app
from lite_mlops.web.serving import (
    Doors,
    Serving,
    ServingServer,
    is_loopback,
    serve_bundle,
    serve_references,
)

__all__ = [
    "App",
    "Doors",
    "Guard",
    "Limits",
    "Meter",
    "Readiness",
    "Request",
    "Response",
    "Route",
    "Server",
    "Serving",
    "ServingServer",
    "first_row",
    "form_routes",
    "is_loopback",
    "prediction_app",
    "serve_bundle",
    "serve_references",
]
