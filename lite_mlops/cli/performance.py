"""`lite-mlops performance`: how good the answers of a model were, once labels have come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import FIRED, open_project
from lite_mlops.cli.output import as_option, duration, emit, heading, say, table

if TYPE_CHECKING:
    from lite_mlops.monitoring.performance import PerformanceReport, WindowPerformance

# What is shown beside the judged metrics, if it is there.
_BESIDE = ("precision", "recall", "f1", "mae", "r2")
_VERDICTS = {
    "none": "fine",
    "info": "a little worse",
    "warn": "worse",
    "alert": "much worse",
}


@click.command()
@click.argument("model")
@click.option(
    "--window", metavar="SIZE", help="A time (6h, 1d, 1w) or a number of predictions (1000)."
)
@click.option("--by", metavar="COLUMN", help="Also by the values of a recorded column.")
@click.option("--since", type=click.DateTime(), help="Only predictions from then on.")
@click.option("--until", type=click.DateTime(), help="Only predictions before.")
@click.option("--positive", metavar="CLASS", help="The positive class, of two.")
@as_option
def performance(
    model: str,
    window: str | None,
    by: str | None,
    since: datetime | None,
    until: datetime | None,
    positive: str | None,
    form: str | None,
) -> None:
    """Show how good answers were, by the labels that came.

    MODEL names a version, such as churn@champion. What is measured is compared with the evaluation
    that was kept when it was made. Exits with 4 if the last window that has enough labels is worse,
    beyond chance and by more than is tolerated. Windows of time begin at UTC.
    """
    report = open_project().monitoring.performance_of(
        model,
        window=window,
        by=by,
        since=None if since is None else since.astimezone(),
        until=None if until is None else until.astimezone(),
        positive=positive,
    )
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        parts = (*report.windows, *report.slices) or (report.overall,)
        emit([one.to_dict() for one in parts], form)
    else:
        _show(report)
    if report.fired:
        raise click.exceptions.Exit(FIRED)


def _show(report: PerformanceReport) -> None:
    from lite_mlops.monitoring.performance import moment

    say(report.headline())
    if report.overall.delay is not None:
        say(f"Labels came after {duration(report.overall.delay)}, in the median.")
    if report.windows:
        heading("Windows")
        verdicts = [_verdict(one.severities.values()) for one in report.judged]
        _table(
            report, "since (UTC)", [moment(one) for one in report.windows], report.windows, verdicts
        )
    if report.slices:
        heading(f"By {report.by}")
        _table(report, str(report.by), [one.name for one in report.slices], report.slices)
    if report.windows or report.slices:
        heading("Found")
    for finding in report.findings():
        mark = f"{finding.severity.upper()}: " if finding.fires else ""
        say(f"{mark}{finding.sentence}")


def _verdict(severities: Iterable[str]) -> str:
    found = set(severities)
    return next((word for one, word in reversed(_VERDICTS.items()) if one in found), "")


def _table(
    report: PerformanceReport,
    first: str,
    names: Sequence[str],
    windows: Sequence[WindowPerformance],
    verdicts: Sequence[str] = (),
) -> None:
    from lite_mlops.monitoring.performance import figure, told

    judged = [name for name in report.rules.tolerance if name in report.metrics]
    beside = [name for name in _BESIDE if name in report.metrics]
    rows = []
    for place, (name, one) in enumerate(zip(names, windows, strict=True)):
        word = f"provisional: {one.provisional[0]}" if one.provisional else ""
        rows.append(
            (
                name,
                f"{one.predictions:,}",
                f"{one.labelled:,}",
                *(told(one.metrics.get(metric)) for metric in judged),
                *(
                    figure(one.metrics[metric].value) if metric in one.metrics else ""
                    for metric in beside
                ),
                word or (verdicts[place] if verdicts else ""),
            )
        )
    columns = (first, "predictions", "labelled", *judged, *beside, "verdict")
    table(rows, columns, right=columns[1:-1], give=("verdict", first))
