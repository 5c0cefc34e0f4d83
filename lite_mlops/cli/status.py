"""`lite-mlops status` and `du`: how a project stands, and what it takes on the disk."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, emit, facts, heading, size, table


@click.command()
@as_option
def status(form: str | None) -> None:
    """Show how the project stands."""
    found = open_project().status()
    if form:
        emit(found.to_dict(), form)
        return
    runs = ", ".join(f"{count} {name}" for name, count in found.runs.items())
    facts(
        {
            "project": found.folder,
            "runs": runs or "none yet",
            "metric points": f"{found.metric_points:,}",
            "model versions": found.model_versions or "",
            "predictions": f"{found.predictions:,}" if found.predictions else "",
            "on the disk": f"{size(found.bytes)}, {size(found.free_bytes)} free",
            "problems": f"{found.problems}; `lite-mlops doctor` lists them"
            if found.problems
            else "",
        }
    )
    if found.writers:
        heading("logging at present")
        rows = [(one.pid, one.program, one.host, size(one.bytes)) for one in found.writers]
        table(rows, ("process", "program", "host", "logged"), right=("logged",), give=("program",))


@click.command()
@as_option
def du(form: str | None) -> None:
    """Show what the project takes on the disk."""
    parts = open_project().usage()
    if form:
        emit([part.to_dict() for part in parts], form)
        return
    rows = [(part.part, part.files, size(part.bytes), part.note) for part in parts]
    rows.append(("all", sum(p.files for p in parts), size(sum(p.bytes for p in parts)), ""))
    table(rows, ("part", "files", "size", "what"), right=("files", "size"), give=("what",))
