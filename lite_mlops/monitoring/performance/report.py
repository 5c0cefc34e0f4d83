"""The report: how a version did, window by window and slice by slice, against its reference.

report = project.monitoring.performance_of("churn@champion", window="1d", by="city")
report.latest.metrics["auc"], report.findings(), report.fired
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lite_mlops.charts import Band, Line, beside, in_notebook, line_chart
from lite_mlops.data.wording import amount, percent
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.findings import Finding
from lite_mlops.monitoring.performance.calibration import Calibration
from lite_mlops.monitoring.performance.intervals import Measured
from lite_mlops.monitoring.performance.judging import Judged, findings_of, judge_windows, told
from lite_mlops.monitoring.performance.reference import Reference
from lite_mlops.monitoring.performance.windows import BALANCED, Rules, WindowPerformance


@dataclass(frozen=True)
class PerformanceReport:
    """How a version did on the predictions that have a label by now.

    Attributes:
        model: The version, such as 'churn/3'.
        task: 'classification' or 'regression'.
        classes: The labels there are; none of a regressor.
        positive: The positive class, of two.
        overall: All predictions that were looked at.
        windows: Those of a time or a count, the oldest first; none if none were asked for.
        by: The column of the slices.
        slices: All predictions by the values of that column, the most frequent first.
        reference: What they are compared with.
        calibration: That of `latest`; None without probabilities.
        unseen: Labels that the model never saw in training, and how often.
        unreadable: Labels that are no numbers where they should be.
    """

    model: str
    task: str
    classes: tuple[str, ...]
    positive: str | None
    overall: WindowPerformance
    windows: tuple[WindowPerformance, ...]
    by: str | None
    slices: tuple[WindowPerformance, ...]
    reference: Reference
    rules: Rules = BALANCED
    calibration: Calibration | None = None
    unseen: Mapping[str, int] = field(default_factory=dict)
    unreadable: int = 0

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """The verdict on each window, or on the whole if there are no windows."""
        return judge_windows(self.windows or (self.overall,), self.reference, self.rules)

    @property
    def latest(self) -> WindowPerformance:
        """The last window that can be judged, else the last one; the whole without windows."""
        return latest(self.windows) or self.overall

    def findings(self) -> tuple[Finding, ...]:
        """Return what is found: of each judged metric, of calibration, of slices and of labels."""
        return findings_of(self)

    @cached_property
    def fired(self) -> tuple[Finding, ...]:
        """The findings that ask for somebody."""
        return tuple(one for one in self.findings() if one.fires)

    @property
    def metrics(self) -> Mapping[str, Measured]:
        """The metrics of the whole."""
        return self.overall.metrics

    def headline(self) -> str:
        """Return the counts in a sentence, with the metrics that are judged."""
        whole = self.overall
        if not whole.predictions:
            return f"{self.model}: no predictions were recorded."
        text = (
            f"{self.model}: {amount(whole.predictions, 'prediction')}, {whole.labelled:,} with a "
            f"label ({percent(whole.coverage)})"
        )
        named = [f"{name} {told(one)}" for name, one in whole.metrics.items() if self._judges(name)]
        return "; ".join((text, *named)) + "."

    def _judges(self, name: str) -> bool:
        return name in self.rules.tolerance

    def __str__(self) -> str:
        return "\n".join((self.headline(), *(one.sentence for one in self.findings())))

    def __repr__(self) -> str:
        return f"<PerformanceReport {self.headline()}>"

    def _repr_html_(self) -> str:
        names = list(self.overall.metrics)
        facts = {
            "found": "; ".join(one.sentence for one in self.findings()),
            "reference": self.reference.what or "none",
        }
        columns = ("window", "predictions", "labelled", *names)
        rows = [
            (
                one.name or one.since or "all",
                one.predictions,
                one.labelled,
                *(told(one.metrics.get(name)) for name in names),
            )
            for one in (*self.windows, *self.slices, self.overall)
        ]
        table = html_table("Performance", columns, rows)
        return in_notebook(html_facts(self.headline(), facts) + self._drawn() + table)

    def _drawn(self) -> str:
        """Return the judged metrics over the windows as pictures."""
        windows = [one for one in self.windows if one.since is not None]
        names = [name for name in self.overall.metrics if self._judges(name)]
        if len(windows) < 2:
            return ""
        at = [one.since.timestamp() for one in windows if one.since is not None]
        charts = []
        for name in names:
            found = [one.metrics.get(name) for one in windows]
            line = Line(
                name,
                at,
                [None if one is None else one.value for one in found],
                [None if one is None else one.low for one in found],
                [None if one is None else one.high for one in found],
                [bool(one.provisional) for one in windows],
            )
            known = self.reference.metrics.get(name)
            band = None if known is None else Band(known.low, known.high)
            charts.append(line_chart(name, [line], x=None, band=band, legend=True))
        return beside(charts)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        parts = {
            "classes": list(self.classes),
            "overall": self.overall.to_dict(),
            "windows": [
                one.to_dict() | {"verdicts": dict(verdict.severities)}
                for one, verdict in zip(self.windows, self.judged, strict=False)
            ],
            "slices": [one.to_dict() for one in self.slices],
            "reference": self.reference.to_dict(),
            "rules": vars(self.rules) | {"tolerance": dict(self.rules.tolerance)},
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "unseen": dict(self.unseen),
            "findings": [one.to_dict() for one in self.findings()],
            "fired": bool(self.fired),
        }
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | parts


def latest(windows: tuple[WindowPerformance, ...]) -> WindowPerformance | None:
    """Return the last window that can be judged, else the last one; None of none."""
    good = [one for one in windows if not one.provisional]
    return good[-1] if good else windows[-1] if windows else None
