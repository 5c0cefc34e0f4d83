"""`lite-mlops runs compare`: what differs between runs, and whether one is better beyond chance."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import as_option, emit, heading, number, say, since, table

if TYPE_CHECKING:
    from lite_mlops.tracking.comparing import Comparison

LONG = "no difference that the data can tell"  # of the verdicts; too long for a column


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="A B...")
@click.option("--all", "everything", is_flag=True, help="Show what is the same as well.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one page that needs nothing else, with metric curves.",
)
@as_option
def compare_runs(
    runs: tuple[str, ...],
    everything: bool,  # noqa: FBT001
    html: Path | None,
    form: str | None,
) -> None:
    """Compare runs with the first one.

    Shows what differs in metrics, params, tags, data, code, environment and packages. Where runs
    have logged an evaluation on the same rows, it says whether they are better or worse, with an
    interval of the difference.
    """
    project = open_project()
    found = project.compare(*runs)
    if html is not None:
        html.write_text(project.comparisons.page(found), encoding="utf-8")
    shown = found if everything else found.differing()
    if form:
        emit(shown.to_dict() if form == "json" else _records(shown), form)
    elif html is not None:
        say(f"Wrote {html}.")
    else:
        _print(found, shown)


def _letters(count: int) -> list[str]:
    """Return a short name for each run, as names of runs are long."""
    letters = string.ascii_uppercase
    return [letters[place] if place < len(letters) else str(place + 1) for place in range(count)]


def _print(found: Comparison, shown: Comparison) -> None:
    letters = _letters(len(shown.runs))
    rows = [
        (letter, run.id, run.name, run.experiment, run.status, since(run.started_at))
        for letter, run in zip(letters, shown.runs, strict=True)
    ]
    columns = ("run", "id", "name", "experiment", "status", "started")
    table(rows, columns, give=("experiment", "name"))
    by_id = {run.id: letter for letter, run in zip(letters, shown.runs, strict=True)}
    _print_verdicts(shown, by_id)
    if shown.metrics:
        heading("metrics")
        differences = [f"{letter} - A" for letter in letters[1:]]
        cells = [
            (row.name, *map(number, row.values), *map(_signed, row.differences))
            for row in shown.metrics
        ]
        _print_table(cells, ("name", *letters, *differences), right=(*letters, *differences))
    for name, section in shown.sections().items():
        if section:
            heading(name)
            _print_table([(row.name, *row.values) for row in section], ("name", *letters))
    _print_rest(found, shown)


def _print_table(
    rows: Sequence[Sequence[object]], columns: Sequence[str], *, right: Sequence[str] = ()
) -> None:
    table(rows, columns, right=right, give=(*reversed(columns[1:]), columns[0]))


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4g}"


def _print_verdicts(shown: Comparison, letters: dict[str, str]) -> None:
    for pair in shown.evaluations:
        first, second = letters[pair.first], letters[pair.second]
        if pair.reason is not None:
            heading(f"evaluation {pair.name}, {second} against {first}")
            say(f"No verdict: {pair.reason}")
            continue
        rows = [
            (
                verdict.metric,
                f"{verdict.first:.4g}",
                f"{verdict.second:.4g}",
                _signed(verdict.difference),
                f"{verdict.low:+.3g} to {verdict.high:+.3g}",
                "no difference" if verdict.word == LONG else verdict.word,
            )
            for verdict in pair.verdicts
        ]
        some = pair.verdicts[0]
        about = f"{some.rows:,} rows, {some.confidence:.0%} intervals"
        heading(f"evaluation {pair.name}, {second} against {first}: {about}")
        difference = f"{second} - {first}"
        columns = ("metric", first, second, difference, "interval", "verdict")
        table(rows, columns, right=columns[1:5], give=("metric",))
        for verdict in pair.verdicts:
            if verdict.p_value is not None:
                say(f"McNemar's test for {verdict.metric}: p = {verdict.p_value:.2g}")


def _print_rest(found: Comparison, shown: Comparison) -> None:
    """Say what is the same and not shown."""
    counts = {
        name: len(getattr(found, name)) - len(getattr(shown, name))
        for name in ("metrics", *shown.sections())
    }
    same = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
    if same:
        say(f"\nThe same in all: {same}. --all shows them.")


def _records(shown: Comparison) -> list[dict[str, Any]]:
    """Return the comparison as rows of one table, with a column for each run."""
    ids = [run.id for run in shown.runs]

    def of_verdicts() -> Iterator[dict[str, Any]]:
        for pair in shown.evaluations:
            for verdict in pair.verdicts:
                found = verdict.to_dict()
                yield {
                    "name": f"{pair.name} {verdict.metric}",
                    pair.first: found["first"],
                    pair.second: found["second"],
                    **{key: found[key] for key in ("difference", "low", "high", "p_value")},
                    "verdict": verdict.word,
                }
            if pair.reason is not None:
                yield {"name": pair.name, "verdict": f"no verdict: {pair.reason}"}

    rows = [("verdict", record) for record in of_verdicts()]
    for name in ("metrics", *shown.sections()):
        for row in getattr(shown, name):
            values = row.to_dict()["values"]
            rows.append((name, {"name": row.name, **dict(zip(ids, values, strict=True))}))
    empty = dict.fromkeys(
        ("section", "name", *ids, "difference", "low", "high", "p_value", "verdict")
    )
    return [empty | {"section": section} | record for section, record in rows]
