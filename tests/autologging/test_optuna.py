"""The callback for Optuna, with the real one where it is installed."""

from __future__ import annotations

from typing import Any

import pytest

from lite_mlops.autologging import optuna_callback
from lite_mlops.errors import Invalid
from lite_mlops.project import Project


@pytest.fixture
def optuna() -> Any:
    found: Any = pytest.importorskip("optuna")
    found.logging.set_verbosity(found.logging.ERROR)
    return found


def test_a_trial_is_a_run_below_the_active_one(optuna: Any, project: Project) -> None:
    def objective(trial: Any) -> float:
        x: float = trial.suggest_float("x", 0, 1)
        for step in range(3):
            trial.report(x / (step + 1), step)
        if trial.number == 2:
            raise optuna.TrialPruned
        if trial.number == 3:
            raise ValueError("no value")
        return x

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    with project.start_run("study") as parent:
        study.optimize(
            objective,
            n_trials=4,
            callbacks=[optuna_callback(lambda: project, "loss")],
            catch=(ValueError,),
        )
    runs = list(reversed(project.runs.page(parent=parent.id)))
    assert [run.name for run in runs] == ["trial 0", "trial 1", "trial 2", "trial 3"]
    first = study.trials[0]
    assert runs[0].params == {"x": str(first.params["x"])}
    assert runs[0].metrics["loss"].value == first.value
    history = project.runs.history(runs[0].id, "intermediate_loss")
    assert history.values.tolist() == list(first.intermediate_values.values())
    states = [run.tags["optuna.state"] for run in runs]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED", "FAIL"]
    assert [run.status for run in runs] == ["finished", "finished", "finished", "failed"]


def test_long_values_are_cut_with_a_mark(optuna: Any, project: Project) -> None:
    def objective(trial: Any) -> float:
        trial.set_user_attr("notes", "x" * 10_000)
        return len(trial.suggest_categorical("text", ["y" * 600]))

    optuna.create_study().optimize(
        objective, n_trials=1, callbacks=[optuna_callback(lambda: project)]
    )
    (run,) = project.runs.page()
    assert run.params["text"] == "y" * 500 + "... (600 characters)"
    assert run.tags["notes"] == "x" * 500 + "... (10,000 characters)"


def test_several_values_without_a_run(optuna: Any, project: Project) -> None:
    study = optuna.create_study(study_name="two goals", directions=["minimize", "maximize"])
    callbacks = [optuna_callback(lambda: project)]
    study.optimize(
        lambda trial: (trial.suggest_int("n", 1, 5), 2), n_trials=3, n_jobs=2, callbacks=callbacks
    )
    runs = project.runs.page()
    assert {run.experiment for run in runs} == {"two goals"}
    assert len(runs) == 3
    assert {"value_0", "value_1"} <= set(runs[0].metrics)


def test_a_name_that_cannot_be_used(project: Project) -> None:
    with pytest.raises(Invalid, match="metric name is empty"):
        optuna_callback(lambda: project, "")
    with pytest.raises(Invalid, match="optuna_callback: metric_name is empty"):
        optuna_callback(lambda: project, [])
    assert not project.exists
