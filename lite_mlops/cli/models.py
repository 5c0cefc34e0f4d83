"""`lite-mlops models`: list and show registered versions; its other commands stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
from lite_mlops.cli.model_cards import card
from lite_mlops.cli.model_files import (
    inspect_source,
    register_model,
    sign_version,
    trust_version,
    verify_version,
)
from lite_mlops.cli.model_plans import lower_version
from lite_mlops.cli.model_versions import (
    describe_version,
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

_COLUMNS = 40  # that are shown


@click.group(cls=Commands)
def models() -> None:
    """Register, show and compare models, and move their aliases."""


@models.command("ls")
@click.argument("model", required=False)
@click.option("--removed", is_flag=True, help="List the removed versions instead.")
@click.option("-f", "--filter", "wanted", metavar="FILTER", help="Only versions that it finds.")
@click.option(
    "-o", "--order-by", "orders", multiple=True, metavar="ORDER", help="Sort; may be given again."
)
@click.option("-n", "--limit", type=int, help="How many of those that it finds. [default: 50]")
@click.option("--page-token", metavar="TOKEN", help="Go on where the list before ended.")
@as_option
def list_models(model: str | None, form: str | None, **asked: Any) -> None:
    r"""List versions, of all models or of MODEL.

    With a filter, those that it finds.

    \b
    --filter "metrics.auc > 0.9 AND alias = 'champion'"
    --filter "model LIKE 'churn%' AND tags.team = 'growth'" --order-by "metrics.auc DESC"
    """
    found, token = _found(model, **asked)
    if form:
        emit([version.to_dict() for version in found], form)
    else:
        _print_list(found)
    if token:
        click.echo(f"There are more: --page-token {token}", err=True)


def _found(
    model: str | None,
    *,
    removed: bool,
    wanted: str | None,
    orders: tuple[str, ...],
    limit: int | None,
    page_token: str | None,
) -> tuple[Sequence[ModelVersion], str | None]:
    models = open_project().models
    if wanted is None and not orders and limit is None and page_token is None:
        return models.all(model, removed=removed), None
    if removed:
        raise click.UsageError("A search finds what is not removed; --removed lists the others.")
    if model is not None:
        quoted = model.replace("'", "''")
        wanted = f"model = '{quoted}'" + (f" AND ({wanted})" if wanted else "")
    page = models.search(wanted, orders, 50 if limit is None else limit, page_token)
    return page, page.next_page_token


def _print_list(found: Sequence[ModelVersion]) -> None:
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
        emit(version.to_dict() | {"plan": project.models.plan_of(version).to_dict()}, form)
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
            "answered by": str(project.models.plan_of(version)),
            "answers": ", ".join(map(str, classes)) or _outputs(version),
            "may import": ", ".join(version.trusted),
            "signed by": ", ".join(seal.public for seal in version.seals),
            "made with": ", ".join(f"{name} {v}" for name, v in version.requirements.items()),
        }
    )
    _print_inputs(version)
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


def _outputs(version: ModelVersion) -> str:
    return ", ".join(f"{output.kind} ({output.type})" for output in version.signature.outputs)


def _print_inputs(version: ModelVersion) -> None:
    """Print what the model takes, a line for each column."""
    signature = version.signature
    if signature.tensor is not None:
        heading("takes")
        say(f"rows of {signature.tensor.type}, each of the shape {signature.tensor.shape}")
    if not signature.columns:
        return
    heading(f"takes {len(signature.columns):,} columns")
    rows = [
        (
            column.name,
            column.type,
            "may be missing" if column.missing else "",
            ", ".join(map(str, column.categories))
            if column.categories
            else ""
            if column.low is None
            else f"{number(column.low)} to {number(column.high)}",
        )
        for column in signature.columns[:_COLUMNS]
    ]
    table(rows, ("column", "type", "", "seen in training"), give=("seen in training", "column"))
    if len(signature.columns) > _COLUMNS:
        say(f"and {len(signature.columns) - _COLUMNS:,} more; --json tells all.")


def _data(version: ModelVersion) -> list[str]:
    named = [(*reference.rpartition("@"), role) for reference, role in version.data.items()]
    return [f"{name}@{sha256[:12]} ({role})" for name, _, sha256, role in named]


def _code(version: ModelVersion) -> str:
    commit = str(version.code.get("commit", ""))[:12]
    return f"{commit} with uncommitted changes" if version.code.get("dirty") else commit


for _command in (
    *(register_model, remove_versions, restore_versions, tag_version, describe_version),
    *(inspect_source, trust_version, sign_version, verify_version),
    *(export_version, import_version, lower_version),
    *(card, diff_versions, show_lineage, show_history, show_as_of, roll_back, aliases),
):
    models.add_command(_command)
