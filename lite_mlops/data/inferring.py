"""Inferring: what good data has in common with the next of its sort.

expected = infer(columns)
expected.columns["age"].words()
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.checking import repeated
from lite_mlops.data.expectations import ColumnExpectation, Expectations
from lite_mlops.data.kinds import NUMERIC, Typed, typed
from lite_mlops.data.tables import Columns

_MOST_VALUES = 20  # a text with more distinct values has no list of allowed ones
_ROWS_A_VALUE = 5  # fewer, and the next one is likely to be new
_LEAST_UNIQUE = 20  # rows; fewer may be distinct by chance
_ROOM = 0.25  # of the spread, on both sides of what was seen


def _widened(column: Typed) -> tuple[float | None, float | None]:
    """Return the range of some numbers with room around it."""
    present = column.present
    if not len(present) or not np.isfinite(present).all():
        return None, None
    low, high = present.min().item(), present.max().item()
    spread = high - low or abs(high) or 1
    lowest, highest = low - _ROOM * spread, high + _ROOM * spread
    if not math.isfinite(lowest) or not math.isfinite(highest):
        return None, None
    if column.kind != "number":
        lowest, highest = min(math.floor(lowest), low), max(math.ceil(highest), high)
    if low >= 0:  # what was never negative stays so
        lowest = max(lowest, 0)
    if column.kind == "number" and 0 <= low <= high <= 1:  # and a share a share
        highest = min(highest, 1.0)
    return lowest, highest


def _inferred(raw: NDArray[Any]) -> ColumnExpectation:
    column = typed(raw)
    kind, present = column.kind, column.present
    if kind == "empty":
        return ColumnExpectation()
    kind = "integer" if kind == "unsigned" else kind
    share = float(column.missing.mean())
    found = ColumnExpectation(
        kind=kind, missing=min(1.0, math.ceil(100 * max(2 * share, share + 0.05)) / 100)
    )
    if not share:
        found = dataclasses.replace(found, missing=0.0)
    if kind in ("integer", "text") and not share and len(present) >= _LEAST_UNIQUE:
        unique = not repeated(column).any()
        found = dataclasses.replace(found, unique=unique)
    if kind in NUMERIC and not found.unique:
        lowest, highest = _widened(column)
        found = dataclasses.replace(found, lowest=lowest, highest=highest)
    if kind == "text":
        found = _inferred_texts(found, present)
    return found


def _inferred_texts(found: ColumnExpectation, present: NDArray[Any]) -> ColumnExpectation:
    distinct = sorted(set(present))
    if len(distinct) <= _MOST_VALUES and len(present) >= _ROWS_A_VALUE * len(distinct):
        return dataclasses.replace(found, values=tuple(distinct))
    lengths = [len(one) for one in distinct]
    return dataclasses.replace(found, shortest=min(lengths) // 2, longest=2 * max(lengths))


def infer(columns: Columns) -> Expectations:
    """Return expectations that a table meets, with room for the next one of its sort.

    - Its kind; a column that holds nothing has no expectation but to be there.
    - Missing values: none if none are; else twice their share, or 5 points more.
    - Numbers: a quarter of their spread of room on both sides. What was never negative stays so,
      and shares stay between 0 and 1. No range if any is infinite, or for
      whole numbers that are unique: running numbers run on.
    - Texts: the values seen, if they are at most 20 and each occurs 5 times on average; else
      lengths from half of the shortest to twice the longest.
    - Unique: whole numbers and texts of which none is missing or occurs twice in 20 rows or more.
    - Rows: at least half as many.

    Patterns, the age of times and the range of times are not inferred: what a few rows have in
    common by chance is no rule, and time goes on.
    """
    rows = len(next(iter(columns.values()), ()))
    expected = {name: _inferred(column) for name, column in columns.items()}
    return Expectations(expected, least_rows=rows // 2 or None)
