"""A sequential test: is one rate higher than another, looked at as often as one likes.

    test = Sequential(margin=0.02)
    test.add(Block(360, 3, 40, 9))     # 3 of 360 against 9 of 40
    test.e                             # evidence that the second rate is higher: 1 is none

`e` is a test martingale, the product of one e-variable for each block of observations. While the
second rate is not higher, its expectation is at most 1 at whatever time one looks, so that it ever
reaches 1/alpha with a chance of at most alpha (Ville). Looking often costs nothing.

The e-variable of a block is that of Turner, Ly and Gruenwald, "Generic E-variables for exact
sequential k-sample tests that allow for optional stopping" (Journal of Statistical Planning and
Inference 230, 2024), for two streams of failures: with estimates a < b of the two rates that were
made of earlier blocks only, and 0 the mean of both weighted by the sizes n_a and n_b of the block,

    e = product over the first stream  of p_a(y) / p_0(y)
      * product over the second stream of p_b(y) / p_0(y),        0 = (n_a a + n_b b) / (n_a + n_b)

where p_r(y) is the chance of y at the rate r. Its expectation is at most 1 if both rates are equal,
whatever they are. The factor of the first stream falls with its true rate and that of the second
rises with its own, so it is at most 1 as well wherever the second true rate is lower.

With a margin d it is the evidence that the second rate is higher than a + d (1 - a): that it also
fails more than a share d of what the first does not fail. It is what one would expect if a share d
of the good observations of the first stream were counted as failures at random; the mean over that
chance is an e-variable for the rate a + d (1 - a).

What is assumed: within a block, the observations of a stream are independent and of one rate, which
may change from block to block, and which stream an observation belongs to is not chosen by what it
will be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

# The prior of both rates, Beta(0.18, 0.18), which the paper recommends: it is worth a third of an
# observation, and forgets itself at once.
_PRIOR = 0.18


class Block(NamedTuple):
    """Observations and how many of them are failures, of the first and of the second stream.

    Numbers, or arrays of as many numbers for many tests at a time.
    """

    first: Any
    first_failed: Any
    second: Any
    second_failed: Any

    def plus(self, other: Block) -> Block:
        """Return both together."""
        return Block(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = Block(0, 0, 0, 0)


def log_e(past: Block, block: Block, margin: float = 0.0) -> Any:
    """Return the natural logarithm of the e-variable of a block, given all that came before it.

    Args:
        past: What came before, from which the two rates are estimated.
        block: The block; both streams have at least one observation in it.
        margin: The smallest difference that matters, 0 to less than 1.
    """
    first = (past.first_failed + _PRIOR) / (past.first + 2 * _PRIOR)
    first = first + margin * (1 - first)
    second = (past.second_failed + _PRIOR) / (past.second + 2 * _PRIOR)
    second = np.maximum(first, second)
    both = (block.first * first + block.second * second) / (block.first + block.second)
    failed, good = first / both, (1 - first) / (1 - both)
    good = (1 - margin) * good + margin * failed
    return (
        block.first_failed * np.log(failed)
        + (block.first - block.first_failed) * np.log(good)
        + block.second_failed * np.log(second / both)
        + (block.second - block.second_failed) * np.log((1 - second) / (1 - both))
    )


@dataclass(slots=True)
class Sequential:
    """Evidence that the second of two rates is higher, as observations come in.

    Attributes:
        margin: By how much higher it has to be, see above; 0: by anything.
        seen: All observations that count; a block counts once both streams have some in it.
    """

    margin: float = 0.0
    seen: Block = NOTHING
    _waiting: Block = NOTHING
    _log: float = field(default=0.0)

    @property
    def e(self) -> float:
        """How many times likelier it is than chance would have it: the e-value, 0 and more."""
        return math.exp(min(self._log, 700.0))

    def add(self, block: Block) -> float:
        """Take further observations, and return the e-value."""
        waiting = self._waiting.plus(block)
        if not (waiting.first and waiting.second):
            self._waiting = waiting
            return self.e
        self._log += float(log_e(self.seen, waiting, self.margin))
        self.seen, self._waiting = self.seen.plus(waiting), NOTHING
        return self.e
