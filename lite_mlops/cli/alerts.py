"""`lite-mlops alerts`: what fires, who is told, and what people decide about it."""

from __future__ import annotations

import click

from lite_mlops.cli.commands import FAILED, Commands, open_project
from lite_mlops.cli.output import as_option, emit, facts, heading, say, since, table, tell, when
from lite_mlops.cli.runs import reason_option


@click.group(cls=Commands)
def alerts() -> None:
    """What fires, and who is told of it.

    INCIDENT is an id of `alerts ls`, or how it begins or ends. Who is told says a table
    [channel.NAME] in lite-mlops.toml.
    """


@alerts.command("ls")
@click.option("-m", "--monitor", help="Only those of a monitor.")
@click.option("-a", "--all", "everything", is_flag=True, help="Those that are over as well.")
@click.option("--silences", is_flag=True, help="List of what nobody is told instead.")
@as_option
def list_alerts(
    monitor: str | None,
    everything: bool,  # noqa: FBT001
    silences: bool,  # noqa: FBT001
    form: str | None,
) -> None:
    """List what fires."""
    found = open_project().alerts
    if silences:
        quiet = found.silences(monitor)
        if form:
            emit([one.to_dict() for one in quiet], form)
        else:
            rows = [
                (one.monitor, one.check or "any", one.subject or "any", when(one.expires_at),
                 one.actor, one.reason)
                for one in quiet
            ]  # fmt: skip
            table(rows, ("monitor", "check", "subject", "until", "by", "why"), give=("why",))
        return
    incidents = found.all(monitor, standing=not everything)
    if form:
        emit([one.to_dict() for one in incidents], form)
    elif incidents:
        lines = [
            (one.id[-6:], one.severity, one.state, one.about, since(one.opened_at), one.sentence)
            for one in incidents
        ]
        columns = ("incident", "severity", "state", "about", "since", "what")
        table(lines, columns, give=("what", "about"))
    else:
        say("Nothing fires.")


@alerts.command("show")
@click.argument("incident")
@as_option
def show_alert(incident: str, form: str | None) -> None:
    """Show an incident and its history."""
    found = open_project().alerts.get(incident)
    if form:
        emit(found.to_dict(), form)
        return
    facts(
        {
            "incident": found.id,
            "about": found.about,
            "state": found.state,
            "severity": found.severity,
            "what": found.sentence,
            "since": when(found.opened_at),
        }
    )
    heading("history")
    rows = [
        (when(one.at), one.how, one.severity, one.actor, ", ".join(one.channels),
         one.reason or one.sentence)
        for one in found.history
    ]  # fmt: skip
    table(rows, ("when", "what", "severity", "by", "told", ""), give=("",))


@alerts.command("ack")
@click.argument("incident")
@reason_option
@as_option
def acknowledge(incident: str, reason: str | None, form: str | None) -> None:
    """Say that you look after INCIDENT.

    It is told no more, unless it gets worse.
    """
    found = open_project().alerts.acknowledge(incident, reason=reason)
    tell(f"Acknowledged: {found.sentence}", found.to_dict(), form)


@alerts.command("resolve")
@click.argument("incident")
@reason_option
@as_option
def resolve(incident: str, reason: str | None, form: str | None) -> None:
    """Say that INCIDENT is over; what was found before counts no more."""
    found = open_project().alerts.resolve(incident, reason=reason)
    tell(f"Resolved: {found.sentence}", found.to_dict(), form)


@alerts.command("silence")
@click.argument("about")
@click.option("--for", "span", metavar="TIME", help="For how long, such as 2h or 3d.")
@click.option("--off", is_flag=True, help="Lift it.")
@reason_option
@as_option
def silence(
    about: str,
    span: str | None,
    off: bool,  # noqa: FBT001
    reason: str | None,
    form: str | None,
) -> None:
    """Tell nobody of something for a time.

    ABOUT is a monitor, such as churn, or churn/drift, or churn/drift/age; or an incident.
    """
    from lite_mlops.spans import parse_span

    found = open_project().alerts
    if (span is None) == (not off):
        raise click.UsageError("Either --for TIME, such as --for 2h, or --off.")
    try:
        time = None if span is None else parse_span(span)
    except ValueError as error:
        raise click.BadParameter(f"{span!r}: {error}.", param_hint="--for") from None
    silenced = found.silence(about, time, reason=reason)
    if silenced is None:
        tell(f"{about} is told again.", {"about": about, "silenced": False}, form)
    else:
        told = f"Nobody is told of {about} until {when(silenced.expires_at)}."
        tell(told, silenced.to_dict(), form)


@alerts.command("channels")
@as_option
def list_channels(form: str | None) -> None:
    """List who is told, and how that went."""
    found = open_project().alerts.channels()
    if form:
        emit([one.to_dict() for one in found], form)
        return
    rows = [
        (one.name, one.kind or "gone", one.where, one.state, one.sent, one.waiting,
         "" if one.sent_at is None else when(one.sent_at), one.why)
        for one in found
    ]  # fmt: skip
    columns = ("channel", "type", "where", "state", "sent", "waiting", "last", "why")
    table(rows, columns, right=("sent", "waiting"), give=("why", "where"))


@alerts.command("test")
@click.argument("channel", required=False)
@as_option
def test_channel(channel: str | None, form: str | None) -> None:
    """Tell CHANNEL, or all of them, that this is a test. Exits with 1 if one cannot be told."""
    found = open_project().alerts.test(channel)
    if form:
        emit([{"channel": name, "sent": not why, "why": why} for name, why in found.items()], form)
    else:
        for name, why in found.items():
            say(f"{name}: {f'not told: {why}.' if why else 'told.'}")
    if any(found.values()):
        raise click.exceptions.Exit(FAILED)
