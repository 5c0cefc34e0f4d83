"""What was sent: the rows of a request, whatever the form of its body.

sent = Sent(rows, lambda: {"age": [41, 38]})
loaded.table(sent.rows)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lite_mlops.models import Signature
from lite_mlops.web.kernel import Limits, TooLarge

_MOST_COLUMNS = 10_000

Columns = Mapping[str, Sequence[Any]]


def _nothing() -> None:
    pass


class Sent(NamedTuple):
    """What was sent.

    Attributes:
        rows: In a form that `Signature.validate` takes.
        columns: Returns them by column, as they were sent.
        check: Is called if they do not fit, and raises if there is more wrong with them than that.
    """

    rows: Any
    columns: Callable[[], Columns]
    check: Callable[[], None] = _nothing


class Taking(NamedTuple):
    """What rows are read for: the signature that they should fit, and the limits."""

    signature: Signature
    limits: Limits


def check_count(count: int, limits: Limits) -> None:
    """Do nothing if these are not too many rows. Raises `TooLarge`."""
    if count > limits.rows:
        raise TooLarge(
            f"{count:,} rows are too many for one request; at most {limits.rows:,}. Send them in "
            "several, or use `lite-mlops predict` for files."
        )


def check_width(count: int, signature: Signature) -> None:
    """Do nothing if these are not far more columns than the model takes. Raises `TooLarge`."""
    width = len(signature.columns)
    if count > max(_MOST_COLUMNS, 2 * width):
        raise TooLarge(f"{count:,} columns are too many; the model takes {width:,}.")


def first_twice(names: Sequence[str]) -> str | None:
    """Return the first name that is there again; None if each is there once."""
    seen = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def columns_of(rows: Any, features: Collection[str]) -> Columns:
    """Return validated rows by column; rows without names have those of the signature.

    Those of a model that takes no columns are one, called `input`.
    """
    if isinstance(rows, Mapping):
        return {name: _listed(values) for name, values in rows.items()}
    rows = _listed(rows)
    if not features:
        return {"input": rows}
    names = list(dict.fromkeys(name for row in rows if isinstance(row, Mapping) for name in row))
    names = names or list(features)
    places = {name: place for place, name in enumerate(features)}
    return {
        name: [
            row.get(name)
            if isinstance(row, Mapping)
            else row[places[name]]
            if name in places
            else None
            for row in rows
        ]
        for name in names
    }


def _listed(values: Any) -> list[Any]:
    listed: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return listed
