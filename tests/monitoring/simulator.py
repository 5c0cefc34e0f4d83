"""Tables of thirty columns of many shapes, and what can go wrong with them.

table = clean(5_000, np.random.default_rng(1))
broken = BREAKS["mean .25 sd"](table, np.random.default_rng(2))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = dict[str, NDArray[Any]]
Chance = np.random.Generator


def _categories(chance: Chance, rows: int, levels: int, tail: float) -> NDArray[Any]:
    weights = 1 / np.arange(1, levels + 1) ** tail
    names = np.array([f"level {place}" for place in range(levels)], object)
    return np.asarray(chance.choice(names, rows, p=weights / weights.sum()))


def clean(rows: int, chance: Chance, *, bend: float = 1.0) -> Table:
    """Return a table of thirty columns; `bend` changes their shapes."""
    normal = chance.normal(size=(rows, 8))
    related = 0.9 * normal[:, 0] + np.sqrt(1 - 0.81) * normal[:, 1]
    holes = chance.normal(50, 12 * bend, rows)
    holes[chance.random(rows) < 0.05 * bend] = np.nan
    zeros = chance.gamma(2 * bend, 30, rows) * (chance.random(rows) < 0.3)
    return {
        "normal": normal[:, 0],
        "related": related,
        "scaled": 1000 + 250 * normal[:, 2],
        "small": 1e-6 * normal[:, 3],
        "rounded": np.round(20 + 5 * bend * normal[:, 4], 1),
        "integer": np.round(100 + 15 * bend * normal[:, 5]).astype(np.int64),
        "skewed": np.exp(0.8 * bend * normal[:, 6]),
        "heavier": np.exp(1.5 * normal[:, 7]),
        "exponential": chance.exponential(3 * bend, rows),
        "gamma": chance.gamma(1.5 * bend, 2, rows),
        "beta": chance.beta(2, 5 * bend, rows),
        "edges": chance.beta(0.5, 0.5 * bend, rows),
        "uniform": chance.uniform(-1, 1, rows),
        "students": chance.standard_t(3 * bend, rows),
        "cauchy": chance.standard_cauchy(rows),
        "two humps": np.where(chance.random(rows) < 0.4, -2.0, 2.0) + chance.normal(0, bend, rows),
        "three values": chance.choice(np.array([1.0, 2.0, 4.0]), rows, p=[0.5, 0.3, 0.2]),
        "counts": chance.poisson(4 * bend, rows),
        "rare counts": chance.poisson(0.3 * bend, rows),
        "many counts": chance.negative_binomial(2, 0.05 * bend, rows),
        "mostly zero": zeros,
        "holes": holes,
        "flag": chance.random(rows) < 0.2 * bend,
        "rare flag": chance.random(rows) < 0.01 * bend,
        "two": _categories(chance, rows, 2, bend),
        "three": _categories(chance, rows, 3, 0.5 * bend),
        "five": _categories(chance, rows, 5, bend),
        "twelve": _categories(chance, rows, 12, bend),
        "fifty": _categories(chance, rows, 50, bend),
        "five hundred": _categories(chance, rows, 500, 0.5 * bend),
    }


def _shifted(column: str, size: float) -> Callable[[Table, Chance], Table]:
    def broken(table: Table, chance: Chance) -> Table:
        values = table[column]
        return table | {column: values + size * np.nanstd(values)}

    return broken


def _wider(table: Table, chance: Chance) -> Table:
    return table | {"normal": table["normal"] * np.sqrt(1.5)}


def _share(points: float) -> Callable[[Table, Chance], Table]:
    """Return what moves a share of all rows from the commonest of five categories to the next."""

    def broken(table: Table, chance: Chance) -> Table:
        values = table["five"].copy()
        first = np.flatnonzero(values == "level 0")
        values[chance.choice(first, round(points * len(values)), replace=False)] = "level 1"
        return table | {"five": values}

    return broken


def _some(
    column: str, share: float, change: Callable[[NDArray[Any]], Any]
) -> Callable[[Table, Chance], Table]:
    def broken(table: Table, chance: Chance) -> Table:
        values = table[column].copy()
        rows = chance.random(len(values)) < share
        values[rows] = change(values[rows])
        return table | {column: values}

    return broken


def _stuck(table: Table, chance: Chance) -> Table:
    values = table["scaled"].copy()
    begin = int(chance.integers(0, len(values) // 2))
    values[begin : begin + len(values) // 2] = values[begin]
    return table | {"scaled": values}


def _unrelated(table: Table, chance: Chance) -> Table:
    return table | {"related": chance.permutation(table["related"])}


# What goes wrong, the column it goes wrong in, and the share of times that it is to be found.
BREAKS: dict[str, tuple[str, float, Callable[[Table, Chance], Table]]] = {
    "mean .25 sd": ("normal", 0.99, _shifted("normal", 0.25)),
    "mean .5 sd": ("normal", 0.99, _shifted("normal", 0.5)),
    "skewed .25 sd": ("skewed", 0.99, _shifted("skewed", 0.25)),
    "variance x1.5": ("normal", 0.90, _wider),
    "share .10": ("five", 0.99, _share(0.10)),
    "new category 2 %": ("five", 0.99, _some("five", 0.02, lambda _: "new")),
    "missing 5 %": ("scaled", 0.99, _some("scaled", 0.05, lambda _: np.nan)),
    "unit x1000": ("skewed", 0.99, _some("skewed", 1.0, lambda old: old * 1000)),
    "unit x10": ("scaled", 0.99, _some("scaled", 1.0, lambda old: old * 10)),
    "unit x1000, 10 %": ("skewed", 0.99, _some("skewed", 0.1, lambda old: old * 1000)),
    "stuck 50 %": ("scaled", 0.99, _stuck),
}
UNRELATED = _unrelated
