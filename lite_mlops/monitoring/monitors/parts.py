"""Parts: what a check is given beside the monitor: the window, the version, and the project.

parts.monitoring.drift(parts.version.name, since=parts.since, until=parts.until)
parts.drift.columns           # worked out once, for all checks that look at it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lite_mlops.data import Datasets
from lite_mlops.errors import NotFound
from lite_mlops.models import Models, ModelVersion
from lite_mlops.monitoring.monitors.monitor import TRAINING, Monitor
from lite_mlops.monitoring.monitors.recorded import recorded_columns
from lite_mlops.monitoring.monitors.spans import parse_span
from lite_mlops.monitoring.watching import Monitoring
from lite_mlops.store import Store

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport


@dataclass(frozen=True)
class Parts:
    """One look of a monitor.

    Attributes:
        store, models, datasets, monitoring: Of the project.
        monitor: Whose look it is.
        version: What is watched.
        since, until: What is looked at: answers from `since` on and before `until`.
        rows: How many answers were recorded in it.
        looked_at: When it is looked; later than `until` if nothing was asked in between.
        past: What to compare with where the reference is a past time; None: it is read.
    """

    store: Store
    models: Models
    datasets: Datasets
    monitoring: Monitoring
    monitor: Monitor
    version: ModelVersion
    since: datetime
    until: datetime
    rows: int
    looked_at: datetime
    past: Mapping[str, Any] | None = None

    @property
    def span(self) -> timedelta:
        """How long the window is."""
        return self.until - self.since

    @cached_property
    def drift(self) -> DriftReport:
        """What changed from the reference of the monitor to the window.

        Raises:
            NotFound: there is no reference to compare with.
        """
        preset = self.monitor.options_of("drift").get("preset", "balanced")
        reference = self.monitor.reference
        if reference == TRAINING:
            return self.monitoring.drift(
                self.version.name, since=self.since, until=self.until, preset=preset
            )
        present = recorded_columns(self.store, self.version, self.since, self.until)
        past = reference.startswith("past ")
        table = self._past(reference) if past else self.datasets.columns(reference)
        named = {name: column for name, column in table.items() if name in present}
        if not named:
            raise NotFound(
                f"{reference} has no column that is recorded of {self.version.name}, so that there "
                "is nothing to compare"
            )
        return self.monitoring.compare(
            named,
            {name: present[name] for name in named},
            preset=preset,
            joint=self.monitor.runs_check("joint"),
        )

    def _past(self, reference: str) -> Mapping[str, Any]:
        if self.past is not None:
            return self.past
        begin = self.since - parse_span(reference.removeprefix("past "))
        return recorded_columns(self.store, self.version, begin, self.since)
