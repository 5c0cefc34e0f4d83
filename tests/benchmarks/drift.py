"""Drift of two tables: how often it cries wolf, how much it misses, and what it costs.

Rates are those of thirty columns of many shapes, one with 500 categories, by the default settings;
`missed` and `raised` are shares of comparisons in per cent. The floor of the time computes the same
statistics by SciPy and NumPy, a column after the other: Kolmogorov-Smirnov and Wasserstein,
chi-square of the counted categories, missing shares and ranges, and a cross-fitted classifier.

`python -m tests.benchmarks.drift [DRAWS]` prints the table of detection as Markdown.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial

import numpy as np
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_limits

from lite_mlops.data.profile import profile
from lite_mlops.monitoring.drift import Profiled, compare_tables
from tests.benchmarks.measuring import Figure, compared, interleaved, seconds_of
from tests.monitoring.simulator import BREAKS, UNRELATED, Table, clean

_FLOOR = "the same statistics by SciPy and NumPy, and the same classifier by scikit-learn"
_JOINT_ROWS = 10_000


def _pair(rows: int, seed: int, bend: float = 1.0) -> tuple[Table, Table, np.random.Generator]:
    chance = np.random.default_rng([rows, seed])
    return clean(rows, chance, bend=bend), clean(rows, chance, bend=bend), chance


def _false_alarms(draws: dict[int, int]) -> list[Figure]:
    figures = []
    for rows, count in draws.items():
        raised = together = 0
        for seed in range(count):
            old, new, _ = _pair(rows, seed)
            report = compare_tables(old, new)
            raised += bool(report.moved)
            together += report.joint is not None and report.joint.drifted
        at_most = {500: 4.0}.get(rows, 2.0)
        what = f"raised by {count} clean pairs of {rows:,} rows"
        figures += [
            Figure(f"{what}, a column", 100 * raised / count, "%", at_most=at_most),
            Figure(f"{what}, all together", 100 * together / count, "%", at_most=1.0),
        ]
    return figures


def _missed(rows: int, draws: int) -> list[Figure]:
    found: Counter[str] = Counter()
    for seed in range(draws):
        old, new, chance = _pair(rows, seed, bend=0.9)
        for name, (column, _, break_it) in BREAKS.items():
            found[name] += compare_tables(old, break_it(new, chance), joint=False)[column].drifted
        together = compare_tables(old, UNRELATED(new, chance)).joint
        found["lost correlation"] += together is not None and together.drifted
    goals = {name: goal for name, (_, goal, _) in BREAKS.items()} | {"lost correlation": 0.95}
    return [
        Figure(
            f"missed at {rows:,} rows: {name}",
            100 * (1 - found[name] / draws),
            "%",
            at_most=100 * (1 - goal),
        )
        for name, goal in goals.items()
    ]


def _plain(old: Table, new: Table, *, joint: bool) -> None:
    """Compute the same statistics plainly."""
    table = []
    for name, reference in old.items():
        current = new[name]
        if reference.dtype == object or reference.dtype == bool:
            counts = [Counter(side.tolist()) for side in (reference, current)]
            names = sorted(counts[0].keys() | counts[1].keys())
            cells = np.array([[side[one] for one in names] for side in counts])
            stats.chi2_contingency(cells)
            np.abs(cells[0] / cells[0].sum() - cells[1] / cells[1].sum()).sum()
            places = {one: place for place, one in enumerate(names)}
            if joint:
                both = [
                    [places[one] for one in side[:: max(1, len(side) // _JOINT_ROWS)].tolist()]
                    for side in (reference, current)
                ]
                table.append(np.concatenate(both).astype(float))
            continue
        sides = [side.astype(float) for side in (reference, current)]
        present = [side[~np.isnan(side)] for side in sides]
        stats.ks_2samp(*present, method="asymp")
        stats.wasserstein_distance(*present)
        edges = np.quantile(present[0], np.linspace(0, 1, 11))
        [np.histogram(side, edges) for side in present]
        [(side.min(), side.max(), np.diff(np.flatnonzero(np.diff(side)))) for side in present]
        if joint:
            step = max(1, len(reference) // _JOINT_ROWS)
            table.append(np.concatenate([side[::step] for side in sides]))
    if joint:
        rows = np.column_stack(table)
        labels = np.arange(len(rows)) >= len(rows) // 2
        model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, early_stopping=False)
        with threadpool_limits(1):
            cross_val_predict(model, rows, labels, cv=2, method="decision_function")


def _cost(rows: int, turns: int) -> list[Figure]:
    old, new, _ = _pair(rows, 1)
    figures = []
    for joint, what in ((False, "each column"), (True, "and all together")):
        sides = (
            partial(compare_tables, old, new, joint=joint),
            partial(_plain, old, new, joint=joint),
        )
        times = interleaved(turns, *(partial(seconds_of, side) for side in sides))
        size = f"{rows:,} x {len(old)} against as many, {what}"
        figures.append(compared(size, *times, floor_is=_FLOOR, within=2.0))
    known = Profiled(rows, profile(old))
    times = interleaved(
        turns,
        partial(seconds_of, partial(compare_tables, known, new, joint=False)),
        partial(seconds_of, partial(compare_tables, old, new, joint=False)),
    )
    what = f"{rows:,} x {len(old)} against a stored profile, each column"
    beside = "the rows of both sides"
    figures.append(compared(what, *times, floor_is=beside, within=0.5))
    return figures


# -- the table of detection ---------------------------------------------------------------------

_SIZES = (500, 5_000, 50_000)


def _shares(rows: int, draws: int, *, known: bool) -> dict[str, float]:
    """Return the share of draws in which each break was found, and clean pairs raised anything.

    With `known` only the profile of the reference is there.
    """
    found: Counter[str] = Counter()
    for seed in range(draws):
        old, new, chance = _pair(rows, 7_000 + seed, bend=1.1)
        reference = Profiled(rows, profile(old)) if known else old
        found["clean: a column raised"] += bool(compare_tables(reference, new, joint=False).moved)
        for name, (column, _, break_it) in BREAKS.items():
            report = compare_tables(reference, break_it(new, chance), joint=False)
            found[name] += report[column].drifted
        if not known:
            together = compare_tables(old, UNRELATED(new, chance)).joint
            found["lost correlation, all together"] += together is not None and together.drifted
    return {name: times / draws for name, times in found.items()}


def print_detection(draws: int) -> None:
    """Print how often each break is found, by rows a side, as a Markdown table."""
    sides = [(rows, known) for rows in _SIZES for known in (False, True)]
    columns = [
        _shares(rows, draws if rows < _SIZES[-1] else max(draws // 5, 2), known=known)
        for rows, known in sides
    ]
    heads = [f"{rows:,}{', profile' if known else ''}" for rows, known in sides]
    print(f"| found, % of {draws} draws | {' | '.join(heads)} |")
    print(f"| --- |{' ---: |' * len(heads)}")
    for name in columns[0]:
        cells = [f"{100 * one[name]:.3g}" if name in one else "" for one in columns]
        print(f"| {name} | {' | '.join(cells)} |")


def measure(*, quick: bool) -> list[Figure]:
    """Measure false alarms, then what is missed, then the cost."""
    if quick:
        return [*_false_alarms({500: 5}), *_missed(2_000, 2), *_cost(20_000, 2)]
    draws = {500: 300, 5_000: 200, 50_000: 40}
    return [*_false_alarms(draws), *_missed(5_000, 100), *_cost(100_000, 5)]


if __name__ == "__main__":
    print_detection(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
