"""Rows as JSON.

{"age": 41, "plan": "basic"}                                one row
[{"age": 41, "plan": "basic"}, [38, "pro"]]                 rows by name, or in order
{"rows": [...]}   {"instances": [...]}                      the same with a name
{"columns": ["plan", "age"], "data": [["basic", 41]]}       as pandas splits a frame
{"age": [41, 38], "plan": ["basic", "pro"]}                 by column

An object whose names are columns of the model is a row, whatever they are called.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models import Signature
from lite_mlops.web.kernel import Request
from lite_mlops.web.predicting.formats.sent import (
    Sent,
    Taking,
    check_count,
    check_width,
    columns_of,
    first_twice,
)

FORMS = (
    "a JSON object of columns, a list of rows, {'rows': [...]}, or {'columns': [...], 'data': "
    "[...]}"
)
_WRAPPERS = ("rows", "instances")
_SPLIT = {"columns", "data"}


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a body of JSON.

    Raises:
        Malformed: it is no JSON; that it is nested too deep is told by `check`.
        TooLarge: there are more rows than one request may have.
        Invalid: it has none of the forms.
    """
    features = taking.signature.features
    depth = taking.limits.json_depth
    value = request.json_of_any_depth(depth)
    rows = rows_of(value, taking.signature)
    check_size(rows, taking)
    # Rows that fit are plain values: only what does not fit can be nested deep.
    return Sent(
        rows, partial(columns_of, rows, features), partial(request.check_depth, value, depth)
    )


def check_size(rows: Any, taking: Taking) -> None:
    """Do nothing if rows are neither too many nor far too wide. Raises `TooLarge`."""
    if type(rows) is dict:
        check_width(len(rows), taking.signature)
        lists = [len(one) for one in rows.values() if type(one) is list]
        check_count(max(lists, default=1), taking.limits)
    elif type(rows) is list:
        check_count(len(rows), taking.limits)
        if rows and type(rows[0]) is dict:
            check_width(len(rows[0]), taking.signature)


def rows_of(body: Any, signature: Signature) -> Any:
    """Return rows as `Signature.validate` takes them. Raises `Invalid`."""
    if type(body) is dict and len(body) <= 2:
        body = _unwrapped(body, signature)
    if type(body) is dict:
        return body if body and all(type(one) is list for one in body.values()) else [body]
    if type(body) is list:
        return body
    raise Invalid(f"the body must be {FORMS}.")


def _unwrapped(body: dict[str, Any], signature: Signature) -> Any:
    if any(name in signature.features for name in body):
        return body
    for name in _WRAPPERS:
        if list(body) == [name]:
            return body[name]
    return of_split(body["columns"], body["data"], signature) if set(body) == _SPLIT else body


def of_split(names: Any, data: Any, signature: Signature) -> dict[str, list[Any]]:
    """Return rows by column, of the names of the columns and rows in their order.

    Raises:
        TooLarge: there are far more columns than the model takes.
        Invalid: it says which row does not have a value for each column.
    """
    if type(names) is not list or not all(type(name) is str for name in names):
        raise Invalid("'columns' must be a list of the names of columns.")
    check_width(len(names), signature)
    twice = first_twice(names)
    if twice is not None:
        raise Invalid(f"'columns' names {twice!r} twice.")
    if type(data) is not list:
        raise Invalid("'data' must be a list of rows, each a list of values.")
    for number, row in enumerate(data):
        if type(row) is not list:
            raise Invalid(f"row {number} of 'data' is no list of values.")
        if len(row) != len(names):
            raise Invalid(
                f"row {number} of 'data' has {len(row)} values; expected {len(names)}, as many as "
                "'columns'."
            )
    values = zip(*data, strict=True) if data else [()] * len(names)
    return {name: list(one) for name, one in zip(names, values, strict=True)}
