"""Data: which version of it a run used, by the hash of the whole, and what it looked like."""

from lite_mlops.data.datasets import Datasets, DatasetVersion
from lite_mlops.data.tables import as_columns

__all__ = ["DatasetVersion", "Datasets", "as_columns"]
