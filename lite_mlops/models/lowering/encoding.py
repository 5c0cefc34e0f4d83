"""Encoders: a value of a column is looked up, and becomes a code, or a one among zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.onehot import Codes, Sparse, spread
from lite_mlops.models.lowering.parts import (
    MATRIX,
    SPARSE,
    Alone,
    Both,
    Frame,
    Given,
    Lowered,
    Lowering,
    Rows,
    Step,
    Unsure,
    lowers,
    no_infinity,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, Value, op

_ENCODERS = "sklearn.preprocessing._encoders."


class Lookup(NamedTuple):
    """What finds the results of a column, and the results by value; None: what is unknown fails."""

    look: Callable[[NDArray[Any]], NDArray[Any]]
    at: dict[Any, Any]
    unknown: float | None


def _looked_up(columns: list[Lookup], results: Callable[[int, Any], Any]) -> Alone:
    """Return what finds the results of a single row; `results` makes them, by column."""
    gets = [
        {value: results(place, one) for value, one in column.at.items()}.get
        for place, column in enumerate(columns)
    ]
    unknown = [
        None if column.unknown is None else results(place, column.unknown)
        for place, column in enumerate(columns)
    ]

    def alone(row: Sequence[Any]) -> Sequence[Any]:
        found = []
        for get, value, one in zip(gets, row, unknown, strict=True):
            result = get(value, one)
            if result is None or (type(value) is float and not isfinite(value)):
                raise Unsure
            found.append(result)
        return found

    return alone


def _columns(rows: Rows) -> list[NDArray[Any]]:
    if isinstance(rows, Frame):
        return list(rows.arrays)
    no_infinity(rows)
    return [rows[:, place] for place in range(rows.shape[1])]


@op(
    "lookup",
    labels=Value("labels"),
    results=ArrayOf("if"),
    none=Value("int", optional=True),
    nan=Value("int", optional=True),
    unknown=Value("number", optional=True),
)
def _lookup(
    labels: NDArray[Any],
    results: NDArray[Any],
    none: int | None,
    nan: int | None,
    unknown: float | None,
) -> Lookup:
    listed = results.tolist()
    at: dict[Any, Any] = dict(zip(labels.tolist(), listed, strict=False))
    if none is not None:
        at[None] = listed[none]
    of_nan = unknown if nan is None else listed[nan]
    dtype, known, get = results.dtype, at.__getitem__, at.get

    def told(value: Any) -> ValueError:
        return ValueError(f"Found unknown categories [{value!r}] during transform")

    def look(column: NDArray[Any]) -> NDArray[Any]:
        if column.dtype.kind == "f" and np.isinf(column).any():
            no_infinity(column)
        values = column.tolist()
        try:
            return np.array(list(map(known, values)), dtype)
        except KeyError:  # one is unknown, or NaN
            pass
        found = [get(value, unknown) for value in values]
        for place, value in enumerate(values):
            if value != value:  # NaN is found under no key
                found[place] = of_nan
            if found[place] is None:
                raise told(value)
        return np.array(found, dtype)

    return Lookup(look, at, unknown)


@op("one_hot", columns=Value("nodes"), widths=Value("ints"), sparse=Value("flag"))
def _one_hot(columns: list[Lookup], widths: list[int], *, sparse: bool) -> Step:
    pairs = list(zip(columns, widths, strict=True))
    if not all(0 <= width < 1 << 24 for width in widths):
        raise ValueError("a column becomes too many")

    def step(rows: Rows) -> Any:
        blocks = [
            Codes(one.look(column), width)
            for (one, width), column in zip(pairs, _columns(rows), strict=True)
        ]
        made = Sparse(blocks, len(blocks[0].places))
        return made if sparse else made.dense()

    places = _looked_up(columns, lambda column, place: (int(place), widths[column]))
    return Both(step, places if sparse else lambda row: spread(places(row)))


@op("ordinal", columns=Value("nodes"))
def _ordinal(columns: list[Lookup]) -> Step:
    def step(rows: Rows) -> NDArray[np.float64]:
        given = _columns(rows)
        made = np.empty((len(given[0]), len(given)))
        for place, (one, column) in enumerate(zip(columns, given, strict=True)):
            made[:, place] = one.look(column)
        return made

    return Both(step, _looked_up(columns, lambda _, result: float(result)))


# -- what is lowered ----------------------------------------------------------------------------


def lookup(
    categories: NDArray[Any], results: Sequence[float], unknown: float | None, lowering: Lowering
) -> Node:
    """Return a node that finds the result of each category. Raises `NotLowered`."""
    node: Node = {"op": "lookup"}
    values = categories.tolist()
    for place, value in enumerate(values):
        if value is None:
            node["none"] = place
        elif value != value:  # NaN is not itself
            node["nan"] = place
    plain = [value for value in values if value is not None and value == value]
    if categories.dtype == object:
        kinds = {type(value) for value in plain}
        if kinds == {str} or not plain:
            node["labels"] = plain
        elif kinds in ({bool}, {int}, {float}):
            node["labels"] = lowering.array(np.array(plain))
        else:
            raise lowering.refused("its categories are of several types")
    elif categories.dtype.kind in "biufU":
        node["labels"] = lowering.array(np.array(plain, categories.dtype))
    else:
        raise lowering.refused(f"its categories are {categories.dtype}")
    whole = all(type(one) is int for one in results)
    node["results"] = lowering.array(np.array(results, np.int64 if whole else np.float64))
    if unknown is not None:
        node["unknown"] = unknown
    return node


def checked_columns(given: Given, lowering: Lowering) -> None:
    """Do nothing if columns arrive whose values can be looked up. Raises `NotLowered`."""
    if given.kind == "sparse" or "datetime" in given.types:
        raise lowering.refused(f"it is given {given.kind} data with {', '.join(given.types)}")


@lowers(_ENCODERS + "OneHotEncoder")
def _one_hot_encoder(encoder: Any, given: Given, lowering: Lowering) -> Lowered:
    checked_columns(given, lowering)
    if np.dtype(encoder.dtype) != np.float64:
        raise lowering.refused(f"it gives {np.dtype(encoder.dtype)}; only float64 is supported")
    drops = encoder._drop_idx_after_grouping  # noqa: SLF001 (what it does stands nowhere else)
    grouped = encoder._infrequent_enabled  # noqa: SLF001
    columns, widths = [], []
    for place, categories in enumerate(encoder.categories_):
        mapping = encoder._default_to_infrequent_mappings[place] if grouped else None  # noqa: SLF001
        rare = encoder._infrequent_indices[place] if grouped else None  # noqa: SLF001
        drop = None if drops is None else drops[place]
        codes = list(range(len(categories))) if mapping is None else mapping.tolist()
        known = max(codes, default=-1) + 1
        unknown: int | None = -1
        if encoder.handle_unknown == "error":
            unknown = None
        elif encoder.handle_unknown in ("infrequent_if_exist", "warn") and rare is not None:
            unknown = codes[rare[0]]
        if drop is not None:
            codes = [_without(code, int(drop)) for code in codes]
            unknown = _without(unknown, int(drop)) if unknown is not None else None
            known -= 1
        columns.append(lookup(categories, codes, unknown, lowering))
        widths.append(known)
    if sum(widths) != sum(encoder._n_features_outs):  # noqa: SLF001
        raise lowering.refused("its columns are not what they seem")
    node = {"op": "one_hot", "columns": columns, "widths": widths, "sparse": encoder.sparse_output}
    return node, SPARSE if encoder.sparse_output else MATRIX


def _without(code: int, dropped: int) -> int:
    if code == dropped:
        return -1
    return code - 1 if code > dropped else code


@lowers(_ENCODERS + "OrdinalEncoder")
def _ordinal_encoder(encoder: Any, given: Given, lowering: Lowering) -> Lowered:
    checked_columns(given, lowering)
    if np.dtype(encoder.dtype) != np.float64:
        raise lowering.refused(f"it gives {np.dtype(encoder.dtype)}; only float64 is supported")
    columns = []
    for place, categories in enumerate(encoder.categories_):
        mapping = None
        if encoder._infrequent_enabled:  # noqa: SLF001
            mapping = encoder._default_to_infrequent_mappings[place]  # noqa: SLF001
        codes = [float(one) for one in range(len(categories))]
        if mapping is not None:
            codes[: len(mapping)] = [float(one) for one in mapping]
        missing = encoder._missing_indices.get(place)  # noqa: SLF001
        if missing is not None:
            codes[missing] = float(encoder.encoded_missing_value)
        unknown = None if encoder.handle_unknown == "error" else float(encoder.unknown_value)
        columns.append(lookup(categories, codes, unknown, lowering))
    return {"op": "ordinal", "columns": columns}, MATRIX
