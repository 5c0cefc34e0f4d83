"""Runs side by side: what differs, and whether one is better than another beyond chance."""

from lite_mlops.tracking.comparing.comparisons import Comparisons, side_by_side
from lite_mlops.tracking.comparing.values import (
    Comparison,
    EvaluationPair,
    MeasuredEvaluation,
    MetricSideBySide,
    SideBySide,
)

__all__ = [
    "Comparison",
    "Comparisons",
    "EvaluationPair",
    "MeasuredEvaluation",
    "MetricSideBySide",
    "SideBySide",
    "side_by_side",
]
