"""`lite-mlops models rm|restore|tag|describe`: decisions about versions."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import say
from lite_mlops.cli.runs import pair, reason_option


@click.command("rm")
@click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")
@reason_option
def remove_versions(references: tuple[str, ...], reason: str | None) -> None:
    """Put versions away.

    `models restore` brings one back until `gc` frees its bytes. A version that an alias points to,
    or that a process answers with, stays.
    """
    models = open_project().models
    for reference in references:
        removed = models.remove(reference, reason=reason)
        say(f"{removed.name} is removed; `lite-mlops models restore {removed.name}` undoes it.")


@click.command("restore")
@click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")
@reason_option
def restore_versions(references: tuple[str, ...], reason: str | None) -> None:
    """Bring removed versions back."""
    models = open_project().models
    for reference in references:
        say(f"{models.restore(reference, reason=reason).name} is back.")


@click.command("tag")
@click.argument("reference")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@reason_option
def tag_version(reference: str, tags: tuple[str, ...], reason: str | None) -> None:
    """Set tags of a version, or of a model as a whole.

    REFERENCE is a version (churn/3, churn@champion) or a model (churn). KEY= takes a tag away.
    """
    models = open_project().models
    pairs = [pair(tag) for tag in tags]
    models.set_tags(reference, {key: value or None for key, value in pairs}, reason=reason)
    say(f"Set {len(pairs)} tag{'s' if len(pairs) > 1 else ''} of {reference}.")


@click.command("describe")
@click.argument("reference")
@click.argument("text")
@reason_option
def describe_version(reference: str, text: str, reason: str | None) -> None:
    """Say what a version or a model is.

    REFERENCE is a version (churn/3) or a model (churn). An empty TEXT takes it back.
    """
    open_project().models.describe(reference, text or None, reason=reason)
    say(f"{reference} is described.")
