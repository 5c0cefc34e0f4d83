"""How wide the windows of the time lines are. Pure functions."""

from __future__ import annotations

from datetime import timedelta

_LEAST_ROWS = 50
_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3_600, 86_400
# Those that people count in.
_WIDTHS = (
    *(_SECOND * n for n in (1, 5, 15, 30)),
    *(_MINUTE * n for n in (1, 5, 15, 30)),
    *(_HOUR * n for n in (1, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 7, 14, 28, 91, 364)),
)


def fitting(span: timedelta, rows: int, windows: int) -> timedelta | int:
    """Return a width of which at most so many windows cover a span, or a count of rows.

    Rows are counted where the time is too short to be told in windows of seconds.
    """
    for seconds in _WIDTHS:
        if span <= windows * timedelta(seconds=seconds):
            if seconds == _SECOND and span < timedelta(seconds=4):
                break
            return timedelta(seconds=seconds)
    else:
        return -(-span // windows)
    return max(_LEAST_ROWS, -(-rows // windows))
