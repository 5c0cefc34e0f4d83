"""The section of a report about performance over time."""

from __future__ import annotations

from collections.abc import Iterator

from lite_mlops.charts import Band, Below, Line, Mark, line_chart
from lite_mlops.documents import (
    NOT_RECORDED,
    Block,
    Cell,
    Drawn,
    Figures,
    Fold,
    Grid,
    Items,
    Remark,
    Word,
)
from lite_mlops.monitoring.findings import UNKNOWN
from lite_mlops.monitoring.reports.facts import MetricFact, ReportFacts
from lite_mlops.monitoring.reports.verdict import TONES, WORDS
from lite_mlops.monitoring.reports.wording import figure, interval, moment

_DRAWN = 3  # of the metrics; so many stand beside each other


def performance_blocks(facts: ReportFacts) -> Iterator[Block]:
    """Return the metrics as charts and as a table; windows are folded away."""
    metrics = [one for one in facts.metrics if _known(one)]
    if not metrics:
        return
    told = [one for one in metrics if one.sentence]
    if told:
        yield Items(
            tuple((Word(WORDS[m.severity], TONES[m.severity]), m.sentence, "") for m in told)
        )
    if len(facts.spans) > 1:
        yield Figures(tuple((one.name, _chart(facts, one)) for one in metrics[:_DRAWN]))
    yield _whole(metrics)
    if len(facts.spans) > 1:
        yield Fold(f"The {len(facts.spans)} windows", (_windows(facts, metrics),))
    if any(one.estimates for one in metrics):
        yield Remark(
            "Estimates rest on the model's own probabilities. They assume that the relation "
            "between inputs and outcome has not changed, and cannot see it if it has."
        )
    if any(point.provisional for one in metrics for point in one.points):
        yield Remark("Hollow points rest on few labels, and raise no alarm.")


def _known(metric: MetricFact) -> bool:
    points = (*metric.points, *metric.estimates, metric.whole)
    return any(point.value is not None for point in points)


def _chart(facts: ReportFacts, metric: MetricFact) -> Drawn:
    at = [span.middle for span in facts.spans]
    points = metric.points
    lines: list[Line | None] = [
        Line(
            "by labels",
            at,
            [p.value for p in points],
            [p.low for p in points],
            [p.high for p in points],
            [p.provisional for p in points],
        )
    ]
    estimates = [one for one in metric.estimates if one.at is not None]
    if estimates:
        lines.append(
            Line(
                "estimated",
                [one.at or 0.0 for one in estimates],
                [one.value for one in estimates],
                [one.low for one in estimates],
                [one.high for one in estimates],
                shaded=True,
            )
        )
    band = None
    if metric.reference is not None:
        low, high = metric.reference_low, metric.reference_high
        low = metric.reference if low is None else low
        band = Band(low, metric.reference if high is None else high, "at registration")
    svg = line_chart(
        metric.name,
        lines,
        x=None,
        band=band,
        marks=[Mark(when.timestamp(), name) for when, name in facts.versions],
        below=Below([span.coverage for span in facts.spans]),
        legend=True,
    )
    return Drawn(svg, "; ".join(line.told for line in lines if line is not None))


def _whole(metrics: list[MetricFact]) -> Grid:
    head = ["metric", "by labels", "estimated of the last", "at registration", "verdict"]
    if not any(one.estimates for one in metrics):
        head.remove("estimated of the last")
    rows = []
    for one in metrics:
        estimated = one.estimated
        judged = one.severity != UNKNOWN and one.whole.value is not None
        cells: dict[str, Cell] = {
            "metric": one.name,
            "by labels": interval(one.whole.value, one.whole.low, one.whole.high),
            "estimated of the last": interval(estimated.value, estimated.low, estimated.high),
            "at registration": figure(one.reference) or NOT_RECORDED,
            "verdict": Word(WORDS[one.severity], TONES[one.severity])
            if judged
            else Word("not judged", "soft"),
        }
        rows.append(tuple(cells[name] for name in head))
    return Grid("Metrics", tuple(head), tuple(rows))


def _windows(facts: ReportFacts, metrics: list[MetricFact]) -> Grid:
    head = ("from", "answers", "labelled", *(one.name for one in metrics))
    rows = []
    for place, span in enumerate(facts.spans):
        cells = []
        for one in metrics:
            point = one.points[place] if place < len(one.points) else one.whole
            told = "" if point.value is None else interval(point.value, point.low, point.high)
            cells.append(f"{told}, provisional" if told and point.provisional else told)
        rows.append((moment(span.since), f"{span.predictions:,}", f"{span.labelled:,}", *cells))
    return Grid("Windows", head, tuple(rows), right=("answers", "labelled"))
