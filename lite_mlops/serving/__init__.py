"""Serving: a model version that answers, in this process or behind the HTTP door."""

from lite_mlops.serving.endpoint import Answer, Endpoint

__all__ = ["Answer", "Endpoint"]
