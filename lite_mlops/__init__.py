"""The whole life of a model on one machine.

    import lite_mlops as lm

    with lm.start_run("baseline"):
        lm.log_params({"depth": 3})
        lm.log_metric("auc", 0.91)

The functions act on the project found from the working directory upwards; `Project` has the same
verbs for embedding. Every name is loaded on its first use, so importing this costs nearly nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.errors import (
        Busy,
        Conflict,
        Damaged,
        Denied,
        Invalid,
        LiteMlopsError,
        NotFound,
    )
    from lite_mlops.models import ModelContext, PythonModel
    from lite_mlops.pipelines import step
    from lite_mlops.project import Project
    from lite_mlops.settings import Settings
    from lite_mlops.tracking import ActiveRun, Artifact, Experiment, History, Metric, Run
    from lite_mlops.tracking.comparing import Comparison
    from lite_mlops.tracking.search import RunPage
    from lite_mlops.verbs import (
        active_run,
        app,
        autolog,
        compare,
        current_project,
        drift,
        end_run,
        feedback,
        finish,
        gate,
        get_run,
        init,
        load_model,
        log,
        log_artifact,
        log_artifacts,
        log_dataset,
        log_dict,
        log_evaluation,
        log_figure,
        log_metric,
        log_metrics,
        log_model,
        log_param,
        log_params,
        log_table,
        log_text,
        monitor,
        optuna_callback,
        pipeline,
        predictor,
        promote,
        register_model,
        search_runs,
        serve,
        set_experiment,
        set_note,
        set_tag,
        set_tags,
        sql,
        start_run,
        sweep,
        use_project,
    )

# Where each public name lives; the imports above say the same to type checkers.
_HOMES = {
    "errors": "Busy Conflict Damaged Denied Invalid LiteMlopsError NotFound",
    "models": "ModelContext PythonModel",
    "pipelines": "step",
    "project": "Project",
    "settings": "Settings",
    "tracking": "ActiveRun Artifact Experiment History Metric Run",
    "tracking.comparing": "Comparison",
    "tracking.search": "RunPage",
    "verbs": (
        "active_run app autolog compare current_project drift end_run feedback finish gate get_run "
        "init load_model log log_artifact log_artifacts log_dataset log_dict log_evaluation "
        "log_figure log_metric log_metrics log_model log_param log_params log_table log_text "
        "monitor optuna_callback pipeline predictor promote register_model search_runs serve "
        "set_experiment set_note set_tag set_tags sql start_run sweep use_project"
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
_load = loaded_on_use(__name__, _HOME_OF)

__all__ = [
    "ActiveRun",
    "Artifact",
    "Busy",
    "Comparison",
    "Conflict",
    "Damaged",
    "Denied",
    "Experiment",
    "History",
    "Invalid",
    "LiteMlopsError",
    "Metric",
    "ModelContext",
    "NotFound",
    "Project",
    "PythonModel",
    "Run",
    "RunPage",
    "Settings",
    "__version__",
    "active_run",
    "app",
    "autolog",
    "compare",
    "current_project",
    "drift",
    "end_run",
    "feedback",
    "finish",
    "gate",
    "get_run",
    "init",
    "load_model",
    "log",
    "log_artifact",
    "log_artifacts",
    "log_dataset",
    "log_dict",
    "log_evaluation",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "monitor",
    "optuna_callback",
    "pipeline",
    "predictor",
    "promote",
    "register_model",
    "search_runs",
    "serve",
    "set_experiment",
    "set_note",
    "set_tag",
    "set_tags",
    "sql",
    "start_run",
    "step",
    "sweep",
    "use_project",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("lite-mlops")
    return _load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
