"""Runs that are logged when they are over: the candidates of a search, the trials of a study.

They cost a few appended lines each; code and environment are recorded with the parent.
"""

from __future__ import annotations

from collections.abc import Mapping

from lite_mlops.security import mask_value
from lite_mlops.store import Store, new_id
from lite_mlops.store.events import Metric, Metrics, Params, RunEnded, RunStarted, Tags
from lite_mlops.tracking.keys import checked_name


def finished_run(
    store: Store,
    experiment: str,
    name: str,
    *,
    parent: str | None,
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    steps: Mapping[str, Mapping[int, float]] | None = None,
    tags: Mapping[str, str] | None = None,
    status: str = "finished",
) -> str:
    """Log a whole run and return its id; `steps` are metrics with a value for each step.

    Raises:
        Invalid: a name cannot be used; nothing is logged.
    """
    for key in (*params, *metrics, *(steps or {}), *(tags or {})):
        checked_name(key, "name")
    mask = store.settings.mask
    params = {key: mask_value(key, text, mask) for key, text in params.items()}
    tags = {key: mask_value(key, text, mask) for key, text in (tags or {}).items()}
    run = new_id()
    store.append(
        RunStarted(
            run=run,
            experiment=experiment,
            name=name,
            writer=store.journal.writer,
            actor=store.settings.who(),
            parent=parent,
        )
    )
    if params:
        store.append(Params(run=run, keys=list(params), texts=list(params.values())))
    if tags:
        store.append(Tags(run=run, keys=list(tags), texts=list(tags.values())))
    if metrics:
        numbers = [float(value) for value in metrics.values()]
        store.append(Metrics(run=run, keys=list(metrics), numbers=numbers, step=0))
    for key, values in (steps or {}).items():
        for step, value in values.items():
            store.append(Metric(run=run, key=key, step=step, value=float(value)))
    store.append(RunEnded(run=run, status=status))
    return run
