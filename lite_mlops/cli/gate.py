"""`lite-mlops gate`: what a version has to show before it is promoted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import GATED, Commands, open_project
from lite_mlops.cli.output import as_option, emit, facts, heading, number, say, table, when
from lite_mlops.cli.runs import reason_option

if TYPE_CHECKING:
    from lite_mlops.gates import GateReport, Replayed


@click.group(cls=Commands)
def gate() -> None:
    """Judge versions before they are promoted.

    Gates are tables [gate.NAME] of lite-mlops.toml, or defined in code.
    """


@gate.command("run")
@click.argument("candidate")
@click.option("--against", metavar="NAME@ALIAS", help="The alias it is to get, or a version.")
@click.option("--data", metavar="DATA", help="NAME@VERSION of a dataset, or a file.")
@click.option("--replay", metavar="WINDOW", help="Recorded requests, such as 7d, or all.")
@click.option("--seed", type=click.IntRange(0), help="Of everything that is drawn at random.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write a JUnit file.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write it for a pull request.")
@reason_option
@as_option
def run_gate(
    candidate: str,
    against: str | None,
    data: str | None,
    replay: str | None,
    seed: int | None,
    junit: Path | None,
    markdown: Path | None,
    reason: str | None,
    form: str | None,
) -> None:
    """Judge CANDIDATE by its gate, and keep the evidence.

    CANDIDATE is a version such as churn/4, or churn for the newest. Exits with 3 if the gate does
    not pass: a check failed, or cannot tell.
    """
    from lite_mlops.gates import as_junit, as_markdown

    project = open_project()
    report = project.gates.run(
        candidate, against, data=data, replay=replay, seed=seed, reason=reason
    )
    if junit is not None:
        junit.write_text(as_junit([report]), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(as_markdown([report]), encoding="utf-8")
    _show(report, form)
    if not report.passed:
        raise click.exceptions.Exit(GATED)


def _show(report: GateReport, form: str | None) -> None:
    if form == "json":
        emit(report.to_dict(), form)
        return
    if form == "csv":
        emit([one.to_dict() for one in report.verdicts], form)
        return
    for one in report.verdicts:
        beside = "" if one.stops or one.outcome == "passed" else " (does not stop it)"
        say(f"{one.outcome:<11}  {one.name}{beside}")
        say(f"             {one.sentence}")
    say(report.summary())


@gate.command("ls")
@as_option
def list_gates(form: str | None) -> None:
    """List the gates, and what they keep."""
    found = open_project().gates.all()
    if form:
        emit([one.to_dict() for one in found], form)
        return
    if not found:
        say("There is no gate. Write one as a table [gate.NAME] of lite-mlops.toml.")
        return
    rows = [
        (
            one.name,
            one.target,
            one.requirement.data,
            one.requirement.approvals or "",
            ", ".join(check.name for check in one.checks),
        )
        for one in found
    ]
    columns = ("gate", "keeps", "data", "approvals", "checks")
    table(rows, columns, right=("approvals",), give=("checks", "data"))


@gate.command("show")
@click.argument("report", type=click.IntRange(1))
@as_option
def show_report(report: int, form: str | None) -> None:
    """Show the report of number REPORT, as `gate history` lists it."""
    found = open_project().gates.report(report)
    if not form:
        facts(
            {
                "judged": when(found.judged_at),
                "by": found.actor,
                "data": found.data_name,
                "content": found.data_sha256,
                "rows": found.rows or "",
                "seed": found.seed,
                "settings": found.digest,
            }
        )
    _show(found, form)


@gate.command("history")
@click.argument("model", required=False)
@click.option("-n", "--limit", type=click.IntRange(1), default=20, help="How many, at most.")
@as_option
def show_gate_history(model: str | None, limit: int, form: str | None) -> None:
    """List what gates said, the latest first; of MODEL or of all."""
    found = open_project().gates.history(model, rows=limit)
    if form:
        emit([one.to_dict() for one in found], form)
        return
    if not found:
        say("No gate ran yet.")
        return
    rows = [
        (
            one.number,
            one.name,
            f"@{one.alias}",
            "nothing" if one.baseline is None else f"{one.model}/{one.baseline}",
            one.outcome,
            when(one.judged_at),
            one.actor,
            one.data_name,
        )
        for one in found
    ]
    columns = ("report", "version", "for", "against", "outcome", "judged", "by", "data")
    table(rows, columns, right=("report",), give=("data", "by"))


@gate.command("replay")
@click.argument("candidate")
@click.option("--window", default="7d", show_default=True, help="Such as 24h, 7d, all, or A..B.")
@click.option("--rows", type=click.IntRange(1), default=1_000_000, help="At most; else a sample.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the sample.")
@as_option
def show_replay(candidate: str, window: str, rows: int, seed: int, form: str | None) -> None:
    """Have CANDIDATE answer recorded requests off-line.

    Shows what it would have answered otherwise, and how right it is where labels have come.
    """
    found = open_project().gates.replay(candidate, window, rows=rows, seed=seed)
    if form == "json":
        emit(found.to_dict(), form)
    elif form == "csv":
        emit([one.to_dict() for one in found.largest], form)
    else:
        _show_replay(found)


def _show_replay(found: Replayed) -> None:
    from lite_mlops.data.wording import percent

    then = found.latency_then_us
    facts(
        {
            "candidate": found.candidate,
            "requests": f"{found.rows:,} of {found.recorded:,} recorded ({found.window})",
            "answered by": ", ".join(f"{name} ({n:,})" for name, n in found.versions.items()),
            "other answers": f"{found.changed:,} ({percent(found.changed_share)})",
            "failed": f"{found.failed:,}" + (f": {found.why_failed}" if found.failed else ""),
            "without inputs": found.unknown or "",
            "with feedback": found.labelled or "",
            "speed": f"{found.rows_per_second:,.0f} rows a second",
            "95 % took then": "" if then is None else f"{then / 1000:.3g} ms",
        }
    )
    for one in found.compared:
        say(one.text)
    if found.largest:
        heading("the largest changes")
        rows: list[tuple[Any, ...]] = [
            (one.prediction_id, one.then, one.now, _score(one.score_then), _score(one.score_now))
            for one in found.largest
        ]
        columns = ("prediction", "then", "now", "score then", "score now")
        table(rows, columns, right=columns[3:], give=("then", "now"))


def _score(value: float | None) -> str:
    return "" if value is None else number(value)
