"""`lite-mlops loop`: retraining that begins by itself and promotes what has shown that it may."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, emit, facts, heading, say, shown, table, when
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.loops import LoopState
    from lite_mlops.project import Project

_EVERY_SECONDS = 5.0


@click.group(cls=Commands)
def loop() -> None:
    """Retrain when something has changed; promote what is no worse.

    A loop is a table [loop.NAME] of lite-mlops.toml. It trains by a pipeline, asks the gate, tries
    the new version on some of the live requests, and promotes it or rolls it back; each step is
    recorded with its evidence. A server with --loop does it by itself.
    """


@loop.command("run")
@click.argument("name", required=False)
@click.option("--once", is_flag=True, help="Do what is to be done now, and end; for cron.")
@click.option("--now", "wanted", is_flag=True, help="Begin to retrain NAME, whatever was seen.")
@click.option("--due", is_flag=True, help="As --once, if no other process does.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing, and let others go first.")
@reason_option
def run_loop(
    name: str | None,
    once: bool,  # noqa: FBT001
    wanted: bool,  # noqa: FBT001
    due: bool,  # noqa: FBT001
    quiet: bool,  # noqa: FBT001
    reason: str | None,
) -> None:
    """Take the loops further, or only NAME; without --once until Ctrl-C.

    Whoever is interrupted or killed in the middle leaves nothing half done: the next one goes on.
    """
    if due and (name or wanted):
        raise click.UsageError("--due goes with neither NAME nor --now.")
    if wanted and name is None:
        raise click.UsageError("--now needs the NAME of the loop.")
    if quiet:
        from lite_mlops.store import lower_priority

        lower_priority()
    project = open_project()
    if due:
        project.loops.run_due()
        return
    why = (reason or f"{project.settings.who()} asked for it.") if wanted else None
    told = _go(project, name, why, "", quiet=quiet)
    while not once:
        threading.Event().wait(_EVERY_SECONDS)
        told = _go(project, name, None, told, quiet=quiet)


def _go(project: Project, name: str | None, wanted: str | None, told: str, *, quiet: bool) -> str:
    """Take them further; say what each waits for, if that is something else than before."""

    def tell(text: str) -> None:
        if not quiet:
            say(shown(text))

    found = project.loops.run(name, wanted=wanted, say=tell)
    waits = "\n".join(f"{one.loop.name} ({one.state}): {one.why}{_until(one)}" for one in found)
    if waits != told:
        tell(waits)
    return waits


def _until(one: LoopState) -> str:
    return "" if one.until is None else f" At the latest {when(one.until)}."


@loop.command("status")
@click.argument("name", required=False)
@as_option
def show_status(name: str | None, form: str | None) -> None:
    """Say how each loop stands, what it waits for, and what it did last."""
    found = open_project().loops.status(name)
    if form == "json":
        emit([one.to_dict() for one in found], form)
    elif form:
        emit([{"loop": one.loop.name, "state": one.state, "why": one.why} for one in found], form)
    elif name is None:
        rows = [(one.loop.name, one.loop.reference, one.state, one.why) for one in found]
        table(rows, ("loop", "looks after", "state", "now"), give=("now",))
    else:
        _show(found[0])


def _show(one: LoopState) -> None:
    pairs = {
        "loop": one.loop.name,
        "looks after": one.loop.reference,
        "begins with": " or ".join(one.loop.begins_with),
        "trains by": one.loop.pipeline or "all steps",
        "tries on": "nothing" if one.loop.canary is None else f"{100 * one.loop.canary:.4g} %",
        "state": one.state,
        "now": one.why,
        "at the latest": when(one.until),
    }
    facts(pairs)
    if one.cycle is not None:
        heading("the last time round")
        rows = [(when(line.at), line.state, line.why) for line in one.cycle.lines]
        table(rows, ("when", "state", "what happened"), give=("what happened",))


@loop.command("history")
@click.argument("name")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, help="The latest so many lines.")
@as_option
def show_history(name: str, limit: int, form: str | None) -> None:
    """Tell what the loop NAME did, in order."""
    loops = open_project().loops
    found = loops.history(loops.get(name).name, rows=limit)
    if form:
        emit([one.to_dict() for one in found], form)
        return
    if not found:
        say(f"The loop {name} has not begun to watch: `lite-mlops loop run`.")
        return
    rows = [(when(one.at), one.cycle[-6:], one.state, one.why) for one in found]
    table(rows, ("when", "time round", "state", "what happened"), give=("what happened",))


@loop.command("pause")
@click.argument("name")
@reason_option
def pause_loop(name: str, reason: str | None) -> None:
    """Begin nothing and move nothing; a canary that is tried goes on."""
    open_project().loops.pause(name, reason=reason)
    say(f"The loop {name} is paused.")


@loop.command("resume")
@click.argument("name")
@reason_option
def resume_loop(name: str, reason: str | None) -> None:
    """Go on where it was."""
    open_project().loops.resume(name, reason=reason)
    say(f"The loop {name} goes on.")
