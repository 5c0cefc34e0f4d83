"""Answers that estimates are made of: those of a classifier, and those of a regressor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.estimates.calibration import Codes, Flags, Floats, usable


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of a classifier, in the order in which they were given.

    `predicted` and `labels` are places of classes, -1 where there is none; `scores` has the shape
    (rows, classes); `times` are microseconds since 1970 UTC, or nothing.
    """

    scores: Floats
    predicted: Codes
    labels: Codes
    times: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def __getitem__(self, rows: slice | Flags) -> Answers:
        times = None if self.times is None else self.times[rows]
        return Answers(self.scores[rows], self.predicted[rows], self.labels[rows], times)

    @property
    def whole(self) -> Flags:
        """Which rows have all scores and an answer that is one of the classes."""
        return usable(self.scores) & (self.predicted >= 0)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Answers of a regressor, and what it was asked; labels that are not known are NaN."""

    features: Floats
    predicted: Floats
    labels: Floats
    times: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def __getitem__(self, rows: slice | Flags) -> Numbers:
        times = None if self.times is None else self.times[rows]
        return Numbers(self.features[rows], self.predicted[rows], self.labels[rows], times)
