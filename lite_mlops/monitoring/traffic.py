"""Traffic of a model: is it late, or gone? Judged by the silences that it had before.

    absent(gaps, until)            # "no request for 5 h ..., 40 min at most before"; None if fine

Judged by what one scan of the times tells. Requests of people come in waves, so a silence
counts only if it is three times the longest one before, at least a quarter of an hour, and long
enough for twenty requests at the usual rate; and only after an hour of traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.windows import Window
from lite_mlops.store import Database, as_datetime, as_stored, now

MIN_MOMENTS = 20
MIN_SPAN = timedelta(hours=1)
MIN_SILENCE = timedelta(minutes=15)
TIMES = 3
EXPECTED = 20  # requests at the usual rate; that none of them comes has a chance of exp(-20)


@dataclass(frozen=True)
class Gaps:
    """The times of requests in a window, and the longest silences between two of them."""

    moments: int
    first: datetime | None = None
    last: datetime | None = None
    longest: timedelta = timedelta(0)
    second: timedelta = timedelta(0)
    ended: datetime | None = None  # the longest one

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Gaps:
        """Return the gaps of a row of `service_gaps`."""
        longest = [timedelta(microseconds=gap) for gap in row["longest"] or ()]
        first, second = [*longest, timedelta(0), timedelta(0)][:2]

        def told(name: str) -> datetime | None:
            moment: datetime | None = row[name]
            return None if moment is None else moment.replace(tzinfo=UTC)

        return cls(
            row["moments"], told("first_at"), told("last_at"), first, second, told("ended_at")
        )


def span_text(span: timedelta) -> str:
    """Return a span of time in the unit that suits it."""
    seconds = span.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _too_long(silence: timedelta, before: timedelta, moments: int, span: timedelta) -> bool:
    """Return whether a silence is none of the usual ones."""
    if moments < MIN_MOMENTS or span < MIN_SPAN:
        return False
    return silence >= max(MIN_SILENCE, TIMES * before) and moments * (silence / span) >= EXPECTED


def absent(gaps: Gaps, until: datetime, limit: timedelta | None = None) -> Broken | None:
    """Return whether requests stopped coming before the end of a window, for longer than a limit.

    Without one it is judged by the silences before.
    """
    if gaps.first is None or gaps.last is None:
        return None
    silence = until - gaps.last
    if limit is None:
        too_long = _too_long(silence, gaps.longest, gaps.moments, gaps.last - gaps.first)
    else:
        too_long = silence > limit
    if not too_long:
        return None
    told = f"no request for {span_text(silence)}, {span_text(gaps.longest)} at most before"
    return Broken("absent", told, {"since": gaps.last.isoformat(), "until": until.isoformat()})


def interrupted(gaps: Gaps) -> Broken | None:
    """Return whether no request came for a time within a window, as at no other time."""
    if gaps.first is None or gaps.last is None or gaps.ended is None:
        return None
    span = gaps.last - gaps.first - gaps.longest
    if not _too_long(gaps.longest, gaps.second, gaps.moments, span):
        return None
    begin = gaps.ended - gaps.longest
    told = (
        f"no request for {span_text(gaps.longest)} from {begin:%Y-%m-%d %H:%M} UTC on, "
        f"{span_text(gaps.second)} at most otherwise"
    )
    about = {"since": begin.isoformat(), "until": gaps.ended.isoformat()}
    return Broken("interrupted", told, about)


def gaps_of(
    database: Database,
    model: str,
    version: int | None,
    since: datetime | None,
    until: datetime | None,
) -> Gaps:
    """Return the silences of a model, or of one version, in a time."""
    row = database.one(
        "service_gaps",
        model=model,
        version=version,
        since=as_stored(since),
        until=as_stored(until),
    )
    assert row is not None
    return Gaps.from_row(row)


def silences(
    database: Database,
    model: str,
    version: int | None,
    window: Window,
    limit: timedelta | None = None,
) -> tuple[Broken, ...]:
    """Return what was unusual in the traffic of a model, or of one version, in a window.

    Whether requests stopped is judged by all traffic until its end, so that an empty window is seen
    as well; a window of the first predictions has no such end.
    """
    moment = as_datetime(now())
    end = moment if window.until is None else min(window.until, moment)
    until_then = gaps_of(database, model, version, None, window.until)
    within = until_then
    if window.since is not None:
        within = gaps_of(database, model, version, window.since, window.until)
    stopped = None if window.first is not None else absent(until_then, end, limit)
    return tuple(one for one in (interrupted(within), stopped) if one is not None)
