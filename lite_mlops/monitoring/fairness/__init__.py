"""Fairness: what a classifier does to groups of people, with intervals. Pure functions on arrays.

`groups` divides rows, `measuring` counts, `report` judges. What is found are differences; whether
they are fair is not for a program to say.
"""

from lite_mlops.monitoring.fairness.groups import Groups, group_numbers, group_texts, intersect
from lite_mlops.monitoring.fairness.measuring import Decisions, GroupFacts, measure_groups
from lite_mlops.monitoring.fairness.report import (
    Comparison,
    FairnessReport,
    Limits,
    compare_groups,
)
from lite_mlops.monitoring.proportions import Interval, deviations, newcombe

__all__ = [
    "Comparison",
    "Decisions",
    "FairnessReport",
    "GroupFacts",
    "Groups",
    "Interval",
    "Limits",
    "compare_groups",
    "deviations",
    "group_numbers",
    "group_texts",
    "intersect",
    "measure_groups",
    "newcombe",
]
