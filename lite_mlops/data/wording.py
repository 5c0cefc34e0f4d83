"""Counts, shares and values as they stand in what the checks of data say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_LONGEST = 40


def amount(count: int, noun: str) -> str:
    """Return a count with its noun: '1 row', '2 rows'."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """Return a share in per cent, with the digits that tell it from none and from all."""
    text = f"{100 * share:.3g}"
    return f"{text if text != '100' or share == 1 else '> 99.9'} %"


def value(one: Any) -> str:
    """Return a value, shortened; a text stands in quotes."""
    text = repr(one) if isinstance(one, str) else str(one)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def number(one: Any) -> str:
    """Return a number as it is read."""
    return f"{one:.6g}" if isinstance(one, float) else str(one)


def values(some: Sequence[Any], most: int = 5) -> str:
    """Return values one after the other, some of them if they are many."""
    shown = ", ".join(value(one) for one in some[:most])
    return shown if len(some) <= most else f"{shown}, ... ({len(some):,} in all)"
