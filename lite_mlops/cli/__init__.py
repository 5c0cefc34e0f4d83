"""The terminal door: a file for each noun; a command parses, calls one method, prints."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import Main
from lite_mlops.cli.data import data
from lite_mlops.cli.demo import demo
from lite_mlops.cli.drift import drift
from lite_mlops.cli.experiments import experiments
from lite_mlops.cli.init import init
from lite_mlops.cli.models import models
from lite_mlops.cli.predict import predict
from lite_mlops.cli.reproduce import reproduce
from lite_mlops.cli.run import run
from lite_mlops.cli.runs import runs
from lite_mlops.cli.serve import serve
from lite_mlops.cli.sql import sql
from lite_mlops.cli.status import du, status
from lite_mlops.cli.upkeep import backup, doctor, gc, restore


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        from importlib.metadata import version  # slow to load, and only needed here

        click.echo(f"lite-mlops {version('lite-mlops')}")
        context.exit()


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """The whole life of a model on one machine.

    Commands act on the project found from the working directory upwards.

    \b
    Exit codes: 0 done, 1 failed, 2 wrong call, 3 not found, 4 conflict,
    5 busy, 6 not allowed, 7 damaged, 130 interrupted.
    `run` exits with the code of the script.
    """


for _command in (
    *(demo, init, run, runs, experiments, reproduce, data, models, predict, serve, drift, sql),
    *(status, du, doctor, backup, restore, gc),
):
    main.add_command(_command)
