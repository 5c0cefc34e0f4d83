"""Pipelines: what is run again, step by step or as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.pipelines.functions import PipelineFunction, StepFunction, step
    from lite_mlops.pipelines.outcome import PipelineRun, StepFailed, StepOutcome, StepStatus
    from lite_mlops.pipelines.pipelines import Pipelines, is_file
    from lite_mlops.pipelines.reproduction import Recipe, Reproducing, Reproduction, Tolerance
    from lite_mlops.pipelines.steps import Graph
    from lite_mlops.pipelines.tables import parsed_pairs
    from lite_mlops.pipelines.watching import Watch

# Each is loaded by who needs it; the imports above say the same to type checkers.
_HOME_OF = {
    "Graph": "steps",
    "PipelineFunction": "functions",
    "PipelineRun": "outcome",
    "Pipelines": "pipelines",
    "Recipe": "reproduction",
    "Reproducing": "reproduction",
    "Reproduction": "reproduction",
    "StepFailed": "outcome",
    "StepFunction": "functions",
    "StepOutcome": "outcome",
    "StepStatus": "outcome",
    "Tolerance": "reproduction",
    "Watch": "watching",
    "is_file": "pipelines",
    "parsed_pairs": "tables",
    "step": "functions",
}

__all__ = [
    "Graph",
    "PipelineFunction",
    "PipelineRun",
    "Pipelines",
    "Recipe",
    "Reproducing",
    "Reproduction",
    "StepFailed",
    "StepFunction",
    "StepOutcome",
    "StepStatus",
    "Tolerance",
    "Watch",
    "is_file",
    "parsed_pairs",
    "step",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
