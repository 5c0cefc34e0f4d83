"""`lite-mlops tokens`: who may ask a server that others can reach."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, emit, say, table, when
from lite_mlops.cli.runs import reason_option


@click.group(cls=Commands)
def tokens() -> None:
    """Tokens: who may ask a server that others reach."""


@tokens.command("ls")
@as_option
def list_tokens(form: str | None) -> None:
    """List the tokens that were not revoked."""
    found = open_project().tokens.all()
    if form:
        emit([token.to_dict() for token in found], form)
    elif found:
        rows = [
            (
                token.name,
                when(token.made_at),
                token.actor,
                "never" if token.expires_at is None else when(token.expires_at),
                "expired" if token.expired else "good",
            )
            for token in found
        ]
        table(rows, ("name", "made", "by", "expires", "state"))
    else:
        say("There is no token. Make one: lite-mlops tokens make NAME")


@tokens.command("make")
@click.argument("name")
@click.option("--days", type=float, help="How long it is good; default: until it is revoked.")
@reason_option
def make_token(name: str, days: float | None, reason: str | None) -> None:
    """Make a token called NAME and show it, once.

    Only a hash of it is kept. Clients send it as `Authorization: Bearer ...`, as X-API-Key, or as
    the password of Basic.
    """
    token = open_project().tokens.make(name, days=days, reason=reason)
    click.echo(token)
    click.echo("Keep it now: it is not shown again.", err=True)


@tokens.command("rm")
@click.argument("name")
@reason_option
def revoke_token(name: str, reason: str | None) -> None:
    """Revoke the token NAME; servers that run notice at once."""
    open_project().tokens.revoke(name, reason=reason)
    say(f"The token {name} is good no more.")
