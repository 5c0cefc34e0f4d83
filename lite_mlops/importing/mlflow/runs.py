"""The runs of an MLflow store, as runs of this project.

| there | here |
| --- | --- |
| run | a run with its times, user, git commit and parent; `tags.mlflow.run_id` is its id there |
| metric, param, tag, note | the same; what looks like a secret is masked as when it is logged |
| RUNNING | crashed, until a later import finds its end |
| data that a run used | the tag `mlflow.dataset.<context>.<name>`: a digest of MLflow is no hash |
| logged model | files of its run, in a folder of its name |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.importing.copying import files_below
from lite_mlops.importing.fitting import fitting_name, fitting_text
from lite_mlops.importing.mlflow.contents import Contents, fitting_texts, id_of
from lite_mlops.importing.mlflow.flavors import read_model
from lite_mlops.importing.mlflow.values import MlflowRun, Point, Reader
from lite_mlops.importing.runs import PastFile, PastRun, PastRuns
from lite_mlops.importing.told import Told
from lite_mlops.security import mask_text
from lite_mlops.tracking.keys import MAX_NOTE, MAX_PARAM, MAX_TAG, checked_path

_PARENT = "mlflow.parentRunId"
_NOTE = "mlflow.note.content"
# Tags of MLflow for which there is a place of their own here.
_PLACED = {
    "mlflow.runName",
    "mlflow.user",
    _NOTE,
    "mlflow.source.name",
    "mlflow.source.type",
    "mlflow.source.git.commit",
    "mlflow.source.git.branch",
    "mlflow.source.git.repoURL",
}

Progress = Callable[[int, int], None]  # runs and versions done, and in all


class _History:
    """The metrics of one run in the store."""

    def __init__(self, reader: Reader, run: str, label: str, told: Told) -> None:
        self._reader = reader
        self._run = run
        self._label = label
        self._told = told
        self._names: dict[str, str] = {}  # the names here, by those there

    def _name(self, key: str) -> str:
        if key not in self._names:
            self._names[key] = fitting_name(key, "metric name", self._told, self._label)
        return self._names[key]

    def counts(self) -> dict[str, int]:
        """Return how many points each metric has."""
        return {self._name(key): n for key, n in self._reader.count_points(self._run).items()}

    def points(self, key: str | None = None) -> Iterator[tuple[str, Point]]:
        """Yield the points of all metrics, or of one."""
        there = next((old for old, new in self._names.items() if new == key), key)
        for name, point in self._reader.points(self._run, there):
            yield self._name(name), point


class RunTransfer:
    """Takes over the runs of a store."""

    def __init__(self, contents: Contents, mask: tuple[str, ...]) -> None:
        self._contents = contents
        self._told = contents.told
        self._mask = mask
        self._found_files = False

    def take_over(self, past: PastRuns, progress: Progress) -> None:
        """Take over the runs, batch by batch."""
        done, total = 0, self._contents.total
        for experiment in self._contents.holding.experiments:
            any_run = False
            for batch in self._contents.reader.runs(experiment):
                any_run = True
                ids = [id_of(run.id, run.started) for run in batch]
                here, purged = past.here(ids), past.purged(ids)
                for run, run_id in zip(batch, ids, strict=True):
                    done += 1
                    progress(done, total)
                    label = f"run {run.id}"
                    if run_id in purged:
                        self._told.add("Left out, because it was purged here", label)
                        continue
                    if run.artifacts:
                        self._contents.artifacts[run.id] = run.artifacts
                    history = _History(self._contents.reader, run.id, label, self._told)
                    files = list(self._files(run, label))
                    past.add(self._past_run(run, run_id, label), here.get(run_id), history, files)
            if not any_run:
                self._told.add("Left out, because it has no runs", f"experiment {experiment.name}")
        if self._contents.artifacts and not self._found_files:
            first = next(iter(self._contents.artifacts.values()))
            self._told.add(
                f"No artifacts were found below {self._contents.reader.root}; if there are some, "
                "--artifacts names their folder",
                f"they are said to lie in {first}",
            )

    def _past_run(self, run: MlflowRun, run_id: str, label: str) -> PastRun:
        told, mask = self._told, self._mask
        parent = self._contents.id_here(run.tags.get(_PARENT))
        placed = _PLACED | ({_PARENT} if parent else set())
        tags = {key: text for key, text in run.tags.items() if key not in placed}
        tags |= run.inputs
        tags |= {
            f"mlflow.model_id.{name}": one.id for name, one in self._contents.models_of(run.id)
        }
        tags["mlflow.run_id"] = run.id
        if run.status is None:
            told.add("Stands as crashed until an import finds its end, as it had none", label)
        note = run.tags.get(_NOTE)
        if note is not None:
            note = mask_text(fitting_text(note, MAX_NOTE, "the note", told, label), mask)
        name = run.name or run.tags.get("mlflow.runName") or run.id[:8]
        experiment = fitting_name(run.experiment, "experiment name", told, "the store")
        return PastRun(
            id=run_id,
            label=label,
            experiment=experiment,
            name=fitting_name(name, "run name", told, label),
            started=run.started,
            ended=run.ended,
            status=run.status,
            actor=run.tags.get("mlflow.user") or run.user or "unknown",
            deleted=run.deleted,
            parent=parent,
            source=_source_of(run, mask),
            params=fitting_texts(run.params, "param name", MAX_PARAM, told, label, mask),
            tags=fitting_texts(tags, "tag name", MAX_TAG, told, label, mask),
            note=note,
        )

    def _files(self, run: MlflowRun, label: str) -> Iterator[PastFile]:
        """Yield the files of a run, and those of the models that it logged."""
        places = [("", run.artifacts, run.id)] if run.artifacts else []
        places += [
            (f"{name}/", model.place, model.id) for name, model in self._contents.models_of(run.id)
        ]
        taken: set[str] = set()
        for prefix, uri, known in places:
            try:
                folder = self._contents.places.find(uri, known)
            except NotFound:  # most runs without artifacts have no folder
                continue
            except Invalid as error:
                self._told.add(f"Its files are left out, because {error}", label)
                continue
            for file in self._files_of(folder, prefix, label):
                if file.path not in taken:
                    taken.add(file.path)
                    self._found_files = True
                    yield file

    def _files_of(self, folder: Path, prefix: str, label: str) -> Iterator[PastFile]:
        for name, source in files_below(folder):
            if source is None:
                what = f"{name} of {label}"
                self._told.add("Left out, because it is no file that can be read", what)
                continue
            try:
                path = checked_path(prefix + name)
            except Invalid:
                self._told.add("Left out, because its name cannot be used", f"{name!r} of {label}")
                continue
            try:
                status = source.stat()
            except OSError:  # it went meanwhile
                continue
            yield PastFile(path, source, status.st_size, status.st_mtime)
            if source.name == "MLmodel":
                yield from _signature_file(path, source.parent, status.st_mtime)


def _source_of(run: MlflowRun, mask: tuple[str, ...]) -> dict[str, Any]:
    """Return what MLflow knows of the code of a run, as it is recorded here."""
    tags = {key.removeprefix("mlflow.source."): text for key, text in run.tags.items()}
    found: dict[str, Any] = {}
    if script := tags.get("name"):
        found["argv"] = [mask_text(script, mask)]
    if commit := tags.get("git.commit"):
        git = {"commit": commit, "branch": tags.get("git.branch")}
        found["git"] = git | {"remote": mask_text(tags.get("git.repoURL", ""), mask) or None}
    return found


def _signature_file(path: str, folder: Path, changed: float) -> Iterator[PastFile]:
    """Yield the signature of a kept model in our form, so that `runs:/ID/model` can be used."""
    if (folder / "signature.json").exists():
        return
    try:
        about = read_model(folder)
    except Invalid:  # told if it is a version; as a file it is kept as it is
        return
    if about.file is not None and about.signed:
        text = json.dumps(about.signature.to_dict(), ensure_ascii=False)
        name = path.removesuffix("MLmodel") + "signature.json"
        data = text.encode("utf-8", "replace")
        yield PastFile(name, data, len(data), changed)
