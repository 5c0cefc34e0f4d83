"""Pipelines: what is run again, step by step or as a whole."""

from lite_mlops.pipelines.reproduction import Recipe, Reproducing, Reproduction, Tolerance

__all__ = ["Recipe", "Reproducing", "Reproduction", "Tolerance"]
