"""Time and ids come from here, so that tests can set both in one place.

Times are integers: microseconds since 1970-01-01 UTC. An id begins with the second of its making
(8 hexadecimal digits), so ids sort by time and the rows of one run lie together in the database.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from datetime import UTC, datetime


def now() -> int:
    """Return the present time in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


# Random digits, many fetched at once: each call of the system lets another thread take over.
_digits: list[str] = []
_DIGITS, _FETCHED = 12, 128


def new_id() -> str:
    """Return a new id: 8 hexadecimal digits of the present second and 12 random ones."""
    try:
        digits = _digits.pop()
    except IndexError:
        fetched = os.urandom(_FETCHED * _DIGITS // 2).hex()
        _digits.extend(
            fetched[start : start + _DIGITS] for start in range(_DIGITS, len(fetched), _DIGITS)
        )
        digits = fetched[:_DIGITS]
    return f"{now() // 1_000_000:08x}{digits}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_digits.clear)  # or two processes would give the same


def id_at(moment: int, text: str) -> str:
    """Return the id of what began elsewhere at a time, known there as `text`: always the same."""
    second = min(max(moment // 1_000_000, 0), 0xFFFF_FFFF)
    return f"{second:08x}{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_id(word: object) -> bool:
    """Return whether a word has the form of a whole id."""
    return isinstance(word, str) and re.fullmatch("[0-9a-f]{20}", word) is not None


def as_datetime(moment: int) -> datetime:
    """Return a time of the store as a `datetime` in UTC."""
    return datetime.fromtimestamp(moment // 1_000_000, UTC).replace(microsecond=moment % 1_000_000)


def as_stored(moment: datetime | None) -> datetime | None:
    """Return a time as the tables hold it: in UTC, without saying so."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


def stamp(moment: int) -> str:
    """Return a time of the store as text that fits into a file name and sorts by time."""
    return as_datetime(moment).strftime("%Y%m%dT%H%M%S.%fZ")
