"""`lite-mlops sql`: one reading statement over everything that is recorded."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, emit, number, say, table


@click.command()
@click.argument("statement")
@click.option("--rows", type=click.IntRange(1, 100_000_000), help="How many rows at most.")
@as_option
def sql(statement: str, rows: int | None, form: str | None) -> None:
    """Run one SQL statement that reads.

    The tables: runs, params, metrics, latest, tags, artifacts, datasets, model_versions, aliases,
    predictions, feedback, earlier_labels, decisions. `SHOW TABLES` and `DESCRIBE runs` tell more.
    The statement cannot change anything, and sees no files, no network and no Python.
    """
    answer = open_project().sql(statement, rows=rows)
    if form:
        emit(answer.to_dicts(), form)
    else:
        rows_shown = [[number(value) for value in row] for row in answer.rows]
        table(rows_shown, answer.columns, give=list(reversed(answer.columns)))
    if answer.cut:
        click.echo(f"Only the first {len(answer):,} rows; --rows shows more.", err=True)
    elif not answer.rows and not form:
        say("No rows.")
