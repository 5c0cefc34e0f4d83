"""Answered rows as arrays: when, with what answer, and what was true where that is known.

rows.ordered().where(slice(0, 1_000)).metrics()["accuracy"]
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.performance.classification import Chosen, Classes, measure_classes
from lite_mlops.monitoring.performance.intervals import Floats, Measured
from lite_mlops.monitoring.performance.regression import measure_numbers

Times = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answered:
    """Answers of a version, with their labels where they have one; arrays of one length.

    Attributes:
        at: When each was given, in microseconds since 1970 UTC.
        labelled: Which have a label.
        label_at: When the label was known; meaningless without one.
        score: What stands for the answer as a number: the probability of the positive class or of
            the one answered, or the number itself; None where there is none.
        classes: Answers and labels of a classifier.
        truth, answers: Labels and answers of a regressor.
    """

    at: Times
    labelled: NDArray[np.bool_]
    label_at: Times
    score: Floats | None = None
    classes: Classes | None = None
    truth: Floats | None = None
    answers: Floats | None = None

    def __len__(self) -> int:
        return len(self.at)

    def where(self, chosen: Chosen) -> Answered:
        """Return some of the rows."""
        score, truth, answers = (
            None if values is None else values[chosen]
            for values in (self.score, self.truth, self.answers)
        )
        return replace(
            self,
            at=self.at[chosen],
            labelled=self.labelled[chosen],
            label_at=self.label_at[chosen],
            score=score,
            classes=None if self.classes is None else self.classes.where(chosen),
            truth=truth,
            answers=answers,
        )

    def metrics(self) -> dict[str, Measured]:
        """Return the metrics of the labelled rows by name."""
        its = np.asarray(np.flatnonzero(self.labelled), np.int64)
        if self.classes is not None:
            return measure_classes(self.classes.where(its)) if len(its) else {}
        assert self.truth is not None
        assert self.answers is not None
        return measure_numbers(self.truth[its], self.answers[its])

    def fewest(self) -> int | None:
        """Return how many labelled rows the rarer of two classes has; None of other models."""
        if self.classes is None or not self.classes.binary:
            return None
        positive = self.classes.truth[self.labelled] == self.classes.positive
        return int(min(positive.sum(), len(positive) - positive.sum()))

    def delay(self) -> float | None:
        """Return the median seconds from an answer to its label; None without labels."""
        if not self.labelled.any():
            return None
        waited = self.label_at[self.labelled] - self.at[self.labelled]
        return float(np.median(waited)) / 1e6

    def probabilities(self) -> tuple[Floats, NDArray[np.bool_]] | None:
        """Return probabilities of labelled rows and whether it happened; None without any.

        Of two classes that of the positive one, of more that of the class answered.
        """
        if self.classes is None or self.score is None:
            return None
        known = self.labelled & (self.classes.truth >= 0)
        truth = self.classes.truth[known]
        wanted = self.classes.positive if self.classes.binary else self.classes.answers[known]
        return self.score[known], np.asarray(truth == wanted, np.bool_)
