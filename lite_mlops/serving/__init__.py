"""Serving: a model version that answers, in this process, over whole files, or behind HTTP."""

from lite_mlops.serving.batch import Predicted, predict_file
from lite_mlops.serving.endpoint import Answer, Endpoint
from lite_mlops.serving.files import READ, format_of
from lite_mlops.serving.recording import Recording

__all__ = ["READ", "Answer", "Endpoint", "Predicted", "Recording", "format_of", "predict_file"]
