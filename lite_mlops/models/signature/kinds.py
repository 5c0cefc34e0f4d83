"""The types of values that models take, and when one value is of them.

cell("integer", 41.0)     # 41
cell("integer", "41")     # raises Refused: a text is no number

boolean    true or false, never 0 and 1
integer    whole numbers up to 2**53, beside missing values too; 41.0 is one
float      finite numbers; whole numbers only as far as they are exact
text       strings, and nothing that only looks like one
datetime   dates and times, also as ISO 8601; kept in UTC, those without a zone as they are

This is the one definition; the quick ways over whole columns must agree with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

Type = Literal["boolean", "integer", "float", "text", "datetime"]

NUMBERS: tuple[Type, ...] = ("integer", "float")
EXACT = 2**53  # above it, not every whole number is a float of 64 bits

WANTED: dict[Type, str] = {
    "boolean": "true or false",
    "integer": "a whole number",
    "float": "a number",
    "text": "a text",
    "datetime": "a time such as '2026-01-31T12:00:00Z'",
}

# A day, or a day with a time of the day, a fraction and a zone. ASCII digits alone, as in JSON
# Schema, where this stands too.
MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
)
_MOMENT = re.compile(MOMENT)


class Refused(Exception):
    """A value is not of the type; the text says what was expected."""


def is_missing(value: Any) -> bool:
    """Return whether a value stands for none: None, NaN, NaT or the NA of pandas."""
    if value is None:
        return True
    if isinstance(value, str | bool | int):
        return False
    try:
        return bool(value != value)
    except TypeError:  # the NA of pandas
        return True
    except ValueError:  # an array, which is something
        return False


def _boolean(value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise Refused(WANTED["boolean"])


def _float(value: Any) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real | Decimal):
        raise Refused(WANTED["float"])
    if isinstance(value, Integral) and abs(int(value)) > EXACT:
        raise Refused("a whole number of at most 2**53")
    try:
        number = float(value)
    except OverflowError:
        raise Refused("a finite number") from None
    if number in (np.inf, -np.inf):
        raise Refused("a finite number")
    return number


def _integer(value: Any) -> int:
    try:
        number = _float(value)
    except Refused as refused:
        asked = WANTED["integer"] if str(refused) == WANTED["float"] else str(refused)
        raise Refused(asked) from None
    if not number.is_integer():
        raise Refused(WANTED["integer"])
    if abs(number) > EXACT:
        raise Refused("a whole number of at most 2**53")
    return int(number)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    raise Refused(WANTED["text"])


def _datetime(value: Any) -> np.datetime64:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if _MOMENT.fullmatch(value) else None
        except ValueError:  # such as the 13th month
            value = None
    try:
        if isinstance(value, datetime):
            if value.tzinfo is not None:
                value = value.astimezone(UTC).replace(tzinfo=None)
            return np.datetime64(value, "us")
        if isinstance(value, date | np.datetime64):
            moment: np.datetime64 = np.datetime64(value).astype("datetime64[us]")
            return moment
    except OverflowError:  # the zone moves it out of the years 1 to 9999
        pass
    raise Refused(WANTED["datetime"])


_CELLS: dict[Type, Callable[[Any], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "float": _float,
    "text": _text,
    "datetime": _datetime,
}


def cell(kind: Type, value: Any) -> Any:
    """Return a value, which is not missing, in its type. Raises `Refused`."""
    return _CELLS[kind](value)
