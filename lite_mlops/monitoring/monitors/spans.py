"""Spans of time and of rows, as people write them.

parse_span("36h")              -> timedelta(days=1, hours=12)
Window.parse("1000 rows").rows -> 1000
str(Window.parse("24h"))       -> "1d"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from lite_mlops.errors import Invalid

_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([wdhms])\s*")
_ROWS = re.compile(r"\s*(\d[\d_,]*)\s*rows?\s*")
LEAST_ROWS, _MOST_ROWS = 50, 1_000_000
_MOST = timedelta(days=3650)


def parse_span(value: object) -> timedelta:
    """Return a time such as '90s', '15m', '6h', '1d' or '2w'. Raises `ValueError`."""
    if isinstance(value, timedelta):
        found = value
    else:
        match = _SPAN.fullmatch(str(value))
        if match is None:
            raise ValueError("expected a time such as '15m', '6h', '1d' or '2w'")
        found = timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    if not timedelta(0) < found <= _MOST:
        raise ValueError("expected a time of more than 0 and at most ten years")
    return found


def span_text(span: timedelta) -> str:
    """Return a span as `parse_span` takes it, in the largest unit that fits."""
    seconds = span.total_seconds()
    unit = next((one for one, size in _UNITS.items() if seconds % size == 0), "s")
    count = f"{seconds / _UNITS[unit]:.6f}".rstrip("0").rstrip(".")
    return f"{count}{unit}"


@dataclass(frozen=True)
class Window:
    """What is looked at: the last rows, or the rows of the last time; exactly one is given."""

    rows: int | None = None
    span: timedelta | None = None

    @classmethod
    def parse(cls, value: object) -> Window:
        """Return the window of a text such as '1000 rows' or '1d'. Raises `ValueError`."""
        if isinstance(value, Window):
            return value
        if isinstance(value, str) and (match := _ROWS.fullmatch(value)) is not None:
            rows = int(re.sub("[_,]", "", match[1]))
            if not LEAST_ROWS <= rows <= _MOST_ROWS:
                raise ValueError(f"expected {LEAST_ROWS} to {_MOST_ROWS:,} rows")
            return cls(rows=rows)
        try:
            return cls(span=parse_span(value))
        except ValueError:
            raise ValueError("expected rows or a time, such as '1000 rows' or '1d'") from None

    def __str__(self) -> str:
        return f"{self.rows} rows" if self.span is None else span_text(self.span)


def checked(place: str, name: str, value: object, error: ValueError) -> Invalid:
    """Return the error to raise for an option that cannot be used."""
    return Invalid(f"{place}: {name} = {value!r} cannot be used: {error}.")
