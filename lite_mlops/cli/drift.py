"""`lite-mlops drift`: has data moved, of two tables or of what a model is asked?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import DRIFTED, open_project
from lite_mlops.cli.output import as_option, emit, say, table

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import ColumnDrift, DriftReport


@click.command()
@click.argument("reference")
@click.argument("current", required=False)
@click.option(
    "--preset",
    type=click.Choice(["balanced", "sensitive", "calm"]),
    default="balanced",
    help="How small a change counts.",
)
@click.option("--since", help="Of a model: predictions from this time on.")
@click.option("--until", help="Of a model: predictions before this time.")
@click.option("--last", help="Of a model: the last ones, such as 5000 or 7d.")
@click.option(
    "--reference",
    "dataset",
    metavar="NAME@VERSION",
    help="Of a model: the dataset to compare with, instead of its training data.",
)
@click.option(
    "--reference-window",
    metavar="WINDOW",
    help="Of a model: past predictions to compare with, such as 2026-11-01..2026-11-08 or "
    "'first 5000'.",
)
@click.option("--no-joint", is_flag=True, help="Do not look at all columns together.")
@as_option
def drift(
    reference: str,
    current: str | None,
    preset: str,
    since: str | None,
    until: str | None,
    last: str | None,
    dataset: str | None,
    reference_window: str | None,
    no_joint: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Compare two tables, or what a model is asked with its past.

    REFERENCE and CURRENT are CSV, Parquet or JSON lines files, or versions of which
    a copy was kept, such as patients@461a8a2d. With one name it is that of a model
    version, such as churn@champion. Exits with 4 if something drifted.
    """
    windows = {
        "since": since,
        "until": until,
        "last": last,
        "reference": dataset,
        "reference_window": reference_window,
    }
    if current is None:
        report = open_project().monitoring.drift(
            reference, preset=preset, joint=not no_joint, **windows
        )
    else:
        for name, given in windows.items():
            if given is not None:
                option = name.replace("_", "-")
                raise click.UsageError(f"--{option} is for a model; two tables have no windows.")
        monitoring = open_project(must_exist=False).monitoring
        report = monitoring.compare(reference, current, preset=preset, joint=not no_joint)
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        emit([_flat(one) for one in (*report, *report.answers)], form)
    else:
        _show(report)
    if report.drifted:
        raise click.exceptions.Exit(DRIFTED)


def _flat(one: ColumnDrift) -> dict[str, Any]:
    """Return a verdict without what a cell cannot hold."""
    return {name: value for name, value in one.to_dict().items() if name != "distribution"}


def _show(report: DriftReport) -> None:
    ranked = any(one.importance is not None for one in report)
    columns = ["column", "verdict", "score", "adjusted p", "effect", "why"]
    rows = []
    for one in (*report, *report.answers):
        row = [
            one.column,
            one.verdict,
            figure(one.score),
            "" if one.adjusted_p is None else f"{one.adjusted_p:.2g}",
            figure(one.effect, digits=1),
            "; ".join(one.reasons),
        ]
        if ranked:
            row.insert(-1, figure(one.importance, digits=2))
        rows.append(row)
    if ranked:
        columns.insert(-1, "importance")
    table(rows, columns, right=columns[2:-1], give=("why", "column"))
    for note in _limits(report) + list(report.notes):
        say(note)
    say(str(report))


def _limits(report: DriftReport) -> list[str]:
    """Return what so few rows could not have shown, if that is more than the least that counts."""
    shift = report.smallest_shift
    if not report.reference_rows or not report.current_rows or not len(report):
        return []
    if shift is None:
        return ["So few rows could not show any shift."]
    if shift < 2 * report.floors.kolmogorov_smirnov * _SD_OF_DISTANCE:
        return []
    return [f"So few rows can hardly show a shift below {shift:.2g} standard deviations."]


_SD_OF_DISTANCE = 2.5  # a small shift of a normal column, in units of its distance


def figure(value: float | None, *, digits: int = 3) -> str:
    """Return a figure with so many digits behind the point; nothing if it is not known."""
    return "" if value is None else f"{value:.{digits}f}"


def line(one: ColumnDrift) -> tuple[str, str, str]:
    """Return a column, its score and its verdict, as the story of `demo` tells them."""
    return one.column, figure(one.score), one.verdict
