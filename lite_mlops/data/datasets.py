"""Dataset versions: which data a run used, known by the hash of its whole content.

version = project.datasets.log(run.id, frame, "patients", role="training")
version.sha256, version.rows, version.profile["age"]
project.datasets.add("patients.csv", "patients", snapshot=True)
project.datasets.checkout("patients@461a8a2d", Path("copy.csv"))
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lite_mlops.data.quality import Quality
from lite_mlops.data.references import resolve, split
from lite_mlops.data.sources import (
    FileState,
    SourceFile,
    Sources,
    folder_hash,
    hash_file,
    hash_files,
    list_files,
    still_as_before,
)
from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.htmltext import html_facts
from lite_mlops.store import Kept, Store, as_datetime, bring_back, keep, new_id
from lite_mlops.store.events import Dataset, DatasetSnapshot, DatasetUsed
from lite_mlops.tracking.keys import checked_name

if TYPE_CHECKING:
    from lite_mlops.data.kinds import ColumnReader
    from lite_mlops.data.streams import Examined
    from lite_mlops.data.tables import Columns

ROLES = ("training", "validation", "test", "reference")


@dataclass(frozen=True)
class Query:
    """The result of a SELECT on a DuckDB or SQLite file; its order counts, so give ORDER BY."""

    path: str | Path
    sql: str


@dataclass(frozen=True)
class DatasetVersion:
    """A version of a dataset; `rows` and `columns` are 0 for what is no table."""

    name: str
    sha256: str
    rows: int
    columns: int
    profile: Mapping[str, Any]
    logged_at: datetime
    form: str = "table"  # or "file", "folder"
    size: int | None = None  # bytes, where it lay in a file or folder
    source: Mapping[str, Any] | None = None  # where it was last read from
    snapshot: str | None = None  # the object that lists the chunks of a copy

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> DatasetVersion:
        """Return the version of a row of the table `datasets`."""
        return cls(
            name=row["name"],
            sha256=row["sha256"],
            rows=row["row_count"],
            columns=row["column_count"],
            profile=json.loads(row["profile"]),
            logged_at=row["ts"].replace(tzinfo=UTC),
            form=row["form"],
            size=row["size"],
            source=None if row["source"] is None else json.loads(row["source"]),
            snapshot=row["manifest"],
        )

    @property
    def reference(self) -> str:
        """The reference to this version, with twelve digits of its hash."""
        return f"{self.name}@{self.sha256[:12]}"

    def __repr__(self) -> str:
        shape = f"{self.rows}x{self.columns}" if self.form == "table" else self.form
        return f"<DatasetVersion {self.name} {self.sha256[:12]} {shape}>"

    def _repr_html_(self) -> str:
        facts = {name: value for name, value in vars(self).items() if name != "profile"}
        return html_facts(f"Dataset {self.name}", facts)

    def to_dict(self) -> dict[str, Any]:
        """Return the version as JSON can hold it."""
        return vars(self) | {"logged_at": self.logged_at.isoformat()}


@dataclass(frozen=True)
class DatasetUse:
    """A run that used a version of a dataset, and the model versions that came from that run."""

    run_id: str
    run_name: str | None
    role: str
    used_at: datetime
    models: tuple[str, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> DatasetUse:
        """Return the use of a row of `dataset_uses`."""
        return cls(
            run_id=row["run_id"],
            run_name=row["run_name"],
            role=row["role"],
            used_at=row["ts"].replace(tzinfo=UTC),
            models=tuple(row["models"] or ()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the use as JSON can hold it."""
        return vars(self) | {"used_at": self.used_at.isoformat(), "models": list(self.models)}


@dataclass(frozen=True)
class _Read:
    """What reading a source told, before any of it is recorded."""

    sha256: str
    form: str
    source: dict[str, Any]
    examined: Examined | None = None
    size: int | None = None
    kept: Kept | None = None


def _is_relation(data: Any) -> bool:
    return hasattr(data, "to_parquet") and type(data).__module__.startswith(("duckdb", "_duckdb"))


class Datasets(Quality):
    """The datasets of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sources = Sources(store.layout)

    # -- questions ------------------------------------------------------------------------------

    def used_by(self, run_id: str, role: str) -> DatasetVersion | None:
        """Return the dataset that a run used in a role; None if it logged none."""
        with self._store.reading() as database:
            row = database.one("dataset_used_by", run=run_id, role=role)
        return None if row is None else DatasetVersion.from_row(row)

    def all(self, name: str | None = None) -> list[DatasetVersion]:
        """Return all versions, or those of one dataset; of each the one seen last comes first.

        Raises:
            NotFound: there is no such dataset.
        """
        with self._store.reading() as database:
            names = [found for (found,) in database.rows("dataset_names")]
            if name is not None:
                name, _ = split(name, names)
            rows = database.dicts("dataset_versions", name=name, version=None)
        return [DatasetVersion.from_row(row) for row in rows]

    def get(self, reference: str) -> DatasetVersion:
        """Return the version that `name`, `name@latest` or `name@digits` means.

        Raises:
            NotFound: there is no such dataset or version.
            Invalid: the reference names no version, or several.
        """
        with self._store.reading() as database:
            names = [found for (found,) in database.rows("dataset_names")]
            name, version = split(reference, names)
            hashes = [found for (found,) in database.rows("dataset_hashes", name=name)]
            sha256 = resolve(name, version, hashes)
            row = database.one("dataset_versions", name=name, version=sha256)
        assert row is not None
        return DatasetVersion.from_row(row)

    def used_in(self, version: DatasetVersion) -> list[DatasetUse]:
        """Return the runs that used a version, the newest first, with the models they made."""
        with self._store.reading() as database:
            rows = database.dicts("dataset_uses", name=version.name, version=version.sha256)
        return [DatasetUse.from_row(row) for row in rows]

    def unchanged_source(self, version: DatasetVersion) -> Path | None:
        """Return the file or folder that a version was read from, if it holds the same bytes."""
        source = version.source or {}
        if "path" not in source or (version.form == "folder" and "files" not in source):
            return None
        path = self._store.layout.folder.parent / source["path"]
        try:
            files = list_files(path)
            if version.form == "folder":
                return path if folder_hash(hash_files(path, files)) == version.sha256 else None
            return path if "" in files and hash_file(path) == source["sha256"] else None
        except (NotFound, Invalid):  # it is gone, or may not be read
            return None

    def states(self, chosen: str | None = None) -> list[SourceFile]:
        """Return how files stand against the latest versions: unchanged, changed, new, missing.

        `chosen` is the name of a dataset or a path. The database is not opened.

        Raises:
            NotFound: nothing is known by this name or path.
        """
        return self._sources.states(chosen)

    def source_state(self, version: DatasetVersion) -> str | None:
        """Return how the source of a version stands: unchanged, changed, missing; None: unknown."""
        known = self._sources.known(version.name)
        if known is None or known["version"] != version.sha256:
            return None
        states = {one.state for one in self._sources.states(version.name)}
        if states <= {"unchanged"}:
            return "unchanged"
        return "missing" if states == {"missing"} else "changed"

    def checkout(self, reference: str, target: Path | None = None, *, force: bool = False) -> Path:
        """Write the kept copy of a version to `target`, proved byte by byte; return where.

        Without a target it goes to the working directory, under the name of the dataset. What is
        there is left alone, unless `force`.

        Raises:
            NotFound: there is no such version, or no copy of it was kept.
            Conflict: the target exists.
            Damaged: a part of the copy is missing or not what was stored.
        """
        version = self.get(reference)
        if version.snapshot is None:
            path = (version.source or {}).get("path")
            where = f" It was read from {path}." if path else ""
            raise NotFound(
                f"No copy of {version.reference} was kept, only its hash and profile.{where} "
                "`data add --snapshot` keeps one."
            )
        if target is None:
            target = Path(_file_name(version))
        bring_back(
            self._store.objects,
            version.snapshot,
            target,
            f"the snapshot of {version.reference}",
            force=force,
        )
        return target

    def columns(self, data: Any) -> Columns:
        """Return a table as columns: whatever holds one, a file, or a version as NAME@VERSION.

        A version is read from its source if that is unchanged, else from the copy that was kept.

        Raises:
            Invalid: it is no table, or the file cannot be read as one.
            NotFound: there is no such file or version, or nothing is kept of it.
        """
        from lite_mlops.data.kinds import columns_of

        with self._readable(data) as found:
            return columns_of(found, self._store.settings)

    @contextmanager
    def reader(self, data: Any) -> Iterator[ColumnReader]:
        """Yield a table, of whatever `columns` takes, whose columns are read as needed.

        Raises:
            Invalid, NotFound: see `columns`.
        """
        from lite_mlops.data.kinds import column_reader

        with self._readable(data) as found, column_reader(found, self._store.settings) as reader:
            yield reader

    @contextmanager
    def _readable(self, data: Any) -> Iterator[Any]:
        """Yield what holds a table, or the path of a file of it."""
        if not self.is_reference(data):
            yield Path(data).expanduser() if isinstance(data, str) else data
            return
        source = self.unchanged_source(self.get(data))
        if source is not None and source.is_file():
            yield source
            return
        with TemporaryDirectory(prefix="lite-mlops-") as folder:
            yield self.checkout(data, Path(folder) / self.file_name(data))

    def is_reference(self, data: Any) -> bool:
        """Return whether this is a reference to a version, and no table or path of a file."""
        return isinstance(data, str) and "@" in data and not Path(data).expanduser().is_file()

    def fingerprint(self, data: Any) -> str:
        """Return the hash of the whole content of a table; of a version as NAME@VERSION, its own.

        Raises:
            Invalid: it is no table, or the file cannot be read as one.
            NotFound: there is no such file or version.
        """
        if isinstance(data, str) and "@" in data and not Path(data).expanduser().is_file():
            return self.get(data).sha256
        from lite_mlops.data.streams import examine, in_memory

        return examine(in_memory(self.columns(data))).sha256

    def file_name(self, reference: str) -> str:
        """Return the name of a file for a version, with the ending that its kind of file has."""
        return _file_name(self.get(reference))

    # -- facts ----------------------------------------------------------------------------------

    def add(
        self,
        data: Any,
        name: str,
        *,
        column_names: Sequence[str] | None = None,
        snapshot: bool = False,
    ) -> DatasetVersion:
        """Record a version that no run used yet; see `log`."""
        return self.log(None, data, name, column_names=column_names, snapshot=snapshot)

    def log(
        self,
        run_id: str | None,
        data: Any,
        name: str,
        *,
        role: str = "training",
        column_names: Sequence[str] | None = None,
        snapshot: bool = False,
    ) -> DatasetVersion:
        """Record that a run used `data`: the hash of the whole, its shape and profile.

        `data` is a DataFrame of pandas or polars, an Arrow table, an array, columns, rows, a
        relation of DuckDB, a `Query`, or the path of a CSV, Parquet or JSON lines file, of any
        other file or of a folder. With `snapshot` a copy is kept, else only what was said.

        Raises:
            Invalid: it is no data that can be read, or the name or the role cannot be used.
            NotFound: there is no such file.
            Conflict: a file changed while it was read.
        """
        name = checked_name(name, "dataset name")
        if role not in ROLES:
            raise Invalid(f"the role of a dataset is {', '.join(ROLES)}; {role!r} is none of them.")
        version = None
        if isinstance(data, str | os.PathLike):
            version = self._unchanged(Path(data), name, snapshot=snapshot)
        if version is None:
            version = self._record(name, self._read(data, name, column_names, snapshot=snapshot))
        if run_id is not None:
            self._store.append(DatasetUsed(run=run_id, name=name, sha256=version.sha256, role=role))
        return version

    def _unchanged(self, path: Path, name: str, *, snapshot: bool) -> DatasetVersion | None:
        """Return the version that a file or folder still is, without reading it; None in doubt."""
        sha256 = self._sources.unchanged(name, path, {})
        if sha256 is None:
            return None
        try:
            version = self.get(f"{name}@{sha256}")
        except NotFound:  # the database is another one than it was
            return None
        return None if snapshot and version.snapshot is None else version

    def _record(self, name: str, read: _Read) -> DatasetVersion:
        examined = read.examined
        profile = {} if examined is None else examined.profile
        rows, columns = (0, 0) if examined is None else (examined.rows, examined.columns)
        event = Dataset(
            name=name,
            sha256=read.sha256,
            rows=rows,
            columns=columns,
            profile=profile,
            form=read.form,
            size=read.size,
            source=read.source,
        )
        moment = self._store.append(event)
        if read.kept is not None:
            self._store.append(
                DatasetSnapshot(
                    name=name,
                    sha256=read.sha256,
                    manifest=read.kept.manifest,
                    size=read.kept.size,
                )
            )
        return DatasetVersion(
            name,
            read.sha256,
            rows,
            columns,
            profile,
            as_datetime(moment),
            form=read.form,
            size=read.size,
            source=read.source,
            snapshot=None if read.kept is None else read.kept.manifest,
        )

    # -- reading --------------------------------------------------------------------------------

    def _read(
        self, data: Any, name: str, column_names: Sequence[str] | None, *, snapshot: bool
    ) -> _Read:
        if isinstance(data, str | os.PathLike):
            return self._read_path(Path(data), name, snapshot=snapshot)
        if isinstance(data, Query):
            return self._read_query(data, snapshot=snapshot)
        if _is_relation(data):
            return self._read_relation(data, snapshot=snapshot)
        from lite_mlops.data.files import write_parquet
        from lite_mlops.data.streams import examine, in_memory
        from lite_mlops.data.tables import as_columns

        columns = as_columns(data, column_names)
        examined = examine(in_memory(columns))
        kept = None
        if snapshot:
            with self._aside(".parquet") as path:
                write_parquet(self._store.settings, self._store.layout.tmp, columns, path)
                kept = keep(self._store.objects, {"": path})
        source = {"kind": "memory", "type": type(data).__name__}
        return _Read(examined.sha256, "table", source, examined, kept=kept)

    @contextmanager
    def _aside(self, ending: str) -> Iterator[Path]:
        self._store.layout.make()
        path = self._store.layout.tmp / f"{new_id()}{ending}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _read_relation(self, relation: Any, *, snapshot: bool) -> _Read:
        from lite_mlops.data.files import checked_names, loaded
        from lite_mlops.data.streams import examine

        checked_names(relation.columns, "this relation")
        with self._aside(".parquet") as path:
            relation.to_parquet(str(path))
            with loaded(self._store.settings, self._store.layout.tmp, "parquet", path) as table:
                examined = examine(table)
            kept = keep(self._store.objects, {"": path}) if snapshot else None
        return _Read(examined.sha256, "table", {"kind": "relation"}, examined, kept=kept)

    def _read_query(self, query: Query, *, snapshot: bool) -> _Read:
        from lite_mlops.data.files import queried
        from lite_mlops.data.streams import examine

        path = Path(query.path)
        before = self._files(path)
        if "" not in before:
            raise Invalid(f"{path} is a folder; a query needs a DuckDB or SQLite file.")
        layout = self._store.layout
        kept = None
        with self._aside(".parquet") as copy:
            wanted = copy if snapshot else None
            with queried(self._store.settings, layout.tmp, path, query.sql, wanted) as table:
                examined = examine(table)
            still_as_before(path, before)
            if snapshot:
                kept = keep(self._store.objects, {"": copy})
        source = {"kind": "query", "database": self._sources.told(path), "sql": query.sql}
        return _Read(examined.sha256, "table", source, examined, kept=kept)

    def _files(self, path: Path) -> dict[str, FileState]:
        """Return the files of a source; the project's folder is there for what is written aside."""
        files = list_files(path)
        self._store.layout.make()
        return files

    def _read_path(self, path: Path, name: str, *, snapshot: bool) -> _Read:
        read_ns = time.time_ns()
        before = self._files(path)
        if not before:
            raise Invalid(f"{path} holds no files.")
        form = "folder" if "" not in before else "file"
        table = None if form == "folder" else self._table_format(path)
        with ThreadPoolExecutor(1) as beside:
            reading = beside.submit(self._copied_or_hashed, path, before, snapshot=snapshot)
            examined = None if table is None else self._examined(path, table)
            kept, hashes = reading.result()
        still_as_before(path, before)
        if examined is not None:
            form, sha256 = "table", examined.sha256
        else:
            sha256 = folder_hash(hashes) if form == "folder" else hashes[""]
        size = sum(state.size for state in before.values())
        source: dict[str, Any] = {"kind": table or form, "path": self._sources.told(path)}
        if form == "folder":
            source["files"] = len(before)
        else:
            source |= before[""]._asdict() | {"sha256": hashes[""]}
        files = {key: (state, hashes[key]) for key, state in before.items()}
        self._sources.record(name, sha256, path, files, read_ns, {})
        return _Read(sha256, form, source, examined, size, kept)

    def _copied_or_hashed(
        self, path: Path, files: Mapping[str, FileState], *, snapshot: bool
    ) -> tuple[Kept | None, Mapping[str, str]]:
        if not snapshot:
            if "" in files:
                return None, {"": hash_file(path)}
            return None, hash_files(path, files)
        paths = {name: f"{path}/{name}" if name else str(path) for name in files}
        try:
            kept = keep(self._store.objects, paths)
        except FileNotFoundError as error:
            raise Conflict(
                f"{error.filename} vanished while it was read; nothing was recorded."
            ) from None
        except OSError as error:
            raise Invalid(f"{error.filename or path}: {error.strerror}.") from None
        return kept, kept.sha256

    @staticmethod
    def _table_format(path: Path) -> str | None:
        from lite_mlops.data.files import format_of

        return format_of(path)

    def _examined(self, path: Path, table: str) -> Examined:
        from lite_mlops.data.files import loaded
        from lite_mlops.data.streams import examine

        with loaded(self._store.settings, self._store.layout.tmp, table, path) as found:
            return examine(found)


def _file_name(version: DatasetVersion) -> str:
    plain = version.name.replace("/", "-")
    if version.form == "folder":
        return plain
    path = (version.source or {}).get("path")
    return plain + ("".join(Path(path).suffixes[-2:]) if path else ".parquet")
