"""A callback for Optuna: each trial becomes a run below the active one.

with lm.start_run("study"):
    study.optimize(objective, n_trials=50, callbacks=[lm.optuna_callback()])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lite_mlops.autologging.parts import harmless
from lite_mlops.autologging.texts import text_of
from lite_mlops.errors import Invalid
from lite_mlops.store import new_id
from lite_mlops.store.events import Metric
from lite_mlops.tracking import context, finished_run
from lite_mlops.tracking.keys import checked_name, shown

if TYPE_CHECKING:
    from lite_mlops.autologging.switch import Place

_ENDINGS = {"FAIL": "failed"}  # a pruned trial has finished


def optuna_callback(
    place: Callable[[], Place], metric_name: str | Sequence[str] = "value"
) -> Callable[[Any, Any], None]:
    """Return a callback for `study.optimize`; `metric_name` names the value or values of a trial.

    A trial's run has its params, its values, its intermediate values by step and its state. It
    goes below the active run; without one it stands in the experiment named like the study.

    Raises:
        Invalid: a name cannot be used.
    """
    names = [metric_name] if isinstance(metric_name, str) else list(metric_name)
    if not names:
        raise Invalid(f"optuna_callback: metric_name is empty: {shown(metric_name)}.")
    names = [checked_name(name, "metric name") for name in names]

    def callback(study: Any, trial: Any) -> None:
        harmless("Optuna trial", lambda: _log_trial(place(), study, trial, names))

    return callback


def _names_for(names: list[str], count: int) -> list[str]:
    """Return a name for each value; a single name is numbered where there are several."""
    if len(names) >= count:
        return names[:count]
    return [f"{names[0]}_{number}" for number in range(count)]


def _log_trial(place: Place, study: Any, trial: Any, names: list[str]) -> None:
    parent = context.active()
    values = trial.values or []
    metrics = dict(zip(_names_for(names, len(values)), values, strict=True))
    if trial.duration is not None:
        metrics["seconds"] = trial.duration.total_seconds()
    texts = {name: text_of(value) for name, value in trial.params.items()}
    attributes = {name: text_of(value) for name, value in trial.user_attrs.items()}
    run, key = new_id(), checked_name(f"intermediate_{names[0]}", "metric name")
    finished_run(
        place.store,
        study.study_name if parent is None else parent.experiment or place.experiment,
        f"trial {trial.number}",
        run_id=run,
        parent=None if parent is None else parent.id,
        params=texts,
        metrics=metrics,
        events=[
            Metric(run=run, key=key, step=step, value=float(value))
            for step, value in trial.intermediate_values.items()
        ],
        tags={"optuna.state": trial.state.name, "optuna.study": study.study_name} | attributes,
        status=_ENDINGS.get(trial.state.name, "finished"),
    )
