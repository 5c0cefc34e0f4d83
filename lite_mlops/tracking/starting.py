"""How a run begins: started anew, resumed after it ended, or joined while it goes on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lite_mlops.errors import Busy, Conflict, Invalid
from lite_mlops.store import Database, Store, Stored, is_id, new_id
from lite_mlops.store.events import RunResumed, RunStarted
from lite_mlops.tracking import context
from lite_mlops.tracking.active import ActiveRun
from lite_mlops.tracking.code import CodeCapture
from lite_mlops.tracking.environment import describe, requirements_text
from lite_mlops.tracking.keys import checked_name
from lite_mlops.tracking.names import run_name
from lite_mlops.tracking.runs import find_id, parts_of

log = logging.getLogger("lite_mlops")

DIFF_PATH = "source/uncommitted.diff"
PACKAGES_PATH = "source/requirements.txt"


class Starter:
    """Starts the runs of a project in this process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._capture_code = CodeCapture()
        self._kept: dict[str, tuple[str, Stored]] = {}  # what was captured last, by path

    def start(
        self,
        experiment: str,
        name: str | None = None,
        *,
        parent: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        note: str | None = None,
        system_metrics: bool | None = None,
        argv: list[str] | None = None,
    ) -> ActiveRun:
        """Start a new run and make it the active one.

        `argv` is the command line to record; default: that of this process.

        Raises:
            Invalid: a name, param, tag or the note cannot be used; no run is started.
        """
        experiment = checked_name(experiment, "experiment name")
        run_id = new_id()
        name = run_name(run_id) if name is None else checked_name(name, "run name")
        run = ActiveRun(self._store, run_id, name, experiment)
        source, files = self._capture(argv)
        with run.held():  # so that a param that is refused leaves no half-started run behind
            run.log_params(params or {})
            run.set_tags(tags or {})
            if note is not None:
                run.set_note(note)
            for path, text in files.items():
                self._keep(run, path, text)
            self._begin(run, parent, source)
        context.enter(run)
        self._watch_system(run, wanted=system_metrics)
        return run

    def _keep(self, run: ActiveRun, path: str, text: str) -> None:
        """Keep a captured file; run after run it is the same, and then it is stored already."""
        known, stored = self._kept.get(path, ("", None))
        if stored is not None and known == text and self._store.objects.refresh(stored.sha256):
            run.artifacts.refer(path, stored)
            return
        stored = run.artifacts.put_bytes(text.encode("utf-8", errors="replace"), path)
        if stored is not None:
            self._kept[path] = (text, stored)

    def _begin(self, run: ActiveRun, parent: str | None, source: dict[str, Any]) -> None:
        self._store.append(
            RunStarted(
                run=run.id,
                experiment=run.experiment,
                name=run.name,
                writer=self._store.journal.writer,
                actor=self._store.settings.who(),
                parent=parent,
                source=source,
            )
        )

    def resume(self, run: str, *, system_metrics: bool | None = None) -> ActiveRun:
        """Go on with a run: one that ended goes on here, one that is going on is joined.

        Who joins only adds to the run; it ends where it began.

        Raises:
            NotFound, Invalid: no run answers to `run`, or several do.
            Conflict: it was deleted.
        """
        try:
            with self._store.reading() as database:
                active = self._known(database, find_id(database, run))
        except Busy as busy:
            if not is_id(run):
                raise
            # A lock never stops training: log to the id as it was given.
            log.warning("Run %s is joined without looking it up: %s", run, busy)
            return self.join(run)
        if not active.joined:
            self._store.append(RunResumed(run=active.id, writer=self._store.journal.writer))
        context.enter(active)
        self._watch_system(active, wanted=system_metrics)
        return active

    def join(self, run_id: str) -> ActiveRun:
        """Log to a run of another process, which ends it; nothing is looked up."""
        if not is_id(run_id):
            raise Invalid(f"{run_id!r} is not the id of a run: 20 hexadecimal digits.")
        run = ActiveRun(self._store, run_id, run_name(run_id), "", joined=True)
        context.enter(run)
        return run

    def _known(self, database: Database, run_id: str) -> ActiveRun:
        row = database.one("one_run", run=run_id)
        assert row is not None
        if row["deleted"]:
            raise Conflict(f"Run {run_id} is deleted; `runs restore` brings it back.")
        parts = parts_of(database, [run_id])[run_id]
        return ActiveRun(
            self._store,
            run_id,
            row["name"],
            row["experiment"],
            joined=row["status"] == "running",
            params=parts.params,
            next_steps={key: metric.step + 1 for key, metric in parts.metrics.items()},
        )

    def _capture(self, argv: list[str] | None) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what is recorded of code and environment, and the files that go with it."""
        settings = self._store.settings
        source: dict[str, Any] = {}
        files: dict[str, str] = {}
        if settings.capture_environment:
            source |= describe(settings, argv)
            files[PACKAGES_PATH] = requirements_text()
        if settings.capture_code:
            code = self._capture_code(_code_folder(argv))
            if code is not None:
                source["git"] = code.to_dict() | {"folder": _below(code.root)}
                if code.diff:
                    files[DIFF_PATH] = code.diff
        return source, files

    def _watch_system(self, run: ActiveRun, *, wanted: bool | None) -> None:
        settings = self._store.settings
        if settings.system_metrics if wanted is None else wanted:
            from lite_mlops.tracking.system import SystemMetrics  # psutil costs 20 ms

            system = SystemMetrics(run.log_metrics, settings.system_metrics_seconds)
            run.at_end(system.stop)


def _below(root: str) -> str | None:
    """Return where the working directory lies below `root`; None if it lies elsewhere."""
    folder, top = Path.cwd().resolve(), Path(root).resolve()
    return folder.relative_to(top).as_posix() if folder.is_relative_to(top) else None


def _code_folder(argv: list[str] | None) -> Path:
    """Return the folder of the script that runs, or the working directory without one."""
    command = sys.argv if argv is None else argv
    script = next((Path(word) for word in command if word.endswith(".py")), None)
    if script is not None and script.is_file():
        return script.resolve().parent
    return Path.cwd()
