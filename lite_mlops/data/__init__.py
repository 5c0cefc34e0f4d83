"""Data: which version of it a run used, by the hash of the whole, and what it looked like.

What changed between two versions, whether one is as expected, and whether a test set is fair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.data.datasets import Datasets, DatasetUse, DatasetVersion, Query
from lite_mlops.data.sources import SourceFile
from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.data.checking import CheckReport, Outcome
    from lite_mlops.data.diff import DataDiff
    from lite_mlops.data.drift import (
        FeatureDrift,
        feature_drift,
        kolmogorov_smirnov,
        population_stability_index,
    )
    from lite_mlops.data.expectations import ColumnExpectation, Expectations
    from lite_mlops.data.kinds import NUMERIC, ColumnReader, Typed, columns_of, typed
    from lite_mlops.data.leakage import LeakageReport
    from lite_mlops.data.tables import Columns, as_columns

# NumPy is loaded only by who looks into data; the imports above say the same to type checkers.
_HOME_OF = {
    "CheckReport": "checking",
    "ColumnExpectation": "expectations",
    "ColumnReader": "kinds",
    "Columns": "tables",
    "DataDiff": "diff",
    "Expectations": "expectations",
    "FeatureDrift": "drift",
    "LeakageReport": "leakage",
    "NUMERIC": "kinds",
    "Outcome": "checking",
    "Typed": "kinds",
    "as_columns": "tables",
    "columns_of": "kinds",
    "feature_drift": "drift",
    "kolmogorov_smirnov": "drift",
    "population_stability_index": "drift",
    "typed": "kinds",
}

__all__ = [
    "NUMERIC",
    "CheckReport",
    "ColumnExpectation",
    "ColumnReader",
    "Columns",
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
    "Typed",
    "as_columns",
    "columns_of",
    "feature_drift",
    "kolmogorov_smirnov",
    "population_stability_index",
    "typed",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
