"""`lite-mlops models history|as-of|rollback|alias`: what aliases point to, and why."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, emit, say, table, tell, when
from lite_mlops.cli.promote import override_option
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.models import AliasMove

_TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


def show_moves(moves: list[AliasMove]) -> None:
    """Print moves of aliases as a table."""
    rows = [
        (
            f"@{move.alias}",
            "none" if move.previous is None else move.previous,
            "none" if move.version is None else move.version,
            when(move.moved_at),
            move.actor,
            f"{move.how}: {move.reason or ''}" if move.how else move.reason,
        )
        for move in moves
    ]
    columns = ("alias", "from", "to", "moved", "by", "reason")
    table(rows, columns, right=("from", "to"), give=("reason", "by"))


@click.command("history")
@click.argument("model")
@click.option("--alias", help="Only the moves of this alias.")
@as_option
def show_history(model: str, alias: str | None, form: str | None) -> None:
    """Show every move of the aliases of MODEL."""
    moves = open_project().models.history(model, alias)
    if form:
        emit([move.to_dict() for move in moves], form)
    elif moves:
        show_moves(moves)
    else:
        say("No alias was set.")


@click.command("as-of")
@click.argument("date", type=click.DateTime(_TIMES))
@click.argument("model", required=False)
@as_option
def show_as_of(date: datetime, model: str | None, form: str | None) -> None:
    """Show where aliases pointed at DATE.

    DATE is a day (its end is meant) or a time, as they are shown.
    """
    if date.time() == time():
        date += timedelta(days=1, microseconds=-1)
    moves = open_project().models.as_of(date.astimezone(), model)
    if form:
        emit([move.to_dict() for move in moves], form)
        return
    if not moves:
        say("No alias pointed to anything then.")
        return
    rows = [
        (f"{move.model}@{move.alias}", move.version, when(move.moved_at), move.actor, move.reason)
        for move in moves
    ]
    table(rows, ("alias", "version", "since", "by", "reason"), right=("version",), give=("reason",))


@click.command("rollback")
@click.argument("model")
@click.option("--alias", default="champion", show_default=True, help="The alias to move.")
@click.option("--undo", is_flag=True, help="Take the last rollback back.")
@reason_option
@as_option
def roll_back(
    model: str,
    alias: str,
    undo: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Move an alias back to the version before.

    Again goes further back.
    """
    move = open_project().models.rollback(model, alias, reason=reason, undo=undo)
    where = "is taken away" if move.version is None else f"points to version {move.version}"
    text = f"{model}@{alias} {where} again; it was {move.previous or 'away'}."
    tell(text, move.to_dict(), form)


@click.group("alias", cls=Commands)
def aliases() -> None:
    """Move aliases and take them away."""


@aliases.command("set")
@click.argument("model")
@click.argument("alias")
@click.argument("version", type=click.IntRange(1))
@click.option("--expect", type=click.IntRange(0), help="Only if it points there now; 0: nowhere.")
@override_option
@reason_option
@as_option
def set_alias(
    model: str,
    alias: str,
    version: int,
    expect: int | None,
    override: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Have ALIAS of MODEL point to VERSION, if its gate lets it."""
    found = open_project().models.set_alias(
        model, alias, version, reason=reason, expect=expect, override=override
    )
    tell(f"{model}@{alias} points to version {version}.", found.to_dict(), form)


@aliases.command("rm")
@click.argument("model")
@click.argument("alias")
@reason_option
@as_option
def remove_alias(model: str, alias: str, reason: str | None, form: str | None) -> None:
    """Take ALIAS of MODEL away."""
    models = open_project().models
    version = models.remove_alias(model, alias, reason=reason)
    text = f"{model}@{alias} is taken away; it pointed to version {version}."
    tell(text, models.history(model, alias)[0].to_dict(), form)
