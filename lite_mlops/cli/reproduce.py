"""`lite-mlops reproduce`: does a run come out the same when it is run again?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import FAILED, open_project
from lite_mlops.cli.output import as_option, emit, say, table

if TYPE_CHECKING:
    from lite_mlops.pipelines import Reproduction


@click.command()
@click.argument("run")
@click.option("--isolated", is_flag=True, help="In a new environment with the recorded packages.")
@click.option("--repo", type=click.Path(path_type=Path), help="Repository that has the commit.")
@click.option("--folder", type=click.Path(path_type=Path), help="New folder to run in, and keep.")
@click.option("--relative", type=click.FloatRange(0), help="Relative tolerance; default: 1e-6.")
@click.option("--absolute", type=click.FloatRange(0), help="Absolute tolerance; default: 1e-12.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Metrics not to compare, as well.")
@click.option("--check", is_flag=True, help="Only say what it would take.")
@as_option
def reproduce(
    run: str,
    isolated: bool,  # noqa: FBT001
    repo: Path | None,
    folder: Path | None,
    relative: float | None,
    absolute: float | None,
    ignore: tuple[str, ...],
    check: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Run RUN again from its record, and compare.

    In a fresh folder: the recorded commit with its uncommitted changes, the same command, params
    and variables. Exits with 1 if the results differ, with 4 if something is missing.

    Names of metrics that tell of clocks or the machine are not compared (system/*, *time*,
    *duration*, *seconds*, *latency*).
    """
    from lite_mlops.pipelines import Tolerance

    project = open_project()
    if check:
        recipe = project.reproducing.recipe(run)
        if form:
            emit(recipe.to_dict(), form)
            return
        say(f"command  {' '.join(recipe.command) or 'unknown'}")
        say(f"commit   {recipe.commit or 'unknown'}" + (" with changes" if recipe.diff else ""))
        say(f"python   {recipe.python or 'unknown'}, {len(recipe.packages)} packages")
        say("\n".join(recipe.missing) or "Everything that it takes was recorded.")
        raise click.exceptions.Exit(FAILED if recipe.missing else 0)
    usual = Tolerance()
    tolerance = Tolerance(
        usual.relative if relative is None else relative,
        usual.absolute if absolute is None else absolute,
        (*usual.ignored, *(pattern.lower() for pattern in ignore)),
    )
    verdict = project.reproducing.reproduce(
        run, repository=repo, isolated=isolated, folder=folder, tolerance=tolerance
    )
    if form:
        emit(verdict.to_dict(), form)
    else:
        _tell(verdict)
    raise click.exceptions.Exit(FAILED if verdict.outcome == "different" else 0)


def _tell(verdict: Reproduction) -> None:
    rows = [(one.what, one.recorded, one.again, one.outcome) for one in verdict.compared]
    table(rows, ("what", "recorded", "again", "outcome"), give=("recorded", "again"))
    for path, what in verdict.files.items():
        say(f"file {path} {what}")
    for cause in verdict.causes:
        say(cause)
    say(f"\n{verdict.outcome.capitalize()}: run {verdict.run_id}, again as {verdict.again_id}.")
