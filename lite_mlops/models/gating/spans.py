"""Spans of time in definitions, such as '7d'."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from lite_mlops.errors import Invalid

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhdw])")


def span_of(text: Any, where: str = "the time") -> timedelta:
    """Return a span of time such as '30m', '24h', '7d' or '2w'. Raises `Invalid`."""
    match = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    span = timedelta(**{_UNITS[match[2]]: float(match[1])}) if match else timedelta()
    if not span:
        raise Invalid(f"{where} is {text!r}; write a span of time such as '30m', '24h' or '7d'.")
    return span
