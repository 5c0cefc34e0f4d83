"""Data: which version of it a run used, by the hash of the whole, and what it looked like.

What changed between two versions, whether one is as expected, and whether a test set is fair.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lite_mlops.data.datasets import Datasets, DatasetUse, DatasetVersion, Query
from lite_mlops.data.sources import SourceFile

if TYPE_CHECKING:
    from lite_mlops.data.checking import CheckReport, Outcome
    from lite_mlops.data.diff import DataDiff
    from lite_mlops.data.drift import FeatureDrift, feature_drift
    from lite_mlops.data.expectations import ColumnExpectation, Expectations
    from lite_mlops.data.leakage import LeakageReport
    from lite_mlops.data.tables import as_columns

# NumPy is loaded only by who looks into data; the imports above say the same to type checkers.
_HOME_OF = {
    "CheckReport": "checking",
    "ColumnExpectation": "expectations",
    "DataDiff": "diff",
    "Expectations": "expectations",
    "FeatureDrift": "drift",
    "LeakageReport": "leakage",
    "Outcome": "checking",
    "as_columns": "tables",
    "feature_drift": "drift",
}

__all__ = [
    "CheckReport",
    "ColumnExpectation",
    "DataDiff",
    "DatasetUse",
    "DatasetVersion",
    "Datasets",
    "Expectations",
    "FeatureDrift",
    "LeakageReport",
    "Outcome",
    "Query",
    "SourceFile",
    "as_columns",
    "feature_drift",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
