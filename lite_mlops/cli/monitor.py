"""`lite-mlops monitor`: what is watched, what was found, and what would be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import DRIFTED, Commands, open_project
from lite_mlops.cli.monitor_report import report
from lite_mlops.cli.output import (
    as_option,
    emit,
    facts,
    heading,
    number,
    say,
    since,
    table,
    when,
)
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.monitoring.monitors import Monitor, MonitorRun, MonitorState, Rehearsal

_SHOWN = 10  # incidents of a monitor in `status`


@click.group(cls=Commands)
def monitor() -> None:
    """Watch models: what drifts, breaks or goes quiet.

    A monitor is a table [monitor.NAME] in lite-mlops.toml, or was made by lm.monitor(NAME).
    """


@monitor.command("ls")
@as_option
def list_monitors(form: str | None) -> None:
    """List the monitors."""
    found = open_project().monitors.all()
    if form:
        emit([one.to_dict() for one in found], form)
    elif found:
        table(
            [_line(one) for one in found], ("monitor", "model", "window", "every", "checks", "in")
        )
    else:
        say("There is no monitor. Make one: a table [monitor.NAME] in lite-mlops.toml.")


def _line(one: Monitor) -> tuple[str, ...]:
    from lite_mlops.monitoring.monitors import CHECKS
    from lite_mlops.spans import span_text

    made = [name for name in CHECKS if one.runs_check(name)]
    left_out = [name for name in CHECKS if not one.runs_check(name)]
    checks = f"all but {', '.join(left_out)}" if left_out else "all"
    if len(made) <= len(left_out):
        checks = ", ".join(made) or "none"
    model = one.model or f"{one.name}@champion"
    return one.name, model, str(one.window), span_text(one.every), checks, one.source


@monitor.command("show")
@click.argument("name")
@as_option
def show_monitor(name: str, form: str | None) -> None:
    """Show what NAME watches, and what it found last."""
    monitors = open_project().monitors
    found, last = monitors.get(name), monitors.last(name)
    runs = monitors.runs(name, rows=10)
    if form:
        record = found.to_dict() | {
            "last": None if last is None else last.to_dict(),
            "runs": [one.to_dict() for one in runs],
        }
        emit(record, form)
        return
    facts({key: _told(value) for key, value in found.to_dict().items()})
    if last is not None:
        heading("found last")
        _show_run(last)
        heading("last runs")
        rows = [
            (when(one.ran_at), one.model, when(one.since), when(one.until), one.rows, one.how)
            for one in runs
        ]
        table(rows, ("ran", "version", "from", "until", "rows", "by"), right=("rows",))


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    return "" if value is None else str(value)


@monitor.command("run")
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Store nothing and tell nobody; show what would be.")
@click.option(
    "--due", is_flag=True, help="Only those whose time has come, if no other process does."
)
@click.option("--until", metavar="TIME", help="The end of the window, such as 2026-05-01T12:00.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing, and let others go first.")
@as_option
def run_monitor(
    name: str | None,
    dry_run: bool,  # noqa: FBT001
    due: bool,  # noqa: FBT001
    until: str | None,
    quiet: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """Have a monitor look now, or all of them.

    What is found is stored, and who is to know is told. Exits with 4 if something fires.
    """
    if due and (name or dry_run or until):
        raise click.UsageError("--due goes with none of NAME, --dry-run and --until.")
    if quiet:
        from lite_mlops.store import lower_priority

        lower_priority()
    monitors = open_project().monitors
    end = None if until is None else _moment(until)
    found = monitors.run_due() if due else monitors.run(name, until=end, dry_run=dry_run)
    if not quiet:
        _show_runs(found, form, dry_run=dry_run)
    if any(run.firing for run in found):
        raise click.exceptions.Exit(DRIFTED)


def _moment(text: str) -> datetime:
    from lite_mlops.monitoring.windows import moment_of

    return moment_of(text)


def _show_runs(found: Sequence[MonitorRun], form: str | None, *, dry_run: bool) -> None:
    if form == "csv":
        emit(
            [
                {"monitor": run.stored.monitor, "model": run.stored.model, **one.to_dict()}
                for run in found
                for one in run.findings
            ],
            form,
        )
        return
    if form:
        emit([run.to_dict() for run in found], form)
        return
    for run in found:
        _show_run(run)
        for one in run.decided:
            told = f", told to {', '.join(one['channels'])}" if one["channels"] else ""
            say(f"  {one['how']}: {one['sentence']} ({one['incident'][-6:]}{told})")
        for one in run.told:
            if one["why"]:
                say(f"  {one['channel']} was not told: {one['why']}. It is tried again.")
        if dry_run:
            say("\n".join(run.messages) if run.messages else "  Nothing would be sent.")


def _show_run(run: MonitorRun) -> None:
    stored = run.stored
    say(str(run))
    say(f"  {stored.rows:,} rows, {when(stored.since)} to {when(stored.until)}")
    if run.firing:
        rows = [(one.severity, one.check, one.subject, one.sentence) for one in run.firing]
        table(rows, ("severity", "check", "subject", "what"), give=("what", "subject"))


@monitor.command("status")
@as_option
def monitor_status(form: str | None) -> None:
    """Show how all monitors stand, and what fires since when."""
    project = open_project()
    found = project.monitors.status()
    channels = project.alerts.channels()
    if form == "json":
        emit(
            {
                "monitors": [one.to_dict() for one in found],
                "channels": [one.to_dict() for one in channels],
            },
            form,
        )
        return
    if form:
        emit(
            [
                {
                    "monitor": one.monitor.name,
                    "verdict": one.verdict,
                    "ran_at": None if one.last is None else one.last.stored.ran_at.isoformat(),
                    "incidents": len(one.incidents),
                }
                for one in found
            ],
            form,
        )
        return
    if not found:
        say("There is no monitor. Make one: a table [monitor.NAME] in lite-mlops.toml.")
    for one in found:
        _show_state(one)
    for channel in channels:
        if channel.broken:
            say(f"\nThe channel {channel.name} cannot be told: {channel.why}.")


def _show_state(one: MonitorState) -> None:
    heading(one.monitor.name)
    say(f"  {one.verdict}")
    if one.last is not None:
        stored = one.last.stored
        say(f"  {stored.model}, {stored.rows:,} rows; looked at {when(stored.ran_at)}")
    for incident in one.incidents[:_SHOWN]:
        acknowledged = ", acknowledged" if incident.state == "acknowledged" else ""
        say(
            f"  [{incident.severity}] {incident.sentence} (since {since(incident.opened_at)}"
            f"{acknowledged}, {incident.id[-6:]})"
        )
    if len(one.incidents) > _SHOWN:
        say(f"  and {len(one.incidents) - _SHOWN} more: lite-mlops alerts ls")
    if one.silenced:
        say(f"  {one.silenced} silenced: lite-mlops alerts ls --silences")


@monitor.command("rm")
@click.argument("name")
@reason_option
def remove_monitor(name: str, reason: str | None) -> None:
    """Take away a monitor that lm.monitor made; what it found stays."""
    open_project().monitors.remove(name, reason=reason)
    say(f"The monitor {name} looks no more.")


@monitor.command("rehearse")
@click.argument("name")
@click.option("--shift", multiple=True, metavar="COLUMN=0.5sd", help="Numbers move.")
@click.option("--missing", multiple=True, metavar="COLUMN=10%", help="Values are missing.")
@click.option("--unit", multiple=True, metavar="COLUMN=x1000[:10%]", help="Another unit.")
@click.option("--stuck", multiple=True, metavar="COLUMN", help="The same value all the time.")
@click.option("--category", multiple=True, metavar="COLUMN=VALUE:20%", help="A value comes up.")
@click.option("--draws", default=20, show_default=True, help="How many windows are drawn.")
@click.option("--seed", default=7, show_default=True, help="Of the draws.")
@as_option
def rehearse_monitor(
    name: str, draws: int, seed: int, form: str | None, **changes: tuple[str, ...]
) -> None:
    """Show which alarms a drift would raise.

    The drift is put into a copy of recorded rows; the same is done without any. Nothing is
    stored and nobody is told.
    """
    asked = [f"{kind} {text}" for kind, texts in changes.items() for text in texts]
    found = open_project().monitors.rehearse(name, asked, draws=draws, seed=seed)
    if form == "csv":
        emit([one.to_dict() for one in found.alarms], form)
    elif form:
        emit(found.to_dict(), form)
    else:
        _show_rehearsal(found)


def _show_rehearsal(found: Rehearsal) -> None:
    say(str(found))
    if found.alarms:
        rows = [
            (
                one.check,
                one.subject,
                f"{one.untouched:.0%}",
                f"{one.changed:.0%}" if found.changes else "",
                number(one.rows),
                number(one.told),
                one.sentence,
            )
            for one in found.alarms
        ]
        columns = ("check", "subject", "untouched", "changed", "rows", "told after", "for example")
        table(rows, columns, right=columns[2:6], give=("for example", "subject"))
    say(
        f"Drawn from {found.recorded:,} recorded rows of {found.model}. `rows`: changed rows until "
        "it fires; `told after`: until an incident opens."
    )
    if found.note:
        say(found.note)


monitor.add_command(report)
