"""Windows: what is written, what is refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.monitoring import windows
from lite_mlops.monitoring.windows import Size, Window, chosen_window, window_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "now", lambda: int(NOW.timestamp()) * 1_000_000)


@pytest.mark.parametrize(
    ("written", "window", "told"),
    [
        ("first 5000", Window(first=5000), "first 5,000"),
        ("last 30", Window(last=30), "last 30"),
        (" 30 ", Window(last=30), "last 30"),
        ("7d", Window(since=NOW - timedelta(days=7)), "2026-11-13 12:00.."),
        ("last 12 h", Window(since=NOW - timedelta(hours=12)), "2026-11-20.."),
        ("2w", Window(since=NOW - timedelta(days=14)), "2026-11-06 12:00.."),
        (
            "2026-11-01T00:00Z..2026-11-08T00:00Z",
            Window(
                since=datetime(2026, 11, 1, tzinfo=UTC), until=datetime(2026, 11, 8, tzinfo=UTC)
            ),
            "2026-11-01..2026-11-08",
        ),
        ("..2026-11-08T10:30:05Z", Window(until=datetime(2026, 11, 8, 10, 30, 5, tzinfo=UTC)), ""),
        ("..", Window(), "all"),
        ("all", Window(), "all"),
    ],
)
def test_windows_are_written_as_people_say_them(written: str, window: Window, told: str) -> None:
    assert window_of(written) == window
    assert window_of(window) is window
    assert str(window).startswith(told)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("yesterday", "'yesterday' is no window of predictions; write '2026-11-01..2026-11-08', "),
        ("first -3", "'first -3' is no window"),
        ("first 0", "A window of 0 predictions is none; give at least 1."),
        ("0d", "'0d' is no window of predictions; write "),
        ("999999w", "'999999w' is no window of predictions; write "),
        ("2026-13-01..", "'2026-13-01' is no date or time; write 2026-11-01 or 2026-11-01T12:00."),
        (
            "2026-11-08T00:00Z..2026-11-01T00:00Z",
            "The window from 2026-11-08 to 2026-11-01 is empty: its end is not after its ",
        ),
    ],
)
def test_what_is_no_window_is_refused(written: str, text: str) -> None:
    with pytest.raises(Invalid) as error:
        window_of(written)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize(
    ("since", "until", "last", "text"),
    [
        ("2026-11-01", None, "7d", "Give either since or a span of time as last, not both."),
        (
            None,
            None,
            "seven",
            "The last 'seven' cannot be looked at: expected rows, or a time",
        ),
        (None, None, 0, "The last 0 cannot be looked at: expected 1 to "),
        ("soon", None, None, "'soon' is no date or time"),
    ],
)
def test_windows_that_cannot_be_chosen_are_refused(
    since: str | None, until: str | None, last: Any, text: str
) -> None:
    with pytest.raises(Invalid) as error:
        chosen_window(since, until, last)
    assert str(error.value).startswith(text)


def test_what_is_said_together_is_one_window() -> None:
    assert chosen_window(None, None, None) == Window()
    assert chosen_window(NOW, None, 5) == Window(since=NOW, last=5)
    assert chosen_window(None, NOW, "5") == Window(until=NOW, last=5)
    assert chosen_window(None, None, timedelta(hours=1)) == Window(since=NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("said", "size", "told"),
    [
        ("1000", Size(rows=1_000), "1000 rows"),
        ("1_000 rows", Size(rows=1_000), "1000 rows"),
        (5, Size(rows=5), "5 rows"),
        ("1d", Size(span=timedelta(days=1)), "1d"),
        (" 6h ", Size(span=timedelta(hours=6)), "6h"),
        (timedelta(days=3), Size(span=timedelta(days=3)), "3d"),
    ],
)
def test_sizes_are_counts_or_times(said: object, size: Size, told: str) -> None:
    assert Size.parse(said) == size
    assert Size.parse(size) is size
    assert str(size) == told


@pytest.mark.parametrize("said", ["", "0", "0d", "d", "-1", "1y", 0, -3, True, 1.5, "²", [], None])
def test_what_is_no_size_is_refused(said: object) -> None:
    with pytest.raises(ValueError, match="expected "):
        Size.parse(said)


@given(st.text(max_size=20))
def test_any_text_is_a_window_or_refused(written: str) -> None:
    with suppress(Invalid):
        assert str(window_of(written))
