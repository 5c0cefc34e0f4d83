"""The terminal door: a file for each noun; a command parses, calls one method, prints."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import Main


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        from importlib.metadata import version  # slow to load, and only needed here

        click.echo(f"lite-mlops {version('lite-mlops')}")
        context.exit()


# Where each command lives; a call loads only the file of its own.
_HOMES = {
    "alerts": "alerts",
    "ci": "ci",
    "data": "data",
    "demo": "demo",
    "drift": "drift",
    "endpoint": "endpoint",
    "estimates": "estimates",
    "experiments": "experiments",
    "fairness": "fairness",
    "feedback": "feedback",
    "gate": "gate",
    "imports": "import",
    "init": "init",
    "loop": "loop",
    "models": "models",
    "monitor": "monitor",
    "performance": "performance",
    "pipe": "pipe",
    "predict": "predict",
    "promote": "approve promote",
    "reproduce": "reproduce",
    "run": "run",
    "runs": "runs",
    "serve": "serve",
    "sql": "sql",
    "status": "du status",
    "sweep": "sweep",
    "tokens": "tokens",
    "upkeep": "backup doctor gc restore",
}


@click.group(cls=Main, homes=_HOMES, context_settings={"help_option_names": ["-h", "--help"]})
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
    `run` exits with the code of the script, `drift` with 4 if data has drifted,
    `performance`, `estimates`, `fairness` and `monitor run` with 4 if something
    fires, `gate run` with 3 if the gate does not pass.
    """
