"""Numbers, sizes and times as they stand on a card."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def number(value: Any) -> str:
    """Return a number with at most six digits, anything else as text."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def size(count: int) -> str:
    """Return a number of bytes."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def moment(time: datetime) -> str:
    """Return a time in UTC, to the second."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def seconds(count: float | None) -> str:
    """Return how long something took."""
    if count is None:
        return "not ended"
    if count < 120:
        return f"{count:.1f} s"
    minutes, rest = divmod(round(count), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def span(low: Any, high: Any) -> str:
    """Return a range; empty if it is not known."""
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def share(part: int, whole: int) -> str:
    """Return a share in per cent that is only 0 or 100 if it is none or all."""
    per_cent = 100 * part / whole
    if 0 < part < whole:
        per_cent = min(max(per_cent, 0.1), 99.9)
    return f"{per_cent:.3g} %"
