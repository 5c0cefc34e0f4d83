"""Serving: a model version that answers, in this process, over whole files, or behind HTTP.

Names are loaded on their first use: who answers over HTTP reads no files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
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

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "answers": "DOUBTFUL OK Answer Answers",
    "batch": "Predicted predict_file",
    "beside": "Both",
    "endpoint": "Endpoint",
    "endpoint_state": "EndpointState",
    "endpoints": "Endpoints",
    "files": "READ format_of",
    "following": "Following",
    "loaded": "Explained Loaded",
    "opening": "Opened open_bundle open_references",
    "predictor": "Predictor",
    "recording": "Recording",
    "served": "Served",
    "trials": "CANARY_KEY Routing Taken",
    "trials.counts": "Counts",
    "trials.trial": "parse_share",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

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

__getattr__ = loaded_on_use(__name__, _HOME_OF)
