"""The report of how a model serves, beside the window that it is compared with.

report.now.p95_us, report.slower, report.severity, str(report)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lite_mlops.charts import Line, beside, in_notebook, line_chart
from lite_mlops.data.wording import amount
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.findings import ALERT, NONE, SEVERITIES, UNKNOWN, WARN
from lite_mlops.monitoring.operation.figures import Asked, Period, Piece, Tried, VersionServed

MIN_REQUESTS = 100  # on each side, below which latencies are not judged
SLOWER, MUCH_SLOWER = 1.2, 2.0  # times the 95 % quantile of the reference
FEW_FAILED, SOME_FAIL, MANY_FAIL = 5, 0.01, 0.05  # the least number; shares of the requests
_NOT_COUNTED = "No server has told of refused, failed or waiting requests in this window."


@dataclass(frozen=True)
class ServiceReport:
    """How a model served in a window, and in the one that it is compared with."""

    model: str
    window: str
    now: Period
    before: Period | None
    reference: str | None  # the window of `before`
    traffic: tuple[Piece, ...]
    versions: tuple[VersionServed, ...]
    trials: tuple[Tried, ...]
    happened: Mapping[str, int] = field(default_factory=dict)  # at its endpoints, by the word
    broken: tuple[Broken, ...] = ()  # late or absent traffic
    asked: Asked | None = None  # None: no server has told

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not known."""
        return (_NOT_COUNTED,) if self.asked is None else ()

    @property
    def errors(self) -> tuple[int, int]:
        """Requests that failed, and all of them, as far as trials counted them."""
        counted = [one for one in self.trials if one.role != "shadow"]
        return sum(one.failed for one in counted), sum(one.requests for one in counted)

    @property
    def slower(self) -> float | None:
        """How many times the 95 % quantile of the reference that of the window is."""
        if self.before is None or not self.before.p95_us or self.now.p95_us is None:
            return None
        return self.now.p95_us / self.before.p95_us

    @property
    def latency_severity(self) -> str:
        """Whether latencies are worse beyond chance: the intervals of the quantiles lie apart."""
        if self.before is None or self.slower is None:
            return UNKNOWN
        if min(self.now.requests, self.before.requests) < MIN_REQUESTS:
            return UNKNOWN
        assert self.now.p95_interval is not None
        assert self.before.p95_interval is not None
        if self.slower < SLOWER or self.now.p95_interval[0] <= self.before.p95_interval[1]:
            return NONE
        return ALERT if self.slower >= MUCH_SLOWER else WARN

    @property
    def errors_severity(self) -> str:
        """Whether requests fail: at least five, and one of a hundred; or one of twenty."""
        if self.asked is None:
            return UNKNOWN
        share = self.asked.failed_share
        if self.asked.failed < FEW_FAILED or share < SOME_FAIL:
            return NONE
        return ALERT if share >= MANY_FAIL else WARN

    @property
    def severity(self) -> str:
        """The highest severity of its findings."""
        found = [self.latency_severity, ALERT if self.broken else UNKNOWN, self.errors_severity]
        return max(found, key=SEVERITIES.index)

    def __str__(self) -> str:
        told = f"{amount(self.now.requests, 'request')}"
        if self.now.answers != self.now.requests:
            told += f" of {amount(self.now.answers, 'row')}"
        if self.now.p95_us is not None:
            told += (
                f"; half took up to {in_ms(self.now.p50_us)}, 95 % up to {in_ms(self.now.p95_us)}"
            )
        sentences = [f"{one.text[0].upper()}{one.text[1:]}." for one in self.broken]
        if self.asked is not None and (self.asked.failed or self.asked.refused):
            sentences.append(
                f"Of {amount(self.asked.requests, 'request')} to its servers "
                f"{self.asked.failed:,} failed and {self.asked.refused:,} were refused."
            )
        return " ".join([f"{told}.", *sentences])

    def __repr__(self) -> str:
        return f"<ServiceReport {self.model}: {self}>"

    def _repr_html_(self) -> str:
        facts = {"model": self.model, "window": self.window, "found": str(self)}
        rows = [
            (
                one.version,
                one.requests,
                one.answers,
                in_ms(one.p50_us),
                in_ms(one.p95_us),
            )
            for one in self.versions
        ]
        names = ("version", "requests", "rows", "median", "95 %")
        table = html_table("Versions", names, rows)
        return in_notebook(html_facts("Service", facts) + self._drawn() + table)

    def _drawn(self) -> str:
        """Return requests and latencies over time as pictures."""
        at = [one.began.timestamp() for one in self.traffic]
        if len(at) < 2:
            return ""
        times = {"median": [one.p50_us for one in self.traffic]}
        times["95 %"] = [one.p95_us for one in self.traffic]
        slow = [
            Line(name, at, [None if one is None else one / 1000 for one in values])
            for name, values in times.items()
        ]
        asked = [Line("requests", at, [float(one.requests) for one in self.traffic])]
        charts = {"requests": asked, "latency in ms": slow}
        return beside(
            line_chart(name, lines, x=None, legend=True, from_zero=True)
            for name, lines in charts.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        failed, counted = self.errors
        return {
            "model": self.model,
            "window": self.window,
            "reference": self.reference,
            "severity": self.severity,
            "now": self.now.to_dict(),
            "before": None if self.before is None else self.before.to_dict(),
            "slower": self.slower,
            "traffic": [one.to_dict() for one in self.traffic],
            "versions": [one.to_dict() for one in self.versions],
            "trials": [one.to_dict() for one in self.trials],
            "failed": failed,
            "counted": counted,
            "asked": None if self.asked is None else self.asked.to_dict(),
            "happened": dict(self.happened),
            "broken": [{"rule": one.rule, "text": one.text} for one in self.broken],
            "notes": list(self.notes),
        }


def in_ms(microseconds: float | None) -> str:
    """Return a latency as it stands in tables and sentences."""
    return "" if microseconds is None else f"{microseconds / 1000:.3g} ms"
