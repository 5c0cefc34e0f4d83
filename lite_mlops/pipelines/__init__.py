"""Pipelines: steps that run when something changed, sweeps, and runs that are run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.pipelines.commands import script_words, words_with
    from lite_mlops.pipelines.dvc import FromDvc, add_to_settings, read_dvc
    from lite_mlops.pipelines.functions import PipelineFunction, StepFunction, step
    from lite_mlops.pipelines.outcome import PipelineRun, StepFailed, StepOutcome, StepStatus
    from lite_mlops.pipelines.pipelines import Pipelines, is_file
    from lite_mlops.pipelines.reproduction import Recipe, Reproducing, Reproduction, Tolerance
    from lite_mlops.pipelines.steps import Graph
    from lite_mlops.pipelines.sweeps import Sweep, Sweeping, Trial
    from lite_mlops.pipelines.tables import parsed_pairs
    from lite_mlops.pipelines.watching import Watch

# Each is loaded by who needs it; the imports above say the same to type checkers.
_HOME_OF = {
    "FromDvc": "dvc",
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
    "Sweep": "sweeps",
    "Sweeping": "sweeps",
    "Tolerance": "reproduction",
    "Trial": "sweeps",
    "Watch": "watching",
    "is_file": "pipelines",
    "add_to_settings": "dvc",
    "parsed_pairs": "tables",
    "read_dvc": "dvc",
    "script_words": "commands",
    "step": "functions",
    "words_with": "commands",
}

__all__ = [
    "FromDvc",
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
    "Sweep",
    "Sweeping",
    "Tolerance",
    "Trial",
    "Watch",
    "add_to_settings",
    "is_file",
    "parsed_pairs",
    "read_dvc",
    "script_words",
    "step",
    "words_with",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
