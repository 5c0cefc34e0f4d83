"""`lite-mlops import`: bring in what was logged with other tools."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import emit, say, shown, size

if TYPE_CHECKING:
    from lite_mlops.importing import Imported


@click.group("import", cls=Commands)
def import_() -> None:
    """Bring in what was logged with other tools.

    Again and again: what is here already is not doubled.
    """


@contextmanager
def _progress(*, silent: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal's standard error while something goes on."""
    if silent or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("import", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@import_.command("mlflow")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "-e", "--experiment", "experiments", multiple=True, metavar="NAME",
    help="Only this experiment; may be given again.",
)  # fmt: skip
@click.option(
    "--artifacts", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder below which the artifacts lie, if they are not with the store.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would be imported.")
@click.option("--json", "form", flag_value="json", default=None, help="Print JSON.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def import_mlflow(path: Path, form: str | None, yes: bool, **asked: Any) -> None:  # noqa: FBT001
    """Import an MLflow store.

    PATH is its SQLite database, its folder mlruns, or the folder that holds one of them. Runs keep
    their times, users and parents; models keep their versions, tags and aliases. No model is
    loaded, and nothing outside of the store's folder is read.
    """
    project = open_project(must_exist=False)
    if not (yes or asked["dry_run"]):
        holding = project.imports.look_at_mlflow(path, experiments=asked["experiments"])
        what = (
            f"{holding.runs:,} runs of {len(holding.experiments):,} experiments and "
            f"{holding.versions:,} versions of {len(holding.models):,} models"
        )
        click.confirm(f"Import {what} into {project.folder}?", abort=True, err=True)
    with _progress(silent=form is not None) as progress:
        done = project.imports.mlflow(path, progress=progress, **asked)
    if form:
        emit(done.to_dict(), form)
        return
    _show(done)


def _show(done: Imported) -> None:
    verb = "Would import" if done.dry_run else "Imported"
    aliases = "" if done.dry_run else f"; {done.aliases:,} aliases moved"
    say(
        f"{verb} {done.runs:,} runs with {done.points:,} points and {done.files:,} files "
        f"({size(done.bytes)}) and {done.versions:,} model versions{aliases}."
    )
    if done.grown_runs or done.same_runs:
        say(f"Of those here already {done.grown_runs:,} runs grew and {done.same_runs:,} did not.")
    for line in done.told:
        say(f"  {shown(line)}")


@import_.command("dvc")
@click.argument("path", type=click.Path(path_type=Path), default=Path("dvc.yaml"))
@click.option("--dry-run", is_flag=True, help="Only print the tables that would be written.")
@click.option("--json", "form", flag_value="json", default=None, help="Print JSON.")
def import_dvc(path: Path, dry_run: bool, form: str | None) -> None:  # noqa: FBT001
    """Turn the stages of a dvc.yaml into steps.

    They are added to lite-mlops.toml as [[step]] tables, which `pipe run` runs. What is not
    understood is named. PATH is the file, default: dvc.yaml here; it is only read.
    """
    from lite_mlops.pipelines import add_to_settings, read_dvc

    root = open_project(must_exist=False).pipelines.root
    found = read_dvc(path, root)
    written = None if dry_run else add_to_settings(found, root)
    if form:
        emit(found.to_dict(), form)
        return
    if written is None:
        click.echo(shown(found.to_toml()), nl=False)
    for line in found.told:
        click.echo(shown(line), err=True)
    if written is not None:
        say(f"Added {len(found.tables)} steps to {written}; `pipe status` shows them.")
