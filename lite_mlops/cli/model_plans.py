"""`lite-mlops models lower`: a plan of a version, which answers without the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, emit, say, table
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.models import Part


@click.command("lower")
@click.argument("reference")
@click.option("--why", is_flag=True, help="Only tell which parts can be lowered, and which not.")
@click.option("--off", is_flag=True, help="Have the model itself answer from now on.")
@click.option("--on", is_flag=True, help="Have its plan answer again.")
@reason_option
@as_option
def lower_version(
    reference: str,
    *,
    why: bool,
    off: bool,
    on: bool,
    reason: str | None,
    form: str | None,
) -> None:
    """Make a plan that answers for a version.

    A plan answers a row in microseconds, without scikit-learn. It is made of the fitted model, and
    kept only if it answers as the model does, bit for bit, on rows that try to tell the two apart.
    What serves the version at the moment uses it at once.
    """
    if why + off + on > 1:
        raise click.UsageError("--why, --off and --on exclude each other.")
    models = open_project().models
    if why:
        _tell_parts(models.parts(reference), form)
        return
    if off or on:
        found = models.switch_lowering(reference, on=on, reason=reason)
    else:
        found = models.lower(reference)
    if form:
        emit(found.to_dict(), form)
    else:
        say(f"{reference} is answered by {found}.")


def _tell_parts(parts: list[Part], form: str | None) -> None:
    if form:
        emit([part._asdict() for part in parts], form)
        return
    rows = [(part.where, "lowered" if part.why is None else part.why) for part in parts]
    table(rows, ("part", ""), give=("part",))
