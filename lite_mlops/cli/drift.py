"""`lite-mlops drift`: has data moved, of two tables or of what a model is asked?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import DRIFTED, open_project
from lite_mlops.cli.output import as_option, emit, say, table

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import ColumnDrift


@click.command()
@click.argument("reference")
@click.argument("current", required=False)
@click.option(
    "--preset",
    type=click.Choice(["balanced", "sensitive", "calm"]),
    default="balanced",
    help="How small a change counts.",
)
@as_option
def drift(reference: str, current: str | None, preset: str, form: str | None) -> None:
    """Compare two tables, or what a model is asked with its training.

    REFERENCE and CURRENT are CSV, Parquet or JSON lines files, or versions of which
    a copy was kept, such as patients@461a8a2d. With one name it is that of a model
    version, such as churn@champion. Exits with 4 if something drifted.
    """
    if current is None:
        report = open_project().monitoring.drift(reference, preset=preset)
    else:
        monitoring = open_project(must_exist=False).monitoring
        report = monitoring.compare(reference, current, preset=preset)
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        emit([one.to_dict() for one in report], form)
    else:
        rows = [
            (
                one.column,
                one.verdict,
                figure(one.score),
                "" if one.adjusted_p is None else f"{one.adjusted_p:.2g}",
                figure(one.effect, digits=1),
                "; ".join(one.reasons),
            )
            for one in report
        ]
        columns = ("column", "verdict", "score", "adjusted p", "effect", "why")
        table(rows, columns, right=columns[2:5], give=("why", "column"))
        say(str(report))
    if report.drifted:
        raise click.exceptions.Exit(DRIFTED)


def figure(value: float | None, *, digits: int = 3) -> str:
    """Return a figure with so many digits behind the point; nothing if it is not known."""
    return "" if value is None else f"{value:.{digits}f}"


def line(one: ColumnDrift) -> tuple[str, str, str]:
    """Return a column, its score and its verdict, as the story of `demo` tells them."""
    return one.column, figure(one.score), one.verdict
