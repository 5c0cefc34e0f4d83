"""A stream of numbers whose whole distribution is held against a reference, window after window.

    shape = Shape(reference)                # numbers of a time when all was well
    for found in shape.update(values):
        print(found)                        # KS 0.11 from value 10,001 on

It sees what a mean does not show, such as a wider spread. The last 500 values are compared every
100 by the test and the least effects of `monitoring.drift`; two windows in a row have to differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.drift.effects import Floats, distances, spread
from lite_mlops.monitoring.drift.tests import (
    kolmogorov_smirnov_critical,
    kolmogorov_smirnov_p,
)
from lite_mlops.monitoring.drift.verdict import BALANCED, Floors
from lite_mlops.monitoring.streams.adwin import as_numbers

WINDOW, STEP = 500, 100
MAX_P = 0.001  # of one window; two in a row are needed
IN_A_ROW = 2
MIN_REFERENCE = 100
MOST_REFERENCE = 2_048  # values that are kept; of more as many quantiles, to 0.0005 of KS


@dataclass(frozen=True)
class ShapeChange:
    """Windows whose distribution is not that of the reference.

    Positions count finite values from the first one ever seen. `wasserstein` is in standard
    deviations of the reference.
    """

    position: int  # where the first of the windows began
    found_at: int
    kolmogorov_smirnov: float
    wasserstein: float
    p_value: float
    median_before: float
    median_after: float

    def __str__(self) -> str:
        sizes = f"KS {self.kolmogorov_smirnov:.3f}, moved by {self.wasserstein:.2f} sd"
        return f"another distribution ({sizes}) from value {self.position:,} on"

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON can hold it."""
        return dict(vars(self))


class Shape:
    """The distribution of numbers that arrive one after the other.

    It tells a change once, and again only after a window was like the reference.

    Args:
        reference: Numbers to be held against, at least 100 finite ones.
        window: How many of the last values are compared.
        step: After how many values they are compared again.
        floors: The least effects that count, as for drift.

    Raises:
        Invalid: there are too few numbers, or a window cannot be of that size.
    """

    def __init__(
        self,
        reference: ArrayLike,
        *,
        window: int = WINDOW,
        step: int = STEP,
        floors: Floors = BALANCED,
    ) -> None:
        if not 1 <= step <= window:
            raise Invalid(f"a step of {step} does not fit into a window of {window} values.")
        values = as_numbers(reference)
        ordered = np.sort(values[np.isfinite(values)])
        if len(ordered) < MIN_REFERENCE:
            raise Invalid(
                f"the reference of a stream has {len(ordered):,} finite values; at least "
                f"{MIN_REFERENCE} are needed."
            )
        self.reference_rows = len(ordered)
        if len(ordered) > MOST_REFERENCE:
            places = np.linspace(0, len(ordered) - 1, MOST_REFERENCE).round().astype(np.int64)
            ordered = ordered[places]
        self.window, self.step, self.floors = window, step, floors
        self.skipped = 0
        self._reference = ordered
        self._spread = spread(ordered)
        self._last = np.empty(0)  # what the next comparison needs of what has come
        self._begin = 0  # the position of the first of these
        self._due = window  # at how many values the next comparison is
        self._hits = 0  # comparisons in a row that differ

    @cached_property
    def _critical(self) -> float:
        """The distance whose p-value is 0.001: a window is judged by it in a tenth of the time."""
        return kolmogorov_smirnov_critical(MAX_P, self.reference_rows, self.window)

    # -- questions ------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as JSON can hold it, without loss."""
        return {
            "reference": self._reference.tolist(),
            "reference_rows": self.reference_rows,
            "window": self.window,
            "step": self.step,
            "floors": dict(vars(self.floors)),
            "skipped": self.skipped,
            "last": self._last.tolist(),
            "begin": self._begin,
            "due": self._due,
            "hits": self._hits,
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Shape:
        """Return the shape that `to_dict` kept, to go on with. Raises `Invalid`."""
        try:
            shape = cls(
                kept["reference"],
                window=kept["window"],
                step=kept["step"],
                floors=Floors(**kept["floors"]),
            )
            shape.reference_rows = int(kept["reference_rows"])
            shape.skipped, shape._hits = int(kept["skipped"]), int(kept["hits"])
            shape._begin, shape._due = int(kept["begin"]), int(kept["due"])
            shape._last = np.array(kept["last"], np.float64).reshape(-1)
        except (KeyError, TypeError, ValueError) as problem:
            raise Invalid(f"this is no state of a shape: {problem!r}.") from None
        return shape

    # -- what arrives ---------------------------------------------------------------------------

    def update(self, values: ArrayLike) -> list[ShapeChange]:
        """Take the next values, in their order, and return the changes that they show.

        What is missing or infinite is counted as skipped. How the values are divided among calls
        does not matter.

        Raises:
            Invalid: they are no numbers.
        """
        arrived = as_numbers(values)
        finite = np.isfinite(arrived)
        self.skipped += len(arrived) - int(finite.sum())
        waiting = np.concatenate([self._last, arrived[finite]])
        first = self._begin  # the position of the first value that waits
        self._begin += len(waiting)
        found = []
        # A comparison is due at the end of the first window, and after every step from then on.
        due = self._due
        while due <= first + len(waiting):
            change = self._compared(np.sort(waiting[due - self.window - first : due - first]), due)
            found += [] if change is None else [change]
            due += self.step
        self._due = due
        keep = min(len(waiting), first + len(waiting) - (due - self.window))
        self._last = waiting[len(waiting) - keep :]
        self._begin -= keep
        return found

    def _compared(self, window: Floats, end: int) -> ShapeChange | None:
        """Compare a sorted window that ends before a position; return a change to be told."""
        apart = distances(self._reference, window)
        with np.errstate(all="ignore"):
            moved = float(np.nan_to_num(np.divide(apart.wasserstein, self._spread)))
        large = (
            apart.kolmogorov_smirnov >= self.floors.kolmogorov_smirnov
            or moved >= self.floors.wasserstein
        )
        significant = large and apart.kolmogorov_smirnov > self._critical
        self._hits = self._hits + 1 if significant else 0
        if self._hits != IN_A_ROW:
            return None
        p_value = kolmogorov_smirnov_p(apart.kolmogorov_smirnov, self.reference_rows, len(window))
        return ShapeChange(
            position=end - self.window - self.step * (IN_A_ROW - 1),
            found_at=end,
            kolmogorov_smirnov=apart.kolmogorov_smirnov,
            wasserstein=moved,
            p_value=p_value,
            median_before=float(self._reference[len(self._reference) // 2]),
            median_after=float(window[len(window) // 2]),
        )
