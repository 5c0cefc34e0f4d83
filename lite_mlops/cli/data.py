"""`lite-mlops data`: what changed between data sets, and whether they are as they should be."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import Commands
from lite_mlops.cli.data_checks import check, diff, expect, leakage


@click.group(cls=Commands)
def data() -> None:
    """Compare and check data."""


for _command in (diff, expect, check, leakage):
    data.add_command(_command)
