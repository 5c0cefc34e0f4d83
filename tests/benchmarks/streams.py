"""Streams: how often they cry wolf, how soon they see a change, and what a value costs.

Each stream has 10,000 clean values and 10,000 changed ones. The table shows all scenarios, the
figures those with a goal; their seeds are not those by which the detectors were set. Beside the
cost: the running mean and variance of the same values by NumPy, in blocks of as many.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from lite_mlops.monitoring.streams import Shape, Stream
from lite_mlops.monitoring.streams.adwin import BLOCK
from tests.benchmarks.measuring import Figure, compared, interleaved, seconds_of
from tests.monitoring.streams_simulator import SCENARIOS, Floats, Row, simulate

_SEED = 20_061
_MILLION = 1_000_000


def _print(rows: list[Row]) -> None:
    print(f"\n  {'scenario':<34} {'false alarms':>12} {'seen':>7} {'delay':>7}")
    for row in rows:
        delay = "" if np.isnan(row.delay) else f"{row.delay:,.0f}"
        print(f"  {row.scenario.name:<34} {row.false_alarms:>12.3f} {row.seen:>7.0%} {delay:>7}")
    print("  false alarms per 10,000 clean values; the delay is the median, in values")


def _blocks(values: Floats) -> None:
    """Keep the mean and the variance of all values, a block after the other."""
    total, squares = 0.0, 0.0
    for begin in range(0, len(values), BLOCK):
        block = values[begin : begin + BLOCK]
        total += float(block.sum())
        squares += float(block @ block)


def measure(*, quick: bool) -> list[Figure]:
    """Print the table of all scenarios; return the figures that have a goal, and the cost."""
    rows = [simulate(one, 5 if quick else 100, _SEED) for one in SCENARIOS]
    _print(rows)
    figures = [
        Figure(
            "false alarms in 1,000,000 clean values, all scenarios",
            sum(row.false_alarms for row in rows) / len(rows) * _MILLION / 10_000,
            "count",
            at_most=20,
        )
    ]
    figures += [
        Figure(
            f"values until it is seen: {row.scenario.name}",
            row.delay,
            "count",
            at_most=row.scenario.at_most,
        )
        for row in rows
        if row.scenario.at_most is not None
    ]
    values = np.random.default_rng(1).random(20_000 if quick else 200_000)
    sides = (
        lambda: Stream(span=1).update(values),
        lambda: Shape(values[:2_000]).update(values),
        lambda: _blocks(values),
    )
    mean, shape, floor = interleaved(3, *(partial(seconds_of, side) for side in sides))
    for what, ours in (("the mean", mean), ("the distribution", shape)):
        one = compared(
            f"a value of a stream, watched by {what}",
            [seconds / len(values) for seconds in ours],
            [seconds / len(values) for seconds in floor],
            floor_is="mean and variance of blocks of 32 by NumPy",
        )
        figures.append(one)
    return figures
