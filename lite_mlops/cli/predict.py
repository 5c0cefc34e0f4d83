"""`lite-mlops predict`: a model asked over a whole file."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lite_mlops.cli.model_source import asked_model, chosen_trust, strict_option, trust_options
from lite_mlops.cli.output import emit, shown

if TYPE_CHECKING:
    from lite_mlops.serving import Predicted

_STREAM = "-"


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how far it is; a terminal shows a bar, on the side of the messages."""
    if not sys.stderr.isatty():
        yield lambda done, rows: None  # noqa: ARG005
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), "rows", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda done, rows: bar.update(task, completed=done, total=rows)


def _taken_in(folder: Path) -> tuple[Path, str]:
    """Return what came in as a file, and its format by its first character."""
    path = folder / "standard-input"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    with path.open("rb") as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return path, "jsonl" if start.startswith(b"{") else "csv"


def _given_out(path: Path) -> None:
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@click.command()
@click.argument("model")
@click.option(
    "-i", "--input", "source", required=True, help="CSV, Parquet or JSON lines; - reads the input."
)
@click.option(
    "-o", "--output", "target", default=_STREAM, help="Where the answers go; - (default) prints."
)
@click.option("--proba", is_flag=True, help="Also write the probability of each class.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Write a column beside the answers.")
@click.option("--all-columns", is_flag=True, help="Write all columns of the file beside them.")
@trust_options
@strict_option
@click.option("--json", "as_json", is_flag=True, help="Say in JSON what was written.")
def predict(
    model: str,
    source: str,
    target: str,
    proba: bool,  # noqa: FBT001
    keep: tuple[str, ...],
    all_columns: bool,  # noqa: FBT001
    trust: tuple[str, ...],
    trust_all: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Answer every row of a file, of any size.

    MODEL names a version, such as churn@champion, churn/3 or runs:/6ba7b810/model, or is a bundle
    (churn.lmz), which needs no project. Nothing is recorded.

    The formats are told by the endings: .csv, .parquet, .jsonl. What is read from - is CSV or JSON
    lines, and what is printed is CSV, or JSON lines for JSON lines.
    """
    if keep and all_columns:
        raise click.UsageError("--keep chooses columns, and --all-columns takes all of them.")
    if as_json and target == _STREAM:
        raise click.UsageError("--json says what was written to a file; name one with -o.")
    from lite_mlops.serving import READ, format_of, predict_file

    version, loaded, project = asked_model(model, chosen_trust(trust, trust_all), strict=strict)
    with tempfile.TemporaryDirectory(prefix="lite-mlops-") as name:
        folder = Path(name)
        if source == _STREAM:
            path, form = _taken_in(folder)
        else:
            path = Path(source)
            form = format_of(path, READ)
        printed = target == _STREAM
        with _progress() as progress:
            done = predict_file(
                loaded,
                version.signature,
                path,
                folder / "answers" if printed else Path(target),
                form=form,
                written=("jsonl" if form == "jsonl" else "csv") if printed else None,
                probabilities=proba,
                keep=None if all_columns else keep,
                settings=None if project is None else project.settings,
                called="the standard input" if source == _STREAM else None,
                progress=progress,
            )
        if printed:
            _given_out(done.path)
    _tell(done, version.name, printed=printed, as_json=as_json)


def _tell(done: Predicted, version: str, *, printed: bool, as_json: bool) -> None:
    if as_json:
        emit({"model": version, **done.to_dict()}, "json")
    else:
        where = "" if printed else f" in {done.path}"
        text = f"{version} answered {done.rows:,} row{'s' if done.rows != 1 else ''}{where}."
        click.echo(shown(text), err=printed)
