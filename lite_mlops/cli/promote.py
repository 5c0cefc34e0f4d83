"""`lite-mlops promote` and `approve`: a version gets an alias, if its gate lets it."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, tell
from lite_mlops.cli.runs import reason_option

override_option = click.option(
    "--override", is_flag=True, help="Past its gate; needs --reason, and is on record."
)


@click.command()
@click.argument("version")
@click.option("--to", "alias", default="champion", show_default=True, help="The alias it gets.")
@click.option("--expect", type=click.IntRange(0), help="Only if it points there now; 0: nowhere.")
@override_option
@reason_option
@as_option
def promote(
    version: str,
    alias: str,
    expect: int | None,
    override: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Have an alias point to VERSION, such as churn/4.

    Where the alias has a gate, it must have passed for exactly this version, on the data and with
    the settings as they are. `models rollback` goes back without a gate.
    """
    found = open_project().models.promote(
        version, alias, reason=reason, expect=expect, override=override
    )
    tell(f"{found.model}@{alias} is {found.name} now.", found.to_dict(), form)


@click.command()
@click.argument("version")
@click.option("--for", "alias", default="champion", show_default=True, help="The alias.")
@reason_option
@as_option
def approve(version: str, alias: str, reason: str | None, form: str | None) -> None:
    """Approve VERSION for an alias, on what its gate found.

    Who registered it cannot approve it, and an approval does not count for who moves the alias.
    """
    found = open_project().models.approve(version, alias, reason=reason)
    text = f"{found.actor} approved {found.model}/{found.version} for @{found.alias}."
    tell(text, found.to_dict(), form)
