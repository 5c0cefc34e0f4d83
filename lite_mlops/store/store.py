"""The store: what the rest of the package sees of journal, fold, lock and database.

store = Store(folder, Settings())
store.append(Note(run=run_id, text="warm start"))      # a fact: never waits
with store.reading() as database:                       # sees all that was logged before
    database.one("run", run=run_id)
with store.deciding() as decisions:                     # alone, on the newest state
    decisions.record(RunDeleted(run=run_id, reason="a typo"))
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from lite_mlops.errors import Denied, LiteMlopsError, NotFound
from lite_mlops.settings import Settings
from lite_mlops.store.background import Background
from lite_mlops.store.clock import new_id
from lite_mlops.store.database import (
    Database,
    HeldElsewhere,
    NotWritten,
    Unreadable,
    attached,
    nothing_attached,
)
from lite_mlops.store.events import Decision, Event
from lite_mlops.store.filelock import ProjectLock, held_if_free
from lite_mlops.store.fold import Folded, fold
from lite_mlops.store.intake import BATCH_BYTES, Place, any_gone, sizes, take_in
from lite_mlops.store.journal import Journal
from lite_mlops.store.layout import Layout
from lite_mlops.store.migrations import migrate, pending
from lite_mlops.store.objects import Objects

log = logging.getLogger("lite_mlops")

_MB = 1_000_000
_HELD_POLL_SECONDS = 0.05
D = TypeVar("D", bound=Decision)


class Decisions:
    """The project held alone, on its newest state: look, decide, record."""

    def __init__(self, store: Store, database: Database) -> None:
        self.database = database
        self._store = store
        self.recorded = 0
        self.time = 0  # of the first one, in microseconds since 1970

    def record(self, decision: D) -> D:
        """Number a decision and write it durably; it is folded before the lock is given back."""
        (numbered,) = self._numbered(decision)
        self._write([numbered])
        return numbered

    def record_together(self, *decisions: Decision, facts: Sequence[Event] = ()) -> None:
        """Record decisions, and facts, of which none is to stand without the others.

        That is so whenever we die.
        """
        self._write(self._numbered(*decisions), facts)

    def _write(self, decisions: Sequence[Decision], facts: Sequence[Event] = ()) -> None:
        events = (*decisions, *facts)
        at = self._store.journal.append_durably(*(event.body() for event in events))
        self.time = self.time or at
        self.recorded += len(decisions)

    def _numbered(self, *decisions: D) -> list[D]:
        last = (self.database.value("last_decision") or 0) + self.recorded
        return [
            decision.replaced(decision=number, actor=self._store.settings.who())
            for number, decision in enumerate(decisions, start=last + 1)
        ]

    def settle(self) -> None:
        """Fold what was recorded now, so that the database shows it."""
        if self.recorded:
            self._store.fold_batch(self.database)
            self.recorded = 0


class Store:
    """One project on disk, shared with any number of other processes."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.layout = Layout(folder)
        self.settings = settings
        self.objects = Objects(self.layout.objects, make_folder=self.layout.make)
        self.journal = Journal(
            self.layout.journal,
            durability=settings.durability,
            backlog_mb=settings.backlog_mb,
            rotate_mb=settings.rotate_mb,
            make_folder=self.layout.make,
        )
        self.background = Background()
        self._lock = ProjectLock(folder)
        self._folded_sizes: dict[str, int] | None = None  # of the journals, when last folded
        self._checked: tuple[int, int] | None = None  # identity of the file whose schema is right
        self._told_space = False
        self._overfull = False
        self._protecting = False  # making a backup folds and reads as well
        self._inside = threading.local()

    def append(self, event: Event) -> int:
        """Append a fact to the journal and return its time; never waits and never fails."""
        return self.journal.append(event.body())

    def append_together(self, events: Sequence[Event]) -> None:
        """Append facts durably, all of them or none, whenever this process dies.

        Raises:
            Denied: the journal cannot be written to.
        """
        self.journal.append_durably(*(event.body() for event in events))

    def close(self) -> None:
        """Write what waits and let the journal go, as the end of the process does."""
        self.background.wait()
        self.journal.close()

    # -- reading --------------------------------------------------------------------------------

    @contextmanager
    def reading(self, *, folded: bool = False) -> Iterator[Database]:
        """Hold the database for reading; it shows everything that was logged before.

        Keep it short: fetch, leave, then work. Within `deciding` it is the same database. With
        `folded` it shows what was folded until now, which all decisions are: that is cheaper for
        who asks again and again while much is logged.

        Raises:
            NotFound: there is no project yet.
            Busy: another process holds the project or its file longer than `wait_seconds`.
        """
        if (database := getattr(self._inside, "database", None)) is not None:
            yield database
            return
        if not self.layout.folder.is_dir():
            raise NotFound(
                f"There is no project in {self.layout.folder.parent} yet: `lite-mlops init` makes "
                "one, and so does the first run that is logged."
            )
        with ExitStack() as stack:
            attempt = self._try_reading_folded if folded else self._try_reading
            yield self._marked(stack, self._enter(stack, attempt))
        self._keep_in_bounds()

    def _try_reading(self, stack: ExitStack) -> Database:
        if not (self._is_folded() and self._is_current()):
            try:
                database = self._try_folding(stack)
            except NotWritten as error:
                if not self.layout.database.exists():
                    raise
                self._tell_space(str(error))  # and show what was folded before
            else:
                if database is not None:
                    return database
        return self._attached_for_reading(stack)

    def _try_reading_folded(self, stack: ExitStack) -> Database:
        return self._attached_for_reading(stack) if self._is_current() else self._try_reading(stack)

    def _attached_for_reading(self, stack: ExitStack) -> Database:
        stack.enter_context(self._lock.shared("reading", self.settings.wait_seconds))
        return stack.enter_context(attached(self.layout.database, self.settings, read_only=True))

    def _marked(self, stack: ExitStack, database: Database) -> Database:
        self._inside.database = database
        stack.callback(setattr, self._inside, "database", None)
        return database

    def _enter(self, stack: ExitStack, attempt: Callable[[ExitStack], Database]) -> Database:
        """Enter the database by `attempt`, again and again while another program has its file."""
        self.background.wait()
        deadline = time.monotonic() + self.settings.wait_seconds
        while True:
            with ExitStack() as entered:
                try:
                    database = attempt(entered)
                except HeldElsewhere:
                    if time.monotonic() >= deadline:
                        raise
                else:
                    stack.push(entered.pop_all())
                    return database
            time.sleep(_HELD_POLL_SECONDS)

    # -- deciding -------------------------------------------------------------------------------

    @contextmanager
    def deciding(self) -> Iterator[Decisions]:
        """Hold the project alone, with everything folded; what is recorded is folded at the end.

        Raises:
            Busy: another process holds the project or its file longer than `wait_seconds`.
            Denied: there is no space to record a decision.
        """
        with ExitStack() as stack:
            database = self._marked(stack, self._enter(stack, self._try_deciding))
            decisions = Decisions(self, database)
            try:
                yield decisions
            finally:
                decisions.settle()

    def _try_deciding(self, stack: ExitStack) -> Database:
        database = self._try_folding(stack)
        if database is None:
            raise Denied(
                f"The disk of {self.layout.folder} is nearly full: decisions wait until there is "
                f"more than {self.settings.free_space_mb:g} MB. What is logged is kept."
            )
        return database

    @contextmanager
    def alone(self, purpose: str) -> Iterator[None]:
        """Hold the project alone without entering its database, to replace files.

        Raises:
            Busy: another process holds the project longer than `wait_seconds`.
        """
        with self._lock.exclusive(purpose, self.settings.wait_seconds), nothing_attached():
            try:
                yield
            finally:
                self._checked = self._folded_sizes = None

    def copy_database(self, target: Layout) -> None:
        """Copy the database file, with everything folded that was logged until now."""
        self.fold()
        wait = self.settings.wait_seconds
        with self._lock.shared("copying the database", wait), nothing_attached():
            shutil.copyfile(self.layout.database, target.database)
            if self.layout.wal.exists():  # someone died since the fold; it belongs to the file
                shutil.copyfile(self.layout.wal, target.wal)

    # -- folding --------------------------------------------------------------------------------

    def fold(self) -> None:
        """Fold everything that was logged until now.

        Raises:
            Busy: another process holds the project or its file longer than `wait_seconds`.
            Denied: there is no space to fold.
        """
        with ExitStack() as stack:
            self._enter(stack, self._try_deciding)
        self._keep_in_bounds()

    def state(self) -> Hashable:
        """Return what changes with everything that is logged, decided or restored.

        It costs some 50 microseconds. What was read of the database under one state is still so
        under the same state.
        """
        file = self.folded_state()
        journals = tuple(sorted(sizes(self.layout.journal).items()))
        return None if file is None else (file, journals)

    def folded_state(self) -> Hashable:
        """Return what changes with everything that is folded, decided or restored.

        It costs some 2 microseconds; decisions are folded when they are made.
        """
        try:
            status = os.stat(self.layout.database)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size

    @property
    def file(self) -> tuple[int, int] | None:
        """Which file the database is now: another one after a restore or compaction, None: none."""
        try:
            status = os.stat(self.layout.database)
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    @property
    def unfolded_bytes(self) -> int:
        """How much was written to the journals since a fold that this process knows of."""
        before = self._folded_sizes or {}
        return sum(size - before.get(name, 0) for name, size in sizes(self.layout.journal).items())

    def _is_folded(self) -> bool:
        """Return whether nothing was logged and nobody died since the last fold."""
        folder = self.layout.journal
        return sizes(folder) == self._folded_sizes and not any_gone(folder, self.journal.writer)

    def _is_current(self) -> bool:
        """Return whether the file at hand is one whose schema was found right."""
        file = self.file
        return file is not None and self._checked == file

    def _has_space(self, batch: int) -> bool:
        free = shutil.disk_usage(self.layout.folder).free
        # The lines are staged, and their rows are written twice: to the log and to the file.
        enough = free >= self.settings.free_space_mb * _MB + 3 * batch
        if enough:
            self._told_space = False
        else:
            self._tell_space(f"Only {free // _MB} MB are free for {self.layout.folder}.")
        return enough

    def _tell_space(self, why: str) -> None:
        if not self._told_space:
            self._told_space = True
            log.warning(
                "%s What is logged stays in the journal and is shown when there is space.", why
            )

    def _try_folding(self, stack: ExitStack) -> Database | None:
        """Enter the database alone and fold everything; None if there is no space for it."""
        try:
            self.layout.make()
        except OSError as error:
            raise Denied(
                f"{self.layout.folder} cannot be written to ({error.strerror}). What is logged "
                "meanwhile is kept in memory."
            ) from None
        while True:
            with ExitStack() as entered:
                waiting = sum(sizes(self.layout.journal).values())
                if not self._has_space(min(waiting, BATCH_BYTES)) and self.layout.database.exists():
                    return None
                entered.enter_context(self._lock.exclusive("folding", self.settings.wait_seconds))
                known = self._is_folded() and self._is_current()
                self._make_current()
                finished: list[Path] = []
                entered.callback(self._put_away, finished)
                database = entered.enter_context(attached(self.layout.database, self.settings))
                folded = None if known else self.fold_batch(database)
                if folded is not None:
                    finished.extend(folded.finished)
                if folded is None or not folded.more:
                    stack.push(entered.pop_all())
                    return database
            # Others get their turn between two batches.

    def fold_batch(self, database: Database) -> Folded:
        """Fold the next piece of what was logged; the project is held alone."""
        seen = sizes(self.layout.journal)
        rows = database.dicts("journal_places", names=list(seen))
        places = {row["name"]: Place.from_row(row) for row in rows}
        readings = take_in([self.layout.journal], places, self.journal.writer)
        folded = fold(database, readings, self.layout.tmp)
        self._folded_sizes = None if folded.more else seen
        return folded

    def _put_away(self, finished: list[Path]) -> None:
        """Move journals that are folded to their end; only after the database was detached."""
        for path in finished:
            try:
                os.replace(path, self.layout.folded / path.name)
            except FileNotFoundError:  # already put away by a process that died right after
                continue
            if self._folded_sizes is not None:
                self._folded_sizes.pop(path.name, None)
        if finished:
            kept = sum(sizes(self.layout.folded).values())
            self._overfull = kept > self.settings.keep_journals_mb * _MB

    def _keep_in_bounds(self) -> None:
        """Have a backup replace the kept journals when there are more than the settings allow."""
        if not self._overfull or self._protecting:
            return
        self._overfull, self._protecting = False, True
        try:
            with held_if_free(self.layout.protecting) as free:
                if free:  # else another process is at it
                    from lite_mlops.store.backup import protect

                    protect(self)
        except (LiteMlopsError, OSError) as error:
            # They simply stay; whoever was reading has no part in it.
            folder = self.layout.folded
            log.warning("The journals kept in %s could not be replaced: %s", folder, error)
        finally:
            self._protecting = False

    def _make_current(self) -> None:
        """Make the database file, or bring its schema up to date; the lock is held."""
        path = self.layout.database
        if self._is_current():
            return
        if not path.exists():
            if self.layout.has_remains():
                raise Unreadable(
                    f"{path} is missing, although it was there before. Put it back, or run "
                    "`lite-mlops doctor --repair`: it rebuilds it from backups and kept journals."
                )
            # Made aside and renamed, so that nobody ever meets half a database.
            aside = self.layout.tmp / f"{new_id()}.duckdb"
            make_database(aside, self.settings)
            os.chmod(aside, 0o600)
            os.replace(aside, path)
        with attached(path, self.settings, read_only=True) as database:
            missing = pending(database)
        if missing:
            self.layout.backups.mkdir(mode=0o700, exist_ok=True)
            shutil.copy(path, self.layout.backups / f"before-{missing[0]}.duckdb")
            with attached(path, self.settings) as database:
                migrate(database)
        self._checked = self.file


def make_database(path: Path, settings: Settings) -> None:
    """Make a database file with the present schema and nothing in it."""
    with attached(path, settings, create=True) as database:
        migrate(database)


_open_stores: weakref.WeakValueDictionary[tuple[Path, Settings], Store] = (
    weakref.WeakValueDictionary()
)


def open_store(folder: Path, settings: Settings) -> Store:
    """Return the store of a folder; within one process it is the same for the same settings."""
    key = (folder.absolute(), settings)
    store = _open_stores.get(key)
    if store is None:
        store = _open_stores.setdefault(key, Store(*key))
    return store


@cache
def kept_store(folder: Path, settings: Settings) -> Store:
    """Return the store of a folder, kept for good; so all tasks of a worker share one journal."""
    return open_store(folder, settings)
