"""`lite-mlops drift`: has what a model is asked moved away from its training data?"""

from __future__ import annotations

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, emit, say, table


@click.command()
@click.argument("reference")
@as_option
def drift(reference: str, form: str | None) -> None:
    """Compare what a model is asked with its training.

    REFERENCE names the version, such as churn@champion.
    """
    found = open_project().monitoring.drift(reference)
    if form:
        emit([feature.to_dict() for feature in found], form)
        return
    rows = [
        (d.feature, f"{d.psi:.3f}", f"{d.ks:.3f}", f"{d.p_value:.2g}", d.rows, verdict(d.drifted))
        for d in found
    ]
    columns = ("feature", "PSI", "KS", "p", "rows", "verdict")
    table(rows, columns, right=("PSI", "KS", "p", "rows"), give=("feature",))
    say(f"{sum(d.drifted for d in found)} of {len(found)} features have drifted.")


def verdict(drifted: bool) -> str:  # noqa: FBT001
    """Return the verdict on a feature in a word."""
    return "drifted" if drifted else "stable"
