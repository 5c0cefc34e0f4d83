"""`lite-mlops fairness`: what a model did to groups of people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import DRIFTED, open_project
from lite_mlops.cli.output import as_option, emit, say, table
from lite_mlops.errors import Invalid

if TYPE_CHECKING:
    from lite_mlops.monitoring.fairness import Interval


def _columns(texts: Sequence[str]) -> dict[str, list[float] | None]:
    """Return the columns that were named, each with its cuts: 'age=30,60'."""
    found: dict[str, list[float] | None] = {}
    for text in texts:
        name, equals, cuts = text.partition("=")
        try:
            found[name] = [float(cut) for cut in cuts.split(",")] if equals else None
        except ValueError:
            raise Invalid(
                f"--by {text} does not cut {name!r} at numbers; write --by {name}=30,60."
            ) from None
    return found


@click.command()
@click.argument("model")
@click.option(
    "--by",
    multiple=True,
    required=True,
    metavar="COLUMN[=CUTS]",
    help="Groups by a feature; numbers are cut, as by age=30,60.",
)
@click.option("--positive", metavar="LABEL", help="The answer that selects.")
@click.option("--against", metavar="GROUP", help="The group that others are compared with.")
@click.option("--ratio", type=float, default=0.8, help="Limit of the ratio of selection rates.")
@click.option("--tpr", type=float, default=0.1, help="Limit of the difference of true positives.")
@click.option("--since", type=click.DateTime(), help="The first time that is looked at.")
@click.option("--until", type=click.DateTime(), help="Where it ends.")
@as_option
def fairness(
    model: str,
    by: Sequence[str],
    positive: str | None,
    against: str | None,
    ratio: float,
    tpr: float,
    since: datetime | None,
    until: datetime | None,
    form: str | None,
) -> None:
    """Compare what MODEL did to groups of people.

    MODEL is a version of a classifier, such as loan@champion. Rates are those of
    the recorded predictions, and of labels as far as they have come, with their
    intervals. What is found are differences; no verdict says that a model is fair.

    Exits with 4 if an interval lies beyond its limit as a whole and both groups
    have 50 labelled positives.
    """
    report = open_project().monitoring.fairness(
        model,
        _columns(by),
        positive=positive,
        against=against,
        selection_ratio=ratio,
        tpr_difference=tpr,
        since=since,
        until=until,
    )
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        emit([one.to_dict() for one in report.groups], form)
    else:
        names = "column group rows labelled selected tpr fpr precision gap"
        columns = names.split()
        rows = [
            (
                one.column,
                one.group,
                one.rows,
                one.labelled,
                _figure(one.selection_rate),
                _figure(one.tpr),
                _figure(one.fpr),
                _figure(one.precision),
                _figure(one.calibration_gap),
            )
            for one in report.groups
        ]
        table(rows, columns, right=columns[2:], give=("group", "column"))
        for finding in report.findings():
            say(f"{finding.severity}: {finding.sentence}")
        if not report.fires:
            say(str(report))
    if report.fires:
        raise click.exceptions.Exit(DRIFTED)


def _figure(one: Interval | None) -> str:
    """Return a rate with half the width of its interval; nothing if it is not known."""
    return "" if one is None else f"{one.value:.3f} ±{(one.high - one.low) / 2:.3f}"
