"""Rows as NDJSON: a row of JSON in each line; empty lines are left out."""

from __future__ import annotations

from functools import partial
from typing import Any

from lite_mlops.web.kernel import Malformed, Request
from lite_mlops.web.predicting.formats.sent import Sent, Taking, check_count, columns_of

MEDIA = "application/x-ndjson"
ALIKE = ("application/jsonl", "application/x-jsonlines")


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a body of NDJSON.

    Raises:
        Malformed: it names the line that is no JSON.
        TooLarge: there are more rows than one request may have.
    """
    rows: list[Any] = []
    lines = [
        (number, line)
        for number, line in enumerate(request.body.split(b"\n"), start=1)
        if line and not line.isspace()
    ]
    check_count(len(lines), taking.limits)
    for number, line in lines:
        try:
            rows.append(Request("POST", "", body=line).json(depth=taking.limits.json_depth))
        except Malformed as error:
            told = str(error).replace("the body", "it", 1)
            raise Malformed(f"line {number} is no row: {told}") from None
    return Sent(rows, partial(columns_of, rows, taking.signature.features))
