"""Experiments: names under which runs are gathered.

    project.experiments.all()
    project.experiments.rename("scratch", "churn baseline")

An experiment begins with its first run. After a renaming its old name goes on leading to it, so
that scripts that still use it land in the right place.
"""

from __future__ import annotations

from lite_mlops.errors import Conflict
from lite_mlops.security import mask_reason
from lite_mlops.store import Store
from lite_mlops.store.events import ExperimentRenamed, RunDeleted
from lite_mlops.tracking.keys import checked_name
from lite_mlops.tracking.runs import find_experiment
from lite_mlops.tracking.values import Experiment


class Experiments:
    """The experiments of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, *, empty: bool = False) -> list[Experiment]:
        """Return the experiments, the one with the newest run first; `empty`: also those
        without runs."""
        with self._store.reading() as database:
            rows = database.dicts("experiment_list", all=empty)
        return [Experiment.from_row(row) for row in rows]

    def get(self, name: str) -> Experiment:
        """Return one experiment by its present or a former name. Raises `NotFound`."""
        with self._store.reading() as database:
            present = find_experiment(database, name)
            rows = database.dicts("experiment_list", all=True)
        return next(Experiment.from_row(row) for row in rows if row["name"] == present)

    def rename(self, name: str, new_name: str, *, reason: str | None = None) -> Experiment:
        """Give an experiment another name.

        Raises:
            NotFound: there is no such experiment.
            Invalid: the new name is not one.
            Conflict: an experiment has, or had, the new name.
        """
        new_name = checked_name(new_name, "experiment name")
        with self._store.deciding() as decisions:
            present = find_experiment(decisions.database, name)
            taken = decisions.database.value("experiment_leads_to", name=new_name)
            if taken is not None and taken != present:
                raise Conflict(f"The name {new_name!r} leads to experiment {taken!r} already.")
            reason = mask_reason(reason, self._store.settings.mask)
            decisions.record(ExperimentRenamed(experiment=present, name=new_name, reason=reason))
        return self.get(new_name)

    def delete(self, name: str, *, reason: str | None = None) -> int:
        """Delete all runs of an experiment, to be restored or purged later; return how many.

        Raises:
            NotFound: there is no such experiment.
            Conflict: one of its runs is going on.
        """
        with self._store.deciding() as decisions:
            present = find_experiment(decisions.database, name)
            running = decisions.database.rows("running_in_experiment", experiment=present)
            if running:
                some = ", ".join(run_id for (run_id,) in running[:5])
                raise Conflict(f"Runs of {present!r} are going on ({some}); end them first.")
            ids = decisions.database.rows("runs_of_experiment", experiment=present)
            reason = mask_reason(reason, self._store.settings.mask)
            for (run_id,) in ids:
                decisions.record(RunDeleted(run=run_id, reason=reason))
        return len(ids)
