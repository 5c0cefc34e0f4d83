"""Adopting: a run of another project becomes one of this, with its id and all that it logged."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lite_mlops.store import Store
from lite_mlops.store.events import Artifact, Dataset, DatasetUsed, Event, Metric
from lite_mlops.tracking import Run, Runs, finished_run


def adopt(run: Run, origin: Store, store: Store, *, name: str, tags: dict[str, str]) -> None:
    """Log in `store` what `run` logged in `origin`: params, points, files, uses of data.

    Decisions are left out: it registers no models and moves no aliases here.
    """
    events = [*_data(run.id, origin, store), *_points(run, origin)]
    for artifact in run.artifacts:
        store.objects.put_file(origin.objects.path(artifact.sha256))
        events.append(Artifact(run=run.id, **artifact.to_dict()))
    finished_run(
        store,
        run.experiment,
        name,
        run_id=run.id,
        actor=run.actor,
        source=run.source,
        params=run.params,
        tags={**run.tags, **tags},
        events=events,
        status=run.status if run.ended_at else "failed",
    )


def _data(run_id: str, origin: Store, store: Store) -> Iterator[Event]:
    with origin.reading() as database:
        data = database.dicts("data_of_run", run=run_id)
    with store.reading() as database:
        known = database.dicts("known_versions", names=[row["name"] for row in data])
    for row in data:
        version = {"name": row["name"], "sha256": row["sha256"]}
        if version not in known:  # else it would forget where it was read from
            size = {"rows": row["row_count"], "columns": row["column_count"], "size": row["size"]}
            about = {"form": row["form"], "profile": json.loads(row["profile"])}
            yield Dataset(**version, **size, **about)
        yield DatasetUsed(run=run_id, **version, role=row["role"])


def _points(run: Run, origin: Store) -> Iterator[Event]:
    for key in run.metrics:
        history = Runs(origin).history(run.id, key)
        times = history.times.astype("datetime64[us]").astype("int64").tolist()
        points = zip(history.steps.tolist(), times, history.values.tolist(), strict=True)
        for step, time, value in points:
            yield Metric(run=run.id, key=key, step=step, value=value, time=time)
