"""Columns as tables of pandas, polars and Arrow; none of these libraries is required.

    class Points(Tabular):
        def tabular(self):
            return {"loss": Column("number", [0.5, None])}

    Points().to_pandas()

What a column holds is said, not guessed, so that an empty table has the same types as a full one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lite_mlops.errors import NotFound

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

# Texts, floats of 64 bits, integers of 64 bits, flags, times of UTC in microseconds, or whatever
# the library makes of the values.
Kind = Literal["text", "number", "whole", "flag", "time", "any"]


class Column(NamedTuple):
    """The values of a column, None where there is none, and their kind."""

    kind: Kind
    values: Sequence[Any]


class Tabular:
    """What turns into tables of other libraries, by the columns that `tabular` returns."""

    def tabular(self) -> Mapping[str, Column]:
        """Return the columns by name."""
        raise NotImplementedError

    def to_pandas(self) -> pd.DataFrame:
        """Return a DataFrame of pandas. Raises `NotFound` if pandas is not installed."""
        pandas = _library("pandas")
        types = {
            "text": "str",
            "number": "float64",
            "whole": "Int64",
            "flag": "boolean",
            "time": "datetime64[us, UTC]",
            "any": None,
        }
        columns = self.tabular()
        series = {
            name: pandas.Series(list(values), dtype=types[kind])
            for name, (kind, values) in columns.items()
        }
        frame: pd.DataFrame = pandas.DataFrame(series, columns=list(columns))
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return a DataFrame of polars. Raises `NotFound` if polars is not installed."""
        polars = _library("polars")
        types = {
            "text": polars.String,
            "number": polars.Float64,
            "whole": polars.Int64,
            "flag": polars.Boolean,
            "time": polars.Datetime("us", "UTC"),
            "any": None,
        }
        series = [
            polars.Series(name, list(values), dtype=types[kind])
            for name, (kind, values) in self.tabular().items()
        ]
        frame: pl.DataFrame = polars.DataFrame(series)
        return frame

    def arrow(self) -> pa.Table:
        """Return a table of Arrow. Raises `NotFound` if pyarrow is not installed."""
        pyarrow = _library("pyarrow")
        types = {
            "text": pyarrow.string(),
            "number": pyarrow.float64(),
            "whole": pyarrow.int64(),
            "flag": pyarrow.bool_(),
            "time": pyarrow.timestamp("us", "UTC"),
            "any": None,
        }
        columns = self.tabular()
        arrays = [pyarrow.array(list(values), types[kind]) for kind, values in columns.values()]
        table: pa.Table = pyarrow.table(arrays, names=list(columns))
        return table


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotFound(f"{name} is not installed, and this needs it: pip install {name}") from None
