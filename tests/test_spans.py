"""Spans of time: what is written, what is refused."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.spans import parse_span, span_text


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        (" 30m ", timedelta(minutes=30)),
        ("1.5 d", timedelta(hours=36)),
        ("2w", timedelta(weeks=2)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_spans_are_written_as_people_say_them(text: object, span: timedelta) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["0d", "999999999w", "11.1y", timedelta(0), "-1d", "", None])
def test_what_is_no_span_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"expected a time (such as|of more than 0)"):
        parse_span(text)


@given(st.integers(1, 10**8))
def test_spans_are_written_as_they_are_read(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_span(span_text(span)) == span


@given(st.text(max_size=20))
def test_any_text_is_a_span_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_span(text) > timedelta(0)
