"""Runs that are logged when they are over: candidates of a search, trials, runs of another project.

    finished_run(store, "churn", "C=1", parent=run.id, params={"C": "1"}, metrics={"auc": 0.9})

They cost a few appended lines each; code and environment are recorded with the parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lite_mlops.security import mask_value
from lite_mlops.store import Store, new_id
from lite_mlops.store.events import Event, Metrics, Params, RunEnded, RunStarted, Tags
from lite_mlops.tracking.keys import checked_name


def finished_run(
    store: Store,
    experiment: str,
    name: str,
    *,
    run_id: str | None = None,
    parent: str | None = None,
    actor: str | None = None,
    source: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
    events: Iterable[Event] = (),
    status: str = "finished",
) -> str:
    """Log a whole run and return its id; `events` are what else was logged to it.

    Raises:
        Invalid: a name cannot be used; nothing is logged.
    """
    params, tags, metrics = params or {}, tags or {}, metrics or {}
    for key in (*params, *metrics, *tags):
        checked_name(key, "name")
    mask = store.settings.mask
    run = run_id or new_id()
    store.append(
        RunStarted(
            run=run,
            experiment=experiment,
            name=name,
            writer=store.journal.writer,
            actor=actor or store.settings.who(),
            parent=parent,
            source=None if source is None else dict(source),
        )
    )
    if params:
        texts = [mask_value(key, text, mask) for key, text in params.items()]
        store.append(Params(run=run, keys=list(params), texts=texts))
    if tags:
        marks: list[str | None] = [mask_value(key, text, mask) for key, text in tags.items()]
        store.append(Tags(run=run, keys=list(tags), texts=marks))
    if metrics:
        numbers = [float(value) for value in metrics.values()]
        store.append(Metrics(run=run, keys=list(metrics), numbers=numbers, step=0))
    for event in events:
        store.append(event)
    store.append(RunEnded(run=run, status=status))
    return run
