"""Explaining: what each feature of a row contributed to the answer of a model."""

from lite_mlops.models.explaining.explaining import check_explained, explanations, why_unexplained
from lite_mlops.models.explaining.values import MAX_EXPLAINED, Contribution, Explanation

__all__ = [
    "MAX_EXPLAINED",
    "Contribution",
    "Explanation",
    "check_explained",
    "explanations",
    "why_unexplained",
]
