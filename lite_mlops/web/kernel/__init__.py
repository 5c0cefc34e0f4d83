"""A small HTTP kernel: requests and answers as values, routes behind one guard, and a server."""

from lite_mlops.web.kernel.app import Admitted, App, Observer
from lite_mlops.web.kernel.guard import LOOPBACK_NAMES, Guard
from lite_mlops.web.kernel.http import (
    ErrorForm,
    Malformed,
    Request,
    Response,
    TooLarge,
    WrongMedia,
    plain_error,
)
from lite_mlops.web.kernel.limits import Limits
from lite_mlops.web.kernel.metrics import MEDIA as METRICS_MEDIA
from lite_mlops.web.kernel.metrics import HttpMetrics, Metrics
from lite_mlops.web.kernel.routes import Handler, Operation, Route
from lite_mlops.web.kernel.server import Server
from lite_mlops.web.kernel.together import Deferred, Later, Together

__all__ = [
    "LOOPBACK_NAMES",
    "METRICS_MEDIA",
    "Admitted",
    "App",
    "Deferred",
    "ErrorForm",
    "Guard",
    "Handler",
    "HttpMetrics",
    "Later",
    "Limits",
    "Malformed",
    "Metrics",
    "Observer",
    "Operation",
    "Request",
    "Response",
    "Route",
    "Server",
    "Together",
    "TooLarge",
    "WrongMedia",
    "plain_error",
]
