"""Checking data: the difference of two tables by a key, expectations, and leakage.

The tables have ten columns: a key, six of doubles, three of texts; one in a hundred rows changed,
was added or was removed. The floor is one join in plain DuckDB that counts the changed cells of the
same columns, of NumPy arrays or of Parquet files, without a look at the key and without examples.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.checking import check
from lite_mlops.data.diff import diff
from lite_mlops.data.inferring import infer
from lite_mlops.data.leakage import leakage
from lite_mlops.settings import Settings
from lite_mlops.store.database import connect
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of

_FLOOR = "one DuckDB join of the same tables that counts the changed cells of each column"
_NUMBERS, _TEXTS = 6, 3

Table = dict[str, NDArray[Any]]


def _tables(rows: int) -> tuple[Table, Table]:
    """Return a table and the same with one row in a hundred changed, added or removed."""
    rng = np.random.default_rng(1)
    before: Table = {"id": np.arange(rows)}
    before |= {f"x{place}": rng.normal(size=rows) for place in range(_NUMBERS)}
    words = np.array([f"word {place}" for place in range(1000)], object)
    before |= {f"t{place}": rng.choice(words, rows) for place in range(_TEXTS)}
    after = {name: values.copy() for name, values in before.items()}
    some = rng.choice(rows, rows // 100, replace=False)
    after["id"][some[::3]] += rows
    after["x0"][some[1::3]] += 1
    after["t0"][some[2::3]] = "another"
    return before, after


def _plain(before: str, after: str, *sources: Any) -> object:
    """Count the changed cells of every column by one join."""
    connection = connect(Settings())
    for name, source in zip(("left_side", "right_side"), sources, strict=False):
        connection.register(name, source)
    names = [f"x{place}" for place in range(_NUMBERS)] + [f"t{place}" for place in range(_TEXTS)]
    counted = ", ".join(
        f"count(*) FILTER (WHERE a.{name} IS DISTINCT FROM b.{name})" for name in names
    )
    found = connection.execute(
        f"SELECT count(*), {counted} FROM {before} a JOIN {after} b USING (id)"  # noqa: S608
    ).fetchall()
    connection.close()
    return found


def _timed(action: Callable[..., object], *given: Any, **options: Any) -> Callable[[], float]:
    return lambda: seconds_of(partial(action, *given, **options))


def _differences(folder: Path, rows: int, turns: int) -> list[Figure]:
    before, after = _tables(rows)
    paths = []
    for name, table in (("before", before), ("after", after)):
        paths.append(folder / f"{name}.parquet")
        connection = connect(Settings())
        connection.register("arrays", table)
        connection.execute(f"COPY (SELECT * FROM arrays) TO '{paths[-1]}'")  # noqa: S608
        connection.close()
    arrays = interleaved(
        turns,
        _timed(diff, before, after, key="id"),
        _timed(_plain, "left_side", "right_side", before, after),
    )
    files = interleaved(
        turns,
        _timed(diff, *paths, key="id"),
        _timed(_plain, *(f"'{path}'" for path in paths)),
    )
    whole = interleaved(turns, _timed(diff, before, after))
    size = f"{rows:,} x {len(before)}"
    return [
        compared(f"diff by key of {size}, NumPy arrays", *arrays, floor_is=_FLOOR),
        compared(f"diff by key of {size}, Parquet files", *files, floor_is=_FLOOR),
        compared("the same arrays by whole rows", *whole),
    ]


def _checks(rows: int, turns: int) -> list[Figure]:
    table, _ = _tables(rows)
    expected = infer(table)
    table["y"] = np.array(random.Random(1).choices([0, 1], k=rows))
    half = rows // 2
    parts = [
        {name: values[span] for name, values in table.items()}
        for span in (
            slice(None, half),
            slice(half, None),
        )
    ]
    checked, leaking = interleaved(
        turns, _timed(check, table, expected), _timed(leakage, *parts, target="y", key="id")
    )
    return [
        compared(f"check of {rows:,} rows, what was inferred", checked),
        compared(f"leakage between the halves of {rows:,} rows", leaking),
    ]


def measure(*, quick: bool) -> list[Figure]:
    """Measure differences of a million rows, then the checks of one table."""
    rows, turns = (50_000, 2) if quick else (1_000_000, 3)
    with scratch() as folder:
        return _differences(folder, rows, turns) + _checks(rows, turns)
