"""Adopting: a run of another project becomes one of this, with its id and all that it logged."""

from __future__ import annotations

import json
from typing import Any

from lite_mlops.store import Store
from lite_mlops.store.events import (
    Artifact,
    Dataset,
    DatasetUsed,
    Metric,
    Params,
    RunEnded,
    RunStarted,
    Tags,
)
from lite_mlops.tracking import Run, Runs


def adopt(run: Run, origin: Store, store: Store, *, name: str, tags: dict[str, str]) -> None:
    """Log in `store` what `run` logged in `origin`: params, points, files, uses of data.

    Decisions are left out: it registers no models and moves no aliases here.
    """
    with origin.reading() as database:
        data = database.dicts("data_of_run", run=run.id)
    with store.reading() as database:
        known = database.dicts("known_versions", names=[row["name"] for row in data])
    for artifact in run.artifacts:
        store.objects.put_file(origin.objects.path(artifact.sha256))
    started = RunStarted(
        run=run.id,
        experiment=run.experiment,
        name=name,
        writer=store.journal.writer,
        actor=run.actor,
        source=dict(run.source),
    )
    store.append(started)
    if run.params:
        keys, texts = list(run.params), list(run.params.values())
        store.append(Params(run=run.id, keys=keys, texts=texts))
    marked: dict[str, Any] = {**run.tags, **tags}
    store.append(Tags(run=run.id, keys=list(marked), texts=list(marked.values())))
    for key in run.metrics:
        _adopt_points(run.id, key, origin, store)
    for artifact in run.artifacts:
        store.append(Artifact(run=run.id, **artifact.to_dict()))
    for row in data:
        version = {"name": row["name"], "sha256": row["sha256"]}
        if version not in known:  # else it would forget where it was read from
            size = {"rows": row["row_count"], "columns": row["column_count"], "size": row["size"]}
            about = {"form": row["form"], "profile": json.loads(row["profile"])}
            store.append(Dataset(**version, **size, **about))
        store.append(DatasetUsed(run=run.id, **version, role=row["role"]))
    store.append(RunEnded(run=run.id, status=run.status if run.ended_at else "failed"))


def _adopt_points(run_id: str, key: str, origin: Store, store: Store) -> None:
    history = Runs(origin).history(run_id, key)
    times = history.times.astype("datetime64[us]").astype("int64").tolist()
    points = zip(history.steps.tolist(), times, history.values.tolist(), strict=True)
    for step, time, value in points:
        store.append(Metric(run=run_id, key=key, step=step, value=value, time=time))
