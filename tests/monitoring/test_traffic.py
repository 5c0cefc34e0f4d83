"""Traffic: silences are judged by those that were before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lite_mlops.monitoring.traffic import Gaps, absent, interrupted, span_text

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def gaps(moments: int = 500, hours: float = 10, longest: timedelta = MINUTE) -> Gaps:
    last = BEGIN + hours * HOUR
    return Gaps(moments, BEGIN, last, longest, longest / 2, last - HOUR)


def test_no_request_for_longer_than_ever_is_told() -> None:
    found = absent(gaps(), BEGIN + 13 * HOUR)
    assert found is not None
    assert found.text == "no request for 3 h, 60 s at most before"
    assert found.about == {
        "since": "2026-03-02T10:00:00+00:00",
        "until": "2026-03-02T13:00:00+00:00",
    }


def test_a_silence_that_was_there_before_or_is_short_is_none() -> None:
    assert absent(gaps(), BEGIN + 10 * HOUR + 10 * MINUTE) is None  # shorter than 15 minutes
    assert absent(gaps(longest=HOUR), BEGIN + 12.5 * HOUR) is None  # as every night
    assert absent(gaps(longest=HOUR), BEGIN + 13.5 * HOUR) is not None
    assert absent(gaps(moments=30), BEGIN + 13 * HOUR) is None  # nine requests are expected
    assert absent(gaps(moments=19), BEGIN + 1000 * HOUR) is None
    assert absent(gaps(hours=0.5), BEGIN + 1000 * HOUR) is None  # a batch
    assert absent(Gaps(0), BEGIN) is None
    assert interrupted(Gaps(0)) is None


def test_a_gap_between_requests_is_told_with_its_beginning() -> None:
    last = BEGIN + 10 * HOUR
    found = interrupted(Gaps(500, BEGIN, last, 5 * HOUR, MINUTE, BEGIN + 6 * HOUR))
    assert found is not None
    assert found.text == "no request for 5 h from 2026-03-02 01:00 UTC on, 60 s at most otherwise"
    assert interrupted(Gaps(500, BEGIN, last, 5 * HOUR, 2 * HOUR, BEGIN + 6 * HOUR)) is None
    assert interrupted(Gaps(10, BEGIN, last, 5 * HOUR, MINUTE, BEGIN + 6 * HOUR)) is None


def test_spans_are_told_in_their_unit() -> None:
    told = [span_text(timedelta(seconds=one)) for one in (0.5, 60, 600, 9_000, 400_000)]
    assert told == ["0.5 s", "60 s", "10 min", "2.5 h", "4.63 d"]
