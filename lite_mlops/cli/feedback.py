"""`lite-mlops feedback`: what was true, from a file."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import emit, say


@click.command()
@click.argument("file")
@click.option("--label", metavar="COLUMN", help="What was true; default: label.")
@click.option(
    "--id", "prediction_id", metavar="COLUMN", help="The id of the prediction; default: id."
)
@click.option("--key", metavar="COLUMN", help="A column of the model that stands for the id.")
@click.option("--model", metavar="MODEL", help="The model whose predictions a key means.")
@click.option("--time", metavar="COLUMN", help="When it was known; default: now.")
@click.option("--every", is_flag=True, help="A label is of all predictions with its key.")
@click.option("--strict", is_flag=True, help="Refuse all rows if one of them cannot be taken.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def feedback(
    file: str,
    label: str | None,
    prediction_id: str | None,
    key: str | None,
    model: str | None,
    time: str | None,
    every: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Record the true labels of earlier predictions, from FILE.

    FILE is CSV, Parquet or JSON lines. A row names its prediction by the id that came with the
    answer, or by a column that the model was asked with:

    \b
      lite-mlops feedback labels.csv
      lite-mlops feedback left.csv --key customer --model churn --label left

    By a key, a label is of the latest prediction of each version that was made before it was known.
    Labels may come again: the one that was known last stands, and earlier ones are kept in the
    table earlier_labels. Rows that name no prediction are left out and told.
    """  # noqa: D301  a \b keeps the lines of the examples apart
    received = open_project().monitoring.feedback_table(
        file,
        label=label,
        prediction_id=prediction_id,
        key=key,
        model=model,
        time=time,
        every=every,
        strict=strict,
    )
    if as_json:
        emit(received.to_dict(), "json")
    else:
        say(str(received))
