"""What is told of labels, as texts in columns: of pairs, of a table in memory, of a file.

    told_pairs(["6b0720be"], ["yes"])
    told_table({"customer": [7, 8], "churned": [True, False]}, label="churned", key="customer")
    read_told(settings, folder, Path("labels.csv"), label="churned", key="customer")

Labels are compared as texts, and mean the class or the number that they write; so 1, 1.0 and '1'
are the same class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import as_columns
from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.settings import Settings
from lite_mlops.store import Scratch, scratch_database

MAX_TEXT = 1_000  # characters of a label

IDS = ("id", "prediction_id")  # what a column of ids is called, if nothing is said
LABEL = "label"

_READERS = {
    "csv": "read_csv(?, header = true, all_varchar = true, comment = '', skip = 0)",
    "parquet": "read_parquet(?)",
    "json": (
        "read_json(?, format = 'newline_delimited', records = true, sample_size = -1, "
        "dateformat = '@@@', timestampformat = '@@@')"
    ),
}
_ENDINGS = {
    "csv": (".csv", ".tsv", ".csv.gz", ".tsv.gz"),
    "parquet": (".parquet", ".pq"),
    "json": (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"),
}

Texts = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Told:
    """Rows of labels: what names the prediction, the label, and when it was known; all texts.

    What is missing is the empty text.
    """

    names: Texts
    labels: Texts
    times: Texts

    def __len__(self) -> int:
        return len(self.names)

    def where(self, chosen: NDArray[np.bool_]) -> Told:
        """Return some of the rows."""
        return Told(self.names[chosen], self.labels[chosen], self.times[chosen])


# -- texts --------------------------------------------------------------------------------------


def _objects(values: Sequence[Any]) -> Texts:
    found = np.empty(len(values), object)
    found[:] = values
    return found


def encodable(texts: Texts) -> Texts:
    """Return texts without the halves of surrogate pairs, which no encoding has."""
    values: list[str] = texts.tolist()
    if "".join(values).isascii():
        return texts
    return _objects([value.encode("utf-8", "replace").decode() for value in values])


def _is_gone(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def texts_of(values: Any) -> Texts:
    """Return a column as texts, the empty one where something is missing.

    Whole numbers among floats keep their point, as 1.0; what class they mean is found out later.
    """
    array = values if isinstance(values, np.ndarray) else _array(values)
    if array.dtype.kind == "M":
        found = np.datetime_as_string(array.astype("M8[us]")).astype(object)
        found[np.isnat(array)] = ""
    elif array.dtype.kind in "biufU":
        found = array.astype(str).astype(object)
        if array.dtype.kind == "f":
            found[np.isnan(array)] = ""
    else:
        listed = array.tolist()
        if set(map(type, listed)) <= {str}:
            found = array
        else:
            found = _objects(["" if _is_gone(one) else str(one) for one in listed])
    return encodable(found)


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """Return a column as NumPy has it, if it is of one kind; a text beside numbers stays apart."""
    kinds = set(map(type, values))
    return np.asarray(values) if kinds in ({float}, {int}, {bool}) else _objects(values)


def _first_nested(values: Sequence[Any]) -> int | None:
    """Return the place of the first value that is none, but a list or something like it."""
    kinds = set(map(type, values))
    nested = {kind for kind in kinds if hasattr(kind, "__len__") and not issubclass(kind, str)}
    if not nested:
        return None
    return next(place for place, value in enumerate(values) if type(value) in nested)


# -- pairs --------------------------------------------------------------------------------------


def _listed(values: Any) -> list[Any]:
    """Return one value as a list of it, and a column as a list."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        return [values]
    if isinstance(values, Mapping):
        return [values]
    return values.tolist() if hasattr(values, "tolist") else list(values)


def told_pairs(ids: Any, labels: Any, times: Any = None) -> Told:
    """Return labels told by ids: one of each, or columns of equal length.

    Raises:
        Invalid: they differ in length, an id is no text, or a label is missing or none.
    """
    names, values = _listed(ids), _listed(labels)
    if isinstance(ids, str) and len(values) != 1:
        values = [labels]  # that a list is no label is told below
    if len(names) != len(values):
        raise Invalid(f"feedback has {len(names):,} ids and {len(values):,} labels.")
    if wrong := next((name for name in names if not isinstance(name, str)), None):
        raise Invalid(f"the id of a prediction is a text; {wrong!r} is a {type(wrong).__name__}.")
    if (place := _first_nested(values)) is not None:
        told, kind = values[place], type(values[place]).__name__
        raise Invalid(f"feedback to {names[place]!r} needs one label; {told!r} is a {kind}.")
    texts = texts_of(values)
    if (gone := texts == "").any():
        raise Invalid(f"feedback to {names[int(gone.argmax())]!r} needs the true label.")
    known = np.full(len(names), "", object) if times is None else texts_of(_listed(times))
    if len(known) != len(names):
        raise Invalid(f"feedback has {len(names):,} ids and {len(known):,} times.")
    return Told(_objects(names), texts, known)


# -- tables -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chosen:
    """Which columns of a table hold what."""

    name: str
    label: str
    time: str | None


def choose(
    columns: Sequence[str],
    what: str,
    *,
    label: str | None,
    prediction_id: str | None,
    key: str | None,
    time: str | None,
) -> Chosen:
    """Return which columns are meant. Raises `Invalid` if one of them is not there."""
    name = key or prediction_id or next((one for one in IDS if one in columns), IDS[0])
    wanted = {"the labels": label or LABEL, "the key" if key else "the ids": name}
    if time is not None:
        wanted["the times"] = time
    for part, column in wanted.items():
        if column not in columns:
            has = ", ".join(map(repr, columns[:20])) or "no columns"
            near = suggestion(column, columns)
            raise Invalid(f"{what} has no column {column!r} for {part}; it has {has}.{near}")
    return Chosen(name, wanted["the labels"], time)


def told_table(data: Any, **wanted: str | None) -> Told:
    """Return the labels of a table in memory; `wanted` are the columns, as `choose` takes them.

    Raises:
        Invalid: it is no table, or a column is not there.
    """
    columns = as_columns(data)
    chosen = choose(list(columns), "the table", **_all(wanted))
    rows = len(columns[chosen.name])
    times = np.full(rows, "", object) if chosen.time is None else texts_of(columns[chosen.time])
    return Told(texts_of(columns[chosen.name]), texts_of(columns[chosen.label]), times)


def _all(wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    return {"label": None, "prediction_id": None, "key": None, "time": None} | dict(wanted)


def read_told(settings: Settings, folder: Path, path: Path, **wanted: str | None) -> Told:
    """Return the labels of a file: CSV, Parquet or JSON lines; `wanted` as for `told_table`.

    Raises:
        NotFound: there is no such file.
        Invalid: it cannot be read as a table, or a column is not there.
    """
    name = path.name.lower()
    form = next((one for one, endings in _ENDINGS.items() if name.endswith(endings)), None)
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    if form is None:
        known = ", ".join(ending for endings in _ENDINGS.values() for ending in endings)
        raise Invalid(f"{path} is not known by its ending; these are: {known}.")
    if not path.stat().st_size:
        raise Invalid(f"{path} is empty: it has not even a header.")
    if any(sign in str(path) for sign in "*?["):
        raise Invalid(f"{path}: the characters * ? [ in the name of a table's file are not read.")
    with scratch_database(settings, folder, str(path), [path]) as database:
        return _read(database, path, _READERS[form], wanted)


def _read(database: Scratch, path: Path, reader: str, wanted: Mapping[str, str | None]) -> Told:
    described = database.describe(f"SELECT * FROM {reader}", str(path))  # noqa: S608
    names = [name for name, _ in described]
    chosen = choose(names, str(path), **_all(wanted))
    listed = [chosen.name, chosen.label, *([] if chosen.time is None else [chosen.time])]
    # Columns by their places, so that no name from outside becomes SQL.
    aliases = ", ".join(f"c{place}" for place in range(len(names)))
    selected = ", ".join(
        _as_text(names.index(name), described) + f" AS v{place}"
        for place, name in enumerate(listed)
    )
    found = database.arrays(f"SELECT {selected} FROM {reader} AS t({aliases})", str(path))  # noqa: S608
    texts = [texts_of(np.asarray(found[f"v{place}"], object)) for place in range(len(listed))]
    times = np.full(len(texts[0]), "", object) if chosen.time is None else texts[2]
    return Told(texts[0], texts[1], times)


def _as_text(place: int, described: Sequence[tuple[str, str]]) -> str:
    """Return the SQL of a column as texts; NaN is missing, as it is in every other table."""
    number = described[place][1] in ("DOUBLE", "FLOAT")
    value = f"nullif(c{place}, 'nan')" if number else f"c{place}"
    return f"coalesce({value}::VARCHAR, '')"
