"""Texts of a CSV or an address as the values that a column takes.

    values_of("integer", ["41", None])     # [41, None]
    values_of("float", ["1e3", "strong"])  # [1000.0, "strong"]; `validate` tells what is wrong

A text that is no value of the type stays what it is, so that "001" is a text where texts are
wanted and a number where numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lite_mlops.models import Type

# More digits than any float has are not worth the time that it takes to read them exactly.
_WHOLE = re.compile(r"[+-]?[0-9]{1,310}")
_FLAGS = {"true": True, "false": False}


def _integer(text: str) -> Any:
    return int(text) if _WHOLE.fullmatch(text.strip()) else _float(text)


def _float(text: str) -> Any:
    if "_" in text or not text.isascii():  # which Python reads, and nobody else
        return text
    try:
        return float(text)
    except ValueError:
        return text


def _boolean(text: str) -> Any:
    return _FLAGS.get(text.strip().lower(), text)


_READ = {"integer": _integer, "float": _float, "boolean": _boolean}


def values_of(kind: Type, texts: Sequence[str | None]) -> list[Any]:
    """Return texts as values of a type as far as they are any; None stays None."""
    read = _READ.get(kind)
    if read is None:
        return list(texts)
    return [None if text is None else read(text) for text in texts]
