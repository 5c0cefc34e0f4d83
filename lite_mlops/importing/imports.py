"""What was logged elsewhere becomes part of a project: again and again, without doubling.

    project.imports.look_at_mlflow("mlflow.db").runs
    project.imports.mlflow("mlflow.db", experiments=["churn"]).runs
    project.imports.mlflow("old/mlruns", dry_run=True).told

Nothing is loaded or run: bytes are copied, descriptions are read. A second import adds what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_mlops.importing.mlflow.contents import REASON, Contents, Holding
from lite_mlops.importing.mlflow.models import ModelTransfer
from lite_mlops.importing.mlflow.runs import Progress, RunTransfer
from lite_mlops.importing.mlflow.stores import open_mlflow
from lite_mlops.importing.runs import PastRuns
from lite_mlops.importing.told import Told
from lite_mlops.store import Store, importing_alone


@dataclass(frozen=True)
class Imported:
    """What an import added, and what it has to tell."""

    runs: int  # new ones
    grown_runs: int  # that were here, and to which something was added
    same_runs: int
    points: int
    files: int
    bytes: int
    versions: int
    aliases: int  # that were moved
    dry_run: bool
    told: tuple[str, ...]
    remarks: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON can hold it."""
        return {name: value for name, value in vars(self).items() if name != "told"} | {
            "remarks": list(self.remarks)
        }


def _no_progress(_done: int, _total: int) -> None:
    return


class Imports:
    """The imports into a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def look_at_mlflow(self, path: str | Path, *, experiments: Sequence[str] = ()) -> Holding:
        """Return what an MLflow store holds; nothing is imported. Raises as `mlflow`."""
        told = Told()
        reader = open_mlflow(Path(path).expanduser(), told)
        try:
            return Contents(reader, told, experiments).holding
        finally:
            reader.close()

    def mlflow(
        self,
        path: str | Path,
        *,
        experiments: Sequence[str] = (),
        artifacts: str | Path | None = None,
        dry_run: bool = False,
        progress: Progress = _no_progress,
    ) -> Imported:
        """Import an MLflow store: an SQLite database, or a folder `mlruns`.

        Args:
            path: The database, the folder, or the folder that holds one of them.
            experiments: The names of those to import, with the versions that their runs made;
                default: all.
            artifacts: The folder below which the artifacts lie; default: that of the store.
            dry_run: Only say what would be imported.
            progress: Called with how much of how much is done.

        Raises:
            NotFound: there is nothing at the path, or no such experiment.
            Invalid: it is no MLflow store.
            Damaged, Busy: it cannot be read, is being written to, or somebody else is importing.
        """
        told = Told()
        reader = open_mlflow(Path(path).expanduser(), told)
        if artifacts is not None:
            reader.root = Path(artifacts).expanduser()
        past = PastRuns(self._store, told, REASON, dry_run=dry_run)
        try:
            contents = Contents(reader, told, experiments)
            with nullcontext() if dry_run else importing_alone(self._store.layout):
                RunTransfer(contents, self._store.settings.mask).take_over(past, progress)
                past.close()
                models = ModelTransfer(contents, self._store)
                versions, aliases = models.take_over(progress, dry_run=dry_run)
        finally:
            past.discard()
            reader.close()
        counts = past.counts
        return Imported(
            runs=counts.new_runs,
            grown_runs=counts.grown_runs,
            same_runs=counts.same_runs,
            points=counts.points,
            files=counts.files,
            bytes=counts.bytes,
            versions=versions,
            aliases=aliases,
            dry_run=dry_run,
            told=tuple(told.lines()),
            remarks=tuple(told.to_list()),
        )
