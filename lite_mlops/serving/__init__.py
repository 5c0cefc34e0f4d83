"""Serving: a model version that answers, in this process, over whole files, or behind HTTP."""

from lite_mlops.serving.answers import DOUBTFUL, OK, Answer, Answers
from lite_mlops.serving.batch import Predicted, predict_file
from lite_mlops.serving.beside import Both
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.endpoint_state import EndpointState
from lite_mlops.serving.endpoints import Endpoints
from lite_mlops.serving.files import READ, format_of
from lite_mlops.serving.following import Following
from lite_mlops.serving.loaded import Explained, Loaded
from lite_mlops.serving.opening import Opened, open_bundle, open_references
from lite_mlops.serving.predictor import Predictor
from lite_mlops.serving.recording import Recording
from lite_mlops.serving.served import Served
from lite_mlops.serving.trials import CANARY_KEY, Routing, Taken
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.trial import parse_share

__all__ = [
    "CANARY_KEY",
    "DOUBTFUL",
    "OK",
    "READ",
    "Answer",
    "Answers",
    "Both",
    "Counts",
    "Endpoint",
    "EndpointState",
    "Endpoints",
    "Explained",
    "Following",
    "Loaded",
    "Opened",
    "Predicted",
    "Predictor",
    "Recording",
    "Routing",
    "Served",
    "Taken",
    "format_of",
    "open_bundle",
    "open_references",
    "parse_share",
    "predict_file",
]
