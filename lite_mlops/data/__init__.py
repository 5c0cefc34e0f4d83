"""Data: which version of it a run used, by the hash of the whole, and what it looked like.

What changed between two versions, whether one is as expected, and whether a test set is fair.
"""

from lite_mlops.data.checking import CheckReport, Outcome
from lite_mlops.data.datasets import Datasets, DatasetVersion
from lite_mlops.data.diff import DataDiff
from lite_mlops.data.drift import FeatureDrift, feature_drift
from lite_mlops.data.expectations import ColumnExpectation, Expectations
from lite_mlops.data.leakage import LeakageReport
from lite_mlops.data.tables import as_columns

__all__ = [
    "CheckReport",
    "ColumnExpectation",
    "DataDiff",
    "DatasetVersion",
    "Datasets",
    "Expectations",
    "FeatureDrift",
    "LeakageReport",
    "Outcome",
    "as_columns",
    "feature_drift",
]
