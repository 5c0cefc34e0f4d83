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

from lite_mlops.errors import Invalid, NotFound

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


# -- streams of Arrow ---------------------------------------------------------------------------

# Types whose values take no more than their bytes: neither nested, nor views into each other.
_FLAT = ("null", "bool", "int", "uint", "halffloat", "float", "double", "string", "large_string")
_FLAT_TIMES = ("date32", "date64", "timestamp", "decimal")
_MAX_REPEATED = 100_000_000  # bytes of texts that a dictionary repeats


def arrow_table(stream: bytes) -> pa.Table:
    """Return the table of a stream of Arrow that somebody else made.

    Raises:
        NotFound: pyarrow is not installed.
        Invalid: it is no such stream, or its columns are nested, compressed, or repeat what is
            large, so that it would take more memory than its bytes.
    """
    pyarrow = _library("pyarrow")
    refused = (pyarrow.ArrowException, OSError, ValueError)
    try:
        messages = pyarrow.ipc.MessageReader.open_stream(stream)
        for message in messages:
            if _is_compressed(message.metadata.to_pybytes()):
                raise Invalid("a compressed stream of Arrow is not read; leave out compression.")
        with pyarrow.ipc.open_stream(stream) as reader:
            for field in reader.schema:
                _check_flat(field, pyarrow)
            table: pa.Table = reader.read_all()
        table.validate(full=True)
    except Invalid:
        raise
    except refused as error:
        told = str(error).partition("\n")[0].rstrip(".")
        raise Invalid(f"the body is no stream of Arrow: {told}.") from None
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks if pyarrow.types.is_dictionary(column.type) else ():
            longest = max(map(len, chunk.dictionary.to_pylist()), default=0)
            if longest * len(chunk) > _MAX_REPEATED:
                raise Invalid(f"the column {name!r} repeats texts that are too long.")
    return table


def _check_flat(field: Any, pyarrow: Any) -> None:
    kind = field.type
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
        flat = str(kind) in ("string", "large_string")
    else:
        flat = str(kind).rstrip("0123456789") in _FLAT or str(kind).startswith(_FLAT_TIMES)
    if not flat:
        raise Invalid(f"the column {field.name!r} of the type {field.type} is not read.")


def _is_compressed(metadata: bytes) -> bool:
    """Return whether a message has compressed columns; its metadata are a checked flatbuffer."""

    def at(place: int, size: int = 4) -> int:
        return int.from_bytes(metadata[place : place + size], "little")

    def field(table: int, number: int) -> int | None:
        fields = table - int.from_bytes(metadata[table : table + 4], "little", signed=True)
        slot = 4 + 2 * number
        offset = at(fields + slot, 2) if slot < at(fields, 2) else 0
        return table + offset if offset else None

    def inner(table: int, number: int) -> int | None:
        place = field(table, number)
        return None if place is None else place + at(place)

    kind, batch = field(at(0), 1), inner(at(0), 2)
    if kind is not None and batch is not None and metadata[kind] == 2:  # a dictionary holds one
        batch = inner(batch, 1)
    elif kind is None or metadata[kind] != 3:
        return False
    return batch is not None and field(batch, 3) is not None


def arrow_stream(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return columns as a stream of Arrow. Raises `NotFound` if pyarrow is not installed."""
    pyarrow = _library("pyarrow")
    table = pyarrow.table([pyarrow.array(one) for one in columns.values()], names=list(columns))
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotFound(f"{name} is not installed, and this needs it: pip install {name}") from None
