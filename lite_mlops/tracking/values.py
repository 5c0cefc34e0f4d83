"""What reading gives: runs, experiments, artifacts and metric histories, as frozen values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lite_mlops.frames import Column, Tabular
from lite_mlops.htmltext import html_facts, html_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_SHOWN_POINTS = 20  # of a history in a notebook
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS = ("params", "metrics", "tags")  # of a run, each by key


def _utc(moment: datetime | None) -> datetime | None:
    """Return a time of the database, which holds UTC without saying so."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def plain_number(value: float | None) -> float | str | None:
    """Return a number as JSON can hold it; NaN and infinities as the words of MLflow's protocol."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


@dataclass(frozen=True)
class Metric:
    """The summary of one metric of a run: its latest value, and the range over all points."""

    key: str
    value: float
    step: int
    time: datetime
    low: float | None
    high: float | None
    points: int

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Metric:
        """Return the metric of a row of the table `latest`."""
        names = ("key", "step", "time", "value", "low", "high", "points")
        return cls.from_columns(*(row[name] for name in names))

    @classmethod
    def from_columns(
        cls,
        key: str,
        step: int,
        time: datetime,
        value: float,
        low: float | None,
        high: float | None,
        points: int,
    ) -> Metric:
        """Return the metric of these columns of the table `latest`."""
        return cls(key, value, step, time.replace(tzinfo=UTC), low, high, points)

    @classmethod
    def from_told(cls, key: str, told: Sequence[Any]) -> Metric:
        """Return the metric of what a row of the table `summaries` tells of it."""
        step, moment, value, low, high, points = told
        return cls(key, value, step, _EPOCH + timedelta(microseconds=moment), low, high, points)

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as JSON can hold it."""
        return {
            "value": plain_number(self.value),
            "step": self.step,
            "time": _iso(self.time),
            "low": plain_number(self.low),
            "high": plain_number(self.high),
            "points": self.points,
        }

    def _repr_html_(self) -> str:
        return html_facts(f"Metric {self.key}", self.to_dict())


@dataclass(frozen=True)
class Artifact:
    """A file of a run; its bytes have the SHA-256 `sha256`."""

    path: str
    size: int
    media: str
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return the artifact as JSON can hold it."""
        return dict(vars(self))

    def _repr_html_(self) -> str:
        return html_facts(f"Artifact {self.path}", self.to_dict())


@dataclass(frozen=True)
class Run:
    """A run as it is recorded."""

    id: str
    name: str
    experiment: str
    status: str
    actor: str
    started_at: datetime
    ended_at: datetime | None
    parent_id: str | None
    note: str | None
    deleted: bool
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any], **parts: Any) -> Run:
        """Return the run of a row of `run_page` or `one_run`, with its parts."""
        started = _utc(row["started_at"])
        assert started is not None
        return cls(
            id=row["run_id"],
            name=row["name"],
            experiment=row["experiment"],
            status=row["status"],
            actor=row["actor"],
            started_at=started,
            ended_at=_utc(row["ended_at"]),
            parent_id=row["parent_id"],
            note=row["note"],
            deleted=row["deleted"],
            source=json.loads(row["source"]) if row.get("source") else {},
            **parts,
        )

    @classmethod
    def from_summary(cls, row: Mapping[str, Any]) -> Run:
        """Return the run of a row of the table `summaries`."""
        told = ",".join([f"{{{row[part] or ''}}}" for part in _PARTS])
        params, metrics, tags = json.loads(f"[{told}]")  # at once, as a page has fifty
        return cls.from_row(
            row,
            params=params,
            metrics={key: Metric.from_told(key, told) for key, told in metrics.items()},
            tags=tags,
        )

    @property
    def seconds(self) -> float | None:
        """How long the run took; None while it is going on."""
        if self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.name!r} {self.status} in {self.experiment!r}>"

    def to_dict(self) -> dict[str, Any]:
        """Return everything recorded of the run as JSON can hold it."""
        return {
            "id": self.id,
            "name": self.name,
            "experiment": self.experiment,
            "status": self.status,
            "actor": self.actor,
            "started_at": _iso(self.started_at),
            "ended_at": _iso(self.ended_at),
            "seconds": self.seconds,
            "parent_id": self.parent_id,
            "note": self.note,
            "deleted": self.deleted,
            "params": dict(self.params),
            "metrics": {key: metric.to_dict() for key, metric in self.metrics.items()},
            "tags": dict(self.tags),
            "artifacts": [artifact.to_dict() for artifact in self.artifacts],
            "source": dict(self.source),
        }

    def _repr_html_(self) -> str:
        rows: dict[str, object] = {
            "id": self.id,
            "experiment": self.experiment,
            "status": self.status,
            "started": self.started_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        }
        rows |= {f"param {key}": value for key, value in self.params.items()}
        rows |= {f"metric {key}": f"{metric.value:g}" for key, metric in self.metrics.items()}
        rows |= {f"tag {key}": value for key, value in self.tags.items()}
        return html_facts(f"Run {self.name}", rows)


@dataclass(frozen=True)
class Experiment:
    """An experiment: a name under which runs are gathered."""

    name: str
    created_at: datetime | None = None
    runs: int = 0
    running: int = 0
    last_run_at: datetime | None = None
    former_names: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Experiment:
        """Return the experiment of a row of `experiment_list`."""
        return cls(
            name=row["name"],
            created_at=_utc(row["created_at"]),
            runs=row["runs"],
            running=row["running"],
            last_run_at=_utc(row["last_run_at"]),
            former_names=tuple(row["former_names"] or ()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the experiment as JSON can hold it."""
        return {
            "name": self.name,
            "created_at": _iso(self.created_at),
            "runs": self.runs,
            "running": self.running,
            "last_run_at": _iso(self.last_run_at),
            "former_names": list(self.former_names),
        }

    def _repr_html_(self) -> str:
        return html_facts(f"Experiment {self.name}", self.to_dict())


@dataclass(frozen=True, eq=False)
class History(Tabular):
    """The points of one metric of a run, by step and time, as NumPy arrays of equal length."""

    run_id: str
    key: str
    steps: NDArray[np.int64]
    times: NDArray[np.datetime64]  # UTC, microseconds
    values: NDArray[np.float64]
    points: int  # how many were logged; more than the arrays hold if it was down-sampled

    def in_order(self) -> History:
        """Return the same points in the order of step, time and value."""
        if (self.steps[1:] > self.steps[:-1]).all():  # nearly always; sorting costs more
            return self
        import numpy as np

        order = np.lexsort((self.values, self.times, self.steps))
        columns = {name: getattr(self, name)[order] for name in ("steps", "times", "values")}
        return replace(self, **columns)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        of = "" if len(self) == self.points else f" of {self.points:,}"
        return f"<History {self.key!r} of run {self.run_id}: {len(self):,}{of} points>"

    def to_dict(self) -> dict[str, Any]:
        """Return the points as JSON can hold them."""
        return {
            "run_id": self.run_id,
            "key": self.key,
            "points": self.points,
            "steps": self.steps.tolist(),
            "times": [f"{moment}+00:00" for moment in self.times.astype(str).tolist()],
            "values": [plain_number(value) for value in self.values.tolist()],
        }

    def tabular(self) -> dict[str, Column]:
        """Return the points by columns: step, time (UTC) and value."""
        times = [_utc(time) for time in self.times.astype("datetime64[us]").tolist()]
        return {
            "step": Column("whole", self.steps.tolist()),
            "time": Column("time", times),
            "value": Column("number", self.values.tolist()),
        }

    def _repr_html_(self) -> str:
        some = slice(0, _SHOWN_POINTS)
        rows = zip(self.steps[some].tolist(), self.values[some].tolist(), strict=True)
        title = f"{self.key} of run {self.run_id}, {self.points:,} points"
        return html_table(title, ("step", "value"), rows)
