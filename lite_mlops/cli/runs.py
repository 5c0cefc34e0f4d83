"""`lite-mlops runs`: list, show, tag, note, put away and bring back runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.compare import compare_runs
from lite_mlops.cli.curves import DRAWN_WITH, SAMPLE, curve
from lite_mlops.cli.output import (
    as_option,
    can_show,
    duration,
    emit,
    facts,
    heading,
    line_width,
    number,
    picture,
    say,
    since,
    table,
    when,
)

if TYPE_CHECKING:
    from lite_mlops.project import Project
    from lite_mlops.tracking import Run
    from lite_mlops.tracking.search import RunPage

MIN_POINTS = 5  # a metric of fewer is told by its numbers
MOST_CURVES = 12

reason_option = click.option("--reason", help="Why; recorded with the decision.")


@click.group(cls=Commands)
def runs() -> None:
    """List, show, tag and put away runs."""


@runs.command("ls")
@click.option("-e", "--experiment", help="Only runs of this experiment.")
@click.option(
    "-s", "--status", help="Only runs that are running, finished, failed, killed, crashed."
)
@click.option("-n", "--limit", default=20, show_default=True, help="How many, the newest first.")
@click.option("--skip", default=0, help="How many of the newest to leave out.")
@click.option("--deleted", is_flag=True, help="Those that were put away.")
@click.option("-f", "--filter", "wanted", metavar="FILTER", help="Only runs that it finds.")
@click.option(
    "-o", "--order-by", "orders", multiple=True, metavar="ORDER", help="Sort; may be given again."
)
@click.option("--page-token", metavar="TOKEN", help="Go on where the list before ended.")
@as_option
def list_runs(wanted: str | None, form: str | None, **asked: Any) -> None:
    r"""List runs, the newest first, or those that a filter finds.

    \b
    --filter "metrics.auc > 0.9 AND params.model = 'rf' AND NOT tags.team LIKE 'a%'"
    --filter "status = 'failed' OR start_time > '2026-01-31'"
    --order-by "metrics.auc DESC" --order-by params.depth
    """
    found = _found(wanted, **asked)
    if form:
        emit([run.to_dict() if form == "json" else _row(run) for run in found], form)
    elif found:
        _print_list(found)
    else:
        say("No runs.")
    if found.next_page_token:
        click.echo(f"There are more: --page-token {found.next_page_token}", err=True)


def _found(
    wanted: str | None,
    *,
    experiment: str | None,
    status: str | None,
    limit: int,
    skip: int,
    deleted: bool,
    orders: tuple[str, ...],
    page_token: str | None,
) -> RunPage:
    project = open_project()
    if wanted is None and not orders and page_token is None:
        from lite_mlops.tracking.search import RunPage

        page = project.runs.page(
            experiment=experiment, status=status, deleted=deleted, count=limit, skip=skip
        )
        return RunPage(tuple(page))
    if status is not None:
        raise click.UsageError(f"Write the status into the filter: status = '{status}'.")
    if skip:
        raise click.UsageError("--skip counts from the newest run; use --page-token instead.")
    return project.search_runs(wanted, orders, limit, page_token, experiment, deleted=deleted)


def _print_list(found: RunPage) -> None:
    asked = found.asked_columns()
    columns = ["id", "name", "experiment", "status", "started", *(asked or ["metrics"])]
    rows = [
        [run.id, run.name, run.experiment, run.status, since(run.started_at)]
        + ([number(value) for value in found.asked_of(run).values()] if asked else [_metrics(run)])
        for run in found
    ]
    if len({run.experiment for run in found}) == 1:  # said once is enough
        say(f"experiment {found[0].experiment}")
        columns.remove("experiment")
        rows = [row[:2] + row[3:] for row in rows]
    numbers = [name for name in asked if name.startswith("metrics.")]
    table(rows, columns, right=numbers, give=("metrics", "experiment", "name", *reversed(asked)))


def _row(run: Run) -> dict[str, Any]:
    """Return a run as one row: of each metric its latest value."""
    record = run.to_dict()
    for name in ("source", "artifacts"):
        del record[name]
    return record | {"metrics": {key: metric.value for key, metric in run.metrics.items()}}


def _metrics(run: Run, most: int = 3) -> str:
    own = {key: metric for key, metric in run.metrics.items() if not key.startswith("system/")}
    text = "  ".join(f"{key}={metric.value:.4g}" for key, metric in list(own.items())[:most])
    return text if len(own) <= most else f"{text}  ..."


@runs.command("show")
@click.argument("run")
@click.option("--curves/--no-curves", default=True, help="Draw the curves of metrics, or not.")
@as_option
def show_run(run: str, curves: bool, form: str | None) -> None:  # noqa: FBT001
    """Show everything recorded of a run.

    RUN is an id, its beginning or end, or a name.
    """
    project = open_project()
    found = project.runs.get(run)
    if form:
        emit(found.to_dict(), form)
        return
    git = found.source.get("git", {})
    facts(
        {
            "run": f"{found.id}  {found.name}",
            "experiment": found.experiment,
            "status": found.status + (" (deleted)" if found.deleted else ""),
            "started": f"{when(found.started_at)}  by {found.actor}",
            "took": duration(found.seconds),
            "parent": found.parent_id,
            "note": found.note,
            "command": " ".join(found.source.get("argv", [])),
            "git": f"{git.get('commit', '')[:12]} {git.get('branch') or ''}".strip()
            + (" with uncommitted changes" if git.get("dirty") else ""),
        }
    )
    if found.params:
        heading("params")
        facts(found.params)
    if found.metrics:
        heading("metrics")
        rows = [
            (key, number(m.value), m.step, number(m.low), number(m.high), m.points)
            for key, m in found.metrics.items()
        ]
        columns = ("name", "latest", "step", "lowest", "highest", "points")
        table(rows, columns, right=columns[1:], give=("name",))
        if curves:
            _draw_curves(project, found)
    if found.tags:
        heading("tags")
        facts(found.tags)
    if found.artifacts:
        heading("artifacts")
        files = [(a.path, a.size, a.media) for a in found.artifacts]
        table(files, ("path", "bytes", "type"), right=("bytes",), give=("type", "path"))


def _draw_curves(project: Project, run: Run) -> None:
    """Draw the metrics that have more than a few points; those of the system are left to SQL."""
    many = [key for key, metric in run.metrics.items() if metric.points >= MIN_POINTS]
    own = [key for key in many if not key.startswith("system/")]
    if not own:
        return
    heading("curves")
    height = 4 if len(own) <= 4 else 2
    for history in project.runs.histories(run.id, own[:MOST_CURVES], SAMPLE):
        steps, values = history.steps.tolist(), history.values.tolist()
        odd = sum(not math.isfinite(value) for value in values)
        told = f", not finite: {odd:,} of the {len(values):,} drawn" if odd else ""
        picture([f"{history.key}  steps {steps[0]:,} to {steps[-1]:,}{told}"])
        plain = not can_show(DRAWN_WITH)
        picture(curve(values, line_width(), height, steps=steps, plain=plain))
    if len(own) > MOST_CURVES:
        say(f"and {len(own) - MOST_CURVES:,} metrics more")


@runs.command("tag")
@click.argument("run")
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
def tag_run(run: str, tags: tuple[str, ...]) -> None:
    """Set tags of RUN; 'KEY=' takes one away."""
    project = open_project()
    pairs = [pair(tag) for tag in tags]
    project.runs.tag_all(run, {key: value or None for key, value in pairs})
    say(f"Set {len(pairs)} tag{'s' if len(pairs) > 1 else ''} of run {run}.")


def pair(text: str) -> tuple[str, str]:
    """Return key and value of 'KEY=VALUE'. Raises `UsageError`."""
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is not KEY=VALUE.")
    return key, value


@runs.command("note")
@click.argument("run")
@click.argument("text")
def note_run(run: str, text: str) -> None:
    """Set the note of RUN to TEXT."""
    open_project().runs.note(run, text)
    say(f"Set the note of run {run}.")


@runs.command("rm")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@reason_option
def remove_runs(runs: tuple[str, ...], reason: str | None) -> None:
    """Put runs away; `runs restore` brings them back."""
    for run in open_project().runs.delete_all(runs, reason=reason):
        say(f"Deleted run {run}.")


@runs.command("restore")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@reason_option
def restore_runs(runs: tuple[str, ...], reason: str | None) -> None:
    """Bring deleted runs back."""
    for run in open_project().runs.restore_all(runs, reason=reason):
        say(f"Restored run {run}.")


@runs.command("purge")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reason_option
def purge_runs(runs: tuple[str, ...], yes: bool, reason: str | None) -> None:  # noqa: FBT001
    """Remove everything recorded of deleted runs for good."""
    project = open_project()
    if not yes:
        click.confirm(f"Remove {len(runs)} runs for good?", abort=True)
    purged = project.runs.purge_all(runs, reason=reason)
    project.erase()
    say(f"Purged {', '.join(purged)}. `lite-mlops gc` frees their files.")


runs.add_command(compare_runs)
