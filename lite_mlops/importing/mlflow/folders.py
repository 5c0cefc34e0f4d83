"""An MLflow store in files: the folder `mlruns`, with a `meta.yaml` for each thing.

mlruns/<experiment>/<run>/{meta.yaml, params/, metrics/, tags/, inputs/, artifacts/}
mlruns/<experiment>/models/<id>/{meta.yaml, artifacts/}     (MLflow 3)
mlruns/models/<name>/{meta.yaml, tags/, aliases/, version-<n>/}
mlruns/.trash/                                              (deleted experiments)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.importing.copying import files_below, open_file, read_text
from lite_mlops.importing.mlflow.database import in_workspace, input_of, stage_of
from lite_mlops.importing.mlflow.values import (
    LoggedModel,
    MlflowExperiment,
    MlflowModel,
    MlflowRun,
    MlflowVersion,
    Point,
    micros,
    some_text,
    state_of,
    text_of,
)
from lite_mlops.importing.told import Told
from lite_mlops.yamltext import read_yaml

_META = "meta.yaml"
_TRASH = ".trash"
_MODELS = "models"
_OF_AN_EXPERIMENT = {"models", "datasets", "traces", "tags"}  # folders that are no runs
_VERSION = re.compile(r"version-([0-9]{1,9})")
_BATCH = 200
_LONGEST_LINE = 10_000


def _folders(path: Path) -> list[Path]:
    """Return the folders in a folder by name, without links."""
    try:
        found = sorted(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [one for one in found if one.is_dir() and not one.is_symlink()]


def holds_store(path: Path) -> bool:
    """Return whether a folder is the `mlruns` of a store in files."""
    return any((one / _META).is_file() for one in (*_folders(path), *_folders(path / _MODELS)))


def _meta(folder: Path) -> dict[str, Any]:
    """Return what the `meta.yaml` of a folder says. Raises `Invalid`."""
    try:
        found = read_yaml(read_text(folder / _META))
    except OSError as error:
        raise Invalid(f"its {_META} cannot be read ({error.strerror})") from None
    except Invalid as error:
        raise Invalid(f"its {_META} is not understood ({str(error).rstrip('.')})") from None
    if not isinstance(found, dict):
        raise Invalid(f"its {_META} says nothing")
    return found


class FolderReader:
    """Reads one folder; see `values.Reader`."""

    def __init__(self, path: Path, told: Told) -> None:
        self.root = path
        self.told = told
        self._places: dict[str, Path] = {}  # the folders of the experiments and runs, by id

    def _texts(self, folder: Path) -> dict[str, str]:
        """Return the texts of the files in a folder by their names, which may hold slashes."""
        found = {}
        for name, path in files_below(folder):
            if path is None:
                what = (folder / name).relative_to(self.root).as_posix()
                self.told.add("Left out, because it is no file that can be read", what)
                continue
            found[name] = read_text(path)
        return found

    # -- the store ------------------------------------------------------------------------------

    def experiments(self) -> list[MlflowExperiment]:
        """Return all experiments, deleted ones as well."""
        found = []
        for folder in (*_folders(self.root), *_folders(self.root / _TRASH)):
            if folder.name in (_TRASH, _MODELS) and not (folder / _META).exists():
                continue
            try:
                meta = _meta(folder)
                name = text_of(meta.get("name"), "its name")
            except Invalid as error:
                self.told.add(f"Left out, because {error}", f"experiment {folder.name}")
                continue
            deleted = meta.get("lifecycle_stage") == "deleted" or folder.parent.name == _TRASH
            self._places[folder.name] = folder
            name = in_workspace(meta.get("workspace"), name)
            found.append(MlflowExperiment(folder.name, name, deleted))
        return found

    def _run_folders(self, experiment: Path) -> list[Path]:
        return [one for one in _folders(experiment) if one.name not in _OF_AN_EXPERIMENT]

    def beginnings(self) -> dict[str, tuple[str, int]]:
        """Return the experiment of each run, by its id, and when it began."""
        found = {}
        for experiment in list(self._places.values()):
            for folder in self._run_folders(experiment):
                self._places[folder.name] = folder
                try:
                    started = micros(_meta(folder).get("start_time") or 0, "its start")
                    found[folder.name] = experiment.name, started
                except Invalid:  # told where the run itself is read
                    continue
        return found

    def runs(self, experiment: MlflowExperiment) -> Iterator[list[MlflowRun]]:
        """Yield the runs of an experiment in batches, the earliest first."""
        folders = iter(self._run_folders(self._places[experiment.id]))
        while batch := list(islice(folders, _BATCH)):
            found = []
            for folder in batch:
                try:
                    found.append(self._run(experiment, folder))
                except (Invalid, OSError) as error:
                    self.told.add(f"Left out, because {error}", f"run {folder.name}")
            yield sorted(found, key=lambda run: (run.started, run.id))

    def _run(self, experiment: MlflowExperiment, folder: Path) -> MlflowRun:
        meta = _meta(folder)
        self._places[folder.name] = folder
        ended = meta.get("end_time")
        tags = self._texts(folder / "tags")
        return MlflowRun(
            id=folder.name,
            experiment=experiment.name,
            name=some_text(meta.get("run_name")) or tags.get("mlflow.runName", ""),
            status=state_of(meta.get("status")),
            started=micros(meta.get("start_time") or 0, "its start"),
            ended=None if ended is None else micros(ended, "its end"),
            user=some_text(meta.get("user_id")),
            deleted=experiment.deleted or meta.get("lifecycle_stage") == "deleted",
            artifacts=some_text(meta.get("artifact_uri")),
            params=self._texts(folder / "params"),
            tags=tags,
            inputs=self._inputs(folder),
        )

    def _inputs(self, run: Path) -> dict[str, str]:
        found = {}
        for folder in _folders(run / "inputs"):
            try:
                used = _meta(folder)
                if used.get("source_type") != "DATASET":
                    continue
                source = Path(str(used.get("source_id"))).name
                data = _meta(run.parent / "datasets" / source)
            except Invalid as error:
                self.told.add(f"Data is left out, because {error}", f"run {run.name}")
                continue
            tags = used.get("tags")
            context = tags.get("mlflow.data.context") if isinstance(tags, dict) else None
            key, told = input_of(data.get("name"), data.get("digest"), context, data.get("source"))
            found[key] = told
        return found

    def _metric_files(self, run: str) -> dict[str, Path]:
        files = files_below(self._places[run] / "metrics")
        return {key: path for key, path in files if path is not None}

    def count_points(self, run: str) -> dict[str, int]:
        """Return how many points each metric of a run has."""
        counts: Counter[str] = Counter()
        for key, _ in self.points(run):
            counts[key] += 1
        return dict(counts)

    def points(self, run: str, key: str | None = None) -> Iterator[tuple[str, Point]]:
        """Yield the points of a run, or of one of its metrics, without holding them all.

        Each only once, as MLflow's databases keep them: in files version 3 writes the latest ones
        again with every model that it logs.
        """
        for name, path in self._metric_files(run).items():
            if key is not None and name != key:
                continue
            known: set[int] = set()
            try:
                opened = open_file(path)
            except OSError as error:
                raise Invalid(f"metric {name!r} cannot be read ({error.strerror})") from None
            with opened as file:
                while line := file.readline(_LONGEST_LINE):
                    words = line.split()
                    if words and (mark := hash(tuple(words[:3]))) not in known:
                        known.add(mark)
                        yield name, _point(name, words)

    def logged_models(self) -> list[LoggedModel]:
        """Return the models that runs logged, the earliest first."""
        found = []
        for experiment in {path for path in self._places.values() if (path / _MODELS).is_dir()}:
            for folder in _folders(experiment / _MODELS):
                try:
                    meta = _meta(folder)
                    created = micros(meta.get("creation_timestamp") or 0, "its time")
                except Invalid as error:
                    self.told.add(f"Left out, because {error}", f"logged model {folder.name}")
                    continue
                if meta.get("lifecycle_stage") == "deleted":
                    continue
                name, run = str(meta.get("name")), some_text(meta.get("source_run_id"))
                place = str(meta.get("artifact_location"))
                found.append(LoggedModel(folder.name, name, run, place, created))
        return sorted(found, key=lambda model: (model.created, model.id))

    def models(self) -> list[MlflowModel]:
        """Return the registered models."""
        found = []
        for folder in _folders(self.root / _MODELS):
            try:
                model = self._model(folder)
            except (Invalid, OSError) as error:
                self.told.add(f"Left out, because {error}", f"model {folder.name}")
                continue
            if "mlflow.prompt.is_prompt" not in model.tags:
                found.append(model)
        return found

    def _model(self, folder: Path) -> MlflowModel:
        meta = _meta(folder)
        aliases = {}
        for alias, text in self._texts(folder / "aliases").items():
            if text.strip().isdecimal():
                aliases[alias] = int(text)
        versions = []
        for one in _folders(folder):
            if not (match := _VERSION.fullmatch(one.name)):
                continue
            about = _meta(one)
            if about.get("current_stage") == "Deleted_Internal":
                continue
            versions.append(self._version(int(match[1]), about, one))
        return MlflowModel(
            name=in_workspace(meta.get("workspace"), text_of(meta.get("name"), "its name")),
            description=some_text(meta.get("description")),
            tags=self._texts(folder / "tags"),
            aliases=aliases,
            versions=tuple(sorted(versions, key=lambda version: version.number)),
        )

    def _version(self, number: int, about: dict[str, Any], folder: Path) -> MlflowVersion:
        return MlflowVersion(
            number=number,
            created=micros(about.get("creation_timestamp") or 0, "the time of a version"),
            source=some_text(about.get("source")),
            place=some_text(about.get("storage_location")),
            run=some_text(about.get("run_id")),
            description=some_text(about.get("description")),
            stage=stage_of(about.get("current_stage")),
            tags=self._texts(folder / "tags"),
        )

    def close(self) -> None:
        """Nothing is held."""


def _point(key: str, words: list[bytes]) -> Point:
    """Return the point of a line `time value step`; the oldest versions wrote no step."""
    try:
        moment, value = int(words[0]), float(words[1])
        return Point(int(words[2]) if len(words) > 2 else 0, moment * 1000, value)
    except (ValueError, IndexError, OverflowError):
        told = b" ".join(words)[:60].decode("utf-8", "replace")
        raise Invalid(f"metric {key!r} has the line {told!r}") from None
