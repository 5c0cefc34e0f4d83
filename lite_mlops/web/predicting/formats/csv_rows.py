"""Rows as CSV after RFC 4180, with a line of names.

age,plan
41,"basic, with ""all"" extras"

Cells are read by the types of the signature. An empty cell is missing; "" is an empty text.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lite_mlops.csvtext import safe_cell
from lite_mlops.errors import Invalid
from lite_mlops.models import Signature
from lite_mlops.web.kernel import Limits, Malformed, Request, WrongMedia
from lite_mlops.web.predicting.cells import values_of
from lite_mlops.web.predicting.formats.sent import (
    Sent,
    Taking,
    check_count,
    check_width,
    first_twice,
)

MEDIA = "text/csv"

# A cell with what ends it; or all the rest, where that is none. Nothing is ever looked at twice.
_CELL = re.compile(r'("[^"]*+(?:""[^"]*+)*+"|[^",\r\n][^,\r\n]*+|)(,|\r?\n)|([\s\S]++)')
# Encodings that are read; others may be slow, or mean something else by the same bytes.
_ENCODINGS = {
    "utf-8": "utf-8-sig", "utf8": "utf-8-sig", "us-ascii": "ascii", "ascii": "ascii",
    "iso-8859-1": "latin-1", "latin-1": "latin-1", "latin1": "latin-1",
    "windows-1252": "cp1252", "cp1252": "cp1252", "utf-16": "utf-16",
}  # fmt: skip

Cells = list[str | None]


# -- reading ------------------------------------------------------------------------------------


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a body of CSV.

    Raises:
        Malformed: it names the line that is none of CSV.
        WrongMedia: its encoding is not read.
        TooLarge: there are more rows than one request may have.
        Invalid: it has no line of names, or a row with too many or too few cells.
    """
    text = _text(request)
    first = text.find("\n")
    check_width(text.count(",", 0, first if first >= 0 else len(text)), taking.signature)
    columns = _columns(_lines(text, taking.limits))
    return Sent(_typed(columns, taking.signature), lambda: columns)


def _text(request: Request) -> str:
    parameters = request.headers.get("content-type", "").lower().split(";")[1:]
    pairs = (one.partition("=") for one in parameters)
    named = {name.strip(): value.strip().strip('"') for name, _, value in pairs}
    charset = named.get("charset", "utf-8")
    if charset not in _ENCODINGS:
        raise WrongMedia(f"CSV in the charset {charset[:40]!r} is not read; send it as utf-8.")
    try:
        return request.body.decode(_ENCODINGS[charset])
    except UnicodeDecodeError as error:
        raise Malformed(f"the CSV is not {charset}: {error.reason} at {error.start}.") from None


def _lines(text: str, limits: Limits) -> list[Cells]:
    """Return the cells of each line, an empty one as None; quoted ones may hold line ends."""
    if not text.strip("\r\n"):
        raise Invalid("the CSV is empty: its first line must have the names of the columns.")
    if not text.endswith("\n"):
        text += "\n"
    if '"' not in text and "\r" not in text.replace("\r\n", "\n"):
        check_count(text.count("\n") - 1, limits)
        plain = text.replace("\r\n", "\n")[:-1].split("\n")
        return [[cell or None for cell in line.split(",")] for line in plain]
    lines: list[Cells] = []
    line: Cells = []
    for match in _CELL.finditer(text):
        cell, end, rest = match.groups()
        if rest:
            number = text.count("\n", 0, len(text) - len(rest)) + 1
            raise Malformed(
                f"line {number} is no CSV: {rest[:40]!r} has a quote or a line end where none may "
                "be."
            )
        line.append(_unquoted(cell))
        if end != ",":
            lines.append(line)
            line = []
            check_count(len(lines) - 1, limits)
    return lines


def _unquoted(cell: str) -> str | None:
    if cell[:1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell or None


def _columns(lines: Sequence[Cells]) -> dict[str, Cells]:
    names = ["" if name is None else name for name in lines[0]]
    for number, line in enumerate(lines[1:]):
        if len(line) != len(names):
            raise Invalid(
                f"row {number} has {len(line)} cells; expected {len(names)}, as in the line of "
                "names."
            )
    twice = first_twice(names)
    if twice is not None:
        raise Invalid(f"the line of names has {twice!r} twice.")
    values = zip(*lines[1:], strict=True) if len(lines) > 1 else [()] * len(names)
    return {name: list(one) for name, one in zip(names, values, strict=True)}


def _typed(columns: Mapping[str, Cells], signature: Signature) -> Any:
    if signature.tensor is not None:
        if signature.tensor.shape or len(columns) != 1:
            raise Invalid("the model takes no table of columns; send it as JSON or npy.")
        (texts,) = columns.values()
        return values_of(signature.tensor.type, texts)
    kinds = {column.name: column.type for column in signature.columns}
    return {
        name: values_of(kinds[name], texts) if name in kinds else texts
        for name, texts in columns.items()
    }


# -- writing ------------------------------------------------------------------------------------


def write(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return columns as CSV; a text that a spreadsheet would run has a quote before it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([safe_cell(name) for name in columns])
    writer.writerows(zip(*(map(_cell, values) for values in columns.values()), strict=True))
    return text.getvalue().encode(errors="replace")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
