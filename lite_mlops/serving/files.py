"""Tables in files, read as the signature of a model wants them: texts stay texts.

    rows = load(database, Path("in.csv"), "csv", signature)
    for batch in rows.batches():
        batch.columns["age"]        # an array, or a list in which None is missing

What is used of a file is loaded into a database of the moment, which spills what is larger than
memory, and comes back in batches. "001" is a text where the signature says so, and a number where
it says that. What is of another type is left as it is for `Signature.validate`, which tells.

    CSV           numbers and true/false as they are written; an empty cell is missing, "" is a text
    Parquet       by the types of the file
    JSON lines    by the types of JSON
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models import Signature
from lite_mlops.store import NotReadable, Scratch

BATCH_ROWS = 1 << 16
_BATCH_CELLS = 1 << 22

# By the ending of a file's name.
READ = {
    ".csv": "csv", ".csv.gz": "csv", ".tsv": "csv", ".tsv.gz": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".jsonl.gz": "jsonl", ".ndjson.gz": "jsonl",
}  # fmt: skip
WRITTEN = {
    ".csv": "csv", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"
}  # fmt: skip


def format_of(path: Path, formats: Mapping[str, str]) -> str:
    """Return the format that the ending of a file's name tells. Raises `Invalid`."""
    name = path.name.lower()
    for ending, form in formats.items():
        if name.endswith(ending):
            return form
    raise Invalid(f"{path}: the ending of its name tells no format; there are {', '.join(formats)}")


@dataclass(frozen=True)
class Batch:
    """Some rows of a file: the number of the first, from 0, and their values by column."""

    start: int
    columns: Mapping[str, NDArray[Any] | list[Any]]


@dataclass(frozen=True)
class _Reading:
    """How a column is read, in SQL: its values, which of them do not fit, and what is kept."""

    value: str
    odd: str
    kept: str


# -- what the columns of a file become ----------------------------------------------------------

# The last whole number of which the next one is another float.
_EXACT = "9007199254740991"
_AS_NUMBER = "TRY_CAST({c} AS DOUBLE)"
_INTEGERS = frozenset(
    "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT".split()
)


def _reading(value: str, odd: str, kept: str, place: int) -> _Reading:
    return _Reading(*(part.replace("{c}", f"c{place}") for part in (value, odd, kept)))


def _inexact(kind: str) -> str:
    return f" OR abs({_AS_NUMBER}) > {_EXACT}" if kind == "integer" else ""


def _stored(value: str, kind: str) -> str:
    """Return a value as it is kept in a file that has types."""
    return f"TRY_CAST({value} AS BIGINT)" if kind == "integer" else value


def _of_csv(place: int, wanted: str | None, to: str) -> _Reading:
    if wanted in ("integer", "float"):
        odd = f"{{c}} IS NOT NULL AND ({_AS_NUMBER} IS NULL OR contains({{c}}, '_'))"
        kept = "{c}" if to == "csv" else _stored(_AS_NUMBER, wanted)
        return _reading(_AS_NUMBER, f"{odd}{_inexact(wanted)}", kept, place)
    if wanted == "boolean":
        value = "CASE lower({c}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        kept = "{c}" if to == "csv" else value
        return _reading(value, f"{{c}} IS NOT NULL AND ({value}) IS NULL", kept, place)
    return _reading("{c}", "false", "{c}", place)


def _of_json(place: int, wanted: str | None, to: str) -> _Reading:
    kept = "{c}" if to == "jsonl" else "{c} ->> '$'"
    if wanted in ("integer", "float"):
        value, types = _AS_NUMBER, "'UBIGINT', 'BIGINT', 'DOUBLE'"
        kept = kept if to == "jsonl" else _stored(value, wanted)
    elif wanted == "boolean":
        value, types = "TRY_CAST({c} AS BOOLEAN)", "'BOOLEAN'"
        kept = kept if to == "jsonl" else value
    else:
        value, types = "{c} ->> '$'", "'VARCHAR'"
    value = f"CASE WHEN json_type({{c}}) IN ({types}) THEN {value} END"
    odd = f"json_type({{c}}) NOT IN ('NULL', {types})" if wanted else "false"
    return _reading(value, f"{odd}{_inexact(wanted or '')}", kept, place)


def _of_parquet(place: int, wanted: str | None, kind: str) -> _Reading:
    base = kind.partition("(")[0]
    odd = "false"
    if wanted in ("integer", "float") and (base in _INTEGERS or base == "DECIMAL"):
        value, odd = _AS_NUMBER, f"abs({_AS_NUMBER}) > {_EXACT}"
    elif wanted in ("integer", "float") and base in ("FLOAT", "DOUBLE"):
        value = _AS_NUMBER
    elif wanted == "datetime" and (base == "DATE" or base.startswith("TIMESTAMP")):
        value = "epoch_us({c})"
    elif (wanted in ("text", "datetime") and base in ("VARCHAR", "ENUM")) or wanted is None:
        value = "CAST({c} AS VARCHAR)"
    elif wanted == "boolean" and base == "BOOLEAN":
        value = "{c}"
    else:
        value, odd = "NULL", "{c} IS NOT NULL"
    return _reading(value, odd, "{c}", place)


# -- a file that is loaded ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """A file as the engine reads it: the names and types of its columns, and the SQL for them."""

    columns: list[tuple[str, str]]
    sql: str  # a table of c0, c1, ...
    values: tuple[object, ...]


class Rows:
    """The rows of a file, loaded as the table `loaded`.

    It has only what is used: v0, v1, ... for the columns that the model takes, k0, k1, ... for
    those that are kept beside the answers, and `odd`: whether a value is of another type.
    """

    def __init__(
        self,
        database: Scratch,
        source: _Source,
        readings: Mapping[str, _Reading],
        wanted: Sequence[str],
        kept: Sequence[str],
    ) -> None:
        self.kept = list(kept)
        self._database = database
        self._source = source
        self._readings = readings
        self._wanted = wanted
        self._odd = " OR ".join(
            f"({readings[name].odd})" for name in wanted if readings[name].odd != "false"
        )
        chosen = [f"{readings[name].value} AS v{place}" for place, name in enumerate(wanted)]
        chosen += [f"{readings[name].kept} AS k{place}" for place, name in enumerate(kept)]
        chosen.append(f"coalesce({self._odd or 'false'}, false) AS odd")
        self._create("loaded", ", ".join(chosen))
        self.count: int = database.run("SELECT count(*) FROM loaded")[0][0]
        self.size = max(1, min(BATCH_ROWS, _BATCH_CELLS // max(1, len(wanted))))

    def _create(self, table: str, chosen: str) -> None:
        query = f"CREATE TABLE {table} AS SELECT {chosen} FROM {self._source.sql}"  # noqa: S608
        self._database.run(query, *self._source.values)

    def batches(self) -> Iterator[Batch]:
        """Yield the wanted columns, some rows at a time.

        If values are of another type than the signature says, the only batch has the first of
        them.
        """
        first = self._first_odd()
        if first is not None:
            yield self._with_odd(first)
            return
        for start in range(0, self.count, self.size):
            yield self._batch(start)

    def _batch(self, start: int) -> Batch:
        chosen = ", ".join(f"v{place}" for place in range(len(self._wanted))) or "odd"
        query = f"SELECT {chosen} FROM loaded WHERE rowid >= ? AND rowid < ?"  # noqa: S608
        found = self._database.arrays(query, start, start + self.size)
        columns = {}
        for place, name in enumerate(self._wanted):
            moments = self._readings[name].value.startswith("epoch_us")
            columns[name] = _column(found[f"v{place}"], moments=moments)
        return Batch(start, columns)

    def _first_odd(self) -> int | None:
        if not self._odd:
            return None
        first: int | None = self._database.run("SELECT min(rowid) FROM loaded WHERE odd")[0][0]
        return first

    def _with_odd(self, start: int) -> Batch:
        """Return the rows from the first that has a value of another type, with such values."""
        self._create("plain", "*")
        batch = self._batch(start)
        columns = dict(batch.columns)
        for place, (name, kind) in enumerate(self._source.columns):
            if name not in columns or self._readings[name].odd == "false":
                continue
            query = (
                f"SELECT rowid, c{place} FROM plain WHERE rowid >= ? AND rowid < ? "  # noqa: S608
                f"AND ({self._readings[name].odd}) ORDER BY rowid LIMIT 1000"
            )
            values = columns[name]
            listed = values if isinstance(values, list) else values.astype(object).tolist()
            for row, value in self._database.run(query, start, start + self.size):
                listed[row - start] = json.loads(value) if kind == "JSON" else value
            columns[name] = listed
        return Batch(start, columns)


def _column(values: Any, *, moments: bool) -> NDArray[Any] | list[Any]:
    """Return a column as the engine gave it in a form in which what is missing is plain."""
    missing = None
    if isinstance(values, np.ma.MaskedArray):
        mask = np.ma.getmaskarray(values)
        missing, values = (mask if mask.any() else None), values.data
    if moments:
        times: NDArray[Any] = values.astype("datetime64[us]")
        return times if missing is None else np.where(missing, np.datetime64("NaT", "us"), times)
    if values.dtype.kind == "f":
        return values if missing is None else np.where(missing, np.nan, values)
    if values.dtype.kind == "b" and missing is None:
        plain: NDArray[Any] = values
        return plain
    objects = values.astype(object)
    if missing is not None:
        objects[missing] = None
    listed: list[Any] = objects.tolist()
    return listed


# -- loading ------------------------------------------------------------------------------------

# The first line names the columns; no line is taken for a comment or left out.
_CSV = "header = true, skip = 0, comment = '', all_varchar = true, allow_quoted_nulls = false"
_JSON = (
    "format = 'newline_delimited', records = true, sample_size = -1, "
    "dateformat = '@@@', timestampformat = '@@@'"
)


def _aliases(count: int) -> str:
    return ", ".join(f"c{place}" for place in range(count))


def _csv_names(database: Scratch, path: Path) -> list[str]:
    row = database.run(
        f"SELECT Delimiter, Columns FROM sniff_csv(?, {_CSV})",  # noqa: S608
        str(path),
    )[0]
    delimiter, columns = row
    names = [column["name"] for column in columns]
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            one = delimiter if len(delimiter) == 1 else ","
            first = next(csv.reader(file, delimiter=one), [])
    except UnicodeDecodeError:
        raise NotReadable(f"{path} is not UTF-8 text; convert it first.") from None
    return first if len(first) == len(names) else names  # the engine renames those that are alike


def _csv_source(database: Scratch, path: Path) -> _Source:
    names = _csv_names(database, path)
    sql = f"read_csv(?, {_CSV}) AS t({_aliases(len(names))})"
    return _Source([(name, "VARCHAR") for name in names], sql, (str(path),))


def _parquet_source(database: Scratch, path: Path) -> _Source:
    found = database.describe("SELECT * FROM read_parquet(?)", str(path))
    return _Source(found, f"read_parquet(?) AS t({_aliases(len(found))})", (str(path),))


def _json_source(database: Scratch, path: Path) -> _Source:
    found = database.describe(f"SELECT * FROM read_json(?, {_JSON})", str(path))  # noqa: S608
    types = {name: "JSON" for name, _ in found}
    sql = f"read_json(?, format = 'newline_delimited', columns = ?) AS t({_aliases(len(types))})"
    return _Source(list(types.items()), sql, (str(path), types))


_SOURCES = {"csv": _csv_source, "parquet": _parquet_source, "jsonl": _json_source}


def _wanted(signature: Signature, names: Sequence[str], called: str) -> dict[str, str]:
    """Return the columns that a model takes, with their types. Raises `Invalid`."""
    tensor = signature.tensor
    if tensor is not None:
        if tensor.shape or len(names) != 1:
            raise Invalid(
                f"{called} cannot be answered: the model takes an array with rows of the shape "
                f"{tensor.shape}, which no table holds."
                if tensor.shape
                else f"{called} has {len(names)} columns; the model takes one value in each row."
            )
        return {names[0]: tensor.type}
    missing = [column.name for column in signature.columns if column.name not in names]
    if missing:
        told = ", ".join(map(repr, missing[:5]))
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise Invalid(
            f"{called} lacks the column{'s' if len(missing) > 1 else ''} {told}{more}, which the "
            f"model takes.{suggestion(missing[0], names)}"
        )
    return {column.name: column.type for column in signature.columns}


def _kept(keep: Sequence[str] | None, names: Sequence[str], called: str) -> list[str]:
    """Return the columns that stand beside the answers. Raises `Invalid`."""
    if keep is None:
        return list(names)
    for name in keep:
        if name not in names:
            near = suggestion(name, names)
            raise Invalid(f"{called} has no column {name!r} to keep.{near}")
    return list(dict.fromkeys(keep))


def load(
    database: Scratch,
    path: Path,
    form: str,
    signature: Signature,
    *,
    keep: Sequence[str] | None,
    to: str,
    called: str,
) -> Rows:
    """Load what is used of a file into the database.

    `keep` are the columns to keep beside the answers (None: all), in the form that the format `to`
    needs. Errors call the file `called`.

    Raises:
        NotReadable: it is no such file; the engine's words say where.
        Invalid: it is empty, or lacks a column that the model takes or that is to be kept.
    """
    if any(sign in str(path) for sign in "*?["):
        raise Invalid(f"{path}: the characters * ? [ in the name of a table's file are not read.")
    if not path.stat().st_size:
        raise Invalid(f"{called} is empty.")
    source = _SOURCES[form](database, path)
    names = [name for name, _ in source.columns]
    if form == "csv" and len(names) == 1 and any(sign in names[0] for sign in ",;\t|"):
        raise NotReadable(
            f"{called} cannot be read as a table: its lines do not have the same number of values "
            f"as its first line, {names[0][:100]!r}."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid(f"{called} has two columns of the same name: {', '.join(map(repr, twice))}.")
    wanted = _wanted(signature, names, called)
    readings = {
        name: _of_csv(place, wanted.get(name), to)
        if form == "csv"
        else _of_json(place, wanted.get(name), to)
        if form == "jsonl"
        else _of_parquet(place, wanted.get(name), kind)
        for place, (name, kind) in enumerate(source.columns)
    }
    return Rows(database, source, readings, list(wanted), _kept(keep, names, called))
