"""Spans of time, as people write them.

parse_span("36h")                   -> timedelta(days=1, hours=12)
span_text(timedelta(hours=36))      -> "36h"
"""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([wdhms])\s*")
_MOST = timedelta(days=3650)


def parse_span(value: object) -> timedelta:
    """Return a time such as '90s', '15m', '6h', '1d' or '2w', of more than 0 and at most ten years.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, timedelta):
        found = value
    else:
        match = _SPAN.fullmatch(str(value))
        if match is None:
            raise ValueError("expected a time such as '15m', '6h', '1d' or '2w'")
        seconds = float(match[1]) * _UNITS[match[2]]
        found = timedelta(seconds=min(seconds, 2 * _MOST.total_seconds()))
    if not timedelta(0) < found <= _MOST:
        raise ValueError("expected a time of more than 0 and at most ten years")
    return found


def span_text(span: timedelta) -> str:
    """Return a span as `parse_span` takes it, in the largest unit that fits."""
    seconds = span.total_seconds()
    unit = next((one for one, size in _UNITS.items() if seconds % size == 0), "s")
    count = f"{seconds / _UNITS[unit]:.6f}".rstrip("0").rstrip(".")
    return f"{count}{unit}"
