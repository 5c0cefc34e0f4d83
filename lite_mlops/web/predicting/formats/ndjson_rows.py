"""Rows as NDJSON: a row of JSON in each line; empty lines are left out."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from lite_mlops.web.kernel import Malformed, Request
from lite_mlops.web.predicting.formats.sent import Sent, Taking, check_count, columns_of

MEDIA = "application/x-ndjson"
_LINE = re.compile(rb"[^\s][^\n]*+")  # with something in it

ALIKE = ("application/jsonl", "application/x-jsonlines")


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a body of NDJSON.

    Raises:
        Malformed: it names the line that is no JSON.
        TooLarge: there are more rows than one request may have.
    """
    body = request.body
    rows: list[Any] = []
    for match in _LINE.finditer(body):
        check_count(len(rows) + 1, taking.limits)
        try:
            rows.append(Request("POST", "", body=match[0]).json(depth=taking.limits.json_depth))
        except Malformed as error:
            number = body.count(b"\n", 0, match.start()) + 1
            told = str(error).replace("the body", "it", 1)
            raise Malformed(f"line {number} is no row: {told}") from None
    return Sent(rows, partial(columns_of, rows, taking.signature.features))
