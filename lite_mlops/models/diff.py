"""What differs between two versions: origin, signature, importances, environment and answers.

found = project.models.diff("churn@champion", "churn/4")
found.answers.changed, found.params, found.to_dict()
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature import Change, compatible
from lite_mlops.models.versions import ModelVersion
from lite_mlops.tracking import plain_number
from lite_mlops.tracking.comparing import (
    EvaluationPair,
    MetricSideBySide,
    SideBySide,
    side_by_side,
)

_MOST_IMPORTANCES = 20


@dataclass(frozen=True)
class AnswersDiff:
    """How the answers of two versions differ on the same rows."""

    rows: int
    sample: str  # where the rows come from
    changed: int | None  # rows with another label; None for numbers
    mean: float  # of the absolute differences: of the numbers, or of the highest probability
    largest: float

    @property
    def text(self) -> str:
        """The difference in words."""
        where = f"on {self.rows:,} rows ({self.sample})"
        sizes = f"mean difference {self.mean:.4g}, largest {self.largest:.4g}"
        if self.changed is None:
            return f"{where}: {sizes}"
        told = f"{where}: {self.changed:,} answered differently ({self.changed / self.rows:.1%})"
        return told if math.isnan(self.mean) else f"{told}; of the probabilities {sizes}"

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as JSON can hold it."""
        return vars(self) | {
            "mean": plain_number(self.mean),
            "largest": plain_number(self.largest),
            "text": self.text,
        }


@dataclass(frozen=True)
class VersionDiff:
    """Two versions side by side: only what differs, except for the metrics."""

    first: ModelVersion
    second: ModelVersion
    metrics: tuple[MetricSideBySide, ...]
    params: tuple[SideBySide, ...]
    data: tuple[SideBySide, ...]
    code: tuple[SideBySide, ...]
    signature: tuple[Change, ...]
    importances: tuple[MetricSideBySide, ...]  # those that differ most first
    file: tuple[SideBySide, ...]
    environment: tuple[SideBySide, ...]
    evaluations: tuple[EvaluationPair, ...] = ()
    answers: AnswersDiff | None = None
    no_answers: str | None = None  # why there are none

    def sections(self) -> dict[str, tuple[SideBySide, ...]]:
        """Return what is told in words, by its heading."""
        names = ("params", "data", "code", "file", "environment")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as JSON can hold it."""
        lists = ("metrics", *self.sections(), "signature", "importances", "evaluations")
        return {
            "first": self.first.name,
            "second": self.second.name,
            **{name: [row.to_dict() for row in getattr(self, name)] for name in lists},
            "answers": None if self.answers is None else self.answers.to_dict(),
            "no_answers": self.no_answers,
        }


def _differing(columns: Sequence[Mapping[str, object]]) -> tuple[SideBySide, ...]:
    texts = [{name: None if v is None else str(v) for name, v in c.items()} for c in columns]
    return tuple(row for row in side_by_side(texts) if row.differs)


def _numbers(columns: Sequence[Mapping[str, float]]) -> tuple[MetricSideBySide, ...]:
    names = dict.fromkeys(name for column in columns for name in column)
    return tuple(
        MetricSideBySide(name, tuple(column.get(name) for column in columns)) for name in names
    )


def _data(version: ModelVersion) -> dict[str, str]:
    """Return the versions of data by their roles."""
    found: dict[str, list[str]] = {}
    for reference, role in version.data.items():
        name, _, sha256 = reference.rpartition("@")
        found.setdefault(role, []).append(f"{name}@{sha256[:12]}")
    return {role: ", ".join(sorted(names)) for role, names in found.items()}


def _file(version: ModelVersion) -> dict[str, object]:
    return {
        "class": version.class_name,
        "format": version.format,
        "bytes": version.size,
        "SHA-256": version.sha256[:12],
    }


def _moved_most(
    first: Mapping[str, float], second: Mapping[str, float]
) -> tuple[MetricSideBySide, ...]:
    """Return the importances that differ, the largest difference first."""
    rows = [row for row in _numbers([first, second]) if row.differs]

    def moved(row: MetricSideBySide) -> float:
        one, other = (value or 0.0 for value in row.values)
        return -abs(other - one)

    return tuple(sorted(rows, key=moved)[:_MOST_IMPORTANCES])


def answers_diff(
    first: NDArray[Any],
    second: NDArray[Any],
    probabilities: Sequence[NDArray[np.float64] | None],
    sample: str,
) -> AnswersDiff:
    """Return how answers to the same rows differ.

    Args:
        first: The answers of the first version, shape (rows,) or (rows, outputs).
        second: The answers of the second version, of the same shape.
        probabilities: Those of both versions, shape (rows, classes); None where there are none.
        sample: Where the rows come from, in words.
    """
    rows = len(first)
    if first.dtype.kind == "f" and second.dtype.kind == "f":
        gaps = np.abs(second - first)
        return AnswersDiff(rows, sample, None, float(gaps.mean()), float(gaps.max()))
    other = np.asarray([str(a) != str(b) for a, b in zip(first, second, strict=True)])
    one, two = probabilities
    if one is None or two is None or one.shape != two.shape:
        return AnswersDiff(rows, sample, int(other.sum()), math.nan, math.nan)
    gaps = np.abs(two - one)
    return AnswersDiff(rows, sample, int(other.sum()), float(gaps.mean()), float(gaps.max()))


def differences(
    first: ModelVersion,
    second: ModelVersion,
    *,
    importances: Sequence[Mapping[str, float]],
    evaluations: Sequence[EvaluationPair] = (),
    answers: AnswersDiff | str,
) -> VersionDiff:
    """Return what differs between two versions; `answers` may be why there are none."""
    both = (first, second)
    return VersionDiff(
        first,
        second,
        metrics=_numbers([version.metrics for version in both]),
        params=_differing([version.params for version in both]),
        data=_differing([_data(version) for version in both]),
        code=_differing([version.code for version in both]),
        signature=tuple(compatible(first.signature, second.signature)),
        importances=_moved_most(*importances),
        file=_differing([_file(version) for version in both]),
        environment=_differing([version.requirements for version in both]),
        evaluations=tuple(evaluations),
        answers=None if isinstance(answers, str) else answers,
        no_answers=answers if isinstance(answers, str) else None,
    )
