"""Streams of numbers that change at a known place, and how soon a detector says so.

for row in simulated(draws=40, seed=7):
    print(row.scenario, row.false_alarms, row.delay)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.streams import Shape, Stream

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, bool], Floats]
PER = 10_000  # clean values, by which false alarms are counted
REFERENCE = 2_000


@dataclass(frozen=True)
class Scenario:
    """A stream before and after its change.

    `span` is the range of the values if it is known; `shaped` says that the whole distribution is
    watched, not the mean. `at_most` is the median delay to reach.
    """

    name: str
    draw: Draw
    span: float | None = None
    shaped: bool = False
    at_most: int | None = None


@dataclass(frozen=True)
class Row:
    """How a scenario went: false alarms per 10,000 clean values, and the delay of those seen."""

    scenario: Scenario
    false_alarms: float
    delay: float  # median, NaN if fewer than half were seen
    seen: float  # share of draws


def _error(before: float, after: float) -> Draw:
    return lambda chance, rows, changed: (
        chance.random(rows) < (after if changed else before)
    ).astype(np.float64)


def _normal(shift: float, scale: float = 1.0) -> Draw:
    return lambda chance, rows, changed: chance.normal(
        shift * changed, scale if changed else 1.0, rows
    )


def _gradual(chance: np.random.Generator, rows: int, changed: bool) -> Floats:  # noqa: FBT001
    drift = np.minimum(np.arange(rows) / 2_000, 1) / 2 if changed else 0.0
    return np.asarray(chance.normal(size=rows) + drift)


SCENARIOS = (
    Scenario("error 10 % -> 20 %", _error(0.1, 0.2), span=1, at_most=300),
    Scenario("error 10 % -> 15 %", _error(0.1, 0.15), span=1),
    Scenario("error 10 % -> 30 %", _error(0.1, 0.3), span=1),
    Scenario("error 1 % -> 3 %", _error(0.01, 0.03), span=1),
    Scenario("mean .25 sd", _normal(0.25)),
    Scenario("mean .5 sd", _normal(0.5), at_most=150),
    Scenario("mean 1 sd", _normal(1.0)),
    Scenario("mean .5 sd within 2,000", _gradual),
    Scenario(
        "scores, beta(2, 5) -> beta(3, 5)",
        lambda chance, rows, changed: chance.beta(2 + changed, 5, rows),
        span=1,
    ),
    Scenario(
        "latency x1.5, its logarithm",
        lambda chance, rows, changed: chance.gumbel(0.405 * changed, 0.6, rows),
    ),
    Scenario("variance x2, by shape", _normal(0.0, 2**0.5), shaped=True, at_most=700),
    Scenario("mean .5 sd, by shape", _normal(0.5), shaped=True),
)


def _detector(scenario: Scenario, chance: np.random.Generator) -> Any:
    if scenario.shaped:
        return Shape(scenario.draw(chance, REFERENCE, False))
    return Stream(span=scenario.span)


def simulate(scenario: Scenario, draws: int, seed: int, clean: int = PER) -> Row:
    """Return how a detector does with so many streams of clean values, then as many changed."""
    alarms, delays = 0, []
    for draw in range(draws):
        chance = np.random.default_rng([seed, SCENARIOS.index(scenario), draw])
        detector = _detector(scenario, chance)
        alarms += len(detector.update(scenario.draw(chance, clean, False)))
        found = detector.update(scenario.draw(chance, PER, True))
        delays.append(found[0].found_at - clean if found else np.inf)
    middle = float(np.median(delays))
    return Row(
        scenario,
        false_alarms=alarms / draws * PER / clean,
        delay=middle if np.isfinite(middle) else float("nan"),
        seen=float(np.isfinite(delays).mean()),
    )
