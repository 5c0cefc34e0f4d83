"""The module functions: each is a verb of the current project or of its active run.

    import lite_mlops as lm

    lm.set_experiment("churn")
    with lm.start_run():
        lm.log_metric("auc", 0.91)

The current project is the one found from the working directory upwards when it is first needed;
`use_project` chooses another. Logging without an active run starts one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from lite_mlops.project import Project
from lite_mlops.store.console import Table
from lite_mlops.tracking import ActiveRun, Experiment, Run, context

if TYPE_CHECKING:
    from lite_mlops.autologging import Autolog
    from lite_mlops.data import DatasetVersion
    from lite_mlops.gates import GateReport
    from lite_mlops.models import ModelVersion
    from lite_mlops.monitoring.drift import DriftReport
    from lite_mlops.monitoring.labels import Received
    from lite_mlops.monitoring.monitors import Monitor
    from lite_mlops.pipelines import PipelineFunction, Sweep
    from lite_mlops.serving import Predictor
    from lite_mlops.tracking.comparing import Comparison
    from lite_mlops.tracking.search import RunPage
    from lite_mlops.web import App, Limits, ServingServer, WorkersServer

P = ParamSpec("P")
R = TypeVar("R")


class _Current:
    """Which project the module functions act on."""

    project: Project | None = None


def current_project() -> Project:
    """Return the project that the module functions act on. Raises `Invalid`."""
    if _Current.project is None:
        _Current.project = Project()
    return _Current.project


def use_project(path: str | Path | Project, **options: Any) -> Project:
    """Have the module functions act on the project in `path` from now on.

    Raises:
        Invalid: the path cannot hold a project, or a setting cannot be used.
    """
    _Current.project = path if isinstance(path, Project) else Project(path, **options)
    return _Current.project


def set_experiment(name: str) -> Experiment:
    """Have the runs that start from now on gathered under `name`. Raises `Invalid`."""
    return current_project().set_experiment(name)


def start_run(
    name: str | None = None,
    *,
    run_id: str | None = None,
    run_name: str | None = None,
    experiment: str | None = None,
    nested: bool = False,
    parent: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    note: str | None = None,
    system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or go on with the one that `run_id` names; see `Project.start_run`.

    `run_name` is the word of MLflow for `name`.
    """
    return current_project().start_run(
        run_name if name is None else name,
        run_id=run_id,
        experiment=experiment,
        nested=nested,
        parent=parent,
        params=params,
        tags=tags,
        note=note,
        system_metrics=system_metrics,
    )


def end_run(status: str = "finished") -> None:
    """End the active run, if there is one. Raises `Invalid` for an unknown status."""
    run = context.active()
    if run is not None:
        run.end(status)


def active_run() -> ActiveRun | None:
    """Return the run that is logged to at present."""
    return context.active()


def get_run(run: str) -> Run:
    """Return a run with everything recorded of it. Raises `NotFound` or `Invalid`."""
    return current_project().runs.get(run)


def search_runs(
    filter: str | None = None,  # noqa: A002
    order_by: str | Sequence[str] | None = None,
    max_results: int = 50,
    page_token: str | None = None,
    experiments: str | Sequence[str] | None = None,
    *,
    deleted: bool = False,
) -> RunPage:
    """Return the first runs that a filter finds; see `Runs.search`."""
    return current_project().search_runs(
        filter, order_by, max_results, page_token, experiments, deleted=deleted
    )


def compare(first: str, *others: str) -> Comparison:
    """Return runs side by side, with verdicts where they can be; see `Project.compare`."""
    return current_project().compare(first, *others)


def sql(statement: str, *, rows: int | None = None) -> Table:
    """Run one reading SQL statement over the project. Raises `Invalid` or `Denied`."""
    return current_project().sql(statement, rows=rows)


def _run() -> ActiveRun:
    return context.active() or current_project().run_to_log_to()


def log_metric(key: str, value: float, step: int | None = None, timestamp: Any = None) -> None:
    """Log one value of a metric; see `ActiveRun.log_metric`."""
    _run().log_metric(key, value, step, timestamp)


def log_metrics(
    metrics: Mapping[str, float], step: int | None = None, timestamp: Any = None
) -> None:
    """Log values of several metrics at one step; see `ActiveRun.log_metrics`."""
    _run().log_metrics(metrics, step, timestamp)


def log_param(key: str, value: Any) -> Any:
    """Log one param and return its value; see `ActiveRun.log_param`."""
    return _run().log_param(key, value)


def log_params(params: Mapping[str, Any]) -> None:
    """Log params; see `ActiveRun.log_params`."""
    _run().log_params(params)


def set_tag(key: str, value: Any) -> None:
    """Set one tag; see `ActiveRun.set_tag`."""
    _run().set_tag(key, value)


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set tags; see `ActiveRun.set_tags`."""
    _run().set_tags(tags)


def set_note(text: str) -> None:
    """Set the note of the run; see `ActiveRun.set_note`."""
    _run().set_note(text)


def log_artifact(local_path: str | Path, artifact_path: str | None = None) -> None:
    """Keep a copy of a file or folder with the run; see `ActiveRun.log_artifact`."""
    _run().log_artifact(local_path, artifact_path)


def log_artifacts(local_dir: str | Path, artifact_path: str | None = None) -> None:
    """Keep a copy of everything in a folder with the run; see `ActiveRun.log_artifacts`."""
    _run().log_artifacts(local_dir, artifact_path)


def log_text(text: str, artifact_file: str) -> None:
    """Keep a text with the run; see `ActiveRun.log_text`."""
    _run().log_text(text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str) -> None:
    """Keep a dictionary or list with the run, as JSON; see `ActiveRun.log_dict`."""
    _run().log_dict(dictionary, artifact_file)


def log_figure(figure: Any, artifact_file: str) -> None:
    """Keep a picture with the run; see `ActiveRun.log_figure`."""
    _run().log_figure(figure, artifact_file)


def log_table(data: Any, artifact_file: str) -> None:
    """Keep a table with the run; see `ActiveRun.log_table`."""
    _run().log_table(data, artifact_file)


def log_evaluation(
    y_true: Any, y_pred: Any, *, y_score: Any = None, name: str = "test", ids: Any = None
) -> None:
    """Keep labels and answers of a model for comparing runs; see `ActiveRun.log_evaluation`."""
    _run().log_evaluation(y_true, y_pred, y_score=y_score, name=name, ids=ids)


def log_dataset(
    data: Any,
    name: str,
    *,
    role: str = "training",
    column_names: Sequence[str] | None = None,
    snapshot: bool = False,
) -> DatasetVersion:
    """Record that the active run uses `data`; see `Project.log_dataset`."""
    return current_project().log_dataset(
        data, name, role=role, column_names=column_names, snapshot=snapshot
    )


def log_model(model: Any, name: str, **options: Any) -> ModelVersion:
    """Register a fitted model, made by the active run; see `Project.log_model`."""
    return current_project().log_model(model, name, **options)


def register_model(source: str | Path | Run, name: str, **options: Any) -> ModelVersion:
    """Register a model file, what a run kept, or a run, as the next version of `name`.

    `source` is a path, 'runs:/ID/model', another version such as 'churn/3', or the run; see
    `Models.register_file` and `Models.register_kept`.
    """
    models = current_project().models
    if isinstance(source, Run):
        return models.register_kept(f"runs:/{source.id}/model", name, **options)
    if isinstance(source, Path) or Path(source).is_file():
        return models.register_file(source, name, **options)
    return models.register_kept(source, name, **options)


def load_model(reference: str) -> Any:
    """Return the model that a reference such as 'churn@champion' names; see `Models.load`."""
    return current_project().models.load(reference)


def gate(candidate: str, against: str | None = None, **options: Any) -> GateReport:
    """Return what the gate of an alias says of a version, and keep it; see `Gates.run`.

    `lm.gate("churn/4", against="churn@champion", data=holdout, replay="7d").passed`
    """
    return current_project().gates.run(candidate, against, **options)


def promote(reference: str, to: str = "champion", **options: Any) -> ModelVersion:
    """Have an alias point to a version, if its gate lets it; see `Models.promote`."""
    return current_project().models.promote(reference, to, **options)


def predictor(model: str, **options: Any) -> Predictor:
    """Return what answers rows in this process as a server would; see `Project.predictor`."""
    return current_project().predictor(model, **options)


def app(
    *references: str,
    hosts: Collection[str] = (),
    origins: Collection[str] = (),
    require_token: bool = False,
    limits: Limits | None = None,
    **options: Any,
) -> App:
    """Return an app that answers for model versions, to be mounted in a server of your own.

    `app(...).asgi` goes into FastAPI or Starlette, `app(...).wsgi` into Flask or Django, and
    `app(...)(Request(...))` answers without any server. It follows aliases as long as it is there.

    Args:
        references: Such as 'churn@champion', which is followed, or 'churn/3'.
        hosts: Names beside those of loopback that clients address the server by; '*' stands for
            all. What others send is refused, so that no web page can reach it by a name of its own.
        origins: Pages of other origins that may ask (CORS).
        require_token: Whether clients need a token of the project.
        limits: What may be asked.
        options: Further ones, such as `sample` and `inputs` of what is recorded.

    Raises:
        Invalid, NotFound: a reference names no version.
        Damaged, Denied: a file cannot be loaded; or a token is needed, and there is none.
    """
    from lite_mlops.web import Doors, serve_references

    doors = Doors(hosts=hosts or None, origins=origins, limits=limits)
    serving = serve_references(
        current_project(), references, doors=doors, require_token=require_token, **options
    )
    serving.follow()
    return serving.app


def serve(
    *references: str,
    port: int = 8000,
    host: str = "127.0.0.1",
    workers: int | str | None = None,
    **options: Any,
) -> ServingServer | WorkersServer:
    """Serve model versions over HTTP, in threads of this process, until `stop()`.

    `with lm.serve("churn@champion") as server: print(server.url)`. Beyond loopback clients need a
    token of the project. The options are those of `lite_mlops.web.serve_references`. With several
    `workers` (a number, bounds such as `1..4`, or `auto`; by default the setting `workers`)
    processes of their own answer, as `lite-mlops serve --workers` has them; see
    `lite_mlops.web.serve_with_workers`.

    Raises:
        Invalid, NotFound: a reference names no version.
        Damaged, Denied: a file cannot be loaded; or a token is needed, and there is none.
        Busy: the port is taken.
    """
    from lite_mlops.web import Bounds, is_loopback, serve_references, serve_with_workers

    options.setdefault("require_token", not is_loopback(host))
    project = current_project()
    workers = project.settings.workers if workers is None else workers
    if Bounds.parse(str(workers)).most > 1:
        options |= {"port": port, "host": host}
        return serve_with_workers(project, references, workers, **options).start()
    return serve_references(project, references, **options).on(port, host=host).start()


def drift(reference: Any, current: Any = None, **options: Any) -> DriftReport:
    """Return what changed from one table to another, or from the training of a model until now.

    A table is a DataFrame or columns, the path of a file, or a version as NAME@VERSION; see
    `Monitoring.compare` for the options. Without `current`, `reference` names a model version; see
    `Monitoring.drift`.
    """
    monitoring = current_project().monitoring
    if current is None:
        return monitoring.drift(reference, **options)
    return monitoring.compare(reference, current, **options)


def monitor(name: str, **options: Any) -> Monitor:
    """Have a monitor watch a model, as a table `[monitor.NAME]` of `lite-mlops.toml` would.

    Without options it is the monitor of that name, if there is one; see `Monitors.set`.
    """
    monitors = current_project().monitors
    known = {one.name: one for one in monitors.all()}
    return known[name] if name in known and not options else monitors.set(name, **options)


def feedback(ids: Any, labels: Any = None, times: Any = None, **options: Any) -> Received:
    """Record what was true: the labels of earlier predictions, by their ids or by a table.

    `feedback("6b079c69", "leaves")` and `feedback(ids, labels)` are of predictions by their ids,
    all of them or none; see `Monitoring.feedback`. `feedback(frame, label="churned",
    key="customer", model="churn")` takes a DataFrame, columns or a file; see
    `Monitoring.feedback_table` for the options.

    Raises:
        NotFound: there is no such prediction, file or model.
        Invalid: a label is missing or cannot be one of the model, or it is no such table.
    """
    monitoring = current_project().monitoring
    if labels is None and (options or not isinstance(ids, str)):
        return monitoring.feedback_table(ids, **options)
    return monitoring.feedback(ids, labels, times, **options)


def autolog(*, disable: bool = False, **options: Any) -> Autolog:
    """Have every scikit-learn `fit` become a run; see `lite_mlops.autologging`.

    It stays on until `autolog(disable=True)`; as a context manager, until the end of the block.
    The options are those of `lite_mlops.autologging.Options`.

    Raises:
        Invalid: an option is unknown or cannot be used; nothing has changed then.
    """
    from lite_mlops.autologging import autolog as switch

    return switch(current_project, disable=disable, depth=2, **options)


def optuna_callback(metric_name: str | Sequence[str] = "value") -> Callable[[Any, Any], None]:
    """Return a callback that makes each trial of an Optuna study a run below the active one.

    Raises:
        Invalid: `metric_name`, the name or names of a trial's values, cannot be used.
    """
    from lite_mlops.autologging import optuna_callback as callback

    return callback(current_project, metric_name)


@overload
def pipeline(function: Callable[P, R], /) -> PipelineFunction[P, R]: ...
@overload
def pipeline(*, name: str | None = None) -> Callable[[Callable[P, R]], PipelineFunction[P, R]]: ...


def pipeline(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Make a function that calls steps a pipeline of the current project.

    Calling it runs the steps of which something changed, and returns what the function returns.
    See `lite_mlops.pipelines.functions`; `name` is another than that of the function.

    Raises:
        Invalid: the name cannot be used.
    """
    from lite_mlops.pipelines import PipelineFunction

    def made(one: Callable[P, R]) -> PipelineFunction[P, R]:
        return PipelineFunction(one, lambda: current_project().pipelines, name=name)

    return made if function is None else made(function)


def sweep(function: Callable[..., Any], space: Mapping[str, Any], **options: Any) -> Sweep:
    """Run a function with many params, each time as a run, and return all trials.

    `space` has for each param a list, a range, a text such as '2..8' or '1e-4..1e-1 log', or one
    value. The options are those of `Sweeping.sweep`: `trials`, `metric`, `minimize`, `method`,
    `jobs`, `backend`, `seed`, `name`, `fresh`, `progress`.

    Raises:
        Invalid: a param or an option cannot be used.
    """
    return current_project().sweeping.sweep(function, space, **options)


# -- the words of Weights & Biases ---------------------------------------------------------------


def init(
    project: str | None = None,
    *,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | list[str] | None = None,
    notes: str | None = None,
) -> ActiveRun:
    """Start a run; `project` is the experiment, `config` are the params.

    Raises:
        Invalid: a name or value cannot be used.
    """
    named = tags if isinstance(tags, Mapping) or tags is None else dict.fromkeys(tags, "true")
    return current_project().start_run(
        name, experiment=project, params=config, tags=named, note=notes
    )


def log(values: Mapping[str, Any], step: int | None = None) -> None:
    """Log values at one step; without `step` it grows by one with each call."""
    _run().log(values, step)


def finish(status: str = "finished") -> None:
    """End the active run, if there is one. Raises `Invalid` for an unknown status."""
    end_run(status)
