"""Recording: every answer of an endpoint becomes a row of its project, and never gets in the way.

    recording = Recording(store, sample=0.1, inputs="hash")
    Endpoint(version, model, recording)

Who answers only leaves the answers in a buffer; the background writes them to the journal, many in
one line. What reads the project in this process sees all of them. A process that is killed loses
those of the last tenth of a second.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from lite_mlops.errors import Invalid
from lite_mlops.models import Inputs, ModelVersion, Signature, Table
from lite_mlops.precedence import give_way
from lite_mlops.security.pseudonyms import Pseudonyms
from lite_mlops.serving.story import What, note
from lite_mlops.store import Store, now
from lite_mlops.store.events import Predictions, VersionLeft, VersionServed

if TYPE_CHECKING:
    from lite_mlops.serving.answers import Answers

INPUTS: tuple[Inputs, ...] = ("full", "hash", "none")  # the later, the less is kept

# What is gathered before it is written, and how many rows one line holds.
_GATHER_SECONDS = 0.1
_ROWS_OF_A_LINE = 128  # encoding them holds up other threads for less than a millisecond
_END_SECONDS = 5.0  # how long the end of a process may wait for the rest

# So full may the buffer be before the rest is written without giving way to the loop of a server.
_PATIENT_SHARE = 0.02

Numbers: TypeAlias = list[float | None]
Texts: TypeAlias = list[str | None]


def _lines(taken: Sequence[tuple[int, Answers]]) -> Iterator[list[tuple[int, Answers]]]:
    """Yield answers as lines of the journal hold them: many small ones, or part of a large one."""
    line: list[tuple[int, Answers]] = []
    rows = 0
    for moment, answers in taken:
        count = len(answers)
        for start in range(0, count, _ROWS_OF_A_LINE):
            stop = min(start + _ROWS_OF_A_LINE, count)
            part = answers if stop - start == count else answers.part(start, stop)
            line.append((moment, part))
            rows += stop - start
            if rows >= _ROWS_OF_A_LINE:
                yield line
                line, rows = [], 0
    if line:
        yield line


class Recording:
    """Records which process answers with which version, what it is asked, and what it answers.

    Args:
        store: The store of the project.
        sample: The share of requests that is recorded, chosen at random.
        inputs: What is kept of the rows: `full`, `hash` (each value as a pseudonym) or `none`. A
            column whose signature says less keeps less.
        buffer_rows: Rows that wait at most; more are dropped and counted.

    Raises:
        Invalid: one of these cannot be used.
    """

    def __init__(
        self,
        store: Store,
        *,
        sample: float = 1.0,
        inputs: Inputs = "full",
        buffer_rows: int = 100_000,
    ) -> None:
        if not 0 <= sample <= 1:
            raise Invalid(f"the share of requests to record is {sample}; expected 0 to 1.")
        if inputs not in INPUTS:
            raise Invalid(f"what is kept of inputs is {inputs!r}; expected {' or '.join(INPUTS)}.")
        self._store = store
        self._sample = sample
        self._inputs = inputs
        self._buffer_rows = buffer_rows
        self._pseudonyms = Pseudonyms(store.layout.pseudonyms)
        self._announced: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, Answers]] = deque()
        self._rows = 0
        self._scheduled = False
        self.recorded = 0  # rows that were taken
        self.dropped = 0  # rows for which there was no room

    def announce(self, version: ModelVersion) -> None:
        """Record that this process answers with a version, so that nobody removes it."""
        self._announced[version.name] += 1
        if self._announced[version.name] == 1:
            writer = self._store.journal.writer
            self._store.append(
                VersionServed(model=version.model, version=version.version, writer=writer)
            )

    def leave(self, version: ModelVersion) -> None:
        """Record that one of those that answered with a version does so no more."""
        self._announced[version.name] -= 1
        if self._announced[version.name] == 0:
            writer = self._store.journal.writer
            self._store.append(
                VersionLeft(model=version.model, version=version.version, writer=writer)
            )

    def note(self, reference: str, what: What, version: int | None = None, **detail: Any) -> None:
        """Add a line to the story of an endpoint."""
        note(self._store, reference, what, version, **detail)

    def record(self, answers: Answers) -> None:
        """Take the answers to one request; they are written soon."""
        if self._sample < 1 and random.random() >= self._sample:  # noqa: S311
            return
        rows = len(answers)
        with self._lock:
            if self._rows + rows > self._buffer_rows:
                self.dropped += rows
                return
            self._waiting.append((now(), answers))
            self._rows += rows
            self.recorded += rows
            if self._scheduled:
                return
            self._scheduled = True
        self._store.background.do(self._write, size=0, seconds=_END_SECONDS, may_be_lost=True)

    def flush(self) -> None:
        """Return when all that was taken is in the journal."""
        self._store.background.wait()

    # -- in the background ----------------------------------------------------------------------

    def _write(self) -> None:
        self._store.background.pause(_GATHER_SECONDS)
        while taken := self._taken():
            for _, group in groupby(taken, key=lambda one: id(one[1].version)):
                self._write_of_one_version(list(group))

    def _taken(self) -> list[tuple[int, Answers]]:
        """Take what fits into a line; nothing is left if it gives nothing."""
        taken: list[tuple[int, Answers]] = []
        rows = 0
        with self._lock:
            while self._waiting and rows < _ROWS_OF_A_LINE:
                taken.append(self._waiting.popleft())
                rows += len(taken[-1][1])
            self._rows -= rows
            self._scheduled = bool(taken)
        return taken

    def _write_of_one_version(self, taken: Sequence[tuple[int, Answers]]) -> None:
        for line in _lines(taken):
            # Of small answers a line is soon made, and to wait for each would cost more.
            large = line[0][1].start is not None
            if large and self._rows < self._buffer_rows * _PATIENT_SHARE:
                give_way()
            self._append(self._event(line))

    def _event(self, taken: Sequence[tuple[int, Answers]]) -> Predictions:
        """Return what is recorded of answers of one version."""
        version = taken[0][1].version
        tables = [answers.table for _, answers in taken]
        table = tables[0] if len(tables) == 1 else Table.joined(tables)
        numbers, texts = self._kept(version.signature, table)
        scored = taken[0][1].scores is not None
        return Predictions(
            model=version.model,
            version=version.version,
            ids=[one for _, answers in taken for one in answers.ids()],
            times=[moment for moment, answers in taken for _ in range(len(answers))],
            inputs=numbers,
            text_inputs=texts,
            answers=[str(one) for _, answers in taken for one in answers.predictions()],
            shares=[one for _, a in taken if a.scores is not None for one in a.scores.tolist()]
            if scored
            else None,
            latencies=[a.latency_us for _, a in taken for _ in range(len(a))],
        )

    def _append(self, event: Predictions) -> None:
        """Append an event, in halves if it is too long for one line; what cannot be is dropped."""
        try:
            self._store.append(event)
        except Invalid:
            rows = len(event.ids)
            if rows == 1:
                with self._lock:
                    self.dropped += 1
                return
            for part in (slice(0, rows // 2), slice(rows // 2, rows)):
                self._append(_part(event, part))

    # -- what is kept of the rows ---------------------------------------------------------------

    def _kept(self, signature: Signature, table: Table) -> tuple[list[Numbers], list[Texts] | None]:
        """Return the numbers and the texts of each row, as far as they may touch the disk."""
        modes = self._modes(signature)
        if modes == {"none"} or (signature.tensor is not None and modes != {"full"}):
            return [[] for _ in range(len(table))], None
        rows = table.numbers_and_texts()
        numbers = [one for one, _ in rows]
        plain = rows[0][1] is None
        if modes == {"full"}:
            return numbers, None if plain else [cast("Texts", one) for _, one in rows]
        texts: list[Texts] = [[None] * len(row) if one is None else list(one) for row, one in rows]
        for place, column in enumerate(signature.columns):
            mode = self._mode(column.recorded)
            if mode == "full":
                continue
            for row, row_texts in zip(numbers, texts, strict=True):
                value = row[place] if row_texts[place] is None else row_texts[place]
                row[place] = row_texts[place] = None
                if mode == "hash" and value is not None:
                    row_texts[place] = self._pseudonyms.of(column.name, str(value))
        return numbers, texts

    def _mode(self, recorded: Inputs) -> Inputs:
        return max(self._inputs, recorded, key=INPUTS.index)

    def _modes(self, signature: Signature) -> set[Literal["full", "hash", "none"]]:
        return {self._mode(one.recorded) for one in signature.columns} or {self._inputs}


def _part(event: Predictions, rows: slice) -> Predictions:
    """Return some rows of an event."""
    return event.replaced(
        ids=event.ids[rows],
        times=event.times[rows],
        inputs=event.inputs[rows],
        text_inputs=None if event.text_inputs is None else event.text_inputs[rows],
        answers=event.answers[rows],
        shares=None if event.shares is None else event.shares[rows],
        latencies=event.latencies[rows],
    )
