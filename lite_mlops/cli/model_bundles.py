"""`lite-mlops models export|import`: versions leave a project as bundles, and come into one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.model_source import chosen_trust, trust_options
from lite_mlops.cli.output import emit, facts, say, size, when
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.models import Bundle, ModelVersion

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("export")
@click.argument("reference")
@click.option("-o", "--output", type=_FILE, help="Where it goes; default: NAME-VERSION.lmz.")
@click.option("--card", is_flag=True, help="Have its model card go along, in Markdown.")
@_JSON
def export_version(
    reference: str,
    output: Path | None,
    card: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write a version with all its files into one file, a bundle.

    REFERENCE names it, such as churn@champion or churn/3. The bundle serves and predicts alone:
    `lite-mlops serve churn.lmz` needs no project.
    """
    models = open_project().models
    version = models.get(reference)
    path = output or Path(f"{version.model}-{version.version}.lmz")
    text = models.card_text(version.name) if card else None
    manifest = models.export(version.name, path, card=text)
    told = {"path": str(path), "size": path.stat().st_size, "manifest_sha256": manifest.sha256}
    if as_json:
        emit({"version": version.name, **told}, "json")
    else:
        say(f"{version.name} is in {path}, {size(path.stat().st_size)}.")


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--as", "name", metavar="NAME", help="The name of the model; default: as it was.")
@trust_options
@click.option("--dry-run", is_flag=True, help="Only show what it holds and would import.")
@reason_option
@_JSON
def import_version(
    file: Path,
    name: str | None,
    trust: tuple[str, ...],
    trust_all: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    reason: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Register the version in a bundle.

    Nothing of it is loaded, and what its file would import beyond the shipped list is not trusted
    unless you say so. The same bundle again gives the same version.
    """
    from lite_mlops.models import Bundle

    project = open_project(must_exist=False)
    with Bundle.open_file(file) as bundle:
        needs = bundle.inspect().needs_trust
        told: dict[str, Any] = {"needs_trust": list(needs), "bundle": bundle.version.name}
        known = project.models.imported(bundle.manifest, name)
        if dry_run:
            told["version"] = None if known is None else known.name
            if as_json:
                emit(told | {"manifest": bundle.version.to_dict()}, "json")
            else:
                _show(bundle, needs, known)
            return
        chosen = chosen_trust(trust, trust_all)
        version = project.models.import_bundle(bundle, name, trust=chosen, reason=reason)
    if as_json:
        emit(told | {"version": version.name, "imported": known is None}, "json")
        return
    again = "was imported before; it is" if known is not None else "is now"
    say(f"{bundle.version.name} in {file} {again} {version.name}.")
    missing = [item for item in needs if item not in version.trusted]
    if missing:
        say(f"It cannot be loaded until you trust what its file imports: {', '.join(missing)}")


def _show(bundle: Bundle, needs: tuple[str, ...], known: ModelVersion | None) -> None:
    version = bundle.version
    facts(
        {
            "version": version.name,
            "registered": f"{when(version.created_at)}  by {version.actor}",
            "description": version.description,
            "model": version.class_name,
            "file": f"{version.format}, {size(version.size)}, SHA-256 {version.sha256}",
            "files beside": ", ".join(version.members),
            "features": ", ".join(version.signature.features),
            "made with": ", ".join(f"{key} {one}" for key, one in version.requirements.items()),
            "manifest": f"SHA-256 {bundle.manifest.sha256}",
            "imported as": None if known is None else known.name,
            "needs trust": ", ".join(needs)
            or "nothing: all that it imports is on the shipped list",
        }
    )
    say("Nothing was imported. What stands above is what the bundle says of itself.")
