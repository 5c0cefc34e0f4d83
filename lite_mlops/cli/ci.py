"""`lite-mlops ci init`: the file that has a CI system run the pipeline and the gates."""

from __future__ import annotations

from pathlib import Path

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, tell
from lite_mlops.errors import Conflict, NotFound


@click.group(cls=Commands)
def ci() -> None:
    """Have a CI system judge what is to be merged."""


@ci.command("init")
@click.argument("system", type=click.Choice(["github", "gitlab"]))
@click.option("--file", type=click.Path(path_type=Path), help="Where; default: where it is read.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@as_option
def init_ci(
    system: str,
    file: Path | None,
    force: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Write the workflow file for SYSTEM.

    It runs `pipe run` and the gates of the project, and posts what they say to the pull request.
    """
    from lite_mlops.gates import WORKFLOWS, workflow

    project = open_project()
    gates = project.gates.all()
    if not gates:
        raise NotFound(
            "There is no gate to run in CI. Write one as a table [gate.NAME] of lite-mlops.toml."
        )
    text = workflow(
        system, [(one.name, one.requirement.model, one.requirement.alias) for one in gates]
    )
    path = project.folder.parent / WORKFLOWS[system] if file is None else file
    if path.exists() and not force:
        raise Conflict(f"{path} exists; --force replaces it. Nothing was written.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    names = [one.name for one in gates]
    told = f"{path} runs the pipeline and {len(names)} gate{'s' if len(names) > 1 else ''}."
    tell(told, {"path": str(path), "system": system, "gates": names}, form)
