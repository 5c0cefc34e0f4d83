"""`lite-mlops models`: list and show registered versions."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.model_cards import card
from lite_mlops.cli.output import (
    as_option,
    emit,
    facts,
    heading,
    number,
    say,
    since,
    size,
    table,
    when,
)
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.models import AliasMove

_TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


@click.group(cls=Commands)
def models() -> None:
    """List and show models, and move their aliases."""


models.add_command(card)


@models.command("ls")
@click.argument("model", required=False)
@as_option
def list_models(model: str | None, form: str | None) -> None:
    """List the versions of MODEL, or of all models."""
    found = open_project().models.all(model)
    if form:
        emit([version.to_dict() for version in found], form)
        return
    if not found:
        say("No models.")
        return
    rows = [
        (
            version.name,
            " ".join(f"@{alias}" for alias in version.aliases),
            since(version.created_at),
            size(version.size),
            "  ".join(f"{key}={value:.4g}" for key, value in list(version.metrics.items())[:3]),
        )
        for version in found
    ]
    columns = ("version", "aliases", "registered", "size", "metrics")
    table(rows, columns, right=("size",), give=("metrics", "aliases", "version"))


@models.command("show")
@click.argument("reference")
@as_option
def show_model(reference: str, form: str | None) -> None:
    """Show a version.

    REFERENCE names it, such as churn@champion or churn/3.
    """
    project = open_project()
    version = project.models.get(reference)
    if form:
        emit(version.to_dict(), form)
        return
    classes = version.signature.classes
    facts(
        {
            "version": version.name,
            "aliases": " ".join(f"@{alias}" for alias in version.aliases),
            "registered": f"{when(version.created_at)}  by {version.actor}",
            "run": version.run_id,
            "file": f"{size(version.size)}, SHA-256 {version.sha256}",
            "features": f"{len(version.signature.features)}: "
            + ", ".join(version.signature.features),
            "classes": ", ".join(classes),
            "made with": ", ".join(f"{name} {v}" for name, v in version.requirements.items()),
        }
    )
    if version.metrics:
        heading("metrics of its run")
        facts({key: number(value) for key, value in version.metrics.items()})
    moves = project.models.history(version.model)
    if moves:
        heading(f"aliases of {version.model}")
        _show_moves(moves)


def _show_moves(moves: list[AliasMove]) -> None:
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


@models.command("history")
@click.argument("model")
@click.option("--alias", help="Only the moves of this alias.")
@as_option
def show_history(model: str, alias: str | None, form: str | None) -> None:
    """Show every move of the aliases of MODEL."""
    moves = open_project().models.history(model, alias)
    if form:
        emit([move.to_dict() for move in moves], form)
    elif moves:
        _show_moves(moves)
    else:
        say("No alias was set.")


@models.command("as-of")
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


@models.command("rollback")
@click.argument("model")
@click.option("--alias", default="champion", show_default=True, help="The alias to move.")
@click.option("--undo", is_flag=True, help="Take the last rollback back.")
@reason_option
def roll_back(model: str, alias: str, undo: bool, reason: str | None) -> None:  # noqa: FBT001
    """Move an alias back to the version before.

    Again goes further back.
    """
    move = open_project().models.rollback(model, alias, reason=reason, undo=undo)
    where = "is taken away" if move.version is None else f"points to version {move.version}"
    say(f"{model}@{alias} {where} again; it was {move.previous or 'away'}.")


@models.group("alias", cls=Commands)
def aliases() -> None:
    """Move aliases and take them away."""


@aliases.command("set")
@click.argument("model")
@click.argument("alias")
@click.argument("version", type=click.IntRange(1))
@click.option("--expect", type=click.IntRange(0), help="Only if it points there now; 0: nowhere.")
@reason_option
def set_alias(model: str, alias: str, version: int, expect: int | None, reason: str | None) -> None:
    """Have ALIAS of MODEL point to VERSION."""
    project = open_project()
    project.models.set_alias(model, alias, version, reason=reason, expect=expect)
    say(f"{model}@{alias} points to version {version}.")


@aliases.command("rm")
@click.argument("model")
@click.argument("alias")
@reason_option
def remove_alias(model: str, alias: str, reason: str | None) -> None:
    """Take ALIAS of MODEL away."""
    version = open_project().models.remove_alias(model, alias, reason=reason)
    say(f"{model}@{alias} is taken away; it pointed to version {version}.")
