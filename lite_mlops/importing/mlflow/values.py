"""What an MLflow store holds, whichever way it keeps it: experiments, runs, models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from lite_mlops.errors import Invalid
from lite_mlops.importing.told import Told
from lite_mlops.tracking.keys import shown

# How MLflow numbers the states of a run in its files; it writes their names into databases.
STATES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_ENDINGS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}
_MILLISECONDS = range(253_402_300_800_000)  # the years 1970 to 9999


class Point(NamedTuple):
    """One value of a metric; `time` in microseconds since 1970 UTC."""

    step: int
    time: int
    value: float


@dataclass(frozen=True)
class MlflowExperiment:
    """An experiment; `name` is that of its workspace as well, where that is not the default one."""

    id: str
    name: str
    deleted: bool


@dataclass(frozen=True)
class MlflowRun:
    """A run without its metrics; times in microseconds since 1970 UTC."""

    id: str
    experiment: str
    name: str
    status: str | None  # finished, failed or killed; None: it had not ended
    started: int
    ended: int | None
    user: str | None
    deleted: bool
    artifacts: str | None  # where they lie, as MLflow says it
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)  # data that it used


@dataclass(frozen=True)
class LoggedModel:
    """A model that a run of MLflow 3 logged; it lies beside the run."""

    id: str
    name: str
    run: str | None
    place: str
    created: int


@dataclass(frozen=True)
class MlflowVersion:
    """A version of a registered model."""

    number: int
    created: int
    source: str | None
    place: str | None  # where the files lie, if MLflow says more than the source
    run: str | None
    description: str | None
    stage: str | None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MlflowModel:
    """A registered model with all its versions."""

    name: str
    description: str | None
    tags: Mapping[str, str]
    aliases: Mapping[str, int]
    versions: tuple[MlflowVersion, ...]


class Reader(Protocol):
    """What reads one store: the database or the folder."""

    root: Path  # the folder below which its artifacts may lie
    told: Told

    def experiments(self) -> list[MlflowExperiment]:
        """Return all experiments, deleted ones as well."""

    def beginnings(self) -> dict[str, tuple[str, int]]:
        """Return the experiment of each run, by its id, and when it began."""

    def runs(self, experiment: MlflowExperiment) -> Iterator[list[MlflowRun]]:
        """Yield the runs of an experiment in batches, the earliest first."""

    def count_points(self, run: str) -> dict[str, int]:
        """Return how many points each metric of a run has."""

    def points(self, run: str, key: str | None = None) -> Iterator[tuple[str, Point]]:
        """Yield the points of a run, or of one of its metrics, without holding them all."""

    def logged_models(self) -> list[LoggedModel]:
        """Return the models that runs logged, the earliest first."""

    def models(self) -> list[MlflowModel]:
        """Return the registered models."""

    def close(self) -> None:
        """Let the store go."""


def text_of(value: Any, what: str) -> str:
    """Return a value of a store as text. Raises `Invalid` for what is none."""
    if isinstance(value, str | int | float):
        return str(value)
    raise Invalid(f"{what} is {shown(value)}, which is no text")


def some_text(value: Any) -> str | None:
    """Return a value of a store as text, or None if it says nothing."""
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def micros(value: Any, what: str) -> int:
    """Return milliseconds as microseconds. Raises `Invalid` for what is no time."""
    try:
        moment = int(value)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"{what} is {shown(value)}, which is no time") from None
    if moment not in _MILLISECONDS:
        raise Invalid(f"{what} is {shown(value)}, which lies too far away")
    return moment * 1000


def state_of(value: Any) -> str | None:
    """Return how a run ended; None if it had not. Raises `Invalid` for an unknown state."""
    name = STATES.get(value) if isinstance(value, int) else some_text(value)
    if name is None or name not in STATES.values():
        raise Invalid(f"its status is {shown(value)}, which is none of MLflow's")
    return _ENDINGS.get(name)
