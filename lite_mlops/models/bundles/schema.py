"""Closed schemas: what a JSON value may be, said by small checks that are put together.

    check = record({"name": text(), "size": whole(0)}, {"note": text(1000)})
    check({"name": "a", "size": -1}, "")    # raises NoBundle: size is -1; it has to be ...

A key that is not named is refused, and so is a value of another type or size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from lite_mlops.models.bundles.refusals import NoBundle

Check = Callable[[Any, str], None]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INT64 = 2**63


def _refuse(where: str, value: Any, wanted: str) -> NoBundle:
    shown = ascii(value) if isinstance(value, str | int | float | None) else "something else"
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return NoBundle(f"in its manifest, {where[:120]} is {shown}; it has to be {wanted}")


def text(longest: int = 250, *, lines: bool = False) -> Check:
    """Return a check for texts; with `lines` they may have any characters but surrogates."""

    def check(value: Any, where: str) -> None:
        fits = isinstance(value, str) and len(value) <= longest and not _SURROGATE.search(value)
        if not fits or not (lines or not _CONTROL.search(value)):
            raise _refuse(where, value, f"a text of at most {longest:,} characters")

    return check


def matching(pattern: str, wanted: str) -> Check:
    """Return a check for texts of a form."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise _refuse(where, value, wanted)

    return check


def one_of(*allowed: Any) -> Check:
    """Return a check for a few values."""

    def check(value: Any, where: str) -> None:
        if type(value) not in set(map(type, allowed)) or value not in allowed:
            raise _refuse(where, value, f"one of {', '.join(map(repr, allowed))}")

    return check


def whole(low: int = -_INT64, high: int = _INT64 - 1) -> Check:
    """Return a check for whole numbers from `low` to `high`."""

    def check(value: Any, where: str) -> None:
        if type(value) is not int or not low <= value <= high:
            raise _refuse(where, value, f"a whole number from {low} to {high}")

    return check


def number(value: Any, where: str) -> None:
    """Check a finite number."""
    if type(value) is int:
        whole()(value, where)
    elif type(value) is not float or not math.isfinite(value):
        raise _refuse(where, value, "a number")


def flag(value: Any, where: str) -> None:
    """Check a flag."""
    if type(value) is not bool:
        raise _refuse(where, value, "true or false")


def nothing(value: Any, where: str) -> None:
    """Check for null."""
    if value is not None:
        raise _refuse(where, value, "null")


def either(*checks: Check) -> Check:
    """Return a check for what one of several takes; the last one tells."""

    def check(value: Any, where: str) -> None:
        for one in checks[:-1]:
            try:
                return one(value, where)
            except NoBundle:
                continue
        return checks[-1](value, where)

    return check


def listed(item: Check, most: int) -> Check:
    """Return a check for lists."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or len(value) > most:
            raise _refuse(where, value, f"a list of at most {most:,}")
        for place, one in enumerate(value):
            item(one, f"{where}[{place}]")

    return check


def mapped(key: Check, value: Check, most: int = 10_000) -> Check:
    """Return a check for objects of any names."""

    def check(found: Any, where: str) -> None:
        if not isinstance(found, dict) or len(found) > most:
            raise _refuse(where, found, f"an object of at most {most:,} names")
        for name, one in found.items():
            key(name, f"a name in {where}")
            value(one, f"{where}.{name[:60]}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """Return a check for objects of these names and no other."""
    known = {**required, **(optional or {})}

    def check(found: Any, where: str) -> None:
        if not isinstance(found, dict):
            raise _refuse(where or "the whole", found, "an object")
        prefix = f"{where}." if where else ""
        for name in found:
            if name not in known:
                raise NoBundle(
                    f"in its manifest, there is {ascii(prefix + name)[:80]}, unknown here"
                )
        for name in required:
            if name not in found:
                raise NoBundle(f"its manifest lacks {prefix}{name}")
        for name, one in found.items():
            known[name](one, f"{prefix}{name}")

    return check
