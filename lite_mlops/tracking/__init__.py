"""Experiments and runs: what is logged while a model is made, and how it is found again."""

from lite_mlops.tracking.active import ActiveRun
from lite_mlops.tracking.comparing import Comparison, Comparisons
from lite_mlops.tracking.experiments import Experiments
from lite_mlops.tracking.runs import Runs
from lite_mlops.tracking.search import RunPage
from lite_mlops.tracking.starting import DIFF_PATH, PACKAGES_PATH, Starter
from lite_mlops.tracking.values import Artifact, Experiment, History, Metric, Run

__all__ = [
    "DIFF_PATH",
    "PACKAGES_PATH",
    "ActiveRun",
    "Artifact",
    "Comparison",
    "Comparisons",
    "Experiment",
    "Experiments",
    "History",
    "Metric",
    "Run",
    "RunPage",
    "Runs",
    "Starter",
]
