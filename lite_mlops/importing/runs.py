"""Runs that were logged elsewhere: each becomes a run of this project with its own times, once.

    runs = PastRuns(store, told)
    runs.add(run, runs.here([run.id]).get(run.id), history, files)
    runs.close()

The id of such a run follows from its id elsewhere. One that is here already only gets what it has
not: points, params, tags, files, its end. What was changed here since then stays.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lite_mlops.errors import Damaged, Invalid, LiteMlopsError
from lite_mlops.importing.copying import copy_file
from lite_mlops.importing.told import Told
from lite_mlops.store import PastJournal, Store, Stored
from lite_mlops.store.events import (
    Artifact,
    Event,
    Metric,
    Note,
    Params,
    RunDeleted,
    RunEnded,
    RunRestored,
    RunStarted,
    Tags,
)
from lite_mlops.tracking import media_type

_JOURNAL_BYTES = 8_000_000  # after so many a journal is published
_JOURNAL_SECONDS = 60.0  # or after so long: what files it refers to must not be taken for garbage
_KEYS = 200  # params or tags of one event
_SLACK = 1_000_000  # microseconds in which a tag counts as imported, see `_set_here`
_TIMES = range(-62_135_596_800_000_000, 253_402_300_800_000_000)  # the years 1 to 9999
_STEPS = range(-(2**63), 2**63)

_OF_A_ROW = {"status", "deleted", "decision", "reason", "note", "note_at"}

Point = tuple[int, int, float]  # step, microseconds since 1970 UTC, value


@dataclass(frozen=True)
class PastRun:
    """A run as it was elsewhere; times in microseconds since 1970 UTC."""

    id: str
    label: str  # how it is called where something has to be told
    experiment: str
    name: str
    started: int
    ended: int | None
    status: str | None  # finished, failed or killed; None: it had not ended
    actor: str
    deleted: bool
    parent: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None


class History(Protocol):
    """The metrics of a run where it comes from."""

    def counts(self) -> Mapping[str, int]:
        """Return how many points each metric has."""

    def points(self, key: str | None = None) -> Iterator[tuple[str, Point]]:
        """Yield the points of all metrics, or of one."""


@dataclass(frozen=True)
class PastFile:
    """A file of a run: where it belongs, and the file or the bytes that it is."""

    path: str
    source: Path | bytes
    size: int
    changed: float  # seconds since 1970


@dataclass
class RunHere:
    """What is here already of a run."""

    status: str = "crashed"
    deleted: bool = False
    decision: int | None = None  # the last one to put it away or bring it back
    reason: str | None = None  # of that decision
    note: str | None = None
    note_at: int | None = None
    params: set[str] = field(default_factory=set)
    tags: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    files: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # SHA-256, size, time


@dataclass
class Counts:
    """How much was imported."""

    new_runs: int = 0
    grown_runs: int = 0
    same_runs: int = 0
    points: int = 0
    files: int = 0
    bytes: int = 0


def _moment(run: PastRun, moment: int) -> int:
    """Return the time of a point, or that of the run if it is impossible."""
    return moment if moment in _TIMES else run.started


def _value(number: float) -> str:
    return repr(number) if math.isfinite(number) else json.dumps(number)


def _same(value: float) -> float | str:
    """Return a value that equals itself, as NaN does not."""
    return value if value == value else "nan"


def _set_here(run: PastRun, moment: int | None) -> bool:
    """Return whether somebody set this here: what is imported has the time of the run's start."""
    return moment is not None and moment > run.started + _SLACK


class PastRuns:
    """Adds runs to a project, a batch of them at a time."""

    def __init__(self, store: Store, told: Told, reason: str, *, dry_run: bool = False) -> None:
        self.counts = Counts()
        self._store = store
        self._told = told
        self._reason = reason
        self._dry_run = dry_run
        self._seen: set[str] = set()
        self._decisions: list[RunDeleted | RunRestored] = []
        self._journal: PastJournal | None = None
        self._opened = 0.0

    # -- questions ------------------------------------------------------------------------------

    def here(self, ids: Sequence[str]) -> dict[str, RunHere]:
        """Return what is here already of these runs, by id; nothing of those that are not."""
        if not self._store.layout.folder.is_dir():
            return {}
        with self._store.reading() as database:
            runs = database.dicts("runs_here", runs=list(ids))
            if not runs:
                return {}
            known = [row["run_id"] for row in runs]
            params = database.rows("params_here", runs=known)
            tags = database.rows("tags_here", runs=known)
            points = database.rows("points_here", runs=known)
            files = database.rows("files_here", runs=known)
        found = {
            row["run_id"]: RunHere(
                **{name: value for name, value in row.items() if name in _OF_A_ROW}
            )
            for row in runs
        }
        for run, key in params:
            found[run].params.add(key)
        for run, key, value, moment in tags:
            found[run].tags[key] = value, moment
        for run, key, count in points:
            found[run].points[key] = count
        for run, path, *about in files:
            found[run].files[path] = (*about,)
        return found

    def purged(self, ids: Sequence[str]) -> set[str]:
        """Return those of these runs that were purged here, which do not come back."""
        if not self._store.layout.folder.is_dir():
            return set()
        with self._store.reading() as database:
            return {run for (run,) in database.rows("purged_here", runs=list(ids))}

    # -- adding ---------------------------------------------------------------------------------

    def add(
        self, run: PastRun, here: RunHere | None, history: History, files: Iterable[PastFile]
    ) -> None:
        """Add all of a run, or nothing of it; what keeps it from being added is told."""
        if run.id in self._seen:
            self._told.add("Left out, because it comes twice", run.label)
            return
        self._seen.add(run.id)
        before = Counts(**vars(self.counts))
        try:
            if self._dry_run:
                grown = self._look(run, here, history, files)
            else:
                grown = self._write(run, here, history, files)
        except (Invalid, Damaged) as error:
            self.counts = before
            self._told.add(f"Left out, because {str(error).rstrip('.')}", run.label)
            return
        if here is None:
            self.counts.new_runs += 1
        elif grown:
            self.counts.grown_runs += 1
        else:
            self.counts.same_runs += 1
        self._decide(run, here)
        if self._journal is not None and (
            self._journal.size > _JOURNAL_BYTES
            or time.monotonic() - self._opened > _JOURNAL_SECONDS
        ):
            self._publish()

    def _look(
        self, run: PastRun, here: RunHere | None, history: History, files: Iterable[PastFile]
    ) -> bool:
        """Count what would be added of a run."""
        known = {} if here is None else here.points
        points = sum(max(n - known.get(key, 0), 0) for key, n in history.counts().items())
        self.counts.points += points
        added = [one for one in files if here is None or not self._unchanged(one, here)]
        self.counts.files += len(added)
        self.counts.bytes += sum(one.size for one in added)
        return bool(points or added or (here is not None and [*_facts(run, here)]))

    def _write(
        self, run: PastRun, here: RunHere | None, history: History, files: Iterable[PastFile]
    ) -> bool:
        artifacts = list(self._keep(run, here, files))
        journal = self._open()
        with journal.whole():
            if here is None:
                started = RunStarted(
                    run=run.id,
                    experiment=run.experiment,
                    name=run.name,
                    writer=journal.writer,
                    actor=run.actor,
                    parent=run.parent,
                    source=dict(run.source) or None,
                )
                journal.append(run.started, started.body())
                facts = list(_facts(run, RunHere()))
            else:
                facts = list(_facts(run, here))
            for moment, event in (*facts, *artifacts):
                journal.append(moment, event.body())
            points = self._write_points(journal, run, here, history)
        self.counts.points += points
        return bool(points or artifacts or facts)

    def _write_points(
        self, journal: PastJournal, run: PastRun, here: RunHere | None, history: History
    ) -> int:
        """Write the points that are not here yet; return how many."""
        heads: dict[str, str] = {}
        count = 0
        for key, (step, moment, value) in self._new_points(run, here, history):
            if step not in _STEPS:
                raise Invalid(f"the step {step} of metric {key!r} does not fit into 64 bits")
            head = heads.get(key) or heads.setdefault(key, Metric.prefix(run.id, key))
            journal.append(_moment(run, moment), f'{head}{step},"value":{_value(value)}')
            count += 1
        return count

    def _new_points(
        self, run: PastRun, here: RunHere | None, history: History
    ) -> Iterator[tuple[str, Point]]:
        if here is None:
            yield from history.points()
            return
        for key, count in history.counts().items():
            if count == here.points.get(key, 0):
                continue
            with self._store.reading() as database:
                rows = database.rows("history_here", run=run.id, key=key)
            known = Counter((step, moment, _same(value)) for step, moment, value in rows)
            for name, (step, moment, value) in history.points(key):
                point = step, _moment(run, moment), _same(value)
                if known[point] > 0:
                    known[point] -= 1
                else:
                    yield name, (step, moment, value)

    def _keep(
        self, run: PastRun, here: RunHere | None, files: Iterable[PastFile]
    ) -> Iterator[tuple[int, Event]]:
        """Store the files that are new or were changed, and yield what refers to them."""
        for file in files:
            if here is not None and self._unchanged(file, here):
                continue
            try:
                stored: Stored = copy_file(self._store.objects, file.source)
            except LiteMlopsError as error:
                self._told.add(str(error), f"{file.path} of {run.label}")
                continue
            known = None if here is None else here.files.get(file.path)
            if known is not None and known[0] == stored.sha256:
                continue
            self.counts.files += 1
            self.counts.bytes += stored.size
            yield (
                run.started if known is None else known[2] + 1,
                Artifact(
                    run=run.id,
                    path=file.path,
                    sha256=stored.sha256,
                    size=stored.size,
                    media=media_type(file.path),
                ),
            )

    def _unchanged(self, file: PastFile, here: RunHere) -> bool:
        """Return whether a file is the one that is here: as long, and older than its copy."""
        if (known := here.files.get(file.path)) is None or known[1] != file.size:
            return False
        try:
            return self._store.objects.path(known[0]).stat().st_mtime > file.changed
        except FileNotFoundError:
            return False

    def _decide(self, run: PastRun, here: RunHere | None) -> None:
        """Have a run put away or brought back, unless somebody decided otherwise here."""
        if run.deleted and (here is None or (here.decision is None and not here.deleted)):
            self._decisions.append(RunDeleted(run=run.id, reason=self._reason))
        elif not run.deleted and here is not None and here.deleted and here.reason == self._reason:
            self._decisions.append(RunRestored(run=run.id, reason=self._reason))

    # -- the journal ----------------------------------------------------------------------------

    def _open(self) -> PastJournal:
        if self._journal is None:
            self._journal = PastJournal(self._store.layout)
            self._opened = time.monotonic()
        return self._journal

    def _publish(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.publish()
            self._store.fold()

    def close(self) -> None:
        """Publish what waits, and decide about the runs that were put away or brought back."""
        self._publish()
        if self._decisions and not self._dry_run:
            with self._store.deciding() as decisions:
                for decision in self._decisions:
                    decisions.record(decision)
        self._decisions.clear()

    def discard(self) -> None:
        """Leave out what was not published yet."""
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.discard()


def _facts(run: PastRun, here: RunHere) -> Iterator[tuple[int, Event]]:
    """Yield the params, tags, note and end that are not here yet, each with its time."""
    params = [(key, text) for key, text in run.params.items() if key not in here.params]
    for start in range(0, len(params), _KEYS):
        keys, texts = zip(*params[start : start + _KEYS], strict=True)
        yield run.started, Params(run=run.id, keys=list(keys), texts=list(texts))
    tags = [(key, text) for key, text in run.tags.items() if key not in here.tags]
    for start in range(0, len(tags), _KEYS):
        names, values = zip(*tags[start : start + _KEYS], strict=True)
        yield run.started, Tags(run=run.id, keys=list(names), texts=list(values))
    for key, text in run.tags.items():
        known = here.tags.get(key)
        if known is not None and known[0] != text and not _set_here(run, known[1]):
            yield known[1] + 1, Tags(run=run.id, keys=[key], texts=[text])
    if run.note is not None and run.note != here.note and not _set_here(run, here.note_at):
        moment = run.started if here.note_at is None else here.note_at + 1
        yield moment, Note(run=run.id, text=run.note)
    if run.status is not None and here.status == "crashed":
        # After its start, even if it was over within the same millisecond.
        ended = run.started if run.ended is None else run.ended
        yield max(ended, run.started + 1), RunEnded(run=run.id, status=run.status)
