"""`lite-mlops pipe`: run the steps of which something changed, and see why each would run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, duration, emit, picture, say, shown, table

if TYPE_CHECKING:
    from lite_mlops.pipelines import PipelineRun, StepStatus
    from lite_mlops.project import Project

F = TypeVar("F", bound=Callable[..., Any])

_STEPS = click.argument("steps", nargs=-1)
_FILE = click.option(
    "-f", "--file", metavar="FILE.py[:NAME]",
    help="A file with an @lm.pipeline function; default: the [[step]] tables of lite-mlops.toml.",
)  # fmt: skip
_PARAMS = click.option(
    "-P", "--param", "pairs", multiple=True, metavar="KEY=VALUE",
    help="A param, which goes before that of the tables or of the function.",
)  # fmt: skip
_JOBS = click.option(
    "-j", "--jobs", type=click.IntRange(1), help="Steps at a time; default: the processors."
)


def _params(pairs: tuple[str, ...]) -> dict[str, Any]:
    from lite_mlops.pipelines import parsed_pairs

    return parsed_pairs(pairs)


@click.group(cls=Commands)
def pipe() -> None:
    """Run the steps of a pipeline of which something changed.

    A step is skipped when its code, its inputs, its params and what comes from other steps are what
    they were; its outputs come back if they are gone.
    """


@pipe.command("run")
@_STEPS
@_FILE
@_PARAMS
@_JOBS
@click.option("--force", is_flag=True, help="Run the named steps, or all, even if unchanged.")
@click.option("--dry-run", is_flag=True, help="Only say what would run.")
@click.option("--nice", type=click.IntRange(0, 19), default=0, help="Lower the priority by this.")
@as_option
def run_pipe(
    steps: tuple[str, ...],
    file: str | None,
    pairs: tuple[str, ...],
    jobs: int | None,
    force: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    nice: int,
    form: str | None,
) -> None:
    """Run STEPS and those that they stand on; without names, all.

    Each step that runs is a run of its own, below one for the whole. What was done is kept when a
    step fails: the next time it goes on from there.
    """
    from lite_mlops.pipelines import StepFailed

    project = open_project(must_exist=False)
    if nice:
        from lite_mlops.store import lower_priority

        lower_priority(nice)
    params = _params(pairs)
    if dry_run:
        _tell_status(
            project.pipelines.status(file, targets=steps, params=params, force=force), form
        )
        return
    try:
        report = project.pipelines.run(
            file, targets=steps, params=params, force=force, jobs=jobs, tell=_teller(form)
        )
    except StepFailed as error:
        if form and error.report is not None:
            emit(_record(error.report, form), form)
        raise
    if form:
        emit(_record(report, form), form)
    else:
        _tell_report(report)


def _record(report: PipelineRun, form: str) -> Any:
    return report.to_dict() if form == "json" else [one.to_dict() for one in report.steps]


def _teller(form: str | None) -> Callable[[str, str], None]:
    """Return what tells of the steps while they run; a record to come has standard output alone."""

    def tell(step: str, text: str) -> None:
        click.echo(f"{shown(step)} {shown(text)}", err=form is not None)

    return tell


def _tell_report(report: PipelineRun) -> None:
    counts = [
        f"{report.count(what)} {what}"
        for what in ("ran", "restored", "skipped")
        if report.count(what)
    ]
    where = f" Run {report.run_id}." if report.run_id else ""
    say(f"{', '.join(counts)}, in {duration(report.seconds)}.{where}")


@pipe.command("status")
@_STEPS
@_FILE
@_PARAMS
@as_option
def status_of_pipe(
    steps: tuple[str, ...], file: str | None, pairs: tuple[str, ...], form: str | None
) -> None:
    """Say of each step whether it would run, and why."""
    project = open_project(must_exist=False)
    _tell_status(project.pipelines.status(file, targets=steps, params=_params(pairs)), form)


def _tell_status(found: list[StepStatus], form: str | None) -> None:
    if form:
        emit([one.to_dict() for one in found], form)
        return
    rows = [(one.step, one.state, "; ".join(one.reasons)) for one in found]
    table(rows, ("step", "state", "why"), give=("why",))


@pipe.command("dag")
@_FILE
@_PARAMS
@click.option("--svg", type=click.Path(path_type=Path), help="Write a picture to this file.")
@click.option("--state", is_flag=True, help="Tell how each step stands as well.")
@click.option("--json", "form", flag_value="json", default=None, help="Print JSON.")
def show_dag(
    file: str | None,
    pairs: tuple[str, ...],
    svg: Path | None,
    state: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Show how the steps hang together."""
    project = open_project(must_exist=False)
    params = _params(pairs)
    graph = project.pipelines.graph(file, params=params)
    states = _states(project, file, params) if state else None
    if svg is not None:
        svg.write_text(graph.to_svg(states), encoding="utf-8")
        say(f"Wrote {svg}.")
    elif form:
        emit(graph.to_dict(), form)
    else:
        picture(graph.to_text(states).split("\n"))


def _states(project: Project, file: str | None, params: Mapping[str, Any]) -> dict[str, str]:
    return {one.step: one.state for one in project.pipelines.status(file, params=params)}


@pipe.command("watch")
@_STEPS
@_FILE
@_PARAMS
@_JOBS
@click.option(
    "--quiet-seconds", type=click.FloatRange(0), default=0.3, show_default=True,
    help="How long nothing may change before the steps run.",
)  # fmt: skip
@click.option(
    "--rescan-seconds", type=click.FloatRange(0.1), default=30.0, show_default=True,
    help="How often to look at everything, whatever was noticed.",
)  # fmt: skip
@click.option("--times", type=click.IntRange(1), help="End after so many runs of steps.")
def watch_pipe(
    steps: tuple[str, ...],
    file: str | None,
    pairs: tuple[str, ...],
    jobs: int | None,
    quiet_seconds: float,
    rescan_seconds: float,
    times: int | None,
) -> None:
    """Run what has to run whenever inputs or code change, until Ctrl-C.

    Every change counts by its content: one that was dealt with is not dealt with again, also after
    the watch was killed, and none is missed while it was away.
    """
    from lite_mlops.pipelines import Watch

    project = open_project(must_exist=False)
    watch = Watch(
        project.pipelines,
        file,
        targets=steps,
        params=_params(pairs),
        jobs=jobs,
        quiet_seconds=quiet_seconds,
        rescan_seconds=rescan_seconds,
        tell=lambda text: click.echo(shown(text), err=True),
    )
    watch.run(times)
