"""What a classifier does to each group: rates with intervals, and how its scores lie.

    for one in measure_groups(groups, answers):
        print(one.group, one.rows, one.selection_rate, one.tpr)

All rows are counted at once, however many groups there are. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.monitoring.fairness.groups import Groups
from lite_mlops.monitoring.proportions import Interval, deviations, wilson

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Decisions:
    """What was decided of each row, and what was true as far as it is known.

    `selected` is whether the positive label was answered, `positive` whether it is true, which
    counts where `labelled`; `scores` are the chances of the positive label, NaN where there is
    none.
    """

    selected: Flags
    labelled: Flags
    positive: Flags
    scores: Floats

    def __len__(self) -> int:
        return len(self.selected)


@dataclass(frozen=True)
class GroupFacts:
    """The figures of a group; what cannot be told of it is None.

    `selection_rate` is the share of rows with the positive answer; `tpr` and `fpr` are that among
    those that are positive and negative by their labels, `precision` the share of positive labels
    among the positive answers. `calibration_gap` is the mean score less the share of positive
    labels. Intervals hold at 95 %.
    """

    column: str
    group: str
    rows: int
    selected: int
    labelled: int
    positives: int  # by labels
    selected_positives: int
    selected_labelled: int
    selection_rate: Interval | None
    tpr: Interval | None
    fpr: Interval | None
    precision: Interval | None
    calibration_gap: Interval | None
    scores: Mapping[str, float]  # the mean, and quantiles by name such as 'q50'

    @property
    def coverage(self) -> float:
        """The share of rows whose label is known; 0 without rows."""
        return self.labelled / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        found: dict[str, Any] = {
            name: value.to_dict() if isinstance(value, Interval) else value
            for name, value in vars(self).items()
        }
        return found | {"scores": dict(self.scores), "coverage": self.coverage}

    def rate(self, name: str, z: float) -> Interval | None:
        """Return a rate, or the `accuracy`, with an interval of so many standard deviations."""
        negatives = self.labelled - self.positives
        false = self.selected_labelled - self.selected_positives
        counts = {
            "selection_rate": (self.selected, self.rows),
            "tpr": (self.selected_positives, self.positives),
            "fpr": (false, negatives),
            "precision": (self.selected_positives, self.selected_labelled),
            "accuracy": (self.selected_positives + negatives - false, self.labelled),
        }
        return wilson(*counts[name], z)


def score_quantiles(
    codes: NDArray[np.int64], scores: Floats, groups: int
) -> list[dict[str, float]]:
    """Return the mean and the quantiles of the finite scores of each group; none without any."""
    there = np.isfinite(scores)
    codes, scores = codes[there], scores[there]
    order = np.lexsort((scores, codes))
    ordered = scores[order]
    rows = np.bincount(codes, minlength=groups)
    ends = np.cumsum(rows)
    found: list[dict[str, float]] = []
    for begin, end in zip((ends - rows).tolist(), ends.tolist(), strict=True):
        part = ordered[begin:end]
        if not len(part):
            found.append({})
            continue
        places = np.round(np.array(QUANTILES) * (len(part) - 1)).astype(np.int64)
        names = [f"q{round(100 * share):02d}" for share in QUANTILES]
        quantiles = dict(zip(names, part[places].tolist(), strict=True))
        found.append({"mean": float(part.mean()), **quantiles})
    return found


def measure_groups(groups: Groups, decisions: Decisions) -> list[GroupFacts]:
    """Return the figures of each group, in the order of their names."""
    size = len(groups.names)

    def count(rows: Flags) -> list[int]:
        return np.bincount(groups.codes[rows], minlength=size).tolist()  # type: ignore[no-any-return]

    labelled = decisions.labelled
    positive = labelled & decisions.positive
    counts = {
        "rows": count(np.ones(len(decisions), np.bool_)),
        "selected": count(decisions.selected),
        "labelled": count(labelled),
        "positives": count(positive),
        "selected_positives": count(positive & decisions.selected),
        "selected_labelled": count(labelled & decisions.selected),
    }
    gaps = _calibration_gaps(groups, decisions)
    scores = score_quantiles(groups.codes, decisions.scores, size)
    found = []
    for place, name in enumerate(groups.names):
        own = {key: values[place] for key, values in counts.items()}
        negatives = own["labelled"] - own["positives"]
        false = own["selected_labelled"] - own["selected_positives"]
        found.append(
            GroupFacts(
                column=groups.column,
                group=name,
                **own,
                selection_rate=wilson(own["selected"], own["rows"]),
                tpr=wilson(own["selected_positives"], own["positives"]),
                fpr=wilson(false, negatives),
                precision=wilson(own["selected_positives"], own["selected_labelled"]),
                calibration_gap=gaps[place],
                scores=scores[place],
            )
        )
    return found


def _calibration_gaps(groups: Groups, decisions: Decisions) -> list[Interval | None]:
    """Return of each group the mean of score less outcome, by its normal interval."""
    used = decisions.labelled & np.isfinite(decisions.scores)
    codes = groups.codes[used]
    gaps = decisions.scores[used] - decisions.positive[used]
    rows = np.bincount(codes, minlength=len(groups.names))
    sums = np.bincount(codes, weights=gaps, minlength=len(groups.names))
    squares = np.bincount(codes, weights=gaps**2, minlength=len(groups.names))
    found: list[Interval | None] = []
    for n, total, square in zip(rows.tolist(), sums.tolist(), squares.tolist(), strict=True):
        if n < 2:
            found.append(None)
            continue
        mean = total / n
        variance = max(0.0, square / n - mean**2) * n / (n - 1)
        reach = deviations() * float(np.sqrt(variance / n))
        found.append(Interval(mean, mean - reach, mean + reach))
    return found
