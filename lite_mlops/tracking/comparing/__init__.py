"""Runs side by side: what differs, and whether one is better than another beyond chance."""

from lite_mlops.tracking.comparing.comparisons import Comparisons, side_by_side
from lite_mlops.tracking.comparing.values import (
    Comparison,
    EvaluationPair,
    Measured,
    MeasuredEvaluation,
    MetricSideBySide,
    SideBySide,
    Verdict,
)

__all__ = [
    "Comparison",
    "Comparisons",
    "EvaluationPair",
    "Measured",
    "MeasuredEvaluation",
    "MetricSideBySide",
    "SideBySide",
    "Verdict",
    "side_by_side",
]
