"""The registered models of an MLflow store, as models, versions and aliases of this project.

| there | here |
| --- | --- |
| version | a version with MLflow's number where that is free, else with the tag `mlflow.version` |
| stage | the tag `mlflow.stage`; the newest version in Production is @production, Staging alike |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from lite_mlops.errors import Invalid, LiteMlopsError, NotFound
from lite_mlops.importing.copying import copy_file
from lite_mlops.importing.fitting import fitting_model_name
from lite_mlops.importing.mlflow.contents import REASON, Contents, fitting_texts
from lite_mlops.importing.mlflow.flavors import LoggedFolder, read_model
from lite_mlops.importing.mlflow.runs import Progress
from lite_mlops.importing.mlflow.values import LoggedModel, MlflowModel, MlflowVersion
from lite_mlops.importing.versions import PastModel, PastVersion, add_versions, marks_here
from lite_mlops.models import DESCRIPTION, MAX_TAG, Prepared, checked_model_name, with_plan
from lite_mlops.store import Store

_STAGES = {"Production": "production", "Staging": "staging"}
_BATCH = 100  # models that are decided about at a time


class ModelTransfer:
    """Takes over the registered models of a store; its runs are here already."""

    def __init__(self, contents: Contents, store: Store) -> None:
        self._contents = contents
        self._told = contents.told
        self._store = store

    def _texts(self, tags: Mapping[str, str], label: str) -> dict[str, str]:
        mask = self._store.settings.mask
        return fitting_texts(tags, "tag name", MAX_TAG, self._told, label, mask)

    def take_over(self, progress: Progress, *, dry_run: bool) -> tuple[int, int]:
        """Take over the registered models; return how many versions and moved aliases."""
        models = {fitting_model_name(model.name): model for model in self._contents.holding.models}
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
                    added = add_versions(self._store, decisions, made, self._told)
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
        done, total = self._contents.holding.runs, self._contents.total
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
            self._texts(tags, label),
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
                    made = self._prepared(about, version, label)
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
            self._texts(tags, label),
            {"mlflow.stage": version.stage} if version.stage else {},
        )

    def _prepared(self, about: LoggedFolder, version: MlflowVersion, label: str) -> Prepared:
        assert about.file is not None
        assert about.format is not None
        stored = copy_file(self._store.objects, about.file)
        example = None
        if about.example is not None:
            example = self._store.objects.put_bytes(about.example).sha256
        made = Prepared(
            sha256=stored.sha256,
            size=stored.size,
            signature=about.signature,
            requirements=about.requirements,
            format=about.format,
            run=self._contents.id_here(version.run),
            example=example,
        )
        return with_plan(self._store, made, label)

    def _model_folder(self, version: MlflowVersion) -> Path:
        """Return the folder of the files of a version. Raises `NotFound` or `Invalid`."""
        source = version.source or ""
        logged: LoggedModel | None = None
        places = [version.place] if version.place else []
        if source.startswith("models:/"):
            logged = self._contents.logged.get(source.removeprefix("models:/"))
            places += [logged.place] if logged else []
        elif source.startswith("runs:/"):
            run, _, path = source.removeprefix("runs:/").partition("/")
            if run in self._contents.artifacts:
                places.append(f"{self._contents.artifacts[run]}/{path}")
        elif source:
            places.append(source)
        problem: LiteMlopsError = NotFound("MLflow does not say where its files lie")
        for place in places:
            try:
                return self._contents.places.find(place, version.run, logged.id if logged else None)
            except (NotFound, Invalid) as error:
                problem = error
        raise problem
