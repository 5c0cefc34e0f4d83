"""The section of a card about data: versions with their profile, and how their columns lie."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from lite_mlops.charts import shares, spread
from lite_mlops.documents import Block, Cell, Drawn, Grid, Heading, Pairs, Remark
from lite_mlops.models.cards.facts import CardFacts, ColumnFact, DataFact
from lite_mlops.models.cards.wording import number, share, size, span

_SHARES = 6  # parts of a picture of categories
_PLACES = 7  # lowest, 5, 25, 50, 75, 95 %, highest


def data_blocks(facts: CardFacts) -> Iterator[Block]:
    """Return what a card says of the data that a version was made with."""
    if not facts.data:
        yield Remark("No data was recorded.")
    for data in facts.data:
        yield Heading(f"{data.reference} ({data.roles})")
        yield Pairs(_shape(data))
        if data.columns:
            yield Grid(
                f"Profile of {data.reference}",
                ("column", "type", "missing", "different", "range or categories", "distribution"),
                tuple(_profile_row(column, data.rows) for column in data.columns),
                right=("missing", "different"),
            )


def _shape(data: DataFact) -> dict[str, str]:
    pairs = {"SHA-256": data.sha256}
    if data.form is None:
        return pairs | {"profile": "this version of the data is not recorded here"}
    if data.rows is not None:
        pairs["rows"] = f"{data.rows:,}"
        pairs["columns"] = f"{len(data.columns):,}"
    else:
        pairs["form"] = f"{data.form}; no profile, as it is no table"
    if data.size is not None:
        pairs["size"] = size(data.size)
    return pairs


def _profile_row(column: ColumnFact, rows: int | None) -> tuple[Cell, ...]:
    missing = "0" if not column.missing else f"{column.missing:,}"
    if column.missing and rows:
        missing += f" ({share(column.missing, rows)})"
    different = "" if column.distinct is None else f"{column.distinct:,}"
    reach = span(column.low, column.high)
    return (column.name, column.type, missing, different, reach or _named(column), _drawn(column))


def _named(column: ColumnFact) -> str:
    if column.categories:
        return ", ".join(column.categories)
    return "not listed, as there are many" if column.distinct else ""


def _drawn(column: ColumnFact) -> Cell:
    """Return the picture of a column, where its profile has one."""
    told = [column.low, *column.quantiles.values(), column.high]
    places = [place for value in told if (place := _place(value)) is not None]
    # Halved, as the range of two very large numbers may be too large for one.
    width = places[-1] / 2 - places[0] / 2 if len(places) == _PLACES else 0.0
    if width > 0:
        low, *values, _ = places
        quantiles = [min(max((v / 2 - low / 2) / width, 0.0), 1.0) for v in values]
        words = f"half of it from {number(told[2])} to {number(told[4])}, median {number(told[3])}"
        return Drawn(spread(words, quantiles), words)
    if column.categories:
        total = sum(column.categories.values())
        parts = [count / total for count in column.categories.values()]
        if len(parts) > _SHARES:
            parts = [*parts[: _SHARES - 1], sum(parts[_SHARES - 1 :])]
        named = [(name, share(n, total)) for name, n in column.categories.items()][: _SHARES - 1]
        words = ", ".join(f"{name} {of}" for name, of in named)
        more = len(column.categories) - len(named)
        words = f"{words}, {more} more" if more else words
        return Drawn(shares(words, parts), words)
    return ""


def _place(value: float | str | None) -> float | None:
    """Return a number, or a time as one, on the axis of its picture."""
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return value if value is None or math.isfinite(value) else None
