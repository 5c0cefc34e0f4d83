"""The window of a replay: which recorded requests are asked again, by their time.

window_of("7d", now), window_of("all", now), window_of("2026-03-01..2026-03-08", now)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from lite_mlops.errors import Invalid
from lite_mlops.models import span_of


@dataclass(frozen=True)
class Window:
    """A span of time; None: without a bound."""

    since: datetime | None = None
    until: datetime | None = None

    def __str__(self) -> str:
        if self.since is None and self.until is None:
            return "all of them"
        since = "the beginning" if self.since is None else f"{self.since:%Y-%m-%d %H:%M} UTC"
        until = "now" if self.until is None else f"{self.until:%Y-%m-%d %H:%M} UTC"
        return f"from {since} to {until}"


def window_of(text: str, now: datetime) -> Window:
    """Return the window that a text means: '7d', '24h', 'all', or 'FROM..TO' in ISO 8601 (UTC).

    Raises:
        Invalid: it means none.
    """
    if text == "all":
        return Window()
    if ".." not in text:
        return Window(now - span_of(text, "the window of the replay"))
    since, until = text.split("..", 1)
    found = Window(_moment(since, text), _moment(until, text))
    if found.since is not None and found.until is not None and found.since >= found.until:
        raise Invalid(f"the window {text!r} ends before it begins.")
    return found


def _moment(text: str, whole: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(
            f"the window {whole!r} cannot be read; write a span such as 7d, 'all', or "
            "2026-03-01..2026-03-08."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
