"""`lite-mlops experiments`: list, show, rename and put away experiments."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, emit, facts, say, table, when
from lite_mlops.cli.runs import reason_option


@click.group(cls=Commands)
def experiments() -> None:
    """List, show, rename and put away experiments."""


@experiments.command("ls")
@click.option("--all", "everything", is_flag=True, help="Also those without runs.")
@as_option
def list_experiments(everything: bool, form: str | None) -> None:  # noqa: FBT001
    """List experiments, the one with the newest run first."""
    found = open_project().experiments.all(empty=everything)
    if form:
        emit([experiment.to_dict() for experiment in found], form)
        return
    if not found:
        say("No experiments.")
        return
    rows = [(one.name, one.runs, one.running or "", when(one.last_run_at)) for one in found]
    table(rows, ("name", "runs", "running", "last run"), right=("runs", "running"), give=("name",))


@experiments.command("show")
@click.argument("name")
@as_option
def show_experiment(name: str, form: str | None) -> None:
    """Show the experiment NAME, by its present or a former name."""
    found = open_project().experiments.get(name)
    if form:
        emit(found.to_dict(), form)
        return
    facts(
        {
            "experiment": found.name,
            "created": when(found.created_at),
            "runs": found.runs,
            "running": found.running,
            "last run": when(found.last_run_at),
            "former names": ", ".join(found.former_names),
        }
    )


@experiments.command("rename")
@click.argument("name")
@click.argument("new_name")
@reason_option
def rename_experiment(name: str, new_name: str, reason: str | None) -> None:
    """Give the experiment NAME another name.

    The old one goes on leading to it.
    """
    renamed = open_project().experiments.rename(name, new_name, reason=reason)
    say(f"Renamed {name} to {renamed.name}.")


@experiments.command("rm")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reason_option
def remove_experiment(name: str, yes: bool, reason: str | None) -> None:  # noqa: FBT001
    """Put all runs of the experiment NAME away."""
    project = open_project()
    found = project.experiments.get(name)
    if not yes:
        click.confirm(f"Delete the {found.runs} runs of {found.name}?", abort=True)
    count = project.experiments.delete(name, reason=reason)
    say(f"Deleted {count} runs of {found.name}; `runs restore` brings them back.")
