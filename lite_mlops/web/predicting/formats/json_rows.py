"""Rows as JSON.

{"age": 41, "plan": "basic"}                                one row
[{"age": 41, "plan": "basic"}, [38, "pro"]]                 rows by name, or in order
{"rows": [...]}   {"instances": [...]}                      the same with a name
{"columns": ["plan", "age"], "data": [["basic", 41]]}       as pandas splits a frame
{"age": [41, 38], "plan": ["basic", "pro"]}                 by column

An object whose names are columns of the model is a row, whatever they are called.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.web.kernel import Request
from lite_mlops.web.predicting.formats.sent import (
    Sent,
    Taking,
    check_count,
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
        Malformed: it is no JSON.
        TooLarge: there are more rows than one request may have.
        Invalid: it has none of the forms.
    """
    features = taking.signature.features
    rows = rows_of(request.json(depth=taking.limits.json_depth), features)
    check_count(_count(rows), taking.limits)
    return Sent(rows, partial(columns_of, rows, features))


def rows_of(body: Any, features: Collection[str]) -> Any:
    """Return rows as `Signature.validate` takes them. Raises `Invalid`."""
    if type(body) is dict and len(body) <= 2:
        body = _unwrapped(body, features)
    if type(body) is dict:
        return body if body and all(type(one) is list for one in body.values()) else [body]
    if type(body) is list:
        return body
    raise Invalid(f"the body must be {FORMS}.")


def _unwrapped(body: dict[str, Any], features: Collection[str]) -> Any:
    if any(name in features for name in body):
        return body
    for name in _WRAPPERS:
        if list(body) == [name]:
            return body[name]
    return of_split(body["columns"], body["data"]) if set(body) == _SPLIT else body


def of_split(names: Any, data: Any) -> dict[str, list[Any]]:
    """Return rows by column, of the names of the columns and rows in their order.

    Raises:
        Invalid: it says which row does not have a value for each column.
    """
    if type(names) is not list or not all(type(name) is str for name in names):
        raise Invalid("'columns' must be a list of the names of columns.")
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


def _count(rows: Any) -> int:
    if type(rows) is dict:
        return max(map(len, rows.values()))
    return len(rows)
