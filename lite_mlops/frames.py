"""Columns as tables of pandas, polars and Arrow; none of these libraries is required.

pandas_frame({"loss": Column("number", [0.5, None])})

What a column holds is said, not guessed, so that an empty table has the same types as a full one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lite_mlops.errors import NotFound

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

# Texts, floats of 64 bits, integers of 64 bits, flags, times of UTC in microseconds, or whatever
# the library makes of the values.
Kind = Literal["text", "number", "whole", "flag", "time", "any"]


class Column(NamedTuple):
    """The values of a column, None where there is none, and their kind."""

    kind: Kind
    values: Sequence[Any]


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotFound(
            f"{name} is not installed, and this needs it: pip install {name}. "
            "to_dicts() needs nothing."
        ) from None


def pandas_frame(columns: Mapping[str, Column]) -> pandas.DataFrame:
    """Return a DataFrame of pandas. Raises `NotFound` if pandas is not installed."""
    pd = _library("pandas")
    types = {
        "text": "str",
        "number": "float64",
        "whole": "Int64",
        "flag": "boolean",
        "time": "datetime64[us, UTC]",
        "any": None,
    }
    return pd.DataFrame(
        {name: pd.Series(list(c.values), dtype=types[c.kind]) for name, c in columns.items()}
    )


def polars_frame(columns: Mapping[str, Column]) -> polars.DataFrame:
    """Return a DataFrame of polars. Raises `NotFound` if polars is not installed."""
    pl = _library("polars")
    types = {
        "text": pl.String,
        "number": pl.Float64,
        "whole": pl.Int64,
        "flag": pl.Boolean,
        "time": pl.Datetime("us", "UTC"),
        "any": None,
    }
    return pl.DataFrame(
        [
            pl.Series(name, list(c.values), dtype=types[c.kind], strict=False)
            for name, c in columns.items()
        ]
    )


def arrow_table(columns: Mapping[str, Column]) -> pyarrow.Table:
    """Return a table of Arrow. Raises `NotFound` if pyarrow is not installed."""
    pa = _library("pyarrow")
    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "whole": pa.int64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("us", "UTC"),
        "any": None,
    }
    return pa.table(
        {name: pa.array(list(c.values), types[c.kind]) for name, c in columns.items()}
    )
