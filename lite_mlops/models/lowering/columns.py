"""How parts are put together: pipelines, column transformers, unions, and what selects columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isfinite
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.onehot import Sparse, rows_of, spread
from lite_mlops.models.lowering.parts import (
    MATRIX,
    SPARSE,
    Alone,
    Answering,
    Both,
    Frame,
    Given,
    Lowered,
    Lowering,
    Rows,
    Step,
    Unsure,
    all_finite,
    alone_of,
    lowers,
    numbers,
)
from lite_mlops.models.lowering.plan import Node, Value, op

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (np.log1p, np.expm1, np.sqrt, np.square, np.absolute, np.log, np.exp, np.log2)
}


# -- one after the other ------------------------------------------------------------------------


@op("chain", steps=Value("nodes"))
def _chain(steps: list[Any]) -> Any:
    if not steps:
        return Both(lambda rows: rows, lambda row: row)
    *before, last = steps
    if any(isinstance(step, Answering) for step in before):
        raise ValueError("what answers is not at the end")
    if len(before) == 1:
        first = before[0]
        inner = last.raw if isinstance(last, Answering) else last

        def through(rows: Rows) -> Any:
            return inner(first(rows))

    else:
        inner = last.raw if isinstance(last, Answering) else last

        def through(rows: Rows) -> Any:
            for step in before:
                rows = step(rows)
            return inner(rows)

    alone = _alone_through(before, last)
    if isinstance(last, Answering):
        return replace(last, raw=through, alone=alone)
    return Both(through, alone)


def _alone_through(before: Sequence[Any], last: Any) -> Callable[[Sequence[Any]], Any] | None:
    """Return what a chain does with a single row; None if one of its steps needs NumPy."""
    each = [alone_of(step) for step in before]
    final = alone_of(last)
    if isinstance(last, Answering) and final is None:
        inner = last.raw

        def final(row: Sequence[Any]) -> Any:
            return inner(rows_of(row))

    if final is None or any(one is None for one in each):
        return None
    steps = [one for one in (*each, final) if one is not None]
    if len(steps) == 2:
        first, second = steps
        return lambda row: second(first(row))

    def through(row: Sequence[Any]) -> Any:
        for step in steps:
            row = step(row)
        return row

    return through


@op("same", finite=Value("flag"))
def _same(*, finite: bool) -> Step:
    def step(rows: Rows) -> Rows:
        array = numbers(rows)
        if finite:
            all_finite(array)
        return array

    def alone(row: Sequence[Any]) -> Sequence[Any]:
        if finite and not all(map(isfinite, row)):
            raise Unsure
        return row

    return Both(step, alone)


@op("apply", function=Value("text", tuple(_FUNCTIONS)), finite=Value("flag"))
def _apply(function: str, *, finite: bool) -> Step:
    called = _FUNCTIONS[function]

    def step(rows: Rows) -> NDArray[Any]:
        array = numbers(rows)
        if finite:
            all_finite(array)
        found: NDArray[Any] = called(array)
        return found

    return step


@lowers("sklearn.pipeline.Pipeline")
def _pipeline(pipeline: Any, given: Given, lowering: Lowering) -> Lowered:
    if getattr(pipeline, "transform_input", None):
        raise lowering.refused("transform_input is used")
    steps = []
    for name, part in pipeline.steps:
        if part is None or part == "passthrough":
            continue
        node, given = lowering.lower(part, given, name)
        steps.append(node)
    return {"op": "chain", "steps": steps}, given


@lowers("sklearn.preprocessing._function_transformer.FunctionTransformer")
def _function(transformer: Any, given: Given, lowering: Lowering) -> Lowered:
    function = transformer.func
    if transformer.kw_args:
        raise lowering.refused("its function takes kw_args")
    if function is None and not transformer.validate:
        return {"op": "chain", "steps": []}, given
    lowering.need_numbers(given)
    if function is None:
        return {"op": "same", "finite": True}, MATRIX
    name = next((name for name, known in _FUNCTIONS.items() if known is function), None)
    if name is None or "boolean" in given.types:
        raise lowering.refused("it calls a function of its own")
    return {"op": "apply", "function": name, "finite": bool(transformer.validate)}, MATRIX


# -- side by side -------------------------------------------------------------------------------


def _joined(parts: list[Any], rows: int, *, sparse: bool) -> Any:
    if sparse:
        blocks: list[Any] = []
        for part in parts:
            blocks += part.blocks if isinstance(part, Sparse) else [numbers(part)]
        return Sparse(blocks, rows)
    dense = [part.dense() if isinstance(part, Sparse) else numbers(part) for part in parts]
    return np.hstack(dense)


def _rows_of(rows: Rows) -> int:
    return len(rows) if isinstance(rows, np.ndarray) else rows.rows


@op("union", parts=Value("nodes"), sparse=Value("flag"))
def _union(parts: list[Step], *, sparse: bool) -> Step:
    def step(rows: Rows) -> Rows:
        return _joined([part(rows) for part in parts], _rows_of(rows), sparse=sparse)

    each = [one for one in map(alone_of, parts) if one is not None]
    return Both(step, _alone_beside(each, sparse=sparse) if len(each) == len(parts) else None)


def _alone_beside(parts: list[Alone], *, sparse: bool) -> Alone:
    def alone(row: Sequence[Any]) -> Sequence[Any]:
        found: list[Any] = []
        for part in parts:
            found += part(row)
        return found if sparse or tuple not in map(type, found) else spread(found)

    return alone


@op("take", places=Value("ints"), view=Value("flag"))
def _take(places: list[int], *, view: bool) -> Step:
    if any(not 0 <= place < 1 << 24 for place in places) or (view and not places):
        raise ValueError("a column is nowhere")
    part = slice(places[0], places[-1] + 1) if view else places
    if view and places != list(range(places[0], places[-1] + 1)):
        raise ValueError("its columns are not side by side")

    def step(rows: Rows) -> Rows:
        if isinstance(rows, Frame):
            return rows.chosen(places)
        return rows[:, part]

    return Both(step, itemgetter(*places) if len(places) > 1 else _none_or_one(places))


def _none_or_one(places: list[int]) -> Alone:
    return lambda row: [row[place] for place in places]


@lowers("sklearn.compose._column_transformer.ColumnTransformer")
def _column_transformer(transformer: Any, given: Given, lowering: Lowering) -> Lowered:
    if transformer.transformer_weights:
        raise lowering.refused("its parts have weights")
    if given.kind in ("sparse", "objects"):
        raise lowering.refused(f"it is given {given.kind} data")
    parts: list[Node] = []
    for name, part, columns in transformer.transformers_:
        places = [int(one) for one in transformer._transformer_to_input_indices[name]]  # noqa: SLF001
        if part == "drop" or not places:
            continue
        if np.isscalar(columns):
            raise lowering.refused(f"{name} is given one column as a vector")
        view = given.kind == "matrix" and isinstance(columns, slice)
        chosen = given
        if given.kind == "frame":
            places = _by_name(transformer, places, given, lowering)
            types = tuple(given.types[place] for place in places)
            chosen = Given("frame", types, tuple(given.names[place] for place in places))
        node, after = lowering.lower(part, chosen, name)
        _stackable(after, name, lowering)
        take: Node = {"op": "take", "places": places, "view": view}
        parts.append({"op": "chain", "steps": [take, node]})
    if not parts:
        raise lowering.refused("it gives nothing")
    sparse = bool(transformer.sparse_output_)
    return {"op": "union", "parts": parts, "sparse": sparse}, SPARSE if sparse else MATRIX


def _stackable(after: Given, name: str, lowering: Lowering) -> None:
    """Do nothing if what a part gives becomes an array of numbers. Raises `NotLowered`."""
    if after.kind == "sparse":
        return
    if not after.numbers:
        raise lowering.refused(f"{name} gives {after.kind} data")


def _by_name(transformer: Any, places: list[int], given: Given, lowering: Lowering) -> list[int]:
    """Return where columns stand in a frame; without names they are told by their places."""
    names = getattr(transformer, "feature_names_in_", None)
    if names is None:
        return places
    wanted = [str(names[place]) for place in places]
    if any(name not in given.names for name in wanted):
        raise lowering.refused("its columns are not those of the signature")
    return [given.names.index(name) for name in wanted]


@lowers("sklearn.pipeline.FeatureUnion")
def _feature_union(union: Any, given: Given, lowering: Lowering) -> Lowered:
    if union.transformer_weights:
        raise lowering.refused("its parts have weights")
    parts, kinds = [], []
    for name, part in union.transformer_list:
        if part == "drop":
            continue
        if part == "passthrough":
            lowering.need_numbers(given)
            node: Node = {"op": "same", "finite": False}
            after = MATRIX
        else:
            node, after = lowering.lower(part, given, name)
        if after.kind == "frame":
            lowering.need_numbers(after)
        parts.append(node)
        kinds.append(after.kind)
    if not parts:
        raise lowering.refused("it gives nothing")
    sparse = "sparse" in kinds
    return {"op": "union", "parts": parts, "sparse": sparse}, SPARSE if sparse else MATRIX
