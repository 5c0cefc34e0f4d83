"""HTML for notebooks and pages: every value is escaped, and nothing in it steers a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

# What could steer a terminal that shows the file, or turn the direction of a text.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_LEFT = "style='text-align:left'"


class Markup(str):
    """HTML that is ready, such as a picture; all other texts are escaped."""

    __slots__ = ()


def visible(text: str) -> str:
    """Return a text with its control characters shown as Python writes them; lines stay lines."""
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], text)


def _escaped(text: str) -> str:
    import html  # its table of entities takes a millisecond, and only notebooks need it

    return html.escape(text)


def html_facts(title: str, facts: Mapping[str, object]) -> str:
    """Return names and values as a table of two columns; what is empty is left out."""
    rows = "".join(
        f"<tr><th {_LEFT}>{_escaped(str(name))}</th><td {_LEFT}>{_escaped(str(value))}</td></tr>"
        for name, value in facts.items()
        if value not in (None, "", (), [], {})
    )
    return f"<table><caption>{_escaped(title)}</caption>{rows}</table>"


def _cell(cell: object) -> str:
    return cell if isinstance(cell, Markup) else _escaped(str(cell))


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows as a table with a header."""
    head = "".join(f"<th {_LEFT}>{_escaped(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td {_LEFT}>{_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    caption = _escaped(title)
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"
