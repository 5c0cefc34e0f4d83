"""Parts: what a check is given beside the monitor: the window, the version, and the project.

parts.monitoring.estimates(parts.version.name, since=parts.since, until=parts.until)
parts.drift, parts.service, parts.performance     # worked out once, for all checks that look at it
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.monitors.monitor import TRAINING, Monitor
from lite_mlops.monitoring.watching import Monitoring
from lite_mlops.monitoring.windows import Window
from lite_mlops.spans import parse_span

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport
    from lite_mlops.monitoring.operation import ServiceReport
    from lite_mlops.monitoring.performance import PerformanceReport

_USUAL = timedelta(days=14)  # before the window: what latencies are compared with
LABELS_WITHIN = timedelta(days=90)  # of an answer, by default


@dataclass(frozen=True)
class Parts:
    """One look of a monitor.

    Attributes:
        monitoring: Of the project.
        monitor: Whose look it is.
        version: What is watched.
        since, until: What is looked at: answers from `since` on and before `until`.
        rows: How many answers were recorded in it.
        looked_at: When it is looked; later than `until` if nothing was asked in between.
        past: What to compare with where the reference is a past time; None: that before the window.
    """

    monitoring: Monitoring
    monitor: Monitor
    version: ModelVersion
    since: datetime
    until: datetime
    rows: int
    looked_at: datetime
    past: Window | None = None

    @property
    def past_window(self) -> Window | None:
        """The past time that is the reference; None if it is none."""
        reference = self.monitor.reference
        if not reference.startswith("past "):
            return None
        span = parse_span(reference.removeprefix("past "))
        return self.past or Window(since=self.since - span, until=self.since)

    @cached_property
    def drift(self) -> DriftReport:
        """What changed from the reference of the monitor to the window.

        Raises:
            NotFound: there is no reference to compare with.
        """
        reference = self.monitor.reference
        is_dataset = reference != TRAINING and self.past_window is None
        return self.monitoring.drift(
            self.version.name,
            reference=reference if is_dataset else None,
            reference_window=self.past_window,
            since=self.since,
            until=self.until,
            preset=self.monitor.options_of("drift").get("preset", "balanced"),
            joint=self.monitor.runs_check("joint"),
        )

    @cached_property
    def service(self) -> ServiceReport:
        """How the model served in the window.

        Where an alias is watched, whichever version answered counts. It is compared with the past
        time that is the reference, or with the two weeks before.
        """
        before = Window(since=self.since - _USUAL, until=self.since)
        return self.monitoring.service(
            self.monitor.model or self.version.model,
            since=self.since,
            until=self.looked_at,
            reference_window=self.past_window or before,
            silence=self.monitor.options_of("traffic").get("silence"),
        )

    @cached_property
    def performance(self) -> PerformanceReport:
        """How right the answers were, by windows of the size of the monitor's.

        Labels come late, so that it looks farther back than the window: the last one of which
        enough labels have come is judged, and again until newer labels come.
        """
        from lite_mlops.monitoring.performance import BALANCED, Rules

        options = self.monitor.options_of("performance")
        calibration = self.monitor.options_of("calibration").get("tolerance", BALANCED.calibration)
        window = self.monitor.window
        return self.monitoring.performance_of(
            self.version.name,
            window=window.rows or window.span,
            by=options.get("by"),
            since=self.until - options.get("within", LABELS_WITHIN),
            until=self.until,
            rules=Rules(options.get("tolerance", BALANCED.tolerance), calibration=calibration),
        )
