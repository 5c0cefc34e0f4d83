"""A loaded version: validates rows, asks its model for many requests at once, tells their quality.

loaded = Loaded(version, model)
answers = loaded.predict([{"age": 41, "plan": "basic"}])
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lite_mlops.errors import Invalid
from lite_mlops.models import (
    Asking,
    Departure,
    Explanation,
    KeptPlan,
    ModelVersion,
    Table,
    check_explained,
    explanations,
)
from lite_mlops.serving.answers import Answers
from lite_mlops.serving.batching import PLAN_SECONDS, SMALLEST_OF_PLAN, Batching
from lite_mlops.serving.patience import Patience
from lite_mlops.serving.recording import Recording
from lite_mlops.store import new_id


class Loaded:
    """One version with its model, ready to answer.

    Args:
        version: The version.
        model: Its model, loaded; or what asks it already, such as a plan.
        recording: What records the answers; None: they are not.
        kept: What was known of its plan when it was loaded; None where there is no project.
    """

    def __init__(
        self,
        version: ModelVersion,
        model: Any,
        recording: Recording | None = None,
        kept: KeptPlan | None = None,
    ) -> None:
        self.version = version
        self.kept = kept
        self.signature = version.signature
        self.asking = model if isinstance(model, Asking) else Asking(model, version.signature)
        self.recording = recording
        self.on_asked: Callable[[int], None] | None = None  # is told the rows of each call
        # Is told the rows of each call and its microseconds.
        self.on_called: Callable[[tuple[int, int]], None] | None = None
        self.batching = Batching(self._ask, _joined)
        if self.asking.by_plan:
            self.batching = Batching(
                self._ask, _joined, piece_seconds=PLAN_SECONDS, smallest=SMALLEST_OF_PLAN
            )
        self.explaining = Batching(self._explain, _joined_explained, slow=True)

    def within(self, patience: Patience) -> tuple[Batching[Answers], Batching[Explained]]:
        """Return what asks it, and what explains, for no longer than a patience lasts."""
        return (
            Batching(partial(patience.ask, self._ask), _joined, slow=True),
            Batching(partial(patience.ask, self._explain), _joined_explained, slow=True),
        )

    @property
    def path(self) -> str:
        """What answers, in words: the model itself, or its plan."""
        return self.asking.path

    def announce(self) -> None:
        """Record that this process answers with the version, so that nobody removes it."""
        if self.recording is not None:
            self.recording.announce(self.version)

    def leave(self) -> None:
        """Record that another version takes its place in this process."""
        if self.recording is not None:
            self.recording.leave(self.version)

    def warm(self, rows: Any) -> Answers:
        """Answer rows unrecorded: the first call is slow, the second tells what one costs.

        Raises:
            InvalidRows, Invalid: as `predict`.
        """
        table = self.table(rows)
        self.batching.now(table)
        return self.batching.warm(table)

    def table(self, rows: Any, *, ignore_unknown: bool = False) -> Table:
        """Return rows in any form that `Signature.validate` takes, validated.

        Raises:
            InvalidRows: names the rows, the columns and the values that do not fit.
            Invalid: there are none.
        """
        table = self.signature.validate(rows, ignore_unknown=ignore_unknown)
        if not len(table):
            raise Invalid("there are no rows to answer.")
        return table

    def predict(self, rows: Any, *, ignore_unknown: bool = False) -> Answers:
        """Answer rows at once, in any thread, and have the answers recorded.

        Raises:
            InvalidRows: names the rows, the columns and the values that do not fit.
            Invalid: there are no rows, or the model cannot answer them; it says why.
        """
        return self.answer(self.table(rows, ignore_unknown=ignore_unknown))

    def answer(self, table: Table) -> Answers:
        """Answer rows that were validated, and have the answers recorded. Raises `Invalid`."""
        return self.recorded(self.batching.now(table))

    def recorded(self, answers: Answers) -> Answers:
        """Have the answers to one request recorded, and return them."""
        if self.recording is not None:
            self.recording.record(answers)
        return answers

    def explain(self, rows: Any) -> Explained:
        """Answer rows as `predict` does, and tell what each column contributed to the answers.

        Raises:
            InvalidRows, Invalid: as `predict`, and for what cannot be explained.
        """
        table = self.table(rows)
        check_explained(self.signature, table)
        found = self.explaining.now(table)
        self.recorded(found.answers)
        return found

    def _explain(self, tables: Sequence[Table]) -> list[Explained]:
        return [Explained(one, explanations(self.asking, one.table)) for one in self._ask(tables)]

    def _ask(self, tables: Sequence[Table]) -> list[Answers]:
        """Answer tables as if they were one."""
        table = tables[0] if len(tables) == 1 else Table.joined(tables)
        started = time.perf_counter_ns()
        predicted, scores = self.asking.ask_checked(table)
        if self.on_asked is not None:
            self.on_asked(len(table))
        if len(predicted) != len(table):
            raise Invalid(f"the model gave {len(predicted):,} answers to {len(table):,} rows.")
        call_us = (time.perf_counter_ns() - started) // 1000
        if self.on_called is not None:
            self.on_called((len(table), call_us))
        latency_us = call_us // len(table)
        departures = self.signature.outside(table)
        found = []
        start = 0
        for one in tables:
            stop = start + len(one)
            found.append(
                Answers(
                    self.version,
                    new_id(),
                    one,
                    predicted[start:stop],
                    None if scores is None else scores[start:stop],
                    _between(departures, start, stop) if departures else (),
                    latency_us,
                )
            )
            start = stop
        return found


class Explained(NamedTuple):
    """The answers to one request, and what each column contributed to each of them."""

    answers: Answers
    explanations: list[Explanation]


def _between(departures: Sequence[Departure], start: int, stop: int) -> list[Departure]:
    """Return the departures of some rows, numbered from the first of them."""
    found = []
    for one in departures:
        low, high = np.searchsorted(one.rows, (start, stop))
        if low < high:
            rows = one.rows[low:high] - start
            found.append(Departure(one.column, one.what, rows, one.expected))
    return found


def _joined(parts: Sequence[Answers]) -> Answers:
    """Return the answers to the parts of one table as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    scores = [part.scores for part in parts if part.scores is not None]
    departures = []
    start = 0
    for part in parts:
        departures += [
            Departure(one.column, one.what, one.rows + start, one.expected)
            for one in part.departures
        ]
        start += len(part)
    return Answers(
        first.version,
        first.id,
        Table.joined([part.table for part in parts]),
        np.concatenate([part.predicted for part in parts]),
        np.concatenate(scores) if scores else None,
        departures,
        sum(part.latency_us * len(part) for part in parts) // start,
    )


def _joined_explained(parts: Sequence[Explained]) -> Explained:
    answers = _joined([part.answers for part in parts])
    return Explained(answers, [one for part in parts for one in part.explanations])
