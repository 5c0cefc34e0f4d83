"""What may be logged under which name: checks of names, values, steps, times and paths.

Pure functions; each returns the value in the form in which it is stored, or raises `Invalid` with
the name, the value and what would be accepted.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import PurePath, PurePosixPath
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.security import mask_value

MAX_NAME = 250
MAX_PARAM = 6_000
MAX_TAG = 8_000
MAX_NOTE = 100_000
MAX_PATH = 1_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)
_TIMES = range(-62_135_596_800_000_000, 253_402_300_800_000_000)  # the years 1 to 9999
_EARLIEST_MS = 10**11  # milliseconds: 1973; a smaller number is a time in seconds by mistake


def shown(value: object, limit: int = 60) -> str:
    """Return a value as it is shown in an error: its repr, shortened."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"


def checked_name(name: object, what: str) -> str:
    """Return a name: Unicode text of 1 to 250 characters without control characters."""
    if not isinstance(name, str):
        raise Invalid(f"{what} is a text; {shown(name)} is a {type(name).__name__}.")
    if not name.strip():
        raise Invalid(f"{what} is empty.")
    if len(name) > MAX_NAME:
        raise Invalid(
            f"{what} {shown(name)} is too long: {len(name):,} characters, at most {MAX_NAME}."
        )
    if bad := _CONTROL.search(name):
        raise Invalid(
            f"{what} {shown(name)} contains the control character {bad[0]!r} at position "
            f"{bad.start() + 1}. Names are text without control characters."
        )
    return name


def checked_text(value: object, what: str, limit: int) -> str:
    """Return any value as text of at most `limit` characters."""
    text = _SURROGATE.sub("\ufffd", value if isinstance(value, str) else str(value))
    if len(text) > limit:
        raise Invalid(
            f"{what} is too long: {len(text):,} characters, at most {limit:,} are kept. "
            "Log long texts as an artifact: log_text(text, 'name.txt')."
        )
    return text


def checked_tag(
    key: object, value: Any, further: tuple[str, ...], limit: int = MAX_TAG
) -> tuple[str, str | None]:
    """Return name and text of a tag, masked if it looks like a secret; None stays None.

    `further` are more parts of names whose values are secrets.
    """
    name = checked_name(key, "tag name")
    if value is None:
        return name, None
    return name, mask_value(name, checked_text(value, f"tag {name!r}", limit), further)


def checked_note(text: object) -> str:
    """Return the note of a run: a text of at most 100,000 characters."""
    if not isinstance(text, str):
        raise Invalid(f"the note is a text; {shown(text)} is a {type(text).__name__}.")
    return checked_text(text, "the note", MAX_NOTE)


def checked_value(key: str, value: Any) -> float:
    """Return a metric value as a float; NaN and infinities are accepted."""
    numeric = hasattr(value, "__float__") or hasattr(value, "__index__")
    if not numeric or isinstance(value, str | bytes):
        raise Invalid(
            f"metric {key!r} needs a number; {shown(value)} is a {type(value).__name__}. "
            "Texts belong into params or tags."
        )
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"metric {key!r} needs one number; {shown(value)}: {error}.") from None


def checked_step(key: str, step: Any) -> int:
    """Return a step as an integer of 64 bits."""
    try:
        number = operator.index(step)
    except TypeError:
        raise Invalid(
            f"the step of metric {key!r} is a whole number; {shown(step)} is not."
        ) from None
    if number not in _INT64:
        raise Invalid(f"the step {number} of metric {key!r} does not fit into 64 bits.")
    return number


def checked_time(moment: Any) -> int:
    """Return a time in microseconds since 1970 UTC.

    Accepts a `datetime` (a naive one is local time), an integer of milliseconds as in MLflow, or
    a float of seconds as `time.time()` gives.
    """
    if isinstance(moment, datetime):
        try:
            return round(moment.timestamp() * 1_000_000)
        except (ValueError, OverflowError) as error:  # NaT, or before the year 1 in UTC
            raise Invalid(f"the timestamp {moment} is no moment: {error}.") from None
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        raise Invalid(
            f"a timestamp is a datetime, milliseconds as an int or seconds as a float; "
            f"{shown(moment)} is a {type(moment).__name__}."
        )
    if isinstance(moment, int):
        if abs(moment) < _EARLIEST_MS:
            raise Invalid(
                f"the timestamp {moment} would be in 1970 to 1973: integers are milliseconds. "
                f"If these are seconds, pass {moment * 1000} or the float {float(moment)}."
            )
        micros = moment * 1000
    else:
        if moment != moment or abs(moment) > 1e12:
            raise Invalid(f"the timestamp {moment} is not a time in seconds since 1970.")
        micros = round(moment * 1_000_000)
    if micros not in _TIMES:
        raise Invalid(f"the timestamp {moment} lies too far away.")
    return micros


def checked_path(path: object, what: str = "artifact path") -> str:
    """Return a relative path with forward slashes, which stays below the run."""
    if not isinstance(path, str | PurePath):
        raise Invalid(f"{what} is a text; {shown(path)} is a {type(path).__name__}.")
    text = str(path).replace("\\", "/")
    pure = PurePosixPath(text)
    parts = pure.parts
    if not parts or pure.is_absolute() or ".." in parts or re.match(r"[A-Za-z]:", str(pure)):
        raise Invalid(
            f"{what} {shown(str(path))} must be relative and stay below the run, such as "
            "'plots/roc.png'."
        )
    if len(text) > MAX_PATH or _CONTROL.search(text):
        raise Invalid(
            f"{what} {shown(text)} must have at most {MAX_PATH:,} characters, none of them a "
            "control character."
        )
    return str(PurePosixPath(text))


def items(values: object, what: str) -> Iterable[tuple[Any, Any]]:
    """Return the pairs of a dictionary; `what` names it in the error for anything else."""
    if not isinstance(values, Mapping):
        raise Invalid(
            f"{what} are a dictionary of names and values; {shown(values)} is a "
            f"{type(values).__name__}."
        )
    return values.items()
