"""`lite-mlops doctor`, `backup`, `restore` and `gc`: keeping a project well."""

from __future__ import annotations

from pathlib import Path

import click

from lite_mlops.cli.commands import FAILED, open_project
from lite_mlops.cli.output import as_option, emit, say, size, table
from lite_mlops.errors import LiteMlopsError


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended; nothing is deleted.")
@as_option
def doctor(repair: bool, form: str | None) -> None:  # noqa: FBT001
    """Find what is wrong with the project.

    Exits with 1 if something that can be repaired was not.
    """
    findings = open_project().examine(repair=repair)
    if form:
        emit([finding.to_dict() for finding in findings], form)
    elif not findings:
        say("Everything is as it should be.")
    else:
        rows = [(f.kind, f.subject, _state(f.repairable, f.repaired), f.text) for f in findings]
        for kind, subject, state, text in rows:
            say(f"{kind}: {subject} [{state}]\n    {text}")
    if any(f.repairable and not f.repaired for f in findings):
        raise click.exceptions.Exit(FAILED)


def _state(repairable: bool, repaired: bool) -> str:  # noqa: FBT001
    if repaired:
        return "repaired"
    return "can be repaired with --repair" if repairable else "told, not mended"


@click.command()
@click.argument("destination", type=click.Path(path_type=Path), required=False)
@as_option
def backup(destination: Path | None, form: str | None) -> None:
    """Copy the project to a new folder, and verify it.

    Without DESTINATION the copy goes into the project's own backups.
    """
    made = open_project().backup(destination)
    if form:
        emit(made.to_dict(), form)
        return
    say(f"Backed up to {made.path}: {size(made.database_bytes)} and {made.objects} objects.")
    if made.missing:
        say(f"{len(made.missing)} objects were missing or damaged already; see `doctor`.")


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--to", type=click.Path(path_type=Path), help="Restore to a project in this folder instead."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def restore(source: Path, to: Path | None, yes: bool) -> None:  # noqa: FBT001
    """Bring the project back to the state of a backup.

    What was there is set aside, not deleted.
    """
    from lite_mlops.project import Project

    made = to is not None and not to.exists()
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
    project = Project(to) if to is not None else open_project(must_exist=False)
    if project.exists and not yes:
        click.confirm(f"Replace the state of {project.folder}?", abort=True)
    try:
        restored = project.restore(source)
    except LiteMlopsError:
        if to is not None and made:
            to.rmdir()
        raise
    say(f"Restored {project.folder} to {restored.created_at}.")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@as_option
def gc(dry_run: bool, form: str | None) -> None:  # noqa: FBT001
    """Free what nothing refers to, and empty space of the database."""
    cleaned = open_project().clean(dry_run=dry_run)
    if form:
        emit(cleaned.to_dict(), form)
        return
    rows = [
        ("objects that nothing refers to", cleaned.objects, size(cleaned.object_bytes)),
        ("left over by interrupted commands", "", size(cleaned.leftover_bytes)),
        ("empty space of the database", "", size(cleaned.database_bytes)),
    ]
    table(
        rows, ("would be freed" if dry_run else "freed", "count", "size"), right=("count", "size")
    )
