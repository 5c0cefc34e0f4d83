"""The HTTP door: a small kernel, and the routes of served models."""

from lite_mlops.web.kernel import App, Guard, Limits, Request, Response, Route, Server
from lite_mlops.web.pages import form_routes
from lite_mlops.web.predicting import Readiness, prediction_app

__all__ = [
    "App",
    "Guard",
    "Limits",
    "Readiness",
    "Request",
    "Response",
    "Route",
    "Server",
    "form_routes",
    "prediction_app",
]
