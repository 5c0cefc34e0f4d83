"""Rows for a model that takes an array of more, or fewer, than two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature.kinds import WANTED
from lite_mlops.models.signature.problems import Problems
from lite_mlops.models.signature.reading import Raw, plain, raw
from lite_mlops.models.signature.typing_columns import careful, quick
from lite_mlops.models.signature.values import Column, Tensor


def _flat(rows: Any, shape: tuple[int, ...]) -> Any:
    """Return nested lists as one flat list; None if they are not of the shape."""
    for length in shape:
        if set(map(type, rows)) - {list, tuple} or set(map(len, rows)) - {length}:
            return None
        rows = list(chain.from_iterable(rows))
    return rows


def validate(tensor: Tensor, rows: Any, problems: Problems) -> NDArray[Any]:
    """Return rows as one array, its first dimension the rows; problems are added."""
    values: Raw | None
    empty = np.empty((0, *tensor.shape))
    wanted = " x ".join(["rows", *map(str, tensor.shape)]) + f", each {WANTED[tensor.type]}"
    if hasattr(rows, "tocsr") and hasattr(rows, "toarray"):
        rows = rows.toarray()
    if hasattr(rows, "to_numpy") or hasattr(rows, "to_pylist"):
        rows = raw(rows).values
    if isinstance(rows, np.ndarray):
        if rows.shape[1:] != tensor.shape or rows.ndim == 0:
            shape = " x ".join(map(str, rows.shape)) or "a single value"
            problems.add(None, None, f"an array of {shape}", wanted)
            return empty
        count, values = len(rows), plain(rows.reshape(-1))
    elif isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        count, values = len(rows), _flat(rows, tensor.shape)
        if values is None:
            problems.add(None, None, "of another shape", wanted)
            return empty
    else:
        problems.add(None, None, f"a {type(rows).__name__}", wanted)
        return empty
    column = Column("", tensor.type, tensor.missing)
    array = quick(column, values)
    if array is None:
        size = max(1, int(np.prod(tensor.shape)))
        numbers = None if size == 1 else [place // size for place in range(len(values))]
        array = careful(column, values, problems, numbers)
    return array.reshape(count, *tensor.shape)
