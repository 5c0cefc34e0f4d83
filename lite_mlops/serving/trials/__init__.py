"""Trials: new versions tried on live traffic beside the present one.

    canary    gets a share of the requests; worse beyond chance, it is rolled back
    shadow    is asked the same; nobody gets its answers, they are compared

project.endpoints.canary("churn@champion", "churn/4", 0.1)
"""

from lite_mlops.serving.trials.judging import Rules, Verdict
from lite_mlops.serving.trials.routing import Routing, Taken
from lite_mlops.serving.trials.sticky import HEADER as CANARY_KEY
from lite_mlops.serving.trials.trial import Trial, parse_canary, parse_share, percent, told

__all__ = [
    "CANARY_KEY",
    "Routing",
    "Rules",
    "Taken",
    "Trial",
    "Verdict",
    "parse_canary",
    "parse_share",
    "percent",
    "told",
]
