"""Windows: the predictions of a time, or so many one after the other; and the metrics of each.

measure_window(rows, rules)            # a WindowPerformance
split(rows, Size.parse("1d"))          # slices of ordered rows
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from lite_mlops.data.wording import percent
from lite_mlops.errors import Invalid
from lite_mlops.monitoring.performance.answered import Answered
from lite_mlops.monitoring.performance.intervals import Measured
from lite_mlops.monitoring.performance.selection import Selection, selected
from lite_mlops.monitoring.windows import Size
from lite_mlops.store import as_datetime

MOST_WINDOWS = 10_000
_WEEK = 604_800_000_000
_MONDAY = 345_600_000_000  # 1970-01-05 was the first one


@dataclass(frozen=True)
class Rules:
    """When a window is judged, and how much worse it has to be.

    `tolerance` is in points for metrics of which more is better, as 0.02 of AUC, and a share of the
    reference for errors, as 0.1 of RMSE; only metrics in it are judged. A window with less than
    these counts is provisional. `calibration` is how much larger the calibration error has to be.
    """

    tolerance: Mapping[str, float]
    coverage: float = 0.3
    labels: int = 100
    rarer: int = 10  # of two classes
    calibration: float = 0.02


TOLERANCE = {"accuracy": 0.02, "auc": 0.02, "rmse": 0.1}
BALANCED = Rules(TOLERANCE)


@dataclass(frozen=True)
class WindowPerformance:
    """How a version did on some predictions: those of a window, of a slice, or all.

    Attributes:
        name: The value or the range that makes the slice; '' if it is none.
        since, until: The times of the window, `until` excluded; of a count of predictions those of
            the first and of the last one. None without predictions.
        predictions: How many were recorded.
        labelled: How many have a label.
        metrics: By name; see `measure_classes` and `measure_numbers`.
        provisional: Why it cannot be judged yet; nothing if it can.
        selection: How far labelled predictions differ from others; None with few of either.
        delay: The median seconds from a prediction to its label.
    """

    name: str
    since: datetime | None
    until: datetime | None
    predictions: int
    labelled: int
    metrics: Mapping[str, Measured]
    provisional: tuple[str, ...] = ()
    selection: Selection | None = None
    delay: float | None = None

    @property
    def coverage(self) -> float:
        """The share of predictions that have a label; 0 without predictions."""
        return self.labelled / self.predictions if self.predictions else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the window as JSON can hold it."""
        return vars(self) | {
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "coverage": self.coverage,
            "metrics": {name: metric.to_dict() for name, metric in self.metrics.items()},
            "provisional": list(self.provisional),
            "selection": None if self.selection is None else self.selection.to_dict(),
        }


# -- which rows ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Ordered rows that lie together, and the times between which they do."""

    rows: slice
    since: datetime
    until: datetime


def split(rows: Answered, window: Size | None) -> Iterator[Part]:
    """Yield the windows of ordered rows that are not empty.

    Windows of time begin at multiples of their width since 1970 UTC, those of weeks on a Monday;
    those of a count at the first row, and the last one may be smaller.

    Raises:
        Invalid: there would be more than 10,000 windows.
    """
    if not len(rows) or window is None:
        return
    if window.span is None:
        starts = np.arange(0, len(rows), window.rows)
        ends = np.append(starts[1:], len(rows))
        times = list(zip(rows.at[starts], rows.at[ends - 1], strict=True))
    else:
        width = window.span // timedelta(microseconds=1)
        first = _MONDAY if width % _WEEK == 0 else 0
        numbers = (rows.at - first) // width
        starts = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
        ends = np.append(starts[1:], len(rows))
        begins = numbers[starts] * width + first
        times = [(begin, begin + width) for begin in begins]
    if len(starts) > MOST_WINDOWS:
        raise Invalid(f"This makes {len(starts):,} windows; at most {MOST_WINDOWS:,} are measured.")
    for start, end, (since, until) in zip(starts, ends, times, strict=True):
        yield Part(slice(int(start), int(end)), as_datetime(int(since)), as_datetime(int(until)))


# -- measuring ----------------------------------------------------------------------------------


def _provisional(rows: Answered, labelled: int, rules: Rules) -> Iterator[str]:
    if labelled < rules.coverage * len(rows):
        has = f"{percent(labelled / len(rows))} of the predictions have a label"
        yield f"{has}, {percent(rules.coverage)} are needed"
    if labelled < rules.labels:
        yield f"{labelled:,} labels, {rules.labels:,} are needed"
    fewest = rows.fewest()
    if fewest is not None and fewest < rules.rarer:
        yield f"{fewest:,} labels of the rarer class, {rules.rarer:,} are needed"


def measure_window(
    rows: Answered,
    rules: Rules = BALANCED,
    *,
    name: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> WindowPerformance:
    """Return the metrics of rows with all that says how far they can be trusted."""
    labelled = int(rows.labelled.sum())
    selection = None
    if rows.score is not None and 0 < labelled < len(rows):
        selection = selected(rows.score[rows.labelled], rows.score[~rows.labelled])
    if since is None and len(rows):
        since, until = as_datetime(int(rows.at.min())), as_datetime(int(rows.at.max()))
    return WindowPerformance(
        name=name,
        since=since,
        until=until,
        predictions=len(rows),
        labelled=labelled,
        metrics=rows.metrics(),
        provisional=tuple(_provisional(rows, labelled, rules)),
        selection=selection,
        delay=rows.delay(),
    )
