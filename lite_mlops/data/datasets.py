"""Dataset versions: which data a run used, known by the hash of its whole content.

version = project.datasets.log(run.id, frame, "patients", role="training")
version.sha256, version.rows, version.profile["age"]
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lite_mlops.data.checking import CheckReport, check
from lite_mlops.data.diff import DataDiff, diff
from lite_mlops.data.expectations import Expectations
from lite_mlops.data.fingerprint import fingerprint
from lite_mlops.data.inferring import infer
from lite_mlops.data.kinds import columns_of
from lite_mlops.data.leakage import LeakageReport, leakage
from lite_mlops.data.profile import profile
from lite_mlops.data.tables import as_columns
from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.htmltext import html_facts
from lite_mlops.security import mask_reason
from lite_mlops.store import Store, as_datetime
from lite_mlops.store.events import Dataset, DatasetExpected, DatasetUsed
from lite_mlops.tracking.keys import checked_name

ROLES = ("training", "validation", "test", "reference")


@dataclass(frozen=True)
class DatasetVersion:
    """A version of a dataset."""

    name: str
    sha256: str
    rows: int
    columns: int
    profile: Mapping[str, Any]
    logged_at: datetime

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
        )

    def __repr__(self) -> str:
        return f"<DatasetVersion {self.name} {self.sha256[:12]} {self.rows}x{self.columns}>"

    def _repr_html_(self) -> str:
        facts = {name: value for name, value in vars(self).items() if name != "profile"}
        return html_facts(f"Dataset {self.name}", facts)

    def to_dict(self) -> dict[str, Any]:
        """Return the version as JSON can hold it."""
        return vars(self) | {"logged_at": self.logged_at.isoformat()}


class Datasets:
    """The datasets of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- questions ------------------------------------------------------------------------------

    def used_by(self, run_id: str, role: str) -> DatasetVersion | None:
        """Return the dataset that a run used in a role; None if it logged none."""
        with self._store.reading() as database:
            row = database.one("dataset_used_by", run=run_id, role=role)
        return None if row is None else DatasetVersion.from_row(row)

    def expectations(self, name: str) -> Expectations:
        """Return what is expected of a dataset. Raises `NotFound` if nothing is."""
        with self._store.reading() as database:
            text = database.value("expectations_of", name=name)
            known = [known for (known,) in database.rows("expected_names")]
        if text is None:
            raise NotFound(
                f"Nothing is expected of the dataset {name!r} yet.{suggestion(name, known)} "
                f"`lite-mlops data expect {name} --from FILE` infers it from good data."
            )
        return Expectations.from_dict(json.loads(text))

    def check(self, data: Any, name: str, *, now: datetime | None = None) -> CheckReport:
        """Return how a table, or the file at a path, meets what is expected of the dataset `name`.

        Raises:
            NotFound: nothing is expected of it, or there is no such file.
            Invalid: it is no table.
        """
        expected = self.expectations(name)
        return check(columns_of(data, self._store.settings), expected, now=now)

    def infer(self, data: Any) -> Expectations:
        """Return expectations that a table, or the file at a path, meets; see `infer`.

        Raises:
            Invalid: it is no table.
            NotFound: there is no such file.
        """
        return infer(columns_of(data, self._store.settings))

    def diff(self, before: Any, after: Any, *, key: str | Sequence[str] | None = None) -> DataDiff:
        """Return what changed between two tables or files; see `lite_mlops.data.diff.diff`.

        Raises:
            Invalid: one is no table, or the key is missing or not unique in it.
            NotFound: there is no such file or column.
        """
        return diff(before, after, key=key, settings=self._store.settings)

    def leakage(
        self,
        train: Any,
        test: Any,
        *,
        target: str | None = None,
        time: str | None = None,
        key: str | Sequence[str] | None = None,
        group: str | Sequence[str] | None = None,
    ) -> LeakageReport:
        """Return what of the answers leaks into the training; see `lite_mlops.data.leakage`.

        Raises:
            Invalid: one is no table, or `time` is no time.
            NotFound: there is no such file or column.
        """
        return leakage(
            train,
            test,
            target=target,
            time=time,
            key=key,
            group=group,
            settings=self._store.settings,
        )

    # -- facts ----------------------------------------------------------------------------------

    def log(
        self,
        run_id: str,
        data: Any,
        name: str,
        *,
        role: str = "training",
        column_names: Sequence[str] | None = None,
    ) -> DatasetVersion:
        """Record that a run used `data`: its hash, shape and profile, not the data itself.

        Raises:
            Invalid: it is not a table, or the name or the role cannot be used.
        """
        name = checked_name(name, "dataset name")
        if role not in ROLES:
            raise Invalid(f"the role of a dataset is {', '.join(ROLES)}; {role!r} is none of them.")
        columns = as_columns(data, column_names)
        sha256 = fingerprint(columns)
        rows = len(next(iter(columns.values()), []))
        facts = profile(columns)
        moment = self._store.append(
            Dataset(name=name, sha256=sha256, rows=rows, columns=len(columns), profile=facts)
        )
        self._store.append(DatasetUsed(run=run_id, name=name, sha256=sha256, role=role))
        return DatasetVersion(name, sha256, rows, len(columns), facts, as_datetime(moment))

    # -- decisions ------------------------------------------------------------------------------

    def expect(
        self,
        name: str,
        expectations: Expectations | Mapping[str, Any],
        *,
        reason: str | None = None,
    ) -> Expectations:
        """Have the dataset `name` expected to be so from now on; return the expectations.

        Raises:
            Invalid: the name or the expectations cannot be used.
        """
        name = checked_name(name, "dataset name")
        if not isinstance(expectations, Expectations):
            expectations = Expectations.from_dict(expectations)
        # What was put together in code is held to the same rules as what was read.
        expectations = Expectations.from_dict(expectations.to_dict())
        event = DatasetExpected(
            name=name,
            expectations=expectations.to_dict(),
            reason=mask_reason(reason, self._store.settings.mask),
        )
        event.body()  # refuses what is too long, before the project is held
        with self._store.deciding() as decisions:
            decisions.record(event)
        return expectations
