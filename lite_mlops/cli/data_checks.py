"""`lite-mlops data diff`, `expect`, `check` and `leakage`: can this data be trusted?"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import FAILED, open_project
from lite_mlops.cli.output import as_option, emit, facts, heading, number, say, table
from lite_mlops.cli.runs import reason_option
from lite_mlops.errors import Invalid, NotFound

if TYPE_CHECKING:
    from lite_mlops.data import DataDiff, Datasets

_HELD = 5  # columns of an example row that are shown


def table_of(word: str) -> Path:
    """Return the table that a word on the command line means: a file, or a version.

    Raises:
        NotFound: there is no such file, and no version whose source or copy is there.
    """
    path = Path(word).expanduser()
    if path.is_file():
        return path
    project = open_project(must_exist=False)
    if "@" not in word or not project.exists:
        raise NotFound(f"There is no file {word}; a version of a dataset is NAME@VERSION.")
    return _table_of_version(project.datasets, word)


def _table_of_version(datasets: Datasets, reference: str) -> Path:
    """Return the table of a version: its source if that is unchanged, else the kept copy.

    Raises:
        NotFound: there is no such version, or neither of both is there.
    """
    source = datasets.unchanged_source(datasets.get(reference))
    if source is not None and source.is_file():
        return source
    # The copy is there for the time of the command.
    holder = TemporaryDirectory(prefix="lite-mlops-")
    folder = Path(click.get_current_context().with_resource(holder))
    return datasets.checkout(reference, folder / datasets.file_name(reference))


# -- diff ----------------------------------------------------------------------------------------


@click.command()
@click.argument("before")
@click.argument("after")
@click.option(
    "-k", "--key", multiple=True, help="Column that tells which rows are the same; repeatable."
)
@as_option
def diff(before: str, after: str, key: tuple[str, ...], form: str | None) -> None:
    """Show what changed between two tables.

    BEFORE and AFTER are CSV, Parquet or JSON lines files, or versions of which a
    copy was kept, such as patients@461a8a2d. With --key rows are the same when
    their keys are; without, whole rows are counted.
    """
    datasets = open_project(must_exist=False).datasets
    found = datasets.diff(table_of(before), table_of(after), key=key or None)
    if form:
        emit(found.to_dict(), form)
        return
    facts({"before": f"{found.rows_before:,} rows", "after": f"{found.rows_after:,} rows"})
    if found.same:
        say("No difference.")
        return
    for line in (*found.schema(), found.rows()):
        say(line)
    _show_cells(found)
    for title, rows in (("added", found.added), ("removed", found.removed)):
        if rows:
            heading(f"{title}, for example")
            names = list(rows[0])[:_HELD]
            more = ["..."] * (len(rows[0]) > _HELD)
            cells = [[number(row[name]) for name in names] + more for row in rows]
            table(cells, [*names, *more], give=names[::-1])
    if found.moved:
        heading("distributions that moved")
        figures = [
            (one.feature, f"{one.psi:.3f}", f"{one.ks:.3f}", f"{one.p_value:.2g}")
            for one in found.moved
        ]
        columns = ("column", "PSI", "KS", "p")
        table(figures, columns, right=columns[1:], give=("column",))


def _show_cells(found: DataDiff) -> None:
    if not found.changed:
        return
    heading("changed cells")
    ordered = sorted(found.cells.items(), key=lambda one: one[1], reverse=True)
    table(ordered, ("column", "cells"), right=("cells",), give=("column",))
    heading("changed, for example")
    rows = [
        [*map(number, row.key.values()), name, number(old), number(new)]
        for row in found.changed
        for name, (old, new) in row.cells.items()
    ]
    give = ("before", "after", "column", *found.key)
    table(rows, (*found.key, "column", "before", "after"), give=give)


# -- expect and check ----------------------------------------------------------------------------


@click.command()
@click.argument("name")
@click.option("--from", "source", help="Infer them from good data: a file, or NAME@VERSION.")
@click.option(
    "--file", type=click.Path(path_type=Path), help="Take them from a file that --json wrote."
)
@reason_option
@as_option
def expect(
    name: str, source: str | None, file: Path | None, reason: str | None, form: str | None
) -> None:
    """Show or set what the dataset NAME should be like.

    Without --from and --file it shows what is expected. With --json that is a
    file which can be edited and given back by --file.
    """
    if source is not None and file is not None:
        raise click.UsageError("--from and --file exclude each other.")
    project = open_project(must_exist=source is None and file is None)
    if source is not None:
        found = project.datasets.expect(
            name, project.datasets.infer(table_of(source)), reason=reason
        )
    elif file is not None:
        found = project.datasets.expect(name, _json(file), reason=reason)
    else:
        found = project.datasets.expectations(name)
    if form == "json":
        emit(found.to_dict(), form)
    elif form == "csv":
        emit([{"column": column, "expected": words} for column, words in found.lines()], form)
    else:
        rows = [(column or "(table)", words) for column, words in found.lines()]
        table(rows, ("column", "expected"), give=("expected", "column"))


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8: {error.reason} at byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise Invalid(
            f"{file} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None


@click.command()
@click.argument("name")
@click.argument("path", required=False)
@as_option
def check(name: str, path: str | None, form: str | None) -> None:
    """Check a table against what is expected of it.

    NAME is the dataset whose expectations count, PATH a CSV, Parquet or JSON lines
    file; default: the latest version of the dataset. Exits with 1 if it is not as
    expected.
    """
    datasets = open_project().datasets
    found = _table_of_version(datasets, f"{name}@latest") if path is None else table_of(path)
    report = datasets.check(found, name)
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        emit([outcome.to_dict() for outcome in report.outcomes], form)
    else:
        met = len(report.outcomes) - len(report.failed)
        for outcome in report.failed:
            say(f"{outcome}.")
        say(f"{met} of {len(report.outcomes)} expectations are met by {report.rows:,} rows.")
    if not report.passed:
        raise click.exceptions.Exit(FAILED)


# -- leakage -------------------------------------------------------------------------------------


@click.command()
@click.argument("train")
@click.argument("test")
@click.option("-t", "--target", help="Column that is to be predicted.")
@click.option("--time", help="Column by which the test should come after the training.")
@click.option("-k", "--key", multiple=True, help="Column that names a row; repeatable.")
@click.option(
    "-g", "--group", multiple=True, help="Column that must not be on both sides; repeatable."
)
@as_option
def leakage(
    train: str,
    test: str,
    target: str | None,
    time: str | None,
    key: tuple[str, ...],
    group: tuple[str, ...],
    form: str | None,
) -> None:
    """Look for answers that leak into the training.

    TRAIN and TEST are CSV, Parquet or JSON lines files, or versions of which a copy
    was kept. Exits with 1 if a leak is found.
    """
    report = open_project(must_exist=False).datasets.leakage(
        table_of(train), table_of(test), target=target, time=time, key=key, group=group
    )
    if form == "json":
        emit(report.to_dict(), form)
    elif form == "csv":
        emit([finding.to_dict() for finding in report.findings], form)
    else:
        for finding in report.findings:
            say(f"{'LEAK' if finding.leak else 'ok'}  {finding.text}")
            if finding.advice:
                say(f"      {finding.advice}")
        say(f"{len(report.leaks)} of {len(report.findings)} checks found a leak.")
    if not report.passed:
        raise click.exceptions.Exit(FAILED)
