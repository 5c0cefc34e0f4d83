"""Values as texts of bounded length; what is missing is marked.

text_of(list(range(1_000)))     # "[0, 1, 2, ..., 98, 99]... (1,000 items)"
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

MAX_TEXT = 500
_MAX_ITEMS = 100


def _shortened(value: Any) -> Any:
    """Return a long collection cut, so that writing it out takes no time."""
    if isinstance(value, Mapping) and len(value) > _MAX_ITEMS:
        return dict(islice(value.items(), _MAX_ITEMS))
    if isinstance(value, list | tuple | set | frozenset) and len(value) > _MAX_ITEMS:
        return list(islice(value, _MAX_ITEMS))
    return value


def text_of(value: Any) -> str:
    """Return a value as text of about 500 characters at most; what is missing is marked."""
    short = _shortened(value)
    try:
        text = short if isinstance(short, str) else repr(short)
    except Exception:  # noqa: BLE001 - a repr is the code of whoever wrote the class
        text = f"<{type(value).__name__}>"
    mark = "" if short is value else f"... ({len(value):,} items)"
    if len(text) > MAX_TEXT:
        mark = mark or f"... ({len(text):,} characters)"
        text = text[:MAX_TEXT]
    return text + mark
