"""Experiments and runs: what is logged while a model is made, and how it is found again."""

from lite_mlops.tracking.active import ActiveRun
from lite_mlops.tracking.environment import parse_requirements
from lite_mlops.tracking.experiments import Experiments
from lite_mlops.tracking.figures import media_type
from lite_mlops.tracking.runs import Runs
from lite_mlops.tracking.starting import DIFF_PATH, PACKAGES_PATH, Starter
from lite_mlops.tracking.values import Artifact, Experiment, History, Metric, Run

__all__ = [
    "DIFF_PATH",
    "PACKAGES_PATH",
    "ActiveRun",
    "Artifact",
    "Experiment",
    "Experiments",
    "History",
    "Metric",
    "Run",
    "Runs",
    "Starter",
    "media_type",
    "parse_requirements",
]
