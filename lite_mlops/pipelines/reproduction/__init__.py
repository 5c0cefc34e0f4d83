"""Reproduction: a run is run again from what was recorded of it, and the results are compared."""

from lite_mlops.pipelines.reproduction.recipe import Recipe
from lite_mlops.pipelines.reproduction.reproducing import Reproducing
from lite_mlops.pipelines.reproduction.verdict import Reproduction, Tolerance

__all__ = ["Recipe", "Reproducing", "Reproduction", "Tolerance"]
