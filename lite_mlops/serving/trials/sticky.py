"""Sticky: which requests a canary gets. The same key is always of the same side in one trial.

    sticky = Sticky(trial, share=0.1)
    sticky.holds("customer 41")      # about one key in ten; with a greater share, these and more

The key comes with the request: the header X-Canary-Key, or a column of its first row.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

HEADER = "x-canary-key"
_ALL = 1 << 64
_KNOWN = 1_000


class Sticky:
    """A share of all keys, spread evenly, and other ones in each trial.

    Args:
        trial: The trial, which is the salt.
        share: The share of the keys, 0 to 1.
    """

    __slots__ = ("_below", "_known", "_salt")

    def __init__(self, trial: str, share: float) -> None:
        self._salt = f"{trial}\n"
        self._known: dict[str | float, bool] = {}  # keys that came lately: they come again
        self._below = min(round(share * _ALL), _ALL - 1).to_bytes(8)

    def holds(self, key: str | float) -> bool:
        """Return whether a key is in the share; 41.0 is the key 41, and so is '41'."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            salted = (self._salt + text_of(key)).encode("utf-8", "surrogatepass")
            # As numbers, first bytes first.
            known = self._known[key] = blake2b(salted, digest_size=8).digest() < self._below
        return known


_PLAIN = {str, float, int}


def key_of(rows: Any, column: str, features: tuple[str, ...]) -> str | float | None:
    """Return the key that stands in a column of the first row; None if there is none.

    What is no plain value is a text.

    Args:
        rows: In any form that `Signature.validate` takes; not validated.
        column: The name of the column.
        features: The columns of rows that are lists.
    """
    try:
        value = _first(rows, column, features)
    except (LookupError, TypeError, AttributeError, ValueError):  # the rows are refused later
        return None
    if type(value) in _PLAIN:
        return value  # type: ignore[no-any-return]
    return None if value is None else text_of(value)


def text_of(value: Any) -> str:
    """Return a key as text, by which its side is found."""
    if type(value) is str:
        return value
    # 41.0 of one form is 41 of others.
    if type(value) is not int and hasattr(value, "is_integer") and value.is_integer():
        return str(int(value))
    return str(value)


def _first(rows: Any, column: str, features: tuple[str, ...]) -> Any:
    if type(rows) is not list and (isinstance(rows, Mapping) or hasattr(rows, "columns")):
        values = rows[column]  # by column, or a data frame
        return getattr(values, "iloc", values)[0]
    row = rows[0]
    if type(row) is dict:
        return row[column]
    if type(row) is list:
        return row[features.index(column)]
    if isinstance(row, str):  # of a model that takes texts, without columns
        return None
    return row[features.index(column)]
