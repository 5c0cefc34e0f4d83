"""`lite-mlops estimates`: how well a model does by estimate, before its labels come."""

from __future__ import annotations

from datetime import datetime

import click

from lite_mlops.cli.commands import DRIFTED, open_project
from lite_mlops.cli.output import as_option, emit, say, table


@click.command()
@click.argument("model")
@click.option(
    "--reference",
    metavar="WHAT",
    help="What is labelled already: evaluation, evaluation=NAME or labels.",
)
@click.option("--rows", type=int, default=1_000, help="How many predictions a window has.")
@click.option("--since", type=click.DateTime(), help="The first time that is estimated.")
@click.option("--until", type=click.DateTime(), help="Where it ends.")
@click.option("--loss", is_flag=True, help="Estimate the loss of a regressor, by a second model.")
@as_option
def estimates(
    model: str,
    reference: str | None,
    rows: int,
    since: datetime | None,
    until: datetime | None,
    loss: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Estimate how well MODEL does, before its labels come.

    MODEL is a version, such as churn@champion. Chances are learned from what is
    labelled already: an evaluation with scores that its run kept, or earlier
    predictions. An estimate assumes that the relation between inputs and outcome
    has not changed; labels that have come are held against it.

    Exits with 4 if a metric is worse than in the reference beyond its interval, or
    if labels say otherwise.
    """
    report = open_project().monitoring.estimates(
        model, reference=reference, rows=rows, since=since, until=until, loss=loss
    )
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        emit([one.to_dict() for one in report.findings()], form)
    else:
        rows_shown = []
        for number, window in enumerate(report.windows, start=1):
            for one in window.estimates:
                compared = window.compared.get(one.metric)
                rows_shown.append(
                    (
                        number,
                        window.rows,
                        window.labelled,
                        one.metric,
                        f"{one.value:.3f}",
                        f"{one.low:.3f} to {one.high:.3f}",
                        "" if compared is None else f"{compared.realised:.3f}",
                    )
                )
        if rows_shown:
            columns = ("window", "rows", "labelled", "metric", "estimate", "interval", "by labels")
            table(rows_shown, columns, right=(*columns[:3], "estimate", "by labels"))
            kept = "recalibrated" if report.recalibrated else "as they are"
            say(f"Scores are taken {kept}, by {report.reference} ({report.reference_rows:,} rows).")
        for finding in report.findings():
            if finding.fires:
                say(f"{finding.severity}: {finding.sentence}")
        say(str(report))
    if report.fires:
        raise click.exceptions.Exit(DRIFTED)
