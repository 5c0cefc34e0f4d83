"""Experiments and runs: what is logged while a model is made, and how it is found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.tracking.active import ActiveRun
    from lite_mlops.tracking.artifacts import ArtifactLog
    from lite_mlops.tracking.environment import parse_requirements
    from lite_mlops.tracking.evaluations import Evaluation
    from lite_mlops.tracking.experiments import Experiments
    from lite_mlops.tracking.figures import media_type
    from lite_mlops.tracking.finished import finished_run
    from lite_mlops.tracking.runs import Runs
    from lite_mlops.tracking.starting import DIFF_PATH, PACKAGES_PATH, Starter
    from lite_mlops.tracking.values import (
        Artifact,
        Experiment,
        History,
        Metric,
        Run,
        plain_number,
    )

# Who reads loads nothing of what logs; the imports above say the same to type checkers.
_HOME_OF = {
    "DIFF_PATH": "starting",
    "PACKAGES_PATH": "starting",
    "ActiveRun": "active",
    "Artifact": "values",
    "ArtifactLog": "artifacts",
    "Evaluation": "evaluations",
    "Experiment": "values",
    "Experiments": "experiments",
    "History": "values",
    "Metric": "values",
    "Run": "values",
    "Runs": "runs",
    "Starter": "starting",
    "finished_run": "finished",
    "media_type": "figures",
    "parse_requirements": "environment",
    "plain_number": "values",
}

__all__ = [
    "DIFF_PATH",
    "PACKAGES_PATH",
    "ActiveRun",
    "Artifact",
    "ArtifactLog",
    "Evaluation",
    "Experiment",
    "Experiments",
    "History",
    "Metric",
    "Run",
    "Runs",
    "Starter",
    "finished_run",
    "media_type",
    "parse_requirements",
    "plain_number",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
