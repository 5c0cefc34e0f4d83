"""Gathers what a report says, from the parts that watch a model.

    Reporting(store, models, monitoring).of(Asked("churn@champion", since=monday))

Each part is asked once for the time that is reported on, and drift once more for each window of
the time lines. A part that cannot say anything becomes a note of why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.models import Models, ModelVersion
from lite_mlops.monitoring.findings import Finding
from lite_mlops.monitoring.reports import parts
from lite_mlops.monitoring.reports.facts import AlertFact, ReportFacts, SliceFact, Span
from lite_mlops.monitoring.reports.how import how_decided
from lite_mlops.monitoring.reports.widths import fitting
from lite_mlops.store import Store, as_datetime, as_stored, now

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport
    from lite_mlops.monitoring.estimates import EstimateReport
    from lite_mlops.monitoring.performance import PerformanceReport, WindowPerformance
    from lite_mlops.monitoring.watching import Monitoring

WINDOWS = 12  # of the time lines
_MOST_WINDOWS = 24
_ESTIMATED_ROWS = (50, 1_000)  # of a window of estimates, at least and at most
_INSTANT = timedelta(microseconds=1)

Part = TypeVar("Part")


@dataclass(frozen=True)
class Asked:
    """What a report is to be about.

    Attributes:
        model: A version, such as churn@champion.
        name: What the report is called; default: the version.
        since, until: The answers that are judged; default: all.
        last: Of these the last ones, as a count.
        width: How long a window of the time lines is, or how many answers it has.
        earlier: Whether the time lines begin before what is judged, which is their last window.
        reference, reference_window, preset, joint: As of `Monitoring.drift`.
        columns: Those that are judged; none: all.
        by: Columns by which performance is told in slices.
        groups: Columns that form the groups of fairness.
    """

    model: str
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None
    last: int | None = None
    width: timedelta | int | None = None
    earlier: bool = False
    reference: str | None = None
    reference_window: str | None = None
    preset: str = "balanced"
    joint: bool = True
    columns: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def asked_for(
    model: str,
    *,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    last: int | str | timedelta | None = None,
    window: str | int | timedelta | None = None,
    by: Sequence[str] = (),
    groups: Sequence[str] = (),
    **drift: Any,
) -> Asked:
    """Return what is asked for by words.

    Args:
        model: A version, such as churn@champion.
        since: The beginning of what is judged; default: the first answer.
        until: Its end, which does not belong to it; default: now.
        last: Only the last ones: a count, such as 5000, or a span of time, such as '7d'.
        window: The windows of the time lines, as 6h, 1d or 1000; default: about twelve.
        by: Columns by which performance is told in slices.
        groups: Columns that form the groups of fairness.
        drift: reference, reference_window, preset and joint, as of `Monitoring.drift`.

    Raises:
        Invalid: a window cannot be read.
    """
    from lite_mlops.monitoring.windows import Size, chosen_window

    chosen = chosen_window(since, until, last)
    try:
        size = None if window is None else Size.parse(window)
    except ValueError as error:
        raise Invalid(f"Windows of {window!r} cannot be made: {error}.") from None
    return Asked(
        model=model,
        since=chosen.since,
        until=chosen.until,
        last=chosen.last,
        width=None if size is None else size.span or size.rows,
        by=tuple(by),
        groups=tuple(groups),
        **drift,
    )


@dataclass(frozen=True)
class _Time:
    """The time that is judged, that of the time lines, and how wide their windows are."""

    since: datetime
    until: datetime
    begin: datetime
    width: timedelta | int
    predictions: int


class Reporting:
    """Makes reports of the versions of a project."""

    def __init__(self, store: Store, models: Models, monitoring: Monitoring) -> None:
        self._store = store
        self._models = models
        self._monitoring = monitoring
        self._notes: list[str] = []

    def of(
        self,
        asked: Asked,
        *,
        drift: DriftReport | None = None,
        findings: Sequence[Finding] | None = None,
        alerts: Sequence[AlertFact] = (),
    ) -> ReportFacts:
        """Return what a report says.

        Args:
            asked: What it is about.
            drift: What changed, if that is known already.
            findings: What was found, if a monitor has judged it; else each part judges.
            alerts: Those that stand.

        Raises:
            Invalid: a window or an option cannot be used.
            NotFound: there is no such version.
        """
        version = self._models.get(asked.model)
        self._notes = []
        facts = ReportFacts(
            name=asked.name or version.name,
            model=version.name,
            written_at=as_datetime(now()),
            predictions=0,
            since=asked.since,
            until=asked.until,
            alerts=tuple(alerts),
        )
        time = self._time(version, asked)
        found: list[Finding] = []
        if time is not None:
            facts = replace(facts, since=time.since, until=time.until, predictions=time.predictions)
            facts = self._with_labels(version, asked, time, facts, found)
            drift = drift or self._told("Drift", lambda: self._drift(version, asked, time))
            facts = self._with_columns(version, asked, facts, found, drift)
            facts = self._with_service(version, asked, time, facts, found)
        return replace(
            facts,
            findings=tuple(found if findings is None else findings),
            notes=tuple(self._notes),
            how=how_decided(version, facts, drift),
        )

    def _told(self, what: str, part: Callable[[], Part]) -> Part | None:
        """Return what a part says, or None with a note of why it says nothing."""
        try:
            return part()
        except LiteMlopsError as error:
            self._notes.append(f"{what}: {error}")
            return None

    # -- the time that is looked at -------------------------------------------------------------

    def _time(self, version: ModelVersion, asked: Asked) -> _Time | None:
        """Return the times that are looked at; None if no answer was recorded."""
        found = self._span(version, asked.since, asked.until, asked.last)
        if found is None:
            return None
        first, last, rows = found
        bounded = asked.since is not None and asked.last is None
        since = asked.since if bounded and asked.since is not None else first
        until = last + _INSTANT if asked.until is None else asked.until
        width = asked.width or fitting(last - first, rows, WINDOWS)
        begin = since
        if asked.earlier and not isinstance(width, int):
            begin = since - (WINDOWS - 1) * width
        elif asked.earlier and isinstance(width, int):
            earlier = self._span(version, None, until, WINDOWS * width)
            begin = since if earlier is None else min(since, earlier[0])
        return _Time(since, until, begin, width, rows)

    def _span(
        self,
        version: ModelVersion,
        since: datetime | None,
        until: datetime | None,
        last: int | None,
    ) -> tuple[datetime, datetime, int] | None:
        """Return when the first and the last answer were given, and how many there are."""
        with self._store.reading() as database:
            row = database.one(
                "prediction_span",
                model=version.model,
                version=version.version,
                since=as_stored(since),
                until=as_stored(until),
                last=last,
            )
        assert row is not None
        if not row["predictions"]:
            return None
        first, end = (row[name].replace(tzinfo=UTC) for name in ("first_at", "last_at"))
        return first, end, row["predictions"]

    # -- performance ----------------------------------------------------------------------------

    def _with_labels(
        self,
        version: ModelVersion,
        asked: Asked,
        time: _Time,
        facts: ReportFacts,
        found: list[Finding],
    ) -> ReportFacts:
        """Return the facts with metrics by labels and by estimate, slices and calibration."""

        def performance(**options: object) -> PerformanceReport:
            return self._monitoring.performance_of(version.name, until=time.until, **options)  # type: ignore[arg-type]

        lines = self._told("Performance", lambda: performance(window=time.width, since=time.begin))
        estimates = self._estimates(version, time, lines)
        if estimates is not None:
            found += estimates.findings()
        if lines is None:
            metrics = parts.metric_facts(None, None, estimates, 0)
            return replace(facts, metrics=metrics)
        found += lines.findings()
        present = (
            lines.overall if time.begin == time.since else performance(since=time.since).overall
        )
        windows = lines.windows[-_MOST_WINDOWS:]
        return replace(
            facts,
            labelled=present.labelled,
            spans=tuple(_span_of(one, time) for one in windows if one.since is not None),
            metrics=parts.metric_facts(lines, present, estimates, len(windows)),
            slices=self._slices(asked, performance, time),
            calibration=parts.calibration_fact(lines),
        )

    def _estimates(
        self, version: ModelVersion, time: _Time, lines: PerformanceReport | None
    ) -> EstimateReport | None:
        """Return what is estimated, in windows about as large as those of the time lines."""
        least, most = _ESTIMATED_ROWS
        rows, windows = time.predictions, WINDOWS
        if lines is not None:
            rows, windows = lines.overall.predictions, max(len(lines.windows), 1)
        rows = max(least, min(most, rows // windows))
        found = self._told(
            "Estimates",
            lambda: self._monitoring.estimates(version.name, rows=rows, until=time.until),
        )
        if found is not None and not found.windows:
            self._notes.append(f"Estimates: {found.why_not}")
            return None
        return found

    def _slices(
        self, asked: Asked, performance: Callable[..., PerformanceReport], time: _Time
    ) -> tuple[SliceFact, ...]:
        found: list[SliceFact] = []
        for column in asked.by:
            report = self._told(
                f"Slices by {column}", partial(performance, by=column, since=time.since)
            )
            if report is not None:
                found += parts.slice_facts(report)
        return tuple(found)

    # -- columns --------------------------------------------------------------------------------

    def _drift(
        self, version: ModelVersion, asked: Asked, span: _Time | Span, *, joint: bool | None = None
    ) -> DriftReport:
        return self._monitoring.drift(
            version.name,
            reference=asked.reference,
            reference_window=asked.reference_window,
            since=span.since,
            until=span.until,
            preset=asked.preset,
            joint=asked.joint if joint is None else joint,
        )

    def _with_columns(
        self,
        version: ModelVersion,
        asked: Asked,
        facts: ReportFacts,
        found: list[Finding],
        report: DriftReport | None,
    ) -> ReportFacts:
        """Return the facts with columns, answers, and all of them together."""
        if report is None:
            return facts
        self._notes += report.notes
        found += parts.drift_findings(report, asked.columns)
        windows = []
        if len(facts.spans) > 1:
            windows = [
                self._quietly(partial(self._drift, version, asked, span, joint=False))
                for span in facts.spans
            ]
        return replace(
            facts,
            reference=report.reference,
            reference_rows=report.reference_rows,
            columns=parts.column_facts(report.columns, windows, facts.spans, asked.columns),
            answers=parts.column_facts(report.answers, windows, facts.spans),
            rules=parts.rule_findings(report),
            joint=parts.joint_fact(report),
        )

    def _quietly(self, part: Callable[[], Part]) -> Part | None:
        try:
            return part()
        except LiteMlopsError:  # what is wrong with all windows was told of the whole
            return None

    # -- the rest -------------------------------------------------------------------------------

    def _with_service(
        self,
        version: ModelVersion,
        asked: Asked,
        time: _Time,
        facts: ReportFacts,
        found: list[Finding],
    ) -> ReportFacts:
        """Return the facts with groups, sudden changes, versions and the service."""
        watching = self._monitoring
        groups = None
        if asked.groups:
            groups = self._told(
                "Fairness",
                lambda: watching.fairness(
                    version.name, asked.groups, since=time.since, until=time.until
                ),
            )
        jumps = self._told(
            "Sudden changes",
            lambda: watching.streams(version.name, since=time.begin, until=time.until),
        )
        service = self._told(
            "Service",
            lambda: watching.service(version.model, since=time.begin, until=time.until),
        )
        for report in (groups, jumps):
            found += [] if report is None else report.findings()
        found += parts.service_findings(service)
        return replace(
            facts,
            groups=parts.group_facts(groups),
            jumps=parts.jump_facts(jumps),
            service=parts.service_fact(service),
            versions=parts.version_marks(service, time.begin),
        )


def _span_of(window: WindowPerformance, time: _Time) -> Span:
    """Return a window of performance as one of the time lines; its end does not belong to it."""
    assert window.since is not None
    assert window.until is not None
    until = window.until + _INSTANT if isinstance(time.width, int) else window.until
    return Span(window.since, until, window.predictions, window.labelled)
