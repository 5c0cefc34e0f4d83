"""Rows to fill a form with: those that were kept with a version, or made up from its signature.

first_row(signature, example)                       # what the form shows at first
random_row(signature, example, random.Random())     # Drawn(row, made_up=False)
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from lite_mlops.models import Column, Example, Signature

# Where the quantiles of a column lie; the ends are its lowest and highest value.
_SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


class Drawn(NamedTuple):
    """A row: by column, or what a tensor takes."""

    row: Any
    made_up: bool  # each column by itself, from what the training data was like


def first_row(signature: Signature, example: Example | None) -> Any:
    """Return the first kept row, or one of medians; None for a tensor without kept rows."""
    kept = _kept(signature, example)
    if kept:
        return kept[0]
    return None if signature.tensor is not None else signature.example_row()


def random_row(signature: Signature, example: Example | None, random: Random) -> Drawn | None:
    """Return one of the kept rows; without any, one that is made up. None for such a tensor."""
    kept = _kept(signature, example)
    if len(kept) > 1:
        return Drawn(random.choice(kept), made_up=False)
    if signature.tensor is not None:
        return Drawn(kept[0], made_up=False) if kept else None
    row = {column.name: _drawn(column, random) for column in signature.columns}
    return Drawn(row, made_up=True)


def _kept(signature: Signature, example: Example | None) -> list[Any]:
    """Return the kept rows as a caller would send them; of columns, each by name."""
    if example is None:
        return []
    if signature.tensor is not None:
        rows: list[Any] = example.rows
        flat = not signature.tensor.shape and rows and isinstance(rows[0], list)
        return [one for row in rows for one in row] if flat else rows
    names = example.columns or signature.features
    if not set(names) >= set(signature.features):
        return []
    wanted = set(signature.features)
    return [
        {name: value for name, value in zip(names, row, strict=True) if name in wanted}
        for row in example.rows
        if len(row) == len(names)
    ]


def _drawn(column: Column, random: Random) -> Any:
    """Return a value that a column might have had, by what is known of its training data."""
    if column.missing and column.missing_share and random.random() < column.missing_share:
        return None
    if column.type == "boolean":
        return random.random() < 0.5
    if column.categories:
        return random.choice(column.categories)
    if column.low is None or column.high is None:
        return column.example()
    share = random.random()
    if column.type == "datetime":
        first, last = _moment(column.low), _moment(column.high)
        return f"{(first + (last - first) * share):%Y-%m-%dT%H:%M:%SZ}"
    low, high = float(column.low), float(column.high)
    value = low + (high - low) * share
    if len(column.quantiles) == len(_SHARES) - 2:
        value = _between(share, (low, *column.quantiles, high))
    return round(value) if column.type == "integer" else float(f"{value:.4g}")


def _moment(text: float | str) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _between(share: float, quantiles: tuple[float, ...]) -> float:
    """Return the value at a share, on straight lines between the known ones."""
    place = min(bisect_right(_SHARES, share), len(_SHARES) - 1)
    before, after = _SHARES[place - 1], _SHARES[place]
    part = (share - before) / (after - before)
    return quantiles[place - 1] + (quantiles[place] - quantiles[place - 1]) * part
