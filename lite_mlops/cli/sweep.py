"""`lite-mlops sweep`: a script with many params, each time as a run; and which of them was best."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from lite_mlops.cli.commands import FAILED, open_project
from lite_mlops.cli.output import as_option, emit, number, say, table


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "-P", "--param", "pairs", multiple=True, required=True, metavar="KEY=VALUES",
    help="A param and its values: 0.1,0.01 or 2..8 or '1e-4..1e-1 log'.",
)  # fmt: skip
@click.option("--trials", type=click.IntRange(1), help="How many; default: the whole grid.")
@click.option("--method", type=click.Choice(["grid", "random", "optuna"]), help="How to choose.")
@click.option("--metric", required=True, help="What trials are judged by.")
@click.option("--minimize/--maximize", default=False, help="Whether less of it is better.")
@click.option("-j", "--jobs", type=int, default=-1, help="At a time; default: the processors.")
@click.option("--backend", help="Where they run, as joblib names it; default: in processes here.")
@click.option("--seed", type=int, default=0, help="Chooses the same points again.")
@click.option("-n", "--name", help="Of the sweep; default: that of the script.")
@click.option("--fresh", is_flag=True, help="Begin anew what was begun before.")
@as_option
def sweep(
    script: str,
    arguments: tuple[str, ...],
    pairs: tuple[str, ...],
    trials: int | None,
    method: str | None,
    metric: str,
    minimize: bool,  # noqa: FBT001
    jobs: int,
    backend: str | None,
    seed: int,
    name: str | None,
    fresh: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Run a script with many params.

    SCRIPT is a .py file or any command that logs METRIC. Each param replaces {KEY} in the
    arguments, or follows them as --KEY VALUE. Begun again, it goes on with the trials that are
    missing.
    """
    from lite_mlops.pipelines import script_words

    if script.endswith(".py") and not Path(script).is_file():
        raise click.UsageError(f"There is no file {script!r}.")
    if not script.endswith(".py") and shutil.which(script) is None:
        raise click.UsageError(f"There is no command {script!r}.")
    params = {}
    for text in pairs:
        key, equals, values = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"-P needs KEY=VALUES; {text!r} is not.")
        params[key] = values
    found = open_project(must_exist=False).sweeping.sweep(
        script_words(script, arguments),
        params,
        metric=metric,
        minimize=minimize,
        trials=trials,
        method=method,
        jobs=jobs,
        backend=backend,
        seed=seed,
        name=name,
        fresh=fresh,
    )
    if form:
        emit(found.to_dict() if form == "json" else [one.to_dict() for one in found.trials], form)
    else:
        rows = [
            (
                one.number,
                *(number(one.params[key]) for key in params),
                number(one.value),
                one.run_id,
            )
            for one in [*found.ranked[:20], *found.failed]
        ]
        table(rows, ("trial", *params, metric, "run"), right=("trial", *params, metric))
        left_out = len(found.ranked) - 20
        more = f", {left_out} more that came off worse" if left_out > 0 else ""
        failed = f", {len(found.failed)} failed" if found.failed else ""
        say(f"{len(found.trials)} trials{more}{failed}. Run {found.run_id}.")
    if found.best is None:
        raise click.exceptions.Exit(FAILED)
