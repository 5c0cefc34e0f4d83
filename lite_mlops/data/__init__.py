"""Data: which version of it a run used, by the hash of the whole, and what it looked like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lite_mlops.data.datasets import Datasets, DatasetUse, DatasetVersion, Query
from lite_mlops.data.sources import SourceFile

if TYPE_CHECKING:
    from lite_mlops.data.tables import as_columns

__all__ = ["DatasetUse", "DatasetVersion", "Datasets", "Query", "SourceFile", "as_columns"]


def __getattr__(name: str) -> Any:
    if name == "as_columns":  # NumPy is loaded only by who looks at data
        from lite_mlops.data.tables import as_columns

        return as_columns
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
