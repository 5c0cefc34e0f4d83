"""`lite-mlops endpoint`: what is served, what is tried beside it, and what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import Commands, open_project
from lite_mlops.cli.output import as_option, emit, facts, heading, say, table, tell, when
from lite_mlops.cli.promote import override_option
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.serving import EndpointState
    from lite_mlops.serving.trials import Trial

_TOLD = 5  # differences between two versions

off_option = click.option("--off", is_flag=True, help="Take it away again.")


@click.group(cls=Commands)
def endpoint() -> None:
    """Try new versions on live traffic, and see what is served.

    ENDPOINT is what a server was started with, such as churn@champion. Servers follow at once.
    """


@endpoint.command("ls")
@as_option
def list_endpoints(form: str | None) -> None:
    """List what is served, and where something is tried."""
    found = open_project().endpoints.all()
    if form:
        emit([one.to_dict() for one in found], form)
    elif found:
        rows = [
            (
                one.reference,
                one.version or "nothing",
                " ".join(str(process.pid) for process in one.processes) or "none",
                _canary(one.trial),
                " ".join(one.trial.shadows),
                "paused" if one.trial.paused else "",
            )
            for one in found
        ]
        table(rows, ("endpoint", "answers with", "processes", "canary", "shadow", ""))
    else:
        say("Nothing is served, and nothing is tried.")


def _canary(trial: Trial) -> str:
    from lite_mlops.serving.trials import percent

    return "" if trial.canary is None else f"{trial.canary_name}={percent(trial.share)}"


@endpoint.command("show")
@click.argument("endpoint")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, help="Lines of the story.")
@as_option
def show_endpoint(endpoint: str, limit: int, form: str | None) -> None:
    """Show what answers for ENDPOINT, what is tried there, and its story."""
    state = open_project().endpoints.get(endpoint, rows=limit)
    if form:
        emit(state.to_dict(), form)
        return
    _print_facts(state)
    _print_canary(state)
    _print_shadows(state)
    _print_story(state)


def _print_facts(state: EndpointState) -> None:
    trial = state.trial
    processes = [
        f"{one.pid} on {one.host} since {when(one.since)}"
        + (f", {one.detail['url']}" if "url" in one.detail else "")
        for one in state.processes
    ]
    facts(
        {
            "endpoint": state.reference,
            "answers with": state.version or "nothing: it means no version at present",
            "processes": "\n".join(processes) or "none",
            "canary": _canary(trial),
            "by the key": trial.key,
            "shadow": ", ".join(trial.shadows),
            "paused": "yes: canary and shadow get no requests" if trial.paused else "",
        }
    )


def _print_canary(state: EndpointState) -> None:
    from lite_mlops.serving.wording import COUNT_COLUMNS, canary_lines, count_rows, rule_line

    if state.trial.canary is None:
        return
    heading(f"the canary {state.trial.canary_name}")
    rows = list(count_rows(state))
    if not rows:
        say("Nothing was counted yet.")
        return
    table(rows, COUNT_COLUMNS, right=COUNT_COLUMNS[2:])
    facts(canary_lines(state))
    if rule := rule_line(state):
        say(rule)


def _print_shadows(state: EndpointState) -> None:
    from lite_mlops.serving.wording import shadow_line

    for name in state.trial.shadows:
        heading(f"the shadow {name}")
        found = state.of("shadow", name)
        say("It was not asked yet." if found is None else shadow_line(found))


def _print_story(state: EndpointState) -> None:
    from lite_mlops.serving.wording import happened

    if not state.story:
        return
    heading("what happened, the latest first")
    rows = [
        (
            when(one.at),
            one.what,
            one.version,
            one.actor or (f"process {one.pid}" if one.pid else ""),
            happened(one),
        )
        for one in state.story
    ]
    table(rows, ("when", "what", "version", "by", "why"), right=("version",), give=("why",))


# -- decisions ----------------------------------------------------------------------------------


@endpoint.command("canary")
@click.argument("endpoint")
@click.argument("canary", required=False, metavar="[VERSION=SHARE]")
@click.option("--key", metavar="COLUMN", help="The column by which requests stay together.")
@off_option
@reason_option
@as_option
def set_canary(
    endpoint: str,
    canary: str | None,
    key: str | None,
    off: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Give a share of the requests to another version.

    VERSION=SHARE says to which and how much, such as churn/4=10%. Requests with the same header
    X-Canary-Key (or the same value in COLUMN) are answered by the same version. A canary that is
    worse beyond chance is rolled back.
    """
    from lite_mlops.serving.trials import parse_canary

    endpoints = open_project().endpoints
    if off == (canary is not None):
        raise click.UsageError("Either VERSION=SHARE, such as churn/4=10%, or --off.")
    if canary is None:
        _told(endpoints.stop_canary(endpoint, reason=reason), form)
        return
    version, share = parse_canary(canary)
    trial = endpoints.canary(endpoint, version, share, key=key, reason=reason)
    _told(trial, form)
    _warn(endpoints.differences(endpoint, version))


@endpoint.command("shadow")
@click.argument("endpoint")
@click.argument("version", required=False)
@off_option
@reason_option
@as_option
def set_shadow(
    endpoint: str,
    version: str | None,
    off: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Have VERSION asked what ENDPOINT answers, only to compare.

    With --off it is asked no more, nor is any where none is named.
    """
    endpoints = open_project().endpoints
    if off:
        _told(endpoints.stop_shadow(endpoint, version, reason=reason), form)
    elif version is None:
        raise click.UsageError("Either a VERSION, such as churn/5, or --off.")
    else:
        _told(endpoints.shadow(endpoint, version, reason=reason), form)
        _warn(endpoints.differences(endpoint, version))


@endpoint.command("pause")
@click.argument("endpoint")
@reason_option
@as_option
def pause_trial(endpoint: str, reason: str | None, form: str | None) -> None:
    """Give canary and shadow no requests for now; what was counted stays."""
    _told(open_project().endpoints.pause(endpoint, reason=reason), form)


@endpoint.command("resume")
@click.argument("endpoint")
@reason_option
@as_option
def resume_trial(endpoint: str, reason: str | None, form: str | None) -> None:
    """Give canary and shadow their requests again."""
    _told(open_project().endpoints.resume(endpoint, reason=reason), form)


@endpoint.command("promote")
@click.argument("endpoint")
@override_option
@reason_option
@as_option
def promote_canary(
    endpoint: str,
    override: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Move the alias to the canary, which answers all then.

    Where the alias has a gate, it must have passed for the canary.
    """
    found = open_project().endpoints.promote(endpoint, reason=reason, override=override)
    tell(f"{endpoint} is {found.name} now; its trial is over.", found.to_dict(), form)


def _told(trial: Trial, form: str | None) -> None:
    from lite_mlops.serving.trials import told

    tell(told(trial), trial.to_dict(), form)


def _warn(differences: list[str]) -> None:
    for one in differences[:_TOLD]:
        click.echo(f"Clients may notice: {one}.", err=True)
    if len(differences) > _TOLD:
        click.echo(f"And {len(differences) - _TOLD} more differences like these.", err=True)
