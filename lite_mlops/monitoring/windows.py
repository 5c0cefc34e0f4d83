"""Windows of recorded predictions: by time, or by count from the beginning or the end.

    window_of("2026-11-01..2026-11-08")    # by time; the end does not belong to it
    window_of("first 5000")                # or "all"
    window_of("last 7d")                   # also 5000, 12h, 30m, 2w
    Size.parse("1000 rows").rows           # how large each of many windows is; also 1000, "1d"

What is written is checked here; which rows it means is found in the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models import ModelVersion
from lite_mlops.spans import parse_span, span_text
from lite_mlops.store import Database, as_datetime, as_stored, now

_ROWS = re.compile(r"\s*(\d[\d_,]*)(?:\s*rows?)?\s*", re.ASCII)
_COUNT = re.compile(r"(?:(first|last)\s+)?(\d{1,12})")
MOST_ROWS = 1_000_000_000_000
_FORMS = "'2026-11-01..2026-11-08', 'first 5000', 'last 5000' or 'last 7d'"


@dataclass(frozen=True)
class Window:
    """Which predictions are meant: from `since` on, before `until`, of these the first or last."""

    since: datetime | None = None
    until: datetime | None = None
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise Invalid(
                f"The window from {_told(self.since)} to {_told(self.until)} is empty: its end "
                "is not after its beginning."
            )
        for count in (self.first, self.last):
            if count is not None and count < 1:
                raise Invalid(f"A window of {count} predictions is none; give at least 1.")

    @property
    def has_beginning(self) -> bool:
        """Whether it says where it begins."""
        return self.since is not None or self.first is not None or self.last is not None

    def __str__(self) -> str:
        told = []
        if self.first is not None:
            told.append(f"first {self.first:,}")
        if self.last is not None:
            told.append(f"last {self.last:,}")
        if self.since is not None or self.until is not None:
            begin, end = ("" if one is None else _told(one) for one in (self.since, self.until))
            told.append(f"{begin}..{end}")
        return " of ".join(told) or "all"


def _told(moment: datetime) -> str:
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return text.removesuffix(":00").removesuffix(" 00:00")


def moment_of(text: str | datetime) -> datetime:
    """Return a date or time, such as '2026-11-01' or '2026-11-01T12:00'; of no zone it is local.

    Raises:
        Invalid: it is none.
    """
    if isinstance(text, datetime):
        return text.astimezone(UTC)
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"{text!r} is no date or time; write 2026-11-01 or 2026-11-01T12:00."
        ) from None


def window_of(written: str | Window) -> Window:
    """Return the window that a text means. Raises `Invalid`."""
    if isinstance(written, Window):
        return written
    text = written.strip()
    if text == "all":
        return Window()
    if ".." in text:
        begin, _, end = text.partition("..")
        moments = [moment_of(one) if one.strip() else None for one in (begin, end)]
        return Window(since=moments[0], until=moments[1])
    if found := _COUNT.fullmatch(text):
        count = int(found[2])
        return Window(first=count) if found[1] == "first" else Window(last=count)
    try:
        return Window(since=_ago(text.removeprefix("last ")))
    except ValueError:
        raise Invalid(f"{written!r} is no window of predictions; write {_FORMS}.") from None


def _ago(span: str | timedelta) -> datetime:
    """Return the moment a span before now. Raises `ValueError`."""
    return as_datetime(now()) - parse_span(span)


def chosen_window(
    since: str | datetime | None,
    until: str | datetime | None,
    last: int | str | timedelta | None,
) -> Window:
    """Return the window that these three say together; all of them may be left out.

    `last` is a count of predictions, or a span of time before now.

    Raises:
        Invalid: one of them cannot be read, or a span of time comes with `since`.
    """
    window = Window(
        since=None if since is None else moment_of(since),
        until=None if until is None else moment_of(until),
    )
    if last is None:
        return window
    try:
        size = Size.parse(last)
    except ValueError as error:
        raise Invalid(f"The last {last!r} cannot be looked at: {error}.") from None
    if size.span is None:
        return replace(window, last=size.rows)
    if window.since is not None:
        raise Invalid("Give either since or a span of time as last, not both.")
    return replace(window, since=_ago(size.span))


@dataclass(frozen=True)
class Size:
    """How large a window is: so many rows, or so long; exactly one is given."""

    rows: int | None = None
    span: timedelta | None = None

    @classmethod
    def parse(cls, value: object) -> Size:
        """Return the size that a value says: 1000, '1000 rows', '1d' or a `timedelta`.

        Raises:
            ValueError: it says none.
        """
        if isinstance(value, Size):
            return value
        if (found := _ROWS.fullmatch(str(value))) is not None:
            rows = int(re.sub("[_,]", "", found[1]))
            if not 1 <= rows <= MOST_ROWS:
                raise ValueError(f"expected 1 to {MOST_ROWS:,} rows")
            return cls(rows=rows)
        try:
            return cls(span=parse_span(value))
        except ValueError:
            raise ValueError(
                "expected rows, or a time of at most ten years, such as '1000 rows' or '1d'"
            ) from None

    def __str__(self) -> str:
        return f"{self.rows} rows" if self.span is None else span_text(self.span)


# -- in the database ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Pinned:
    """The rows that a window means: between two predictions, and none that is recorded later.

    Predictions have a time, and a place where they stand in the table; both together order them.
    """

    window: Window
    rows: int
    first: tuple[datetime, int] | None = None
    last: tuple[datetime, int] | None = None
    newest: int = -1  # place
    model: str = ""
    version: int = 0

    @property
    def began(self) -> datetime | None:
        """When the first of them was made."""
        return None if self.first is None else self.first[0].replace(tzinfo=UTC)

    @property
    def ended(self) -> datetime | None:
        """When the last of them was made."""
        return None if self.last is None else self.last[0].replace(tzinfo=UTC)

    def overlaps(self, other: Pinned) -> bool:
        """Return whether both have rows in common."""
        if None in (self.first, self.last, other.first, other.last):
            return False
        assert self.first is not None
        assert self.last is not None
        assert other.first is not None
        assert other.last is not None
        return self.first <= other.last and other.first <= self.last

    @property
    def values(self) -> Mapping[str, Any]:
        """What the statements that read the rows take."""
        return {
            "model": self.model,
            "version": self.version,
            "first_at": None if self.first is None else self.first[0],
            "first_place": None if self.first is None else self.first[1],
            "last_at": None if self.last is None else self.last[0],
            "last_place": None if self.last is None else self.last[1],
            "newest": self.newest,
        }


def pin(
    database: Database, version: ModelVersion, window: Window, *, after: Pinned | None = None
) -> Pinned:
    """Return the rows of a version that a window means at present; with `after` only later ones."""
    start = None if after is None else after.last
    row = database.one(
        "prediction_window",
        model=version.model,
        version=version.version,
        since=as_stored(window.since),
        until=as_stored(window.until),
        after_at=None if start is None else start[0],
        after_place=None if start is None else start[1],
        direction=1 if window.first is not None else -1,
        count=window.first or window.last,
    )
    assert row is not None
    if not row["found"]:
        return Pinned(window, 0)
    return Pinned(
        window,
        row["found"],
        (row["first_at"], row["first_place"]),
        (row["last_at"], row["last_place"]),
        row["newest"],
        version.model,
        version.version,
    )
