"""Validating rows against a signature: one row, and 100,000 of them in every form.

Ten columns of numbers; and five columns of mixed types. The floor is what a model needs anyway:
`numpy.asarray` of the same rows for numbers, a DataFrame of pandas built from them for mixed ones.
Where rows come as an array already, the floor is a copy of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from lite_mlops.models import Column, Signature, infer_signature
from tests.benchmarks.measuring import Figure, compared, interleaved

_ARRAY = "numpy.asarray of the same values as lists"
_COPY = "a copy of the array"
_FRAME = "pandas.DataFrame of the same rows"
_MATRIX = "DataFrame.to_numpy of the same frame"

NUMBERS = Signature(tuple(Column(f"x{place}", "float") for place in range(10)))


def _mixed(rows: int) -> Any:
    """Return a frame of a whole number, a number, two texts and a flag."""
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "income": rng.normal(size=rows),
            "city": rng.choice(["Rome", "Oslo", "Bonn"], rows),
            "street": rng.choice([f"street {place}" for place in range(1_000)], rows),
            "member": rng.random(rows) > 0.5,
        }
    )


def _each(times: int, action: Callable[[], object]) -> Callable[[], float]:
    """Return what measures an action: the seconds of one of several in a row."""

    def measured() -> float:
        begin = time.perf_counter()
        for _ in range(times):
            action()
        return (time.perf_counter() - begin) / times

    return measured


def _beside(
    what: str,
    turns: int,
    times: int,
    ours: Callable[[], object],
    floor: Callable[[], object],
    **about: Any,
) -> Figure:
    sides = interleaved(turns, _each(times, ours), _each(times, floor))
    return compared(what, *sides, **about)


def _one_row(turns: int, times: int) -> list[Figure]:
    listed = [np.linspace(0, 1, 10).tolist()]
    named = [dict(zip(NUMBERS.features, listed[0], strict=True))]
    mixed = _mixed(100)
    signature = infer_signature(object(), training=mixed)
    row = mixed.head(1).to_dict("records")
    whole = Signature(tuple(Column(f"x{place}", "integer") for place in range(10)))
    ints = [dict.fromkeys(NUMBERS.features, 1)]
    floor = partial(np.asarray, listed)
    beside = partial(_beside, turns=turns, times=times)
    return [
        beside(
            "1 row of 10 numbers by name", ours=lambda: NUMBERS.validate(named), floor=floor,
            floor_is=_ARRAY, at_most=10e-6,
        ),
        beside("1 row of 10 numbers", ours=lambda: NUMBERS.validate(listed), floor=floor),
        beside("1 row of 10 whole numbers", ours=lambda: whole.validate(ints), floor=floor),
        beside(
            "1 row of 5 mixed columns",
            ours=lambda: signature.validate(row),
            floor=lambda: pd.DataFrame(row),
            floor_is=_FRAME,
            within=1.0,
        ),
        beside(
            "1 row of 5 mixed columns as a frame",
            ours=lambda: signature.validate(row).frame(),
            floor=lambda: pd.DataFrame(row),
        ),
    ]  # fmt: skip


def _many_rows(rows: int, turns: int) -> list[Figure]:
    array = np.random.default_rng(1).normal(size=(rows, 10))
    frame = pd.DataFrame(array, columns=list(NUMBERS.features))
    listed, named = array.tolist(), frame.to_dict("records")
    mixed = _mixed(rows)
    signature = infer_signature(object(), training=mixed)
    records = mixed.to_dict("records")
    size = f"{rows:,} x"
    beside = partial(_beside, turns=turns, times=1)
    return [
        beside(
            f"{size} 10 from NumPy",
            ours=lambda: NUMBERS.validate(array), floor=array.copy, floor_is=_COPY, at_most=0.06,
        ),
        beside(
            f"{size} 10 from pandas, to a matrix",
            ours=lambda: NUMBERS.validate(frame).matrix(),
            floor=lambda: frame.to_numpy(copy=True), floor_is=_MATRIX, at_most=0.06,
        ),
        beside(
            f"{size} 10 from lists",
            ours=lambda: NUMBERS.validate(listed), floor=lambda: np.asarray(listed),
            floor_is=_ARRAY,
        ),
        beside(
            f"{size} 10 from dictionaries",
            ours=lambda: NUMBERS.validate(named), floor=lambda: pd.DataFrame(named),
            floor_is=_FRAME, within=1.0,
        ),
        beside(
            f"{size} 5 mixed from pandas",
            ours=lambda: signature.validate(mixed), floor=mixed.copy,
        ),
        beside(
            f"{size} 5 mixed from dictionaries",
            ours=lambda: signature.validate(records), floor=lambda: pd.DataFrame(records),
            floor_is=_FRAME, within=1.0,
        ),
        beside(
            f"a signature inferred from {size} 10",
            ours=lambda: infer_signature(object(), training=array), floor=array.copy,
        ),
        beside(
            f"a signature inferred from {size} 5 mixed",
            ours=lambda: infer_signature(object(), training=mixed), floor=mixed.copy,
        ),
    ]  # fmt: skip


def measure(*, quick: bool) -> list[Figure]:
    """Measure single rows, then many."""
    if quick:
        return _one_row(7, 50) + _many_rows(10_000, 2)
    return _one_row(51, 100) + _many_rows(100_000, 5)
