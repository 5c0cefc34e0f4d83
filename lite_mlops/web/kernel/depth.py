"""How deep lists and objects of JSON lie in each other, without a step in Python for each value.

deeper_than(32, body, json.loads(body))
"""

from __future__ import annotations

from itertools import chain
from typing import Any

_KEPT = b'[]{}"'
_OTHER = bytes(set(range(256)) - set(_KEPT))


def deeper_than(depth: int, body: bytes, value: Any) -> bool:
    """Return whether the JSON `body`, which was read as `value`, is nested deeper than `depth`."""
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    # What is left of most bodies are pairs of brackets; taking the innermost away, level by level,
    # ends with nothing. Only texts with brackets or quotes in them leave something.
    left = body.translate(None, _OTHER).replace(b'""', b"")
    for _ in range(depth):
        shorter = left.replace(b"[]", b"").replace(b"{}", b"")
        if not shorter:
            return False
        if len(shorter) == len(left):
            break
        left = shorter
    return _walked_deeper(depth, value)


def _walked_deeper(depth: int, value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(depth):
        level = [
            one
            for one in chain.from_iterable(
                item.values() if type(item) is dict else item for item in level if _holds(item)
            )
            if _holds(one)
        ]
        if not level:
            return False
    return True


def _holds(value: Any) -> bool:
    return type(value) in (list, dict)
