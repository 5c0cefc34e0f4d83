"""The hash of a table: SHA-256 over its whole content, never over a sample.

It covers the names, types and order of the columns and every value of every row.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.tables import Columns


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # file names may hold halves of surrogate pairs


def _content(column: NDArray[Any]) -> bytes:
    """Return the values of a column as bytes that no other values give."""
    if column.dtype != object:
        return np.ascontiguousarray(column.astype(column.dtype.newbyteorder("<"))).tobytes()
    parts = []
    for value in column:
        text = b"" if value is None else _bytes(f"{type(value).__name__}:{value}")
        parts += [len(text).to_bytes(8, "little"), text]
    return b"".join(parts)


def fingerprint(columns: Columns) -> str:
    """Return the SHA-256 of a table in hexadecimal digits."""
    digest = hashlib.sha256()
    for name, column in columns.items():
        label = _bytes(f"{name}\0{column.dtype.newbyteorder('<').str}\0{len(column)}")
        digest.update(len(label).to_bytes(8, "little"))
        digest.update(label)
        digest.update(_content(column))
    return digest.hexdigest()
