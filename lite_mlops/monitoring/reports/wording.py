"""Times, shares and figures as they stand in a report."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def moment(time: datetime) -> str:
    """Return a time in UTC, to the minute."""
    return f"{_utc(time):%Y-%m-%d %H:%M}"


def day(time: datetime) -> str:
    """Return a time as a date, with the hour unless it is midnight."""
    time = _utc(time)
    return f"{time:%Y-%m-%d}" if (time.hour, time.minute) == (0, 0) else f"{time:%Y-%m-%d %H:%M}"


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def figure(value: float | None, digits: int = 3) -> str:
    """Return a figure with so many digits that count; nothing if it is not known."""
    if value is None or not math.isfinite(value):
        return "" if value is None else "beyond measure"
    text = f"{value:.{digits}g}"
    return f"{float(text):,.0f}" if "e+" in text and abs(value) < 1e12 else text


def interval(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """Return a value with its interval, as far as they are known."""
    if value is None:
        return "not known"
    if low is None or high is None:
        return figure(value, digits)
    return f"{figure(value, digits)} ({figure(low, digits)} to {figure(high, digits)})"


def probability(value: float | None) -> str:
    """Return a p-value; the smallest ones as a bound."""
    if value is None:
        return ""
    return "< 1e-9" if value < 1e-9 else f"{value:.2g}"
