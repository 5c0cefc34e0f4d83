"""Lowering: a fitted model becomes a plan, part by part; what is not known exactly is refused.

plan = lower(model, signature, sha256)
supported(model, signature)            # each part, and why one cannot be lowered
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lite_mlops.models.importances import class_of
from lite_mlops.models.lowering import families  # noqa: F401
from lite_mlops.models.lowering.parts import Given, Lowering, NotLowered, parts_of, why_not
from lite_mlops.models.lowering.plan import Node, Plan
from lite_mlops.models.signature import Signature, Table

MAX_COLUMNS = 10_000


class Part(NamedTuple):
    """A part of a model, and why it cannot be lowered; None if it can."""

    where: str
    why: str | None


def lower(model: Any, signature: Signature, model_sha256: str = "") -> tuple[Plan, Lowering]:
    """Return the plan of a model, yet to be proved, and what was met on the way.

    Raises:
        NotLowered: names the part that cannot be lowered, and why.
    """
    lowering = Lowering()
    model = getattr(model, "best_estimator_", model)  # a search answers with its winner
    root, given = _rows_of(model, signature)
    inner, _ = lowering.lower(model, given)
    node: Node = {"op": "answer", "rows": root, "model": inner}
    return Plan(node, tuple(lowering.arrays), model_sha256), lowering


def supported(model: Any, signature: Signature) -> list[Part]:
    """Return the parts of a model, and why some cannot be lowered; its options are looked at."""
    model = getattr(model, "best_estimator_", model)
    found = [Part(type(one).__name__, why_not(class_of(one))) for one in parts_of(model)]
    try:
        lower(model, signature)
    except NotLowered as error:
        if error.why not in [part.why for part in found]:
            found.append(Part(error.part, error.why))
    return found


def _rows_of(model: Any, signature: Signature) -> tuple[Node, Given]:
    """Return the node that takes rows as the model is given them. Raises `NotLowered`."""
    if signature.tensor is not None:
        raise NotLowered("the model", "its rows are tensors")
    columns = signature.columns
    if not 0 < len(columns) <= MAX_COLUMNS:
        raise NotLowered("the model", f"it takes {len(columns):,} columns")
    taken = signature.input_for(model)
    types = tuple(column.type for column in columns)
    if taken is Table.matrix:
        return {"op": "rows", "form": "matrix", "types": list(types)}, Given("matrix")
    if taken is not Table.frame:
        raise NotLowered("the model", "it was fitted on an array with texts")
    return _frame(signature, types)


def _frame(signature: Signature, types: tuple[str, ...]) -> tuple[Node, Given]:
    categories: list[Node] = []
    for column in signature.columns:
        if not column.categorical:
            categories.append({"op": "any"})
            continue
        known = column.categories
        if column.type != "text" or known is None or not all(type(one) is str for one in known):
            raise NotLowered("the model", f"column {column.name!r} is a categorical of no texts")
        categories.append({"op": "among", "labels": list(known)})
    node: Node = {"op": "rows", "form": "frame", "types": list(types)}
    if any(one["op"] == "among" for one in categories):
        node["categories"] = categories
    node["missing"] = _missing_text()
    return node, Given("frame", types, signature.features)


def _missing_text() -> str:
    """Return what a frame of this pandas has in the place of a missing text."""
    import pandas as pd

    found = pd.DataFrame({"a": np.array(["x", None], object)})["a"].to_numpy()[1]
    return "none" if found is None else "nan"
