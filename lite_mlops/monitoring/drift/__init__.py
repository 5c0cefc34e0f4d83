"""Drift: how far data has moved from its reference, soberly. Pure functions on NumPy arrays.

`effects` are sizes, `tests` are p-values, `discovery` takes many columns into account, `quality`
holds what the reference never was, `joint` looks at all columns together, `verdict` decides.
"""

from lite_mlops.monitoring.drift.columns import BinCounts, Bins, measure_bins
from lite_mlops.monitoring.drift.evidence import Distribution
from lite_mlops.monitoring.drift.joint import JointDrift
from lite_mlops.monitoring.drift.report import DriftReport, findings
from lite_mlops.monitoring.drift.tables import (
    Profiled,
    compare_sides,
    compare_tables,
    measure_sides,
)
from lite_mlops.monitoring.drift.verdict import PRESETS, ColumnDrift, Floors, judge_columns

__all__ = [
    "PRESETS",
    "BinCounts",
    "Bins",
    "ColumnDrift",
    "Distribution",
    "DriftReport",
    "Floors",
    "JointDrift",
    "Profiled",
    "compare_sides",
    "compare_tables",
    "findings",
    "judge_columns",
    "measure_bins",
    "measure_sides",
]
