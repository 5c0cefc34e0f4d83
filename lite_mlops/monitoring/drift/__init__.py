"""Drift: how far data has moved from its reference, soberly. Pure functions on NumPy arrays.

`effects` are sizes, `tests` are p-values, `discovery` takes many columns into account, `quality`
holds what the reference never was, `joint` looks at all columns together, `verdict` decides.
"""

from lite_mlops.monitoring.drift.columns import BinCounts, Bins, measure_bins
from lite_mlops.monitoring.drift.joint import JointDrift
from lite_mlops.monitoring.drift.tables import compare_tables
from lite_mlops.monitoring.drift.verdict import (
    PRESETS,
    ColumnDrift,
    DriftReport,
    Floors,
    judge_columns,
)

__all__ = [
    "PRESETS",
    "BinCounts",
    "Bins",
    "ColumnDrift",
    "DriftReport",
    "Floors",
    "JointDrift",
    "compare_tables",
    "judge_columns",
    "measure_bins",
]
