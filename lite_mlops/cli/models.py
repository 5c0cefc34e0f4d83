"""`lite-mlops models`: list and show registered versions."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import Commands, open_project
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


@click.group(cls=Commands)
def models() -> None:
    """List and show registered models."""


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
        rows = [(f"@{m.alias}", m.version, when(m.moved_at), m.actor, m.reason) for m in moves]
        table(rows, ("alias", "to version", "moved", "by", "reason"), give=("reason", "by"))
