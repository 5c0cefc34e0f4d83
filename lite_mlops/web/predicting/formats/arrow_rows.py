"""Rows as a stream of Arrow, where pyarrow is installed.

What is read cannot grow beyond what was sent: flat columns, not compressed (a body may be gzip).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.frames import arrow_stream, arrow_table
from lite_mlops.web.kernel import Malformed, Request, WrongMedia
from lite_mlops.web.predicting.formats.sent import Sent, Taking, check_count

MEDIA = "application/vnd.apache.arrow.stream"


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a body that is a stream of Arrow.

    Raises:
        WrongMedia: pyarrow is not installed.
        Malformed: it is no such stream.
        TooLarge: there are more rows than one request may have.
    """
    try:
        table = arrow_table(request.body)
    except NotFound as error:
        raise WrongMedia(f"Arrow is not read by this server: {error}.") from None
    except Invalid as error:
        raise Malformed(str(error)) from None
    check_count(table.num_rows, taking.limits)
    rows: Any = table
    if taking.signature.tensor is not None:
        if table.num_columns != 1:
            raise Invalid(f"the table has {table.num_columns} columns; the model takes one array.")
        rows = table.column(0).to_pylist()
    return Sent(rows, partial(_columns, table))


def write(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Return columns as a stream of Arrow. Raises `WrongMedia` where pyarrow is not installed."""
    try:
        return arrow_stream(columns)
    except NotFound as error:
        raise WrongMedia(f"Arrow is not written by this server: {error}.") from None


def _columns(table: Any) -> dict[str, Sequence[Any]]:
    return {name: table.column(place).to_pylist() for place, name in enumerate(table.column_names)}
