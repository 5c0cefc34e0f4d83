"""Answers: what a version says to the rows of one request, with ids and a word on their quality.

answers = endpoint.predict([{"age": 141, "plan": "basic"}])
answers[0].prediction, answers[0].probabilities, answers[0].quality
answers.records(probabilities=True)     # as JSON can hold them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models import Departure, ModelVersion, Table

OK, DOUBTFUL = "ok", "doubtful"


@dataclass(frozen=True, slots=True)
class Warn:
    """How one value departs from the training data: `range`, `category` or `missing`."""

    column: str
    what: str
    value: Any
    expected: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "column": self.column,
            "what": self.what,
            "value": self.value,
            "expected": self.expected,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one row.

    Attributes:
        id: By which its label can be sent later.
        prediction: What the model says: a label, a number, or a list where it says several things.
        probabilities: By class; None for a model that has none.
        warnings: How the row departs from the training data.
    """

    id: str
    prediction: Any
    probabilities: Mapping[Any, float] | None = None
    warnings: tuple[Warn, ...] = ()

    @property
    def quality(self) -> str:
        """Whether the row is as the training data was: `ok` or `doubtful`."""
        return DOUBTFUL if self.warnings else OK

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON can hold it."""
        return _record(self.id, self.prediction, self.probabilities, self.warnings)


def _record(
    answer_id: str,
    prediction: Any,
    probabilities: Mapping[Any, float] | None,
    warnings: Sequence[Warn],
) -> dict[str, Any]:
    record: dict[str, Any] = {"id": answer_id, "prediction": prediction}
    if probabilities is not None:
        record["probabilities"] = dict(probabilities)
    record["quality"] = DOUBTFUL if warnings else OK
    if warnings:
        record["warnings"] = [one.to_dict() for one in warnings]
    return record


@dataclass(slots=True, eq=False)  # making a frozen one takes four times as long
class Answers(Sequence[Answer]):
    """The answers to the rows of one request, in their order; not to be changed.

    Attributes:
        version: The version that answered.
        id: Of the whole; that of a single row as well. Several rows have `<id>-0`, `<id>-1`, ...
        table: The rows, validated.
        predicted: Shape (rows,) or (rows, outputs).
        scores: The probabilities, shape (rows, classes); None if the model has none.
        departures: How rows depart from the training data; the numbers are those of this table.
        latency_us: How long the model took for what was asked together, divided by its rows.
        start: The number of the first row in its request; None: these are all of it.
    """

    version: ModelVersion
    id: str
    table: Table
    predicted: NDArray[Any]
    scores: NDArray[np.float64] | None
    departures: Sequence[Departure]
    latency_us: int
    start: int | None = None

    def __len__(self) -> int:
        return len(self.predicted)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return list(self)[place]
        return list(self)[place]

    def __iter__(self) -> Iterator[Answer]:
        warnings = self.warnings()
        return (
            Answer(answer_id, prediction, probabilities, tuple(warnings.get(row, ())))
            for row, (answer_id, prediction, probabilities) in enumerate(
                zip(self.ids(), self.predictions(), self.probabilities(), strict=True)
            )
        )

    def ids(self) -> list[str]:
        """Return the id of each row."""
        rows = len(self.predicted)
        if self.start is None:
            return [self.id] if rows == 1 else [f"{self.id}-{row}" for row in range(rows)]
        return [f"{self.id}-{row}" for row in range(self.start, self.start + rows)]

    def part(self, start: int, stop: int) -> Answers:
        """Return the answers to some of several rows, without how these depart."""
        scores = None if self.scores is None else self.scores[start:stop]
        return Answers(
            self.version,
            self.id,
            self.table.part(start, stop),
            self.predicted[start:stop],
            scores,
            (),
            self.latency_us,
            start,
        )

    def predictions(self) -> list[Any]:
        """Return what the model says to each row, as plain values."""
        found: list[Any] = self.predicted.tolist()
        return found

    def probabilities(self) -> list[dict[Any, float] | None]:
        """Return the probability of each class for each row; None where the model has none."""
        if self.scores is None:
            return [None] * len(self.predicted)
        classes = self.version.signature.classes
        return [dict(zip(classes, row, strict=True)) for row in self.scores.tolist()]

    def warnings(self) -> dict[int, list[Warn]]:
        """Return how rows depart from the training data, by row; only those that do."""
        found: dict[int, list[Warn]] = {}
        for one in self.departures:
            values = self.table[one.column][one.rows]
            listed = np.datetime_as_string(values) if values.dtype.kind == "M" else values
            for row, value in zip(one.rows.tolist(), listed.tolist(), strict=True):
                told = None if one.what == "missing" else value
                found.setdefault(row, []).append(Warn(one.column, one.what, told, one.expected))
        return found

    def records(self, *, probabilities: bool = False) -> list[dict[str, Any]]:
        """Return each answer as JSON can hold it."""
        if not probabilities and not self.departures:  # the way of most requests
            return [
                {"id": answer_id, "prediction": prediction, "quality": OK}
                for answer_id, prediction in zip(self.ids(), self.predicted.tolist(), strict=True)
            ]
        shown: Sequence[Any] = [None] * len(self)
        if probabilities and self.scores is not None:
            labels = [str(label) for label in self.version.signature.classes]
            shown = [dict(zip(labels, row, strict=True)) for row in self.scores.tolist()]
        warnings = self.warnings()
        return [
            _record(answer_id, prediction, by_class, warnings.get(row, ()))
            for row, (answer_id, prediction, by_class) in enumerate(
                zip(self.ids(), self.predicted.tolist(), shown, strict=True)
            )
        ]
