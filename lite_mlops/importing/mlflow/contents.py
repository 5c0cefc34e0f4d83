"""What of an MLflow store is meant, and where its parts lie: the ground of a transfer.

contents = Contents(reader, told, experiments=["churn"])
contents.holding.runs, contents.id_here(run), contents.places.find(uri, run)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lite_mlops.errors import NotFound, suggestion
from lite_mlops.importing.fitting import fitting_name, fitting_text
from lite_mlops.importing.mlflow.places import Places
from lite_mlops.importing.mlflow.values import (
    LoggedModel,
    MlflowExperiment,
    MlflowModel,
    Reader,
)
from lite_mlops.importing.told import Told
from lite_mlops.security import mask_value
from lite_mlops.store import id_at

REASON = "imported from MLflow"


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


def id_of(run: str, started: int) -> str:
    """Return the id here of a run of MLflow; `started` in microseconds since 1970 UTC."""
    return id_at(started, f"mlflow {run}")


def fitting_texts(
    texts: Mapping[str, str], what: str, limit: int, told: Told, label: str, mask: tuple[str, ...]
) -> dict[str, str]:
    """Return names and texts as they can be kept here, with what looks like a secret masked."""
    found = {}
    for key, text in texts.items():
        name = fitting_name(key, what, told, label)
        found[name] = mask_value(name, fitting_text(text, limit, repr(key), told, label), mask)
    return found


class Contents:
    """One store, and what of it is meant."""

    def __init__(self, reader: Reader, told: Told, experiments: Sequence[str]) -> None:
        self.reader = reader
        self.told = told
        self.places = Places(reader.root)
        found = _chosen(reader.experiments(), experiments)
        chosen = {experiment.id for experiment in found}
        self._beginnings = reader.beginnings()
        runs = {run for run, (owner, _) in self._beginnings.items() if owner in chosen}
        logged = reader.logged_models()
        self.logged = {model.id: model for model in logged}
        self._folders = _folders_of(logged)
        self.artifacts: dict[str, str] = {}  # where those of each run lie, as it is taken over
        models = reader.models()
        if experiments:
            models = [model for model in (_of_runs(one, runs) for one in models) if model.versions]
        self.holding = Holding(tuple(found), len(runs), tuple(models))

    @property
    def total(self) -> int:
        """How many runs and versions there are to take over."""
        return self.holding.runs + self.holding.versions

    def models_of(self, run: str) -> list[tuple[str, LoggedModel]]:
        """Return the models that a run logged, with the folders that they get in its files."""
        return self._folders.get(run, [])

    def id_here(self, run: str | None) -> str | None:
        """Return the id here of a run of the store; None if it is not in the store."""
        if run is None or run not in self._beginnings:
            return None
        return id_of(run, self._beginnings[run][1])


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
