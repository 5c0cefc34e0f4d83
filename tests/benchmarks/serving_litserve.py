"""The model of a file as LitServe takes it: a class that its worker processes can import.

LitServe reads the annotations of its methods, so that they cannot be texts.
"""

from pathlib import Path
from typing import Any

import joblib
from litserve import LitAPI  # type: ignore[import-not-found, unused-ignore]
from starlette.requests import Request
from starlette.responses import Response

from tests.benchmarks.serving_peers import apart


class Served(LitAPI):  # type: ignore[misc, unused-ignore]
    """Answers requests that came at about the same time together."""

    def __init__(self, path: Path, batch: int, seconds: float) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=seconds)
        self.path = path

    def setup(self, device: Any) -> None:  # noqa: ARG002
        self.case = joblib.load(self.path)

    def decode_request(self, request: Request) -> Any:
        return request["rows"]  # LitServe has read the JSON by now

    def batch(self, inputs: Any) -> Any:
        return inputs

    def predict(self, x: Any) -> Any:
        return apart(self.case, x)

    def unbatch(self, output: Any) -> Any:
        return output

    def encode_response(self, output: Any) -> Response:
        told: Response = output
        return told
