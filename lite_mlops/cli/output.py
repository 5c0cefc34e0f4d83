"""What commands print: tables for people, JSON and CSV for programs, messages on the side.

Everything recorded is data: no markup is interpreted in it, and control characters that could
steer a terminal are shown, not sent.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lite_mlops.csvtext import safe_cell
from lite_mlops.jsontext import json_text

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_GAP = 2  # columns between two columns
_NARROWEST = 6
_UNBOUNDED = 1_000_000  # columns of what is no terminal

F = TypeVar("F", bound=Callable[..., Any])


def as_option(command: F) -> F:
    """Give a reading command the options --json and --csv; it receives one of them as `form`."""
    for name, help_text in (("json", "Print JSON."), ("csv", "Print CSV.")):
        flag = click.option(f"--{name}", "form", flag_value=name, default=None, help=help_text)
        command = flag(command)
    return command


def tell(text: str, record: Any, form: str | None) -> None:
    """Say what was done, or print it as a record in the form that was asked for."""
    if form:
        emit(record, form)
    else:
        say(text)


def shown(value: object) -> str:
    """Return a value as text for a terminal, with control characters made visible."""
    text = "" if value is None else str(value)
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def when(moment: datetime | str | None) -> str:
    """Return a time as it is shown: in the local time zone, to the second."""
    if moment is None:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def since(moment: datetime) -> str:
    """Return a time as a list shows it: the time of day if it is today, else the day."""
    local = moment.astimezone()
    today = local.date() == datetime.now(local.tzinfo).date()
    return local.strftime("%H:%M:%S" if today else "%Y-%m-%d")


def size(count: float) -> str:
    """Return a number of bytes as it is shown."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def duration(seconds: float | None) -> str:
    """Return a duration as it is shown."""
    if seconds is None:
        return ""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def number(value: object) -> str:
    """Return a number as it is shown: six digits are enough to compare."""
    return f"{value:.6g}" if isinstance(value, float) else shown(value)


def console() -> Console:
    """Return the console of the terminal; NO_COLOR and pipes turn colours off."""
    from rich.console import Console

    # Without a terminal a table is as wide as it needs to be, so that nothing is cut in a pipe.
    width = None if sys.stdout.isatty() else _UNBOUNDED
    return Console(markup=False, highlight=False, emoji=False, width=width)


def table(
    rows: Iterable[Sequence[object]],
    columns: Sequence[str],
    *,
    right: Sequence[str] = (),
    give: Sequence[str] = (),
) -> None:
    """Print rows as a table, one line each; the columns named in `right` are numbers.

    Where the terminal is too narrow the columns named in `give` are shortened, in that order.
    """
    from rich.table import Table
    from rich.text import Text

    terminal = console()
    columns, right, give = ([shown(name) for name in names] for names in (columns, right, give))
    cells = [[Text(shown(value)) for value in row] for row in rows]
    widths = {
        name: max([Text(shown(name)).cell_len, *(row[place].cell_len for row in cells)])
        for place, name in enumerate(columns)
    }
    excess = sum(widths.values()) + _GAP * (len(columns) - 1) - terminal.width
    for name in (name for name in give if name in widths):
        less = min(max(excess, 0), widths[name] - _NARROWEST)
        widths[name], excess = widths[name] - max(less, 0), excess - max(less, 0)
    grid = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    for name in columns:
        justify: Any = "right" if name in right else "left"
        header = Text(shown(name))  # a text alone would be read as markup
        grid.add_column(
            header, justify=justify, no_wrap=True, overflow="ellipsis", width=widths[name]
        )
    for row in cells:
        grid.add_row(*row)
    terminal.print(grid)


def facts(pairs: Mapping[str, object]) -> None:
    """Print names and values below each other; what is empty is left out."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        if value not in (None, "", [], {}):
            grid.add_row(Text(name), Text(shown(value)))
    console().print(grid)


def heading(text: str) -> None:
    """Print a heading."""
    from rich.text import Text

    console().print(Text(f"\n{text}", style="bold"))


def line_width() -> int:
    """Return how many columns a picture may take: those of the terminal, at most 80."""
    return min(console().width, 80)


def picture(lines: Iterable[str]) -> None:
    """Print lines as they are; what is too long for the terminal is cut."""
    from rich.text import Text

    terminal = console()
    for line in lines:
        terminal.print(Text(shown(line)), no_wrap=True, overflow="ellipsis", crop=True)


def can_show(text: str) -> bool:
    """Return whether the encoding of the terminal has the characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def say(text: str) -> None:
    """Print lines for people; a terminal gets them wrapped between words."""
    text = shown(text)
    if sys.stdout.isatty():
        text = "\n".join(_wrapped(line) for line in text.split("\n"))
    click.echo(text)


def _wrapped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        shutil.get_terminal_size().columns,
        subsequent_indent=indent,
        break_long_words=False,  # so that paths and hashes can be copied
        break_on_hyphens=False,
    )


def emit(values: Any, form: str) -> None:
    """Print records as JSON, or as CSV with one row a record."""
    if form == "json":
        text = json_text(values, indent=2)
        click.echo(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text))
        return
    records: list[Mapping[str, Any]] = values if isinstance(values, list) else [values]
    click.echo(csv_text([_flat(record) for record in records]), nl=False)


def _flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a record with what lies inside of it under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json_text(value) if isinstance(value, list) else value
    return flat


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula, and that steers no terminal."""
    if not isinstance(value, str):
        return value
    return shown(safe_cell(value))


def csv_text(records: Sequence[Mapping[str, Any]]) -> str:
    """Return records as CSV with a header."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_cell(name) for name in names])
    writer.writerows([_cell(record.get(name)) for name in names] for record in records)
    return text.getvalue()
