"""The Open Inference Protocol (version 2, as KServe, Triton and MLServer speak it) over REST.

Tensors as JSON, and as bytes behind it: the extension that `tritonclient[http]` uses by default.
"""

from lite_mlops.web.predicting.open_inference.metadata import request_schema
from lite_mlops.web.predicting.open_inference.routes import BEGINNING, error_form, routes

__all__ = ["BEGINNING", "error_form", "request_schema", "routes"]
