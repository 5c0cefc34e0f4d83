"""A stream of numbers whose mean is watched as they arrive: ADWIN, in blocks of 32 values.

    stream = Stream(span=1)                 # errors: 0 or 1; or scores between 0 and 1
    for found in stream.update(errors):
        print(found)                        # mean 0.1 -> 0.2 from value 9,984 on
    kept = stream.to_dict()                 # JSON; Stream.from_dict(kept) goes on

The window holds what is like the present. It grows while nothing changes, and loses its older part
when some cut of it separates two means that are too far apart for chance (Bifet and Gavalda,
"Learning from time-changing data with adaptive windowing", SIAM SDM 2007). It is kept as sums of
blocks, which get longer with their age, so that a million values take some kilobytes.

Values are taken not to depend on the ones before. What has a rhythm, as the load of a day, changes
all the time, and that is what is told of it: feed what is left when the rhythm is taken off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lite_mlops.data.wording import number
from lite_mlops.errors import Invalid

BLOCK = 32  # values that are summed before anything is looked at
DELTA = 0.002  # chance of a false alarm, by the bound below
_OF_ONE_SIZE = 5  # sums of one length that are kept; of more the two oldest become one
_SPANS = 3.0  # standard deviations that stand for the range of values where it is not known
_ROUNDING = 1e-9  # relative
_LARGEST = 1e150  # of what can be squared

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Detection:
    """A change of the mean.

    Positions count finite values from the first one ever seen. `interval` is that of the
    difference `after - before`, at the level of the test for all cuts at once.
    """

    position: int  # the first value of the present, to 32 values at best
    found_at: int  # how many values had come when it was noticed
    before: float
    after: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        change = f"{number(float(f'{self.before:.4g}'))} -> {number(float(f'{self.after:.4g}'))}"
        return f"mean {change} from value {self.position:,} on"

    def to_dict(self) -> dict[str, Any]:
        """Return the detection as JSON can hold it."""
        return vars(self) | {"interval": list(self.interval)}


def cut_bound(
    older: Floats, newer: Floats, variance: float, *, delta: float, span: float
) -> Floats:
    """Return how far the means of two parts of a window may be apart by chance, for some cuts.

    With 1/m = 1/n0 + 1/n1, L = ln(2 ln(n) / delta) and a = span L / 3m it is a + sqrt(a^2 + 2
    variance L / m): Bernstein's inequality for values whose range is `span`, for all cuts of a
    window of n values at once. Bifet and Gavalda (2007, section 3) give the simpler and somewhat
    larger 2a + sqrt(2 variance L / m). `older` and `newer` count the values of the parts.
    """
    total = float(older[0] + newer[0])
    level = math.log(2 * math.log(total) / delta)
    inverse = 1 / older + 1 / newer
    linear = span * level * inverse / 3
    bound: Floats = linear + np.sqrt(linear**2 + 2 * variance * level * inverse)
    return bound


class Stream:
    """The mean of numbers that arrive one after the other.

    Args:
        delta: The chance of a false alarm by the bound; in practice there are far fewer.
        span: The range of the values, such as 1 for errors and probabilities. Without one, 3
            standard deviations stand for it: then the bound is an approximation.

    Raises:
        Invalid: `delta` is not between 0 and 1, or `span` is not above 0.
    """

    def __init__(self, *, delta: float = DELTA, span: float | None = None) -> None:
        if not 0 < delta < 1:
            raise Invalid(f"the delta of a stream is {delta}; expected a number between 0 and 1.")
        if span is not None and not 0 < span < math.inf:
            raise Invalid(f"the span of a stream is {span}; expected a number above 0.")
        self.delta = delta
        self.span = span
        self.skipped = 0  # values that were missing, infinite or beyond 1e150
        self._blocks = 0
        self._pending = np.empty(0)
        # [level][age]: mean and sum of squared deviations of 32 * 2**level values, oldest first.
        self._levels: list[list[tuple[float, float]]] = [[]]

    # -- questions ------------------------------------------------------------------------------

    @property
    def seen(self) -> int:
        """How many finite values have come."""
        return self._blocks * BLOCK + len(self._pending)

    @property
    def width(self) -> int:
        """How many of the last values are alike, as far as they stand in whole blocks."""
        return sum(len(level) * BLOCK << power for power, level in enumerate(self._levels))

    @property
    def mean(self) -> float | None:
        """The mean of the window; None before the first block."""
        counts, means, _ = self._window()
        return float(counts @ means / counts.sum()) if len(counts) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as JSON can hold it, without loss."""
        return {
            "delta": self.delta,
            "span": self.span,
            "blocks": self._blocks,
            "skipped": self.skipped,
            "pending": self._pending.tolist(),
            "levels": [[list(one) for one in level] for level in self._levels],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Stream:
        """Return the stream that `to_dict` kept, to go on with. Raises `Invalid`."""
        try:
            stream = cls(delta=kept["delta"], span=kept["span"])
            stream._blocks, stream.skipped = int(kept["blocks"]), int(kept["skipped"])
            stream._pending = np.array(kept["pending"], np.float64)
            stream._levels = [
                [(float(mean), float(spread)) for mean, spread in level] for level in kept["levels"]
            ]
        except (KeyError, TypeError, ValueError) as problem:
            raise Invalid(f"this is no state of a stream: {problem!r}.") from None
        if stream._pending.ndim != 1 or len(stream._pending) >= BLOCK or not stream._levels:
            raise Invalid("this is no state of a stream: its blocks are not whole.")
        return stream

    # -- what arrives ---------------------------------------------------------------------------

    def update(self, values: ArrayLike) -> list[Detection]:
        """Take the next values, in their order, and return the changes that they show.

        What is missing, infinite or beyond 1e150 is counted as skipped. How the values are divided
        among calls does not matter.

        Raises:
            Invalid: they are no numbers.
        """
        arrived = as_numbers(values)
        usable = np.abs(arrived) <= _LARGEST  # false for NaN
        self.skipped += len(arrived) - int(usable.sum())
        waiting = np.concatenate([self._pending, arrived[usable]])
        whole = len(waiting) // BLOCK * BLOCK
        self._pending = waiting[whole:]
        blocks = waiting[:whole].reshape(-1, BLOCK)
        means = blocks.mean(axis=1)
        spreads = ((blocks - means[:, np.newaxis]) ** 2).sum(axis=1)
        found = []
        for block in zip(means.tolist(), spreads.tolist(), strict=True):
            self._blocks += 1
            self._add(block)
            found += self._cut()
        return found

    def _add(self, block: tuple[float, float]) -> None:
        """Put a block at the young end; of six of one length the two oldest become one."""
        level = self._levels[0]
        level.append(block)
        for power, level in enumerate(self._levels):
            if len(level) <= _OF_ONE_SIZE:
                return
            (mean, spread), (other, its_own) = level[:2]
            del level[:2]
            apart = (mean - other) ** 2 * (BLOCK << power) / 2
            if power + 1 == len(self._levels):
                self._levels.append([])
            self._levels[power + 1].append(((mean + other) / 2, spread + its_own + apart))

    def _window(self) -> tuple[Floats, Floats, Floats]:
        """Return the lengths, means and squared deviations of what is kept, the oldest first."""
        kept = [
            (float(BLOCK << power), *one)
            for power in range(len(self._levels) - 1, -1, -1)
            for one in self._levels[power]
        ]
        table = np.array(kept, np.float64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    def _cut(self) -> list[Detection]:
        """Take away the older part of the window while it is not like the younger one."""
        found = []
        while (cut := self._clearest()) is not None:
            place, detection = cut
            self._forget(place)
            found.append(detection)
        return found

    def _clearest(self) -> tuple[int, Detection] | None:
        """Return the cut whose means are farthest apart for their bound, if any is beyond it."""
        counts, means, spreads = self._window()
        if len(counts) < 2:
            return None
        sums, sizes = np.cumsum(counts * means), np.cumsum(counts)
        total = sizes[-1]
        mean = sums[-1] / total
        variance = float((spreads.sum() + counts @ (means - mean) ** 2) / total)
        older, newer = sizes[:-1], total - sizes[:-1]
        before = sums[:-1] / older
        after = (sums[-1] - sums[:-1]) / newer
        span = _SPANS * math.sqrt(variance) if self.span is None else self.span
        bound = cut_bound(older, newer, variance, delta=self.delta, span=span)
        # What is constant has no variance, and means of it that differ by rounding.
        bound += _ROUNDING * (np.abs(before) + np.abs(after))
        apart = np.abs(after - before) - bound
        # The clearest cut is the one whose difference is the largest part of its bound.
        place = int(np.argmax(np.abs(after - before) / np.maximum(bound, np.finfo(float).tiny)))
        if not apart[place] > 0:
            return None
        size = float(after[place] - before[place])
        detection = Detection(
            position=self._blocks * BLOCK - int(newer[place]),
            found_at=self._blocks * BLOCK,
            before=float(before[place]),
            after=float(after[place]),
            interval=(size - float(bound[place]), size + float(bound[place])),
        )
        return place, detection

    def _forget(self, place: int) -> None:
        """Drop the oldest parts, to the one at `place`."""
        oldest = place + 1
        for level in reversed(self._levels):
            less = min(oldest, len(level))
            del level[:less]
            oldest -= less
        while len(self._levels) > 1 and not self._levels[-1]:
            self._levels.pop()


def as_numbers(values: ArrayLike) -> Floats:
    """Return values as one row of numbers. Raises `Invalid`."""
    try:
        arrived = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise Invalid("the values of a stream are numbers; these are not.") from None
    if arrived.ndim > 1:
        shape = " x ".join(map(str, arrived.shape))
        raise Invalid(f"the values of a stream are one row of numbers; these are {shape}.")
    return np.atleast_1d(arrived)
