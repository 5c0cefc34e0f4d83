"""`lite-mlops models`: list and show registered versions; its other commands stand beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.model_aliases import (
    aliases,
    roll_back,
    show_as_of,
    show_history,
    show_moves,
)
from lite_mlops.cli.model_bundles import export_version, import_version
from lite_mlops.cli.model_versions import (
    describe_version,
    register_model,
    remove_versions,
    restore_versions,
    tag_version,
)
from lite_mlops.cli.model_views import diff_versions, show_lineage
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

if TYPE_CHECKING:
    from lite_mlops.models import ModelVersion


@click.group(cls=Commands)
def models() -> None:
    """Register, show and compare models, and move their aliases."""


@models.command("ls")
@click.argument("model", required=False)
@click.option("--removed", is_flag=True, help="List the removed versions instead.")
@as_option
def list_models(model: str | None, removed: bool, form: str | None) -> None:  # noqa: FBT001
    """List the versions of MODEL, or of all models."""
    found = open_project().models.all(model, removed=removed)
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
    from lite_mlops.models import DESCRIPTION

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
            "reason": version.reason,
            "description": version.description,
            "run": version.run_id,
            "data": ", ".join(_data(version)),
            "code": _code(version),
            "model": version.class_name,
            "file": f"{version.format}, {size(version.size)}, SHA-256 {version.sha256}",
            "features": f"{len(version.signature.features)}: "
            + ", ".join(version.signature.features),
            "classes": ", ".join(map(str, classes)),
            "made with": ", ".join(f"{name} {v}" for name, v in version.requirements.items()),
        }
    )
    tags = {key: text for key, text in version.tags.items() if key != DESCRIPTION}
    for title, texts in (("params", version.params), ("tags", tags)):
        if texts:
            heading(title)
            facts(texts)
    if version.metrics:
        heading("metrics")
        facts({key: number(value) for key, value in version.metrics.items()})
    moves = project.models.history(version.model) if version.version else []
    if moves:
        heading(f"aliases of {version.model}")
        show_moves(moves)


def _data(version: ModelVersion) -> list[str]:
    named = [(*reference.rpartition("@"), role) for reference, role in version.data.items()]
    return [f"{name}@{sha256[:12]} ({role})" for name, _, sha256, role in named]


def _code(version: ModelVersion) -> str:
    commit = str(version.code.get("commit", ""))[:12]
    return f"{commit} with uncommitted changes" if version.code.get("dirty") else commit


for _command in (
    *(register_model, remove_versions, restore_versions, tag_version, describe_version),
    *(export_version, import_version),
    *(diff_versions, show_lineage, show_history, show_as_of, roll_back, aliases),
):
    models.add_command(_command)
