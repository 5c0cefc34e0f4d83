"""The HTTP door: a small kernel, the socket server, and the routes of a served model."""

from lite_mlops.web.http import App, Request, Response, Route
from lite_mlops.web.predicting import prediction_app
from lite_mlops.web.server import Server

__all__ = ["App", "Request", "Response", "Route", "Server", "prediction_app"]
