"""The transfer of one MLflow store: what it holds, as runs, models and aliases of this project.

| there | here |
| --- | --- |
| run | a run with its times, user, git commit and parent; `tags.mlflow.run_id` is its id there |
| metric, param, tag, note | the same; what looks like a secret is masked as when it is logged |
| RUNNING | crashed, until a later import finds its end |
| data that a run used | the tag `mlflow.dataset.<context>.<name>`: a digest of MLflow is no hash |
| logged model | files of its run, in a folder of its name |
| version | a version with MLflow's number where that is free, else with the tag `mlflow.version` |
| stage | the tag `mlflow.stage`; the newest version in Production is @production, Staging alike |
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid, LiteMlopsError, NotFound, suggestion
from lite_mlops.importing.copying import copy_file, files_below
from lite_mlops.importing.fitting import fitting_model_name, fitting_name, fitting_text
from lite_mlops.importing.mlflow.flavors import LoggedFolder, read_model
from lite_mlops.importing.mlflow.places import Places
from lite_mlops.importing.mlflow.values import (
    LoggedModel,
    MlflowExperiment,
    MlflowModel,
    MlflowRun,
    MlflowVersion,
    Point,
    Reader,
)
from lite_mlops.importing.runs import PastFile, PastRun, PastRuns
from lite_mlops.importing.told import Told
from lite_mlops.importing.versions import PastModel, PastVersion, add_versions, marks_here
from lite_mlops.models import DESCRIPTION, Prepared, checked_model_name
from lite_mlops.security import mask_text, mask_value
from lite_mlops.store import Store, id_at
from lite_mlops.tracking.keys import MAX_NOTE, MAX_PARAM, MAX_TAG, checked_path

REASON = "imported from MLflow"
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
_STAGES = {"Production": "production", "Staging": "staging"}
_MAX_VERSION_TAG = 5_000  # characters
_BATCH = 100  # models that are decided about at a time

Progress = Callable[[int, int], None]  # runs and versions done, and in all


@dataclass(frozen=True)
class Holding:
    """What of a store is meant, before anything of it is taken over."""

    experiments: tuple[MlflowExperiment, ...]
    runs: int
    models: tuple[MlflowModel, ...]

    @property
    def versions(self) -> int:
        """How many versions the models have."""
        return sum(len(model.versions) for model in self.models)


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


class Transfer:
    """Takes over one store, from its experiments to its aliases."""

    def __init__(
        self, store: Store, reader: Reader, told: Told, experiments: Sequence[str]
    ) -> None:
        self._store = store
        self._reader = reader
        self._told = told
        self._places = Places(reader.root)
        found = _chosen(reader.experiments(), experiments)
        chosen = {experiment.id for experiment in found}
        self._beginnings = reader.beginnings()
        self._runs = [run for run, (owner, _) in self._beginnings.items() if owner in chosen]
        logged = reader.logged_models()
        self._logged = {model.id: model for model in logged}
        self._folders = _folders_of(logged)
        self._artifacts: dict[str, str] = {}  # where those of each run lie
        self._found_files = False
        models = reader.models()
        if experiments:
            models = [_of_runs(model, set(self._runs)) for model in models]
            models = [model for model in models if model.versions]
        self.holding = Holding(tuple(found), len(self._runs), tuple(models))

    # -- runs -----------------------------------------------------------------------------------

    def runs(self, past: PastRuns, progress: Progress) -> None:
        """Take over the runs, batch by batch."""
        done, total = 0, self.holding.runs + self.holding.versions
        for experiment in self.holding.experiments:
            any_run = False
            for batch in self._reader.runs(experiment):
                any_run = True
                ids = [self._id(run.id, run.started) for run in batch]
                here, purged = past.here(ids), past.purged(ids)
                for run, run_id in zip(batch, ids, strict=True):
                    done += 1
                    progress(done, total)
                    label = f"run {run.id}"
                    if run_id in purged:
                        self._told.add("Left out, because it was purged here", label)
                        continue
                    if run.artifacts:
                        self._artifacts[run.id] = run.artifacts
                    history = _History(self._reader, run.id, label, self._told)
                    files = list(self._files(run, label))
                    past.add(self._past_run(run, run_id, label), here.get(run_id), history, files)
            if not any_run:
                self._told.add("Left out, because it has no runs", f"experiment {experiment.name}")
        if self._artifacts and not self._found_files:
            first = next(iter(self._artifacts.values()))
            self._told.add(
                f"No artifacts were found below {self._reader.root}; if there are some, "
                "--artifacts names their folder",
                f"they are said to lie in {first}",
            )

    @staticmethod
    def _id(run: str, started: int) -> str:
        return id_at(started, f"mlflow {run}")

    def _id_here(self, run: str | None) -> str | None:
        """Return the id here of a run of the store; None if it is not in the store."""
        if run is None or run not in self._beginnings:
            return None
        return self._id(run, self._beginnings[run][1])

    def _past_run(self, run: MlflowRun, run_id: str, label: str) -> PastRun:
        told, mask = self._told, self._store.settings.mask
        parent = self._id_here(run.tags.get(_PARENT))
        placed = _PLACED | ({_PARENT} if parent else set())
        tags = {key: text for key, text in run.tags.items() if key not in placed}
        tags |= run.inputs
        tags |= {f"mlflow.model_id.{name}": one.id for name, one in self._folders.get(run.id, ())}
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
            params=self._texts(run.params, "param name", MAX_PARAM, label),
            tags=self._texts(tags, "tag name", MAX_TAG, label),
            note=note,
        )

    def _texts(self, texts: Any, what: str, limit: int, label: str) -> dict[str, str]:
        mask, told = self._store.settings.mask, self._told
        found = {}
        for key, text in texts.items():
            name = fitting_name(key, what, told, label)
            found[name] = mask_value(name, fitting_text(text, limit, repr(key), told, label), mask)
        return found

    # -- files ----------------------------------------------------------------------------------

    def _files(self, run: MlflowRun, label: str) -> Iterator[PastFile]:
        """Yield the files of a run, and those of the models that it logged."""
        places = [("", run.artifacts, run.id)] if run.artifacts else []
        places += [
            (f"{name}/", model.place, model.id) for name, model in self._folders.get(run.id, ())
        ]
        taken: set[str] = set()
        for prefix, uri, known in places:
            try:
                folder = self._places.find(uri, known)
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

    # -- models ---------------------------------------------------------------------------------

    def models(self, progress: Progress, *, dry_run: bool) -> tuple[int, int]:
        """Take over the registered models; return how many versions and moved aliases."""
        models = {fitting_model_name(model.name): model for model in self.holding.models}
        for name, model in models.items():
            if name != model.name:
                changed = f"model name {model.name!r}, which is {name!r}"
                self._told.add("Changed, as it cannot be used here", changed)
        known = marks_here(self._store, list(models))
        past = self._past_models(models, known, progress, dry_run=dry_run)
        if dry_run:
            new = [
                one for made in past for one in made.versions if one.mark not in known[made.name]
            ]
            return len(new), 0
        versions = aliases = 0
        while batch := list(islice(past, _BATCH)):  # bytes are stored before the lock is taken
            with self._store.deciding() as decisions:
                for made in batch:
                    added = add_versions(decisions, made, self._told, self._store.settings.mask)
                    versions, aliases = versions + added.versions, aliases + added.aliases
        return versions, aliases

    def _past_models(
        self,
        models: Mapping[str, MlflowModel],
        known: Mapping[str, set[str]],
        progress: Progress,
        *,
        dry_run: bool,
    ) -> Iterator[PastModel]:
        """Yield the models that have versions which can be registered, with their bytes stored."""
        done, total = self.holding.runs, self.holding.runs + self.holding.versions
        for name, model in models.items():
            versions = []
            for version in model.versions:
                done += 1
                progress(done, total)
                made = self._version(model, version, known[name], dry_run=dry_run)
                if made is not None:
                    versions.append(made)
            if versions:
                yield self._past_model(model, name, versions)

    def _past_model(self, model: MlflowModel, name: str, versions: list[PastVersion]) -> PastModel:
        aliases: dict[str, int] = {}
        for version in model.versions:  # a later version in the same stage goes before
            if version.stage in _STAGES:
                aliases[_STAGES[version.stage]] = version.number
        for alias, number in model.aliases.items():
            try:
                aliases[checked_model_name(alias, "alias")] = number
            except Invalid as error:
                self._told.add(f"Not set: {str(error).rstrip('.')}", f"{model.name}@{alias}")
        tags = dict(model.tags)
        if model.description:
            tags[DESCRIPTION] = model.description
        if name != model.name:
            tags["mlflow.name"] = model.name
        label = f"model {model.name}"
        return PastModel(
            name,
            REASON,
            "mlflow.version",
            tuple(versions),
            aliases,
            self._texts(tags, "tag name", _MAX_VERSION_TAG, label),
        )

    def _version(
        self, model: MlflowModel, version: MlflowVersion, known: set[str], *, dry_run: bool
    ) -> PastVersion | None:
        """Return a version with its bytes stored; None, and told, if it cannot be registered."""
        label = f"{model.name}/{version.number}"
        moment = datetime.fromtimestamp(version.created / 1_000_000, UTC)
        mark = f"{REASON}: {label} of {moment:%Y-%m-%d %H:%M:%S.%f} UTC"
        made = None
        if mark not in known:
            try:
                about = read_model(self._model_folder(version))
                if about.file is None:
                    raise Invalid(str(about.why_not))
                if not about.signed:
                    self._told.add("Has no signature that tells its features", label)
                if not dry_run:
                    made = self._prepared(about, version)
            except LiteMlopsError as error:
                self._told.add(f"Not registered, because {str(error).rstrip('.')}", label)
                return None
        tags = dict(version.tags)
        if version.description:
            tags[DESCRIPTION] = version.description
        return PastVersion(
            version.number,
            mark,
            made,
            self._texts(tags, "tag name", _MAX_VERSION_TAG, label),
            {"mlflow.stage": version.stage} if version.stage else {},
        )

    def _prepared(self, about: LoggedFolder, version: MlflowVersion) -> Prepared:
        assert about.file is not None
        assert about.format is not None
        stored = copy_file(self._store.objects, about.file)
        example = None
        if about.example is not None:
            example = self._store.objects.put_bytes(about.example).sha256
        return Prepared(
            sha256=stored.sha256,
            size=stored.size,
            signature=about.signature,
            requirements=about.requirements,
            format=about.format,
            run=self._id_here(version.run),
            example=example,
        )

    def _model_folder(self, version: MlflowVersion) -> Path:
        """Return the folder of the files of a version. Raises `NotFound` or `Invalid`."""
        source = version.source or ""
        logged: LoggedModel | None = None
        places = [version.place] if version.place else []
        if source.startswith("models:/"):
            logged = self._logged.get(source.removeprefix("models:/"))
            places += [logged.place] if logged else []
        elif source.startswith("runs:/"):
            run, _, path = source.removeprefix("runs:/").partition("/")
            if run in self._artifacts:
                places.append(f"{self._artifacts[run]}/{path}")
        elif source:
            places.append(source)
        problem: LiteMlopsError = NotFound("MLflow does not say where its files lie")
        for place in places:
            try:
                return self._places.find(place, version.run, logged.id if logged else None)
            except (NotFound, Invalid) as error:
                problem = error
        raise problem


def _chosen(experiments: list[MlflowExperiment], names: Sequence[str]) -> list[MlflowExperiment]:
    """Return the experiments that are named; all without names. Raises `NotFound`."""
    known = {experiment.name for experiment in experiments}
    for name in names:
        if name not in known:
            raise NotFound(
                f"The store has no experiment {name!r}.{suggestion(name, sorted(known))}"
            )
    return [one for one in experiments if not names or one.name in names]


def _folders_of(logged: list[LoggedModel]) -> dict[str, list[tuple[str, LoggedModel]]]:
    """Return the logged models of each run with the folders of its artifacts that they become."""
    found: dict[str, list[tuple[str, LoggedModel]]] = defaultdict(list)
    for model in logged:
        if model.run is not None:
            taken = {name for name, _ in found[model.run]}
            name = model.name if model.name not in taken else f"{model.name}-{model.id}"
            found[model.run].append((name, model))
    return dict(found)


def _of_runs(model: MlflowModel, runs: set[str]) -> MlflowModel:
    """Return a model with those of its versions that come from some runs."""
    versions = tuple(one for one in model.versions if one.run in runs)
    numbers = {one.number for one in versions}
    aliases = {alias: number for alias, number in model.aliases.items() if number in numbers}
    return MlflowModel(model.name, model.description, model.tags, aliases, versions)


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
