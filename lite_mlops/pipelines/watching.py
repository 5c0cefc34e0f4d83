"""Watching: whenever inputs or code change, what has to run does.

    Watch(project.pipelines, "flow.py:churn", tell=print).run()

A change that is noticed only wakes the watch: it waits until nothing changes any more, and then has
the pipeline run in a process of its own, which finds by content what has to run. So a change is
dealt with once, however it was noticed, and also if the watch was killed meanwhile; and what
happened while there was no watch is dealt with when it starts. Notices that the system lost (its
queue overflowed) only cost time: it is said so, and everything is looked at.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.pipelines.commands import Command
from lite_mlops.pipelines.interrupting import terminable
from lite_mlops.pipelines.pipelines import Pipelines, is_file
from lite_mlops.pipelines.steps import is_pattern, pattern_folder
from lite_mlops.settings import environment_for_child

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler

# Not worth a look: what we, Python and git write by themselves.
_IGNORED = frozenset({".lite-mlops", "__pycache__", ".git", ".ipynb_checkpoints"})
_LONGEST_SECONDS = 20.0  # of changes without a pause, after which it runs all the same
_BUSY_SECONDS = 1.0
_BUSY = 5  # exit code
_OPENED_ONLY = ("opened", "closed_no_write")
_OVERFLOW = "overflow"


Pending = frozenset[tuple[str, str, str]]


class Wakes(logging.Handler):
    """What woke the watch: files that changed, and words of the notifier that it lost some."""

    def __init__(self, root: Path) -> None:
        super().__init__(logging.WARNING)
        self._root = root
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take in what the notifier noticed."""
        if event.event_type in _OPENED_ONLY:  # as reading them, which we do ourselves
            return
        for text in (event.src_path, event.dest_path):
            path = Path(
                text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text
            )
            if text and self._counts(path, is_directory=event.is_directory):
                self._queue.put(str(path))

    def _counts(self, path: Path, *, is_directory: bool) -> bool:
        if is_directory:  # a new one may have to be watched; else what lies in it is told as well
            return path.parent == self._root and path.name not in _IGNORED
        parts = path.relative_to(self._root).parts if path.is_relative_to(self._root) else ()
        hidden = path.name.startswith(".") and path.name.endswith("-step")  # outputs that wait
        return not hidden and _IGNORED.isdisjoint(parts or path.parts)

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a warning of the notifier."""
        if _OVERFLOW in record.getMessage().lower():
            self._queue.put(f"({_OVERFLOW})")

    def wait(self, seconds: float) -> str | None:
        """Return what woke us, or None after so many seconds."""
        try:
            return self._queue.get(timeout=max(seconds, 0))
        except queue.Empty:
            return None


class Watch:
    """Watches what a pipeline depends on, and has it run.

    Args:
        pipelines: Those of the project.
        what: Which pipeline, as for `Pipelines.graph`.
        targets: Only these steps and those that they stand on.
        params: As for `Pipelines.run`.
        jobs: As for `Pipelines.run`.
        quiet_seconds: How long nothing may change before the steps run.
        rescan_seconds: How often to look at everything, whatever was noticed.
        tell: Called with what happens, and with what steps print.
    """

    def __init__(
        self,
        pipelines: Pipelines,
        what: str | None = None,
        *,
        targets: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        jobs: int | None = None,
        quiet_seconds: float = 0.3,
        rescan_seconds: float = 30.0,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._pipelines, self._what, self._params = pipelines, what, params
        self._targets = targets
        self._graph = pipelines.graph(what, params=params)
        self._graph.order(targets)
        self._words = pipelines.words(what, targets=targets, params=params, jobs=jobs)
        self._quiet, self._rescan, self._tell = quiet_seconds, rescan_seconds, tell
        self.wakes = Wakes(self._graph.root.resolve())
        self._observer: Any = None
        self._folders_watched: dict[Path, tuple[int, Any]] = {}
        self._told_limit = False

    def run(self, times: int | None = None) -> None:
        """Watch until interrupted, or until steps ran so many times."""
        given_up: Pending = frozenset()
        with terminable(), self._watched():
            self._tell(f"Watching {self._graph.root}.")
            left, told = times, False
            while left is None or left > 0:
                self._watch_new_folders()
                pending = self._pending()
                if not pending or pending == given_up:
                    self._settled(told=told)
                    told = True
                    continue
                told = False
                if self._one_run() and left is not None:
                    left -= 1
                # What is as it was before was tried, and is not tried again before it changes.
                given_up = pending if self._pending() == pending else frozenset()

    def _pending(self) -> Pending:
        """Return the steps that have something to do, each with what decides on it."""
        try:
            found = self._statuses()
        except LiteMlopsError as error:
            self._tell(str(error))
            return frozenset()
        return frozenset(
            (one["step"], one["state"], one["key"] or "; ".join(one["reasons"]))
            for one in found
            if one["state"] in ("run", "restore")
        )

    def _statuses(self) -> list[dict[str, Any]]:
        if not is_file(self._what):
            found = self._pipelines.status(self._what, targets=self._targets, params=self._params)
            return [one.to_dict() for one in found]
        # What a function is at present is only known to a process that loads it anew.
        words = self._pipelines.words(self._what, targets=self._targets, params=self._params)
        words[words.index("run")] = "status"
        done = subprocess.run(
            [*words, "--json"],
            env=environment_for_child(self._pipelines.project_folder, None),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Invalid(f"{self._what} cannot be loaded:\n{done.stderr.strip()}")
        statuses: list[dict[str, Any]] = json.loads(done.stdout)
        return statuses

    def _settled(self, *, told: bool) -> None:
        """Wait until something changed and then nothing any more, or until it is time to look."""
        if not told:
            self._tell("Waiting for changes.")
        woken = self.wakes.wait(self._rescan)
        if woken is None:
            return
        until = time.monotonic() + _LONGEST_SECONDS
        while self._quiet and time.monotonic() < until:
            if self.wakes.wait(self._quiet) is None:
                break
        if _OVERFLOW in woken:
            self._tell("Some changes were not noticed one by one; everything is looked at.")

    def _one_run(self) -> bool:
        """Have the pipeline run in a process of its own; return whether that ran any step."""
        ran = False

        def told(line: str) -> None:
            nonlocal ran
            ran = ran or " runs: " in line
            self._tell(line)

        code = _BUSY
        while code == _BUSY:
            code = self._carried_out(told)
            if code == _BUSY:  # a step that outlived a watch that was killed, or someone else
                self.wakes.wait(_BUSY_SECONDS)
        if code:
            self._tell("It did not end well; the next change is waited for.")
        return ran

    def _carried_out(self, told: Callable[[str], None]) -> int:
        from tempfile import TemporaryDirectory

        folder = self._pipelines.project_folder
        with TemporaryDirectory(prefix="lite-mlops-") as place:
            command = Command(
                self._words,
                Path.cwd(),
                environment_for_child(folder, None),
                Path(place) / "output.log",
                show=told,
            )
            try:
                return command.wait()
            except BaseException:
                command.ask()  # it cleans up by itself
                raise

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Have the system notify of changes below the root and of inputs elsewhere."""
        from watchdog.observers import Observer  # threads, and what the system offers

        logger = logging.getLogger("watchdog")
        propagate, logger.propagate = logger.propagate, False
        logger.addHandler(self.wakes)
        self._observer = Observer()
        self._observer.start()
        try:
            with warnings.catch_warnings():
                # A folder that appears just when its parent is looked through is found twice.
                warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
                yield
        finally:
            self._observer.stop()
            self._observer.join()
            logger.removeHandler(self.wakes)
            logger.propagate = propagate

    def _watch_new_folders(self) -> None:
        """Watch the folders that are not watched yet.

        The root is watched folder by folder, because what is logged to the project would wake us
        all the time.
        """
        for folder, deep in self._folders():
            try:
                inode = folder.stat().st_ino
                if self._folders_watched.get(folder, (inode, None))[0] != inode:  # made anew
                    self._observer.unschedule(self._folders_watched.pop(folder)[1])
                if folder not in self._folders_watched:
                    handler = cast("FileSystemEventHandler", self.wakes)
                    watch = self._observer.schedule(handler, str(folder), recursive=deep)
                    self._folders_watched[folder] = (inode, watch)
            except (FileNotFoundError, KeyError):  # it is gone again
                continue
            except OSError as error:  # the system allows no more of them
                if not self._told_limit:
                    self._tell(
                        f"Changes in {folder} cannot be noticed at once ({error.strerror}); "
                        f"everything is looked at every {self._rescan:g} seconds."
                    )
                self._told_limit = True

    def _folders(self) -> Iterator[tuple[Path, bool]]:
        """Yield the folders to watch, each with whether all below it is meant."""
        root = self._graph.root.resolve()
        yield root, False
        for entry in os.scandir(root):
            if entry.is_dir(follow_symlinks=False) and entry.name not in _IGNORED:
                yield Path(entry.path), True
        for step in self._graph.steps.values():
            for path in step.inputs:
                place = (root / (pattern_folder(path) if is_pattern(path) else path)).resolve()
                if not place.is_relative_to(root):
                    yield (place, True) if place.is_dir() else (place.parent, False)
