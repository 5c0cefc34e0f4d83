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

from lite_mlops.data.fingerprint import fingerprint
from lite_mlops.data.profile import profile
from lite_mlops.data.tables import as_columns
from lite_mlops.errors import Invalid
from lite_mlops.htmltext import html_facts
from lite_mlops.store import Store, as_datetime
from lite_mlops.store.events import Dataset, DatasetUsed
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
