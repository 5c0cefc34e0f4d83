"""The window of a replay: which recorded requests are asked again, by their time.

replay_window("7d"), replay_window("all"), replay_window("2026-03-01..2026-03-08")
"""

from __future__ import annotations

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.windows import Window, window_of


def replay_window(text: str) -> Window:
    """Return the window that a text means: '7d', '24h', 'all', or 'FROM..TO'.

    Raises:
        Invalid: it means none, or a count of requests.
    """
    window = window_of(text)
    if window.first or window.last:
        raise Invalid(f"A replay is of a time; the window {text!r} is a count. Write 7d, or all.")
    return window
