"""`lite-mlops models diff|lineage`: versions side by side, and what lies around one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, emit, heading, number, say, table

if TYPE_CHECKING:
    from lite_mlops.models import Change
    from lite_mlops.models.diff import VersionDiff

_NAMED = 3  # columns of which the same is told


@click.command("diff")
@click.argument("first")
@click.argument("second")
@as_option
def diff_versions(first: str, second: str, form: str | None) -> None:
    """Show what differs between two versions.

    Both are asked the rows that were kept with SECOND, or else with FIRST.
    """
    found = open_project().models.diff(first, second)
    if form:
        emit(found.to_dict() if form == "json" else _records(found), form)
        return
    _print(found)


def _print(found: VersionDiff) -> None:
    names = (found.first.name, found.second.name)
    heading(f"answers, {names[1]} against {names[0]}")
    say(found.answers.text if found.answers else f"Not compared: {found.no_answers}")
    _print_verdicts(found)
    for title, rows in (("metrics", found.metrics), ("importances", found.importances)):
        if rows:
            heading(title)
            cells = [
                (row.name, *map(number, row.values), *map(_signed, row.differences)) for row in rows
            ]
            columns = ("name", *names, "difference")
            table(cells, columns, right=columns[1:], give=("name",))
    for title, texts in found.sections().items():
        if texts:
            heading(title)
            table([(row.name, *row.values) for row in texts], ("name", *names), give=names[::-1])
    if found.signature:
        heading("signature")
        for line in _changes(found.signature):
            say(line)
    same = [title for title, texts in found.sections().items() if not texts]
    same += [] if found.signature else ["signature"]
    if same:
        say(f"\nThe same in both: {', '.join(same)}.")


def _changes(changes: Sequence[Change]) -> list[str]:
    """Return a line for each kind of change, with the columns that changed so."""
    columns: dict[tuple[str, bool], list[str]] = {}
    for change in changes:
        columns.setdefault((change.text, change.breaking), []).append(change.what)
    return [
        f"{', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' * (len(names) > _NAMED)}: "
        f"{text}{'  (breaks those who ask)' * breaking}"
        for (text, breaking), names in columns.items()
    ]


def _print_verdicts(found: VersionDiff) -> None:
    for pair in found.evaluations:
        heading(f"evaluation {pair.name}")
        for verdict in pair.verdicts:
            say(verdict.text)
        if pair.reason:
            say(f"No verdict: {pair.reason}")


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _records(found: VersionDiff) -> list[dict[str, Any]]:
    """Return the difference as rows of one table."""
    told = found.to_dict()
    return [
        {
            "section": title,
            "name": row["name"],
            **dict(zip((told["first"], told["second"]), row["values"], strict=True)),
        }
        for title in ("metrics", "importances", *found.sections())
        for row in told[title]
    ]


@click.command("lineage")
@click.argument("reference")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a picture that needs nothing else.",
)
@as_option
def show_lineage(reference: str, svg: Path | None, form: str | None) -> None:
    """Show what a version stands on, and what stands on it.

    Upwards lie its data, code and run; downwards gates, aliases, processes and predictions.
    """
    found = open_project().models.lineage(reference)
    if svg is not None:
        svg.write_text(found.to_svg(), encoding="utf-8")
    if form:
        emit(found.to_dict() if form == "json" else [n.to_dict() for n in found.nodes], form)
    elif svg is not None:
        say(f"Wrote {svg}.")
    else:
        say(found.to_text())
