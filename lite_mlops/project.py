"""Project: the object in the middle, which the library, the command line and the server hold.

    project = Project("~/work/churn")
    with project.start_run("baseline") as run:
        run.log_metric("auc", 0.91)
    project.runs.page()

A project is a folder `.lite-mlops`. It is found from the working directory upwards, as git does it,
and made by the first write.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.settings import Settings, chosen_folder, joined_run, load_settings
from lite_mlops.store import FOLDER_NAME, Store, open_store
from lite_mlops.tracking import context
from lite_mlops.tracking.keys import checked_name

if TYPE_CHECKING:
    from lite_mlops.data import Datasets, DatasetVersion
    from lite_mlops.gates import Gates
    from lite_mlops.importing import Imports
    from lite_mlops.loops import Loops
    from lite_mlops.models import Inputs, Models, ModelVersion
    from lite_mlops.monitoring import Monitoring
    from lite_mlops.monitoring.alerts import Alerts
    from lite_mlops.monitoring.monitors import Monitors
    from lite_mlops.pipelines import Pipelines, Reproducing, Sweeping
    from lite_mlops.security.tokens import Tokens
    from lite_mlops.serving import Endpoint, Endpoints, Predictor
    from lite_mlops.store.backup import Backup
    from lite_mlops.store.cleaning import Cleaned
    from lite_mlops.store.console import Table
    from lite_mlops.store.doctor import Finding
    from lite_mlops.store.standing import Status
    from lite_mlops.store.usage import Usage
    from lite_mlops.tracking import ActiveRun, Experiment, Experiments, Runs, Starter
    from lite_mlops.tracking.comparing import Comparison, Comparisons
    from lite_mlops.tracking.search import RunPage

log = logging.getLogger("lite_mlops")

DEFAULT_EXPERIMENT = "default"


def _upwards(start: Path) -> Iterator[Path]:
    yield start
    yield from start.parents


def find_folder(start: Path | None = None) -> Path | None:
    """Return the project folder in `start` or above it; None if there is none."""
    chosen = chosen_folder()
    if start is None and chosen is not None:
        return _as_folder(Path(chosen).expanduser())
    for parent in _upwards((start or Path.cwd()).absolute()):
        if (parent / FOLDER_NAME).is_dir():
            return parent / FOLDER_NAME
    return None


def _as_folder(path: Path) -> Path:
    """Return the project folder that a path means: itself, or the one inside it."""
    folder = path if path.name == FOLDER_NAME else path / FOLDER_NAME
    folder = folder.absolute()
    if not folder.parent.is_dir():
        raise Invalid(f"The project folder {folder} cannot be: {folder.parent} is not a folder.")
    return folder


class Project:
    """One project: its parts, and the verbs that people know.

    Args:
        path: The folder that holds (or will hold) the project; default: the one found from the
            working directory upwards, else the working directory itself.
        options: Settings, which go before those of the environment and of `lite-mlops.toml`.

    Raises:
        Invalid: the path cannot hold a project, or a setting cannot be used.
    """

    def __init__(self, path: str | Path | None = None, **options: Any) -> None:
        if path is None:
            self.folder = find_folder() or _as_folder(Path.cwd())
        else:
            self.folder = _as_folder(Path(path).expanduser())
        self.settings: Settings = load_settings(self.folder.parent, options)
        self.store: Store = open_store(self.folder, self.settings)
        self.experiment = DEFAULT_EXPERIMENT

    def __repr__(self) -> str:
        return f"Project({str(self.folder.parent)!r})"

    @property
    def exists(self) -> bool:
        """Whether anything was written yet."""
        return self.folder.is_dir()

    def required(self) -> Project:
        """Return this project if it exists. Raises `NotFound`."""
        if not self.exists:
            raise NotFound(
                f"There is no project in {self.folder.parent} or above. `lite-mlops init` makes "
                "one; so does the first run that is logged."
            )
        return self

    def create(self) -> None:
        """Make the folder and the database now; otherwise the first write does."""
        self.store.fold()

    # -- the parts ------------------------------------------------------------------------------

    @cached_property
    def runs(self) -> Runs:
        """The runs."""
        from lite_mlops.tracking import Runs

        return Runs(self.store)

    @cached_property
    def comparisons(self) -> Comparisons:
        """The runs, side by side."""
        from lite_mlops.tracking.comparing import Comparisons

        return Comparisons(self.store)

    @cached_property
    def experiments(self) -> Experiments:
        """The experiments."""
        from lite_mlops.tracking import Experiments

        return Experiments(self.store)

    @cached_property
    def datasets(self) -> Datasets:
        """The datasets."""
        from lite_mlops.data import Datasets  # NumPy is loaded only where data is looked at

        return Datasets(self.store)

    @cached_property
    def models(self) -> Models:
        """The registered models."""
        from lite_mlops.models import Models  # joblib and NumPy

        return Models(self.store)

    @cached_property
    def monitoring(self) -> Monitoring:
        """What is known of the predictions."""
        from lite_mlops.monitoring import Monitoring  # joblib and NumPy

        return Monitoring(self.store, self.models, self.datasets)

    @cached_property
    def monitors(self) -> Monitors:
        """The monitors: what is watched, and what was found."""
        from lite_mlops.monitoring.monitors import Monitors  # joblib and NumPy

        return Monitors(self.store, self.models, self.monitoring, self.alerts)

    @cached_property
    def alerts(self) -> Alerts:
        """The alerts: what fires, and who was told."""
        from lite_mlops.monitoring.alerts import Alerts  # joblib and NumPy

        return Alerts(self.store)

    @cached_property
    def endpoints(self) -> Endpoints:
        """The endpoints: what is served, and what is tried beside it."""
        from lite_mlops.serving import Endpoints  # joblib and NumPy

        return Endpoints(self.store, self.models)

    @cached_property
    def loops(self) -> Loops:
        """The loops, which retrain and promote by themselves."""
        from lite_mlops.loops import Loops, Parts  # joblib and NumPy

        return Loops(
            self.store,
            Parts(self.models, self.endpoints, self.gates, self.pipelines, self.alerts),
        )

    @cached_property
    def gates(self) -> Gates:
        """The gates: what versions have to show before aliases move to them."""
        from lite_mlops.gates import Gates  # joblib and NumPy

        return Gates(self.store, self.models)

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens by which clients of a server are known."""
        from lite_mlops.security.tokens import Tokens  # random numbers and hashes

        return Tokens(self.store)

    @cached_property
    def imports(self) -> Imports:
        """What brings in what was logged elsewhere."""
        from lite_mlops.importing import Imports  # joblib and NumPy

        return Imports(self.store)

    @cached_property
    def pipelines(self) -> Pipelines:
        """The pipelines: steps that run when something they depend on changed."""
        from lite_mlops.pipelines import Pipelines  # graphs and processes

        return Pipelines(self.store)

    @cached_property
    def sweeping(self) -> Sweeping:
        """What runs a function or a script with many params."""
        from lite_mlops.pipelines import Sweeping  # graphs and processes

        return Sweeping(self.store)

    @cached_property
    def reproducing(self) -> Reproducing:
        """What runs a run again."""
        from lite_mlops.pipelines import Reproducing  # git and processes

        return Reproducing(self.store)

    # -- data and models ------------------------------------------------------------------------

    def log_dataset(
        self,
        data: Any,
        name: str,
        *,
        role: str = "training",
        column_names: Sequence[str] | None = None,
        snapshot: bool = False,
    ) -> DatasetVersion:
        """Record that the active run uses `data`; see `Datasets.log`.

        `datasets.add` records data that no run used yet.

        Raises:
            Invalid: it is no data that can be read, or the name or the role cannot be used.
        """
        run = self.run_to_log_to()
        return self.datasets.log(
            run.id, data, name, role=role, column_names=column_names, snapshot=snapshot
        )

    def log_model(self, model: Any, name: str, **options: Any) -> ModelVersion:
        """Register a fitted model as the next version of `name`, made by the active run.

        The options are those of `Models.register`, such as `input_example` and `alias`.

        Raises:
            Invalid: the name cannot be used, the model cannot be written, or its features are
                not known.
        """
        run = self.run_to_log_to()
        return self.models.register(model, name, run=run.id, **options)

    def endpoint(self, model: str) -> Endpoint:
        """Return the version that `model` names, loaded and ready to answer.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: its file is missing or is not the one that was registered.
        """
        from lite_mlops.models import open_asking
        from lite_mlops.serving import Endpoint, Recording

        version = self.models.get(model)
        asking = open_asking(self.store, version, self.models.plan_of(version))
        return Endpoint(version, asking, Recording(self.store))

    def predictor(
        self,
        model: str,
        *,
        record: bool = True,
        sample: float = 1.0,
        inputs: Inputs = "full",
        strict: bool = False,
        canary: str | None = None,
        canary_key: str | None = None,
        shadow: str | Sequence[str] = (),
    ) -> Predictor:
        """Return what answers rows in this process as a server would, and follows the alias.

        Args:
            model: A version, such as 'churn@champion', which is followed, or 'churn/3'.
            record: Whether answers are recorded.
            sample: The share of calls that is recorded.
            inputs: What is kept of rows: 'full', 'hash' (pseudonyms) or 'none'.
            strict: Refuse versions that were registered with other packages.
            canary: A version that is to get a share of the calls, such as 'churn/4=10%'.
            canary_key: The column by which rows stay with a version.
            shadow: Versions that are to be asked as well, only to compare.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged, Denied: its file cannot be loaded, or does not answer as it did.
        """
        from lite_mlops.serving import Predictor, open_references

        return Predictor(
            open_references(
                self.store,
                self.models,
                [model],
                record=record,
                sample=sample,
                inputs=inputs,
                strict=strict,
                canary=canary,
                canary_key=canary_key,
                shadow=shadow,
            )
        )

    @cached_property
    def _starter(self) -> Starter:
        from lite_mlops.tracking import Starter

        return Starter(self.store)

    # -- the whole ------------------------------------------------------------------------------

    def sql(self, statement: str, *, rows: int | None = None) -> Table:
        """Run one reading SQL statement over everything that was logged until now.

        Raises:
            Invalid: it is not one statement that reads, or it is wrong.
            Denied: it needs more memory or time than the settings allow.
        """
        from lite_mlops.store.console import query

        return query(self.store, statement, rows=rows)

    def search_runs(
        self,
        filter: str | None = None,  # noqa: A002
        order_by: str | Sequence[str] | None = None,
        max_results: int = 50,
        page_token: str | None = None,
        experiments: str | Sequence[str] | None = None,
        *,
        deleted: bool = False,
    ) -> RunPage:
        """Return the first runs that a filter finds; see `Runs.search`."""
        return self.runs.search(
            filter, order_by, max_results, page_token, experiments, deleted=deleted
        )

    def status(self) -> Status:
        """Return what the project holds, who is logging to it, and what it takes."""
        from lite_mlops.store.standing import standing

        return standing(self.store)

    def usage(self) -> list[Usage]:
        """Return what each part of the project takes on the disk."""
        from lite_mlops.store.usage import usage

        return usage(self.store.layout)

    def examine(self, *, repair: bool = False) -> list[Finding]:
        """Return everything that is wrong with the project; `repair` mends what can be mended."""
        from lite_mlops.store.doctor import examine

        return examine(self.store, repair=repair)

    def backup(self, destination: Path | None = None) -> Backup:
        """Copy the project to a new folder and verify the copy; default: its own backups.

        Raises:
            Conflict: the folder exists.
        """
        from lite_mlops.store.backup import make_backup

        return make_backup(self.store, destination)

    def restore(self, source: Path) -> Backup:
        """Bring the project back to the state of a backup; what was there is set aside.

        Raises:
            NotFound, Damaged: there is no backup, or it is not what was written.
            Busy: a process is logging to the project.
        """
        from lite_mlops.store.backup import restore_backup

        return restore_backup(self.store, source)

    def clean(self, *, dry_run: bool = False) -> Cleaned:
        """Free what nothing refers to, and empty space; `dry_run` only counts."""
        from lite_mlops.store.cleaning import clean

        return clean(self.store, dry_run=dry_run)

    def erase(self) -> None:
        """After a purge: leave no byte of it in the database or the kept journals."""
        from lite_mlops.store.cleaning import erase

        erase(self.store)

    # -- runs -----------------------------------------------------------------------------------

    def compare(self, first: str, *others: str) -> Comparison:
        """Return runs side by side, each named by an id, its beginning or end, or a name.

        Where runs have evaluations on the same rows there are verdicts on the others against the
        first, with an interval of the difference.

        Raises:
            NotFound, Invalid: no run answers to a word, or several do; or a run comes twice.
            Damaged: a stored file is missing or not what was stored.
        """
        return self.comparisons.compare(first, *others)

    def set_experiment(self, name: str) -> Experiment:
        """Have the runs that start from now on gathered under `name`. Raises `Invalid`."""
        from lite_mlops.tracking import Experiment

        self.experiment = checked_name(name, "experiment name")
        return Experiment(self.experiment)

    def start_run(
        self,
        name: str | None = None,
        *,
        run_id: str | None = None,
        experiment: str | None = None,
        nested: bool = False,
        parent: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        note: str | None = None,
        system_metrics: bool | None = None,
        argv: list[str] | None = None,
    ) -> ActiveRun:
        """Start a run, or go on with the one that `run_id` names, and make it the active one.

        A run that is active already is ended with a notice, so that a notebook cell can be run
        again; with `nested` it becomes the parent instead. `parent` is the id of a parent that
        was started elsewhere, as in another process. `argv` is the command line to record;
        default: that of this process.

        Raises:
            Invalid: a name or value cannot be used.
            NotFound: no run answers to `run_id`.
        """
        nested = nested or context.is_around()
        while (active := context.own()) is not None and not nested:
            log.warning("Run %s (%s) was still active and is ended.", active.id, active.name)
            active.end()
        run = None
        if run_id is not None:
            run = self._starter.resume(run_id, system_metrics=system_metrics)
        elif active is None and (joined := joined_run()) and not context.started_any():
            run = self._starter.join(joined)
        if run is not None:
            return run.given(params, tags, note)
        if parent is None and nested and (outer := context.active()) is not None:
            parent = outer.id
        return self._starter.start(
            self.experiment if experiment is None else experiment,
            name,
            parent=parent,
            params=params,
            tags=tags,
            note=note,
            system_metrics=system_metrics,
            argv=argv,
        )

    def end_run(self, status: str = "finished") -> None:
        """End the active run, if there is one. Raises `Invalid` for an unknown status."""
        run = context.active()
        if run is not None:
            run.end(status)

    def active_run(self) -> ActiveRun | None:
        """Return the run that is logged to at present."""
        return context.active()

    def run_to_log_to(self) -> ActiveRun:
        """Return the active run; one is started if there is none."""
        active = context.active()
        if active is None and (joined := joined_run()):
            active = self._starter.join(joined)  # again, after the script left it
        return active or self.start_run()

    def close(self) -> None:
        """Write what waits and let the journal go; the project can be used again afterwards."""
        self.store.close()
