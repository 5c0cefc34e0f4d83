"""An MLflow store in an SQLite database: `mlflow.db`, of MLflow 1, 2 or 3.

It is only read, with the locks of SQLite, so that a server that still writes to it is neither
disturbed nor read in the middle of a change. What its version has is found out by its columns.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lite_mlops.errors import Busy, Damaged, Invalid
from lite_mlops.importing.mlflow.values import (
    LoggedModel,
    MlflowExperiment,
    MlflowModel,
    MlflowRun,
    MlflowVersion,
    Point,
    micros,
    some_text,
    state_of,
)
from lite_mlops.importing.told import Told

MAGIC = b"SQLite format 3\0"
_WAIT_SECONDS = 5.0
_BATCH = 200  # runs; their params and tags are read together
_LARGEST = sys.float_info.max  # what MLflow's databases hold for an infinity

# Without these there is no store; everything else is read where it is.
_NEEDED = {
    "experiments": {"experiment_id", "name", "lifecycle_stage"},
    "runs": {"run_uuid", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage"},
    "metrics": {"run_uuid", "key", "value", "timestamp"},
    "params": {"run_uuid", "key", "value"},
    "tags": {"run_uuid", "key", "value"},
}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Have the errors of SQLite tell what they mean."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Busy(
                f"{path} is being written to. Wait until MLflow is done with it, or import a copy."
            ) from None
        raise Invalid(f"{path} cannot be read as an MLflow store: {error}.") from None
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{path} is no whole SQLite database: {error}.") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


class DatabaseReader:
    """Reads one database; see `values.Reader`."""

    def __init__(self, path: Path, told: Told) -> None:
        self.root = path.parent
        self.told = told
        self._path = path
        uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        with _told(path):
            self._database = sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)
        try:
            self._columns = self._examined()
        except BaseException:
            self.close()
            raise

    def _examined(self) -> dict[str, set[str]]:
        """Return the columns of every table. Raises `Invalid` if it is no store of MLflow."""
        database = self._database
        database.text_factory = lambda data: data.decode("utf-8", "replace")
        with _told(self._path):
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA query_only = ON")
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            columns = {
                name: {row[1] for row in database.execute(f"PRAGMA table_info({_quoted(name)})")}
                for (name,) in tables.fetchall()
            }
        for table, needed in _NEEDED.items():
            if table not in columns:
                raise Invalid(f"{self._path} is no MLflow store: it has no table {table!r}.")
            if missing := sorted(needed - columns[table]):
                raise Invalid(
                    f"{self._path} is an MLflow store of a form that is not known: its table "
                    f"{table!r} has no {', '.join(missing)}."
                )
        return columns

    def close(self) -> None:
        """Let the database go."""
        self._database.close()

    # -- reading rows ---------------------------------------------------------------------------

    def _has(self, table: str, *columns: str) -> bool:
        return set(columns) <= self._columns.get(table, set())

    def _query(self, sql: str, *values: object) -> Iterator[sqlite3.Row]:
        """Yield the rows of a statement by column name, one after the other."""
        with _told(self._path):
            cursor = self._database.execute(sql, values)
            cursor.row_factory = sqlite3.Row
            yield from cursor

    def _select(
        self, table: str, columns: str, rest: str = "", *values: object
    ) -> list[sqlite3.Row]:
        """Return rows with the named columns; one that the table has not got is None."""
        # Only fixed names of this module, never anything that the file says.
        wanted = [name if self._has(table, name) else f"NULL AS {name}" for name in columns.split()]
        sql = f"SELECT {', '.join(wanted)} FROM {table} {rest}"  # noqa: S608
        return list(self._query(sql, *values)) if table in self._columns else []

    def _pairs(
        self, table: str, owner: str, key: str, value: str, owners: Sequence[object]
    ) -> dict[Any, dict[str, str]]:
        """Return keys and values by what they belong to."""
        found: dict[Any, dict[str, str]] = defaultdict(dict)
        rest = f"WHERE {owner} IN ({_marks(owners)}) ORDER BY {key}"
        for row in self._select(table, f"{owner} {key} {value}", rest, *owners):
            if row[2] is not None:
                found[row[0]][str(row[1])] = str(row[2])
        return found

    # -- the store ------------------------------------------------------------------------------

    def experiments(self) -> list[MlflowExperiment]:
        """Return all experiments, deleted ones as well."""
        rows = self._select(
            "experiments", "experiment_id name lifecycle_stage workspace", "ORDER BY experiment_id"
        )
        return [
            MlflowExperiment(
                str(row["experiment_id"]),
                in_workspace(row["workspace"], str(row["name"])),
                deleted=row["lifecycle_stage"] == "deleted",
            )
            for row in rows
        ]

    def beginnings(self) -> dict[str, tuple[str, int]]:
        """Return the experiment of each run, by its id, and when it began."""
        found = {}
        for run, experiment, start in self._select("runs", "run_uuid experiment_id start_time"):
            try:
                found[str(run)] = str(experiment), micros(start or 0, "its start")
            except Invalid:  # told where the run itself is read
                continue
        return found

    def runs(self, experiment: MlflowExperiment) -> Iterator[list[MlflowRun]]:
        """Yield the runs of an experiment in batches, the earliest first."""
        ids = [
            str(row["run_uuid"])
            for row in self._select(
                "runs", "run_uuid", "WHERE experiment_id = ? ORDER BY start_time, run_uuid",
                experiment.id,
            )
        ]  # fmt: skip
        for start in range(0, len(ids), _BATCH):
            yield self._batch(experiment, ids[start : start + _BATCH])

    def _batch(self, experiment: MlflowExperiment, ids: list[str]) -> list[MlflowRun]:
        columns = (
            "run_uuid name user_id status start_time end_time lifecycle_stage artifact_uri "
            "source_name source_version"
        )
        rows = self._select(
            "runs", columns, f"WHERE run_uuid IN ({_marks(ids)}) ORDER BY start_time, run_uuid",
            *ids,
        )  # fmt: skip
        params = self._pairs("params", "run_uuid", "key", "value", ids)
        tags = self._pairs("tags", "run_uuid", "key", "value", ids)
        inputs = self._inputs(ids)
        found = []
        for row in rows:
            run = str(row["run_uuid"])
            try:
                started = micros(row["start_time"] or 0, "its start")
                ended = row["end_time"]
                found.append(
                    MlflowRun(
                        id=run,
                        experiment=experiment.name,
                        name=str(row["name"] or ""),
                        status=state_of(row["status"]),
                        started=started,
                        ended=None if ended is None else micros(ended, "its end"),
                        user=some_text(row["user_id"]),
                        deleted=experiment.deleted or row["lifecycle_stage"] == "deleted",
                        artifacts=some_text(row["artifact_uri"]),
                        params=params.get(run, {}),
                        tags=_with_source(row, tags.get(run, {})),
                        inputs=inputs.get(run, {}),
                    )
                )
            except Invalid as error:
                self.told.add(f"Left out, because {error}", f"run {run}")
        return found

    def _inputs(self, ids: list[str]) -> dict[str, dict[str, str]]:
        if not self._has("inputs", "input_uuid", "source_id", "destination_id", "destination_type"):
            return {}
        sql = f"""
            SELECT i.destination_id AS run, d.name, d.digest, d.dataset_source AS source,
                   (SELECT value FROM input_tags t WHERE t.input_uuid = i.input_uuid
                    AND t.name = 'mlflow.data.context') AS context
            FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id
            WHERE i.destination_type = 'RUN' AND i.destination_id IN ({_marks(ids)})
        """  # noqa: S608
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self._query(sql, *ids):
            key, told = input_of(row["name"], row["digest"], row["context"], row["source"])
            found[str(row["run"])][key] = told
        return found

    def count_points(self, run: str) -> dict[str, int]:
        """Return how many points each metric of a run has."""
        sql = "SELECT key, count(*) FROM metrics WHERE run_uuid = ? GROUP BY key"
        return {str(key): count for key, count in self._query(sql, run)}

    def points(self, run: str, key: str | None = None) -> Iterator[tuple[str, Point]]:
        """Yield the points of a run, or of one of its metrics, without holding them all."""
        step = "step" if self._has("metrics", "step") else "0"
        is_nan = "is_nan" if self._has("metrics", "is_nan") else "0"
        chosen = "" if key is None else " AND key = ?"
        sql = (
            f"SELECT key, {step}, timestamp, value, {is_nan} FROM metrics "  # noqa: S608
            f"WHERE run_uuid = ?{chosen}"
        )
        for name, at, moment, value, nan in self._query(
            sql, *([run] if key is None else [run, key])
        ):
            yield str(name), _point(at, moment, value, nan)

    def logged_models(self) -> list[LoggedModel]:
        """Return the models that runs logged, the earliest first."""
        rows = self._select(
            "logged_models",
            "model_id name source_run_id artifact_location creation_timestamp_ms lifecycle_stage",
            "WHERE typeof(creation_timestamp_ms) = 'integer' "
            "ORDER BY creation_timestamp_ms, model_id",
        )
        return [
            LoggedModel(
                id=str(row["model_id"]),
                name=str(row["name"]),
                run=some_text(row["source_run_id"]),
                place=str(row["artifact_location"]),
                created=row["creation_timestamp_ms"],
            )
            for row in rows
            if row["lifecycle_stage"] != "deleted"
        ]

    def models(self) -> list[MlflowModel]:
        """Return the registered models."""
        owned = {
            "versions": self._owned(
                "model_versions",
                "name workspace version creation_time description current_stage source run_id "
                "storage_location",
                "ORDER BY version",
            ),
            "version_tags": self._owned("model_version_tags", "name workspace version key value"),
            "tags": self._owned("registered_model_tags", "name workspace key value"),
            "aliases": self._owned("registered_model_aliases", "name workspace alias version"),
        }
        found = []
        for row in self._select("registered_models", "name description workspace", "ORDER BY name"):
            owner = (row["workspace"], row["name"])
            parts = {kind: rows.get(owner, []) for kind, rows in owned.items()}
            if any(tag["key"] == "mlflow.prompt.is_prompt" for tag in parts["tags"]):
                continue  # a text that is kept as a model
            name = in_workspace(row["workspace"], str(row["name"]))
            try:
                found.append(self._model(name, row["description"], parts))
            except (TypeError, ValueError) as error:  # among them those that are told by us
                self.told.add(f"Left out, because {error}", f"model {name}")
        return found

    def _owned(
        self, table: str, columns: str, rest: str = ""
    ) -> dict[tuple[Any, Any], list[sqlite3.Row]]:
        """Return rows by the workspace and the name of the model that they belong to."""
        found: dict[tuple[Any, Any], list[sqlite3.Row]] = defaultdict(list)
        for row in self._select(table, columns, rest):
            found[row["workspace"], row["name"]].append(row)
        return found

    def _model(
        self, name: str, description: Any, parts: Mapping[str, list[sqlite3.Row]]
    ) -> MlflowModel:
        tags: dict[Any, dict[str, str]] = defaultdict(dict)
        for row in parts["version_tags"]:
            tags[row["version"]][str(row["key"])] = str(row["value"])
        versions = []
        for row in parts["versions"]:
            if row["current_stage"] == "Deleted_Internal":
                continue
            versions.append(
                MlflowVersion(
                    number=int(row["version"]),
                    created=micros(row["creation_time"] or 0, f"the time of {name}"),
                    source=some_text(row["source"]),
                    place=some_text(row["storage_location"]),
                    run=some_text(row["run_id"]),
                    description=some_text(row["description"]),
                    stage=stage_of(row["current_stage"]),
                    tags=tags.get(row["version"], {}),
                )
            )
        return MlflowModel(
            name=name,
            description=some_text(description),
            tags={str(row["key"]): str(row["value"]) for row in parts["tags"]},
            aliases={str(row["alias"]): int(row["version"]) for row in parts["aliases"]},
            versions=tuple(versions),
        )


def in_workspace(workspace: Any, name: str) -> str:
    """Return a name with that of its workspace, where it is not in the default one."""
    return name if workspace in (None, "", "default") else f"{workspace}/{name}"


def stage_of(value: Any) -> str | None:
    """Return the stage of a version; MLflow says 'None' for none."""
    return None if value in (None, "", "None") else str(value)


def input_of(name: Any, digest: Any, context: Any, source: Any) -> tuple[str, str]:
    """Return the tag that tells of data that a run used: MLflow's digest is not the hash of it."""
    role = f"{context}." if context else ""
    told = f"digest {digest}" + (f", source {source}" if source else "")
    return f"mlflow.dataset.{role}{name}"[:250], told[:8000]


def _with_source(row: sqlite3.Row, tags: dict[str, str]) -> dict[str, str]:
    """Return tags with what older versions kept in columns of the table of runs."""
    older = {
        "mlflow.source.name": row["source_name"],
        "mlflow.source.git.commit": row["source_version"],
    }
    return {key: str(value) for key, value in older.items() if value} | tags


def _point(step: Any, moment: Any, value: Any, nan: Any) -> Point:
    try:
        number = math.nan if nan or value is None else float(value)
        if number in (_LARGEST, -_LARGEST):
            number = math.copysign(math.inf, number)
        return Point(int(step or 0), int(moment) * 1000, number)
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"a point of a metric is {step!r}, {moment!r}, {value!r}") from None


def is_database(path: Path) -> bool:
    """Return whether a file begins as an SQLite database does. Raises `OSError`."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
