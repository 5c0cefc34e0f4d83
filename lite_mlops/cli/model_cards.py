"""`lite-mlops models card`: a version as a page, and what people state of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.cli.output import say

if TYPE_CHECKING:
    from lite_mlops.project import Project

# Those of `lite_mlops.models.cards`, which is not loaded to show the help.
FORMS = ("md", "html", "hf", "cyclonedx", "json")
ASKED = ("purpose", "limits", "out_of_scope", "ethics", "contact", "license")
_ENDINGS = {".html": "html", ".htm": "html", ".cdx.json": "cyclonedx", ".json": "json"}


@click.command("card")
@click.argument("reference")
@click.option(
    *("-o", "--output", "file"),
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there; its ending tells the form: .md, .html, .cdx.json, .json.",
)
@click.option("--format", "form", type=click.Choice(FORMS), help="The form; else Markdown.")
@click.option("--json", "form", flag_value="json", help="The same facts as JSON.")
@click.option(
    *("--state", "stated"),
    multiple=True,
    metavar="NAME=TEXT",
    help="Record what only people know; may be given again. No text takes it away.",
)
@click.option("--reason", help="Why it is stated; recorded with it.")
def card(
    reference: str,
    file: Path | None,
    form: str | None,
    stated: tuple[str, ...],
    reason: str | None,
) -> None:
    """Write the model card of a version, from what is recorded.

    REFERENCE names it, such as churn@champion or churn/3.

    What only people know is asked for with --state, and never invented: purpose, limits,
    out_of_scope, ethics, contact, license. It is recorded for the version, or for all versions if
    REFERENCE is the name of a model alone; a card is then written only if -o or a form asks for it.

    The forms: md, html (one page), hf (README with the front matter of Hugging Face),
    cyclonedx (ML-BOM, version 1.6), json.
    """
    project = open_project()
    if stated:
        _state(project, reference, stated, reason)
        if file is None and form is None:
            return
    elif reason is not None:
        raise click.UsageError("--reason goes with --state.")
    text = project.models.card_text(reference, form or _form_of(file))
    if file is None:
        click.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    say(f"Wrote {file}.")


def _form_of(file: Path | None) -> str:
    """Return the form that the ending of a file means; Markdown for any other, and for none."""
    name = "" if file is None else file.name.lower()
    return next((form for ending, form in _ENDINGS.items() if name.endswith(ending)), "md")


def _state(project: Project, reference: str, stated: tuple[str, ...], reason: str | None) -> None:
    texts: dict[str, str | None] = {}
    for pair in stated:
        name, equals, text = pair.partition("=")
        if not equals:
            raise click.UsageError(
                f"--state is NAME=TEXT, such as purpose='...'; {pair!r} has no '='. "
                f"The names are {', '.join(ASKED)}."
            )
        texts[name.strip()] = text.strip() or None
    project.models.state(reference, reason=reason, **texts)
    what = ", ".join(f"{name} taken away" if t is None else name for name, t in texts.items())
    click.echo(f"Recorded for {reference}: {what}.", err=True)
