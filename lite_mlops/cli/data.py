"""`lite-mlops data`: add, list and show versions of data, bring copies back, see what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.data_checks import check, diff, expect, leakage
from lite_mlops.cli.output import (
    as_option,
    emit,
    facts,
    heading,
    number,
    say,
    since,
    size,
    table,
    when,
)

if TYPE_CHECKING:
    from lite_mlops.data import DatasetVersion

_BARS = " ▁▂▃▄▅▆▇█"
_ROLES = ("training", "validation", "test", "reference")


@click.group(cls=Commands)
def data() -> None:
    """Add, list, show and check out versions of data."""


@data.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The name of the dataset.")
@click.option(
    "--snapshot", is_flag=True, help="Keep a copy; what is there already is not kept twice."
)
@click.option("--sql", help="A SELECT, where PATH is a DuckDB or SQLite file.")
@click.option("--run", help="The run that uses it: an id, its beginning or end, or a name.")
@click.option("--role", type=click.Choice(_ROLES), help="What that run uses it for.")
@as_option
def add_data(
    path: Path,
    name: str,
    snapshot: bool,  # noqa: FBT001
    sql: str | None,
    run: str | None,
    role: str | None,
    form: str | None,
) -> None:
    """Record PATH as the latest version of a dataset.

    PATH is a CSV, Parquet or JSON lines file, any other file, or a folder. A table is known by its
    rows and types, whatever file holds them; anything else by its bytes.
    """
    from lite_mlops.data import Query
    from lite_mlops.settings import joined_run

    if role and not (run or joined_run()):
        raise click.UsageError("--role says what a run uses the data for; --run names the run.")
    project = open_project(must_exist=False)
    run_id = project.runs.get(run).id if run else joined_run()
    source = path if sql is None else Query(path, sql)
    version = project.datasets.log(run_id, source, name, role=role or "training", snapshot=snapshot)
    if form:
        emit(version.to_dict(), form)
        return
    say(f"{version.reference}: {_shape(version)}")


def _shape(version: DatasetVersion) -> str:
    if version.form == "table":
        return f"{version.rows:,} rows of {version.columns} columns"
    files = (version.source or {}).get("files")
    return f"{files:,} files, {size(version.size or 0)}" if files else size(version.size or 0)


@data.command("ls")
@click.argument("name", required=False)
@as_option
def list_data(name: str | None, form: str | None) -> None:
    """List versions, the latest first.

    NAME chooses those of one dataset.
    """
    found = open_project().datasets.all(name)
    if form:
        emit([_row(version) for version in found], form)
        return
    if not found:
        say("No datasets.")
        return
    rows = [
        (
            version.reference,
            version.form,
            version.rows if version.form == "table" else "",
            version.columns if version.form == "table" else "",
            "" if version.size is None else size(version.size),
            "kept" if version.snapshot else "",
            since(version.logged_at),
        )
        for version in found
    ]
    columns = ("version", "form", "rows", "columns", "size", "copy", "first seen")
    table(rows, columns, right=("rows", "columns", "size"), give=("version",))


def _row(version: DatasetVersion) -> dict[str, Any]:
    record = version.to_dict()
    del record["profile"]
    return record


@data.command("show")
@click.argument("reference")
@as_option
def show_data(reference: str, form: str | None) -> None:
    """Show what a version holds and who used it.

    REFERENCE names it, such as patients, patients@latest or patients@461a8a2d.
    """
    datasets = open_project().datasets
    version = datasets.get(reference)
    uses = datasets.used_in(version)
    state = datasets.source_state(version)
    if form:
        told = {"source_state": state, "used_in": [use.to_dict() for use in uses]}
        emit(version.to_dict() | told, form)
        return
    source = version.source or {}
    facts(
        {
            "version": version.reference,
            "SHA-256": version.sha256,
            "holds": _shape(version),
            "first seen": when(version.logged_at),
            "source": _source(source) + (f" ({state})" if state else ""),
            "query": source.get("sql"),
            "copy": "kept; `data checkout` brings it back" if version.snapshot else "none kept",
        }
    )
    if version.profile:
        heading("columns")
        rows = [(name, *_summary(column)) for name, column in version.profile.items()]
        table(
            rows, ("name", "type", "missing", "distinct", "spread", "values"),
            right=("missing", "distinct"), give=("values", "name"),
        )  # fmt: skip
    if uses:
        heading("used in")
        users = [
            (use.run_id, use.run_name, use.role, since(use.used_at), " ".join(use.models))
            for use in uses
        ]
        table(users, ("run", "name", "role", "when", "models"), give=("models", "name"))


def _source(source: Mapping[str, Any]) -> str:
    if source.get("kind") == "memory":
        return f"memory ({source['type']})"
    return str(source.get("path") or source.get("database") or source.get("kind") or "")


def bars(counts: list[int]) -> str:
    """Return counts as small bars, the highest one full; a count above zero is always seen."""
    most = max(counts, default=0)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-count * steps // most)] if most else " " for count in counts)


def _summary(column: Mapping[str, Any]) -> tuple[object, object, object, str, str]:
    """Return type, missing, distinct, bars and values of one column of a profile."""
    spread, values = "", ""
    if column["kind"] == "text":
        top: dict[str, int] = column.get("top", {})
        spread = bars(list(top.values())[:10])
        values = ", ".join(f"{value} {count:,}" for value, count in list(top.items())[:3])
    elif column.get("min") is not None:
        values = f"{number(column['min'])} to {number(column['max'])}"
        if column["kind"] == "number":
            spread = _density(column)
            values += f", mean {number(column['mean'])}"
    return (
        column.get("type", column["kind"]),
        column["missing"] or "",
        column.get("distinct", ""),
        spread,
        values,
    )


def _density(column: Mapping[str, Any], parts: int = 10) -> str:
    """Return bars over equal parts of the range, from counts between deciles."""
    low, high = column["min"], column["max"]
    if not low < high or high - low == float("inf"):
        return bars([1])
    inner = [edge for edge in column["edges"] if low <= edge <= high]
    skip = len(column["counts"]) - len(inner) - 1
    ends = [low, *inner, high]
    heights = [0.0] * parts
    width = (high - low) / parts
    for start, end, count in zip(ends, ends[1:], column["counts"][skip:], strict=False):
        first = min(int((start - low) / width), parts - 1)
        last = min(int((end - low) / width), parts - 1)
        for part in range(first, last + 1):
            inside = min(end, low + (part + 1) * width) - max(start, low + part * width)
            share = max(inside, 0.0) / (end - start) if end > start else float(part == last)
            heights[part] += count * share
    most = max(heights)
    return bars([round(1000 * height / most) for height in heights] if most else [])


@data.command("checkout")
@click.argument("reference")
@click.argument("target", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Replace what is there.")
def checkout_data(reference: str, target: Path | None, force: bool) -> None:  # noqa: FBT001
    """Write the kept copy of a version to TARGET, proved byte by byte.

    Without TARGET it goes to the working directory, under the name of the dataset.
    """
    path = open_project().datasets.checkout(reference, target, force=force)
    say(f"Wrote {path}.")


@data.command("status")
@click.argument("what", metavar="[PATH|NAME]", required=False)
@click.option("--all", "everything", is_flag=True, help="Also list what is unchanged.")
@as_option
def data_status(what: str | None, everything: bool, form: str | None) -> None:  # noqa: FBT001
    """Show which files of datasets have changed."""
    found = open_project().datasets.states(what)
    if form:
        emit([one.to_dict() for one in found], form)
        return
    if not found:
        say("No files of datasets are known.")
        return
    shown = [one for one in found if everything or one.state != "unchanged"]
    if shown:
        table(
            [(one.state, one.path, one.dataset) for one in shown],
            ("state", "path", "dataset"),
            give=("dataset", "path"),
        )
    counts = Counter(one.state for one in found)
    order = ("new", "changed", "missing", "unchanged")
    say(", ".join(f"{counts[state]:,} {state}" for state in order if counts[state]) + ".")


for _command in (diff, expect, check, leakage):
    data.add_command(_command)
