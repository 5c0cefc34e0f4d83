"""Which of the served models a request means, by the place that it is sent to.

/predict                          the default
/models/churn@champion/predict    by reference
/models/churn/3/predict           by name and version
"""

from __future__ import annotations

from lite_mlops.serving import Endpoint, Served
from lite_mlops.web.kernel import Request

PLACES = ("", "/models/{reference}", "/models/{name}/{version}")


def endpoint_of(served: Served, request: Request) -> Endpoint:
    """Return the endpoint that a request means. Raises `NotFound`."""
    params = request.params
    if not params:
        return served.default
    if "reference" in params:
        return served.find(params["reference"])
    return served.find(params["name"], params.get("version"))
