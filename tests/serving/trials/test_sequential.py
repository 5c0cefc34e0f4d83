"""The sequential test: false alarms as rarely as stated, and differences found in stated time."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.serving.trials.sequential import NOTHING, Block, Sequential, log_e

rates = st.floats(0, 1)
counts = st.integers(0, 30)


@st.composite
def pasts(draw: st.DrawFn) -> Block:
    first, second = draw(counts), draw(counts)
    return Block(first, draw(st.integers(0, first)), second, draw(st.integers(0, second)))


def chance(failed: int, of: int, rate: float) -> float:
    return math.comb(of, failed) * rate**failed * (1 - rate) ** (of - failed)


def expected(
    past: Block, sizes: tuple[int, int], first: float, second: float, margin: float
) -> float:
    """The expectation of the e-variable: the exact sum over all that can happen in a block."""
    return sum(
        chance(a, sizes[0], first)
        * chance(b, sizes[1], second)
        * math.exp(log_e(past, Block(sizes[0], a, sizes[1], b), margin))
        for a, b in product(range(sizes[0] + 1), range(sizes[1] + 1))
    )


@given(pasts(), st.tuples(st.integers(1, 8), st.integers(1, 8)), rates, rates, st.floats(0, 0.5))
def test_its_expectation_is_at_most_one_whatever_the_rates_and_the_past(
    past: Block, sizes: tuple[int, int], first: float, share: float, margin: float
) -> None:
    limit = first + margin * (1 - first)
    assert expected(past, sizes, first, share * limit, margin) <= 1 + 1e-9
    assert expected(past, sizes, first, limit, margin) <= 1 + 1e-9


def test_beyond_the_margin_it_grows() -> None:
    past = Block(900, 9, 100, 12)
    assert expected(past, (9, 3), 0.01, 0.12, 0.0) > 1.1
    assert expected(past, (9, 3), 0.01, 0.12, 0.05) > 1.01


# Many trials at a time: sizes of a block, by its number, of both streams.
Sizes = Callable[[int, np.random.Generator], tuple[int, int]]


def simulated(
    first: float,
    second: float,
    sizes: Sizes,
    *,
    margin: float = 0.0,
    blocks: int = 300,
    trials: int = 2_000,
    needed: float = 300.0,
) -> Any:
    """For each trial, how many observations of the second stream it took to reach `needed`."""
    random = np.random.default_rng(11)
    past = Block(*(np.zeros(trials) for _ in range(4)))
    log = np.zeros(trials)
    seen, found = 0, np.full(trials, np.inf)
    for number in range(blocks):
        one, other = sizes(number, random)
        block = Block(
            np.full(trials, one),
            random.binomial(one, first, trials),
            np.full(trials, other),
            random.binomial(other, second, trials),
        )
        log += log_e(past, block, margin)
        past = past.plus(block)
        seen += other
        found[(log >= math.log(needed)) & np.isinf(found)] = seen
    return found


EVEN: Sizes = lambda *_: (5, 5)  # noqa: E731
UNEVEN: Sizes = lambda *_: (99, 1)  # noqa: E731
TINY: Sizes = lambda *_: (1, 1)  # noqa: E731


def wild(number: int, random: np.random.Generator) -> tuple[int, int]:
    """Blocks of very different sizes, and shares that change."""
    return int(random.integers(1, 3 ** (1 + number % 7) + 1)), int(random.integers(1, 50))


@pytest.mark.parametrize("sizes", [EVEN, UNEVEN, TINY, wild])
@pytest.mark.parametrize(("rate", "margin"), [(0.0, 0.0), (0.002, 0.0), (0.1, 0.0), (0.5, 0.02)])
def test_a_harmless_canary_is_rolled_back_at_most_at_the_stated_rate(
    sizes: Sizes, rate: float, margin: float
) -> None:
    # at one in 20, so that 2,000 trials tell: three standard errors are 1.5 in 100
    limit = rate + margin * (1 - rate)
    found = simulated(rate, limit, sizes, margin=margin, needed=20.0)
    assert np.isfinite(found).mean() <= 0.05 + 0.015


def test_a_better_canary_is_hardly_ever_rolled_back() -> None:
    assert np.isfinite(simulated(0.1, 0.05, EVEN, needed=20.0)).mean() < 0.005


@pytest.mark.parametrize(
    ("first", "second", "margin", "most"),
    [
        (0.0, 1.0, 0.0, 5),  # it fails at everything
        (0.0, 0.05, 0.0, 200),
        (0.01, 0.10, 0.0, 250),
        (0.01, 0.30, 0.05, 80),  # of slow calls
        (0.02, 0.10, 0.02, 700),  # of doubtful requests
    ],
)
def test_a_harmful_one_is_found_within_so_many_of_its_requests(
    first: float, second: float, margin: float, most: int
) -> None:
    found = simulated(first, second, lambda *_: (9, 1), margin=margin, blocks=most, trials=500)
    assert np.isfinite(found).mean() >= 0.95


# -- one at a time ------------------------------------------------------------------------------


def test_blocks_wait_until_both_streams_have_something() -> None:
    test = Sequential()
    for _ in range(50):
        assert test.add(Block(9, 0, 0, 0)) == 1.0
    assert test.seen == NOTHING
    test.add(Block(0, 0, 1, 1))
    assert test.seen == Block(450, 0, 1, 1)


@given(st.lists(st.tuples(counts, rates, counts, rates), max_size=20), st.floats(0, 0.5))
def test_it_is_the_product_of_its_blocks(
    drawn: list[tuple[int, float, int, float]], margin: float
) -> None:
    test = Sequential(margin)
    log, past, waiting = 0.0, NOTHING, NOTHING
    for first, one, second, other in drawn:
        block = Block(first, round(one * first), second, round(other * second))
        test.add(block)
        waiting = waiting.plus(block)
        if waiting.first and waiting.second:
            log += float(log_e(past, waiting, margin))
            past, waiting = past.plus(waiting), NOTHING
    assert test.e == pytest.approx(math.exp(min(log, 700.0)))
    assert test.seen == past


def test_evidence_without_end_stays_a_number() -> None:
    test = Sequential()
    for _ in range(50):
        test.add(Block(1_000, 0, 1_000, 1_000))
    assert math.isfinite(test.e)
    assert test.e > 1e300
