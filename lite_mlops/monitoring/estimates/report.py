"""The report of estimates: window after window, beside what labels said of the same windows.

report.windows[-1]["auc"], report.concept, report.findings()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lite_mlops.charts import Limit, Line, beside, in_notebook, line_chart
from lite_mlops.data.wording import amount
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.estimates.concept import ConceptDrift, Interval
from lite_mlops.monitoring.estimates.expected import Estimate
from lite_mlops.monitoring.estimates.judging import ASSUMPTION, estimate_findings
from lite_mlops.monitoring.findings import Finding

_DRAWN = 3  # metrics
_SIDES = ("value", "low", "high")


@dataclass(frozen=True)
class Compared:
    """A metric of the labelled rows of a window: by their labels, and as estimated of them."""

    realised: float
    estimated: float
    realised_interval: Interval
    estimated_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        lists = {name: list(getattr(self, name)) for name in vars(self) if "interval" in name}
        return vars(self) | lists


@dataclass(frozen=True)
class WindowEstimates:
    """What is estimated of a window, and `compared` with its labels where there are 100 of them."""

    rows: int
    labelled: int
    begin: datetime | None
    end: datetime | None
    estimates: tuple[Estimate, ...]
    compared: Mapping[str, Compared] = field(default_factory=dict)
    outside: float = 0.0  # share of rows with a score, or feature, beyond all of the reference

    def __getitem__(self, metric: str) -> Estimate:
        for one in self.estimates:
            if one.metric == metric:
                return one
        raise KeyError(metric)

    def to_dict(self) -> dict[str, Any]:
        """Return the window as JSON can hold it."""
        return {
            "rows": self.rows,
            "labelled": self.labelled,
            "begin": None if self.begin is None else self.begin.isoformat(),
            "end": None if self.end is None else self.end.isoformat(),
            "outside": self.outside,
            "estimates": [one.to_dict() for one in self.estimates],
            "compared": {name: one.to_dict() for name, one in self.compared.items()},
        }


@dataclass(frozen=True)
class EstimateReport:
    """Estimates of a model by windows, the oldest first, and what they rest on."""

    model: str
    reference: str  # what it is, in words
    reference_rows: int
    reference_metrics: Mapping[str, float]
    recalibrated: bool
    windows: tuple[WindowEstimates, ...]
    concept: tuple[ConceptDrift, ...] = ()
    unusable: int = 0  # rows without scores, or with another answer than the classes
    why_not: str = ""  # why nothing is estimated

    @property
    def fires(self) -> bool:
        """Whether any finding asks for somebody."""
        return any(one.fires for one in self.findings())

    def __str__(self) -> str:
        if not self.windows:
            return f"Nothing can be estimated: {self.why_not}"
        last = self.windows[-1]
        figures = ", ".join(
            f"{one.metric} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})"
            for one in last.estimates
        )
        text = f"Estimated of the last {amount(last.rows, 'row')}: {figures}. This {ASSUMPTION}."
        if self.concept:
            names = ", ".join(one.metric for one in self.concept)
            text += f" Labels say otherwise: concept drift suspected ({names})."
        return text

    def __repr__(self) -> str:
        return f"<EstimateReport {self.model}, {amount(len(self.windows), 'window')}: {self}>"

    def _repr_html_(self) -> str:
        facts = {"reference": self.reference, "estimated": str(self)}
        rows = [
            (one.rows, one.labelled, e.metric, f"{e.value:.4f}", f"{e.low:.4f} to {e.high:.4f}")
            for one in self.windows
            for e in one.estimates
        ]
        names = ("rows", "labelled", "metric", "estimate", "95 % interval")
        table = html_table("Windows", names, rows)
        return in_notebook(html_facts(f"Estimates of {self.model}", facts) + self._drawn() + table)

    def _drawn(self) -> str:
        """Return the first metrics over the windows as pictures."""
        at = [one.begin.timestamp() for one in self.windows if one.begin is not None]
        if len(at) < 2 or len(at) < len(self.windows):
            return ""
        charts = []
        for place, first in enumerate(self.windows[0].estimates[:_DRAWN]):
            found = [one.estimates[place] for one in self.windows]
            values, low, high = ([getattr(o, side) for o in found] for side in _SIDES)
            line = Line("estimated", at, values, low, high, shaded=True)
            known = self.reference_metrics.get(first.metric)
            limit = None if known is None else Limit(known, "reference")
            charts.append(line_chart(first.metric, [line], x=None, limit=limit, legend=True))
        return beside(charts)

    def findings(self) -> list[Finding]:
        """Return a finding for each metric of the last window, and for suspected concept drift."""
        return list(estimate_findings(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "model": self.model,
            "assumption": ASSUMPTION,
            "fires": self.fires,
            "reference": self.reference,
            "reference_rows": self.reference_rows,
            "reference_metrics": dict(self.reference_metrics),
            "recalibrated": self.recalibrated,
            "unusable": self.unusable,
            "why_not": self.why_not,
            "windows": [one.to_dict() for one in self.windows],
            "concept": [one.to_dict() for one in self.concept],
            "findings": [one.to_dict() for one in self.findings()],
        }


def nothing_estimated(model: str, reference: str, why_not: str) -> EstimateReport:
    """Return the report of a model of which nothing can be estimated, and why."""
    return EstimateReport(model, reference, 0, {}, recalibrated=False, windows=(), why_not=why_not)
