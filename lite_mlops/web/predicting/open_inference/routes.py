"""The routes of the protocol.

GET  /v2   /v2/health/live   /v2/health/ready
GET  /v2/models/{name}[/versions/{version}]   .../ready
POST /v2/models/{name}[/versions/{version}]/infer
"""

from __future__ import annotations

from lite_mlops.errors import LiteMlopsError
from lite_mlops.serving import Answers, Served
from lite_mlops.web.kernel import Deferred, Limits, Operation, Request, Response, Route
from lite_mlops.web.predicting.asking import asked
from lite_mlops.web.predicting.formats import refused
from lite_mlops.web.predicting.health import Readiness
from lite_mlops.web.predicting.meter import Meter
from lite_mlops.web.predicting.open_inference.inferring import read_inference
from lite_mlops.web.predicting.open_inference.metadata import TENSOR, metadata
from lite_mlops.web.predicting.places import endpoint_of
from lite_mlops.web.predicting.schemas import JSON, STAYING, answer, errors, reference

BEGINNING = "/v2"
_BINARY = "application/octet-stream"
_EXTENSIONS = ["binary_tensor_data"]

PLACES = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")


def error_form(status: int, message: str, error: LiteMlopsError | None) -> Response:  # noqa: ARG001
    """Return an error as clients of the protocol read it; what does not fit is 400 there."""
    return Response.json({"error": message}, 400 if status == 422 else status)


_OBJECT = {"type": "object"}
_RESPONSE = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "outputs": {"type": "array", "items": TENSOR},
    },
    "required": ["model_name", "outputs"],
}
_REFUSED = errors("InferenceError", s400="It does not fit", s404="No such model is served")


def routes(served: Served, limits: Limits, meter: Meter, readiness: Readiness) -> list[Route]:
    """Return the routes of the protocol for all that is served."""
    model = _Model(served, limits, meter, readiness)
    about_infer = Operation(
        summary="Answer tensors",
        parameters=(STAYING,),
        body={JSON: {"schema": reference("Inference")}},
        answers={"200": answer("The answers as tensors", _RESPONSE), **_REFUSED},
    )
    about_metadata = Operation(
        summary="What the model takes and answers",
        answers={"200": answer("Metadata", _OBJECT), **_REFUSED},
    )
    about_ready = Operation(
        summary="Whether the model is ready",
        answers={"200": answer("It is", _OBJECT), "503": answer("It is not", _OBJECT), **_REFUSED},
    )
    lives = Operation(summary="Liveness", answers={"200": answer("It lives", _OBJECT)})
    whole = Operation(summary="The server", answers={"200": answer("Metadata", _OBJECT)})
    found = [
        Route("GET", BEGINNING, _server, about=whole),
        Route("GET", "/v2/health/live", _live, open=True, about=lives),
        Route("GET", "/v2/health/ready", model.server_ready, open=True, about=about_ready),
    ]
    for place in PLACES:
        found += [
            Route("GET", place, model.metadata, about=about_metadata),
            Route("GET", f"{place}/ready", model.ready, about=about_ready),
            Route("POST", f"{place}/infer", model.infer, about=about_infer),
        ]
    return found


def _server(_: Request) -> Response:
    from importlib.metadata import version as installed_version  # slow to load

    version = installed_version("lite-mlops")
    return Response.json({"name": "lite-mlops", "version": version, "extensions": _EXTENSIONS})


def _live(_: Request) -> Response:
    return Response.json({"live": True})


class _Model:
    """Answers what is asked of one of the served models."""

    def __init__(self, served: Served, limits: Limits, meter: Meter, readiness: Readiness) -> None:
        self._served = served
        self._limits = limits
        self._meter = meter
        self._readiness = readiness

    def server_ready(self, _: Request) -> Response:
        """Answer whether the server is ready."""
        ready = self._readiness.ready
        return Response.json({"ready": ready}, 200 if ready else 503)

    def ready(self, request: Request) -> Response:
        """Answer whether a model is ready, which it is as soon as the server is."""
        endpoint_of(self._served, request)
        ready = self._readiness.ready
        told = {"name": request.params["name"], "ready": ready}
        return Response.json(told, 200 if ready else 503)

    def metadata(self, request: Request) -> Response:
        """Answer what a model takes and answers."""
        endpoint = endpoint_of(self._served, request)
        versions = self._served.versions(endpoint.version.model)
        return Response.json(metadata(request.params["name"], versions, endpoint.current))

    def infer(self, request: Request) -> Deferred:
        """Answer tensors."""
        endpoint = endpoint_of(self._served, request)
        loaded = endpoint.current
        if request.media not in ("", JSON, _BINARY):
            raise refused(request.media, (JSON, _BINARY))
        inference = read_inference(request, loaded, self._limits)

        def tell(answers: Answers) -> Response:
            return inference.response(request.params["name"], answers)

        return asked(endpoint, loaded, inference.rows, request, self._meter, tell)
