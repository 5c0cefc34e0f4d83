"""`lite-mlops monitor report`: what is known of a served model, as one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import say

if TYPE_CHECKING:
    from lite_mlops.monitoring.reports import ReportFacts

# Those of `lite_mlops.monitoring.reports`, which is not loaded to show the help.
FORMS = ("html", "md", "json")
_ENDINGS = {".html": "html", ".htm": "html", ".json": "json"}


@click.command("report")
@click.argument("name")
@click.option(
    *("-o", "--output", "file"),
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there; its ending tells the form: .html, .md, .json.",
)
@click.option("--format", "form", type=click.Choice(FORMS), help="The form; else Markdown.")
@click.option("--markdown", "form", flag_value="md", help="Markdown, as for a pull request.")
@click.option("--json", "form", flag_value="json", help="The same facts as JSON.")
@click.option("--since", metavar="TIME", help="Only answers from then on.")
@click.option("--until", metavar="TIME", help="Only answers before.")
@click.option("--last", metavar="N", help="Only the last ones, such as 5000 or 7d.")
@click.option("--window", metavar="SIZE", help="The windows of the time lines, as 6h, 1d or 1000.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Performance in slices of it, too.")
@click.option("--groups", multiple=True, metavar="COLUMN", help="Fairness between its groups, too.")
def report(
    name: str,
    file: Path | None,
    form: str | None,
    since: str | None,
    until: str | None,
    last: str | None,
    window: str | None,
    by: tuple[str, ...],
    groups: tuple[str, ...],
) -> None:
    """Write what is known of a served model as one page.

    The verdict comes first, then what to look at, what changed since when, and how it was decided.

    NAME is a monitor, whose last window is reported on, or a version, such as churn@champion, of
    which all answers are unless --since, --until or --last say otherwise.

    The forms: html (one page that needs nothing else), md (for a pull request), json.
    """
    from lite_mlops.monitoring.reports import write

    given = {"since": since, "until": until, "last": last, "window": window}
    options = {key: value for key, value in given.items() if value is not None}
    facts = _facts(name, options, by, groups)
    text = write(facts, form or _form_of(file))
    if file is None:
        click.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    say(f"Wrote {file}.")


def _facts(
    name: str, options: dict[str, str], by: tuple[str, ...], groups: tuple[str, ...]
) -> ReportFacts:
    project = open_project()
    if name not in {one.name for one in project.monitors.all()}:
        return project.monitoring.report(name, by=by, groups=groups, **options)
    for key in options.keys() - {"until"}:
        raise click.UsageError(f"--{key} is for a version; {name} is a monitor with a window.")
    return project.monitors.report(name, by=by, groups=groups, **options)


def _form_of(file: Path | None) -> str:
    """Return the form that the ending of a file means; Markdown for any other, and for none."""
    return _ENDINGS.get("" if file is None else file.suffix.lower(), "md")
