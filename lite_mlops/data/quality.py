"""The quality of data: what changed between tables, what is expected of a dataset, what leaks.

project.datasets.diff("before.csv", "after.csv", key="id")
project.datasets.expect("patients", project.datasets.infer(frame), reason="first good delivery")
project.datasets.check("today.csv", "patients").passed
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import NotFound, suggestion
from lite_mlops.security import mask_reason
from lite_mlops.store import Store
from lite_mlops.store.events import DatasetExpected
from lite_mlops.tracking.keys import checked_name

if TYPE_CHECKING:  # all of them load NumPy
    from lite_mlops.data.checking import CheckReport
    from lite_mlops.data.diff import DataDiff
    from lite_mlops.data.expectations import Expectations
    from lite_mlops.data.leakage import LeakageReport


class Quality:
    """Questions about tables and datasets, and what is expected of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- questions ------------------------------------------------------------------------------

    def expectations(self, name: str) -> Expectations:
        """Return what is expected of a dataset. Raises `NotFound` if nothing is."""
        from lite_mlops.data.expectations import Expectations

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
        from lite_mlops.data.checking import check
        from lite_mlops.data.kinds import columns_of

        expected = self.expectations(name)
        return check(columns_of(data, self._store.settings), expected, now=now)

    def infer(self, data: Any) -> Expectations:
        """Return expectations that a table, or the file at a path, meets; see `infer`.

        Raises:
            Invalid: it is no table.
            NotFound: there is no such file.
        """
        from lite_mlops.data.inferring import infer
        from lite_mlops.data.kinds import columns_of

        return infer(columns_of(data, self._store.settings))

    def diff(self, before: Any, after: Any, *, key: str | Sequence[str] | None = None) -> DataDiff:
        """Return what changed between two tables or files; see `lite_mlops.data.diff.diff`.

        Raises:
            Invalid: one is no table, or the key is missing or not unique in it.
            NotFound: there is no such file or column.
        """
        from lite_mlops.data.diff import diff

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
        from lite_mlops.data.leakage import leakage

        return leakage(
            train,
            test,
            target=target,
            time=time,
            key=key,
            group=group,
            settings=self._store.settings,
        )

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
        from lite_mlops.data.expectations import Expectations

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
