"""`lite-mlops init`: make a project."""

from __future__ import annotations

from pathlib import Path

import click

from lite_mlops.cli.output import say


@click.command()
@click.argument("path", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(path: Path) -> None:
    """Make a project in PATH (default: here)."""
    from lite_mlops.project import Project

    path.mkdir(parents=True, exist_ok=True)
    project = Project(path)
    existed = project.exists
    project.create()
    say(f"{'There is a project already' if existed else 'Made a project'} in {project.folder}")
