"""Runs side by side: what differs, and whether one is better than another beyond chance."""

from lite_mlops.tracking.comparing.comparisons import Comparisons
from lite_mlops.tracking.comparing.values import Comparison, MeasuredEvaluation

__all__ = ["Comparison", "Comparisons", "MeasuredEvaluation"]
