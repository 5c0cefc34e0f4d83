"""The hash of a table: SHA-256 over its whole content, never over a sample.

    fingerprint(as_columns(frame))

It covers the names and order of the columns, their canonical kinds, and every value of every row
in its order. A column is hashed piece by piece, and the pieces may be cut anywhere: values, the
lengths of texts and the places of what is missing go into hashes of their own, combined at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.canonical import TEXTS, Column, canonical
from lite_mlops.data.tables import Columns


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # file names may hold halves of surrogate pairs


def _lengths(piece: Column, values: Sequence[Any]) -> NDArray[np.int64]:
    if piece.words is None:
        return np.fromiter(map(len, values), "<i8", len(values))
    texts = piece.words.texts
    return np.fromiter(map(len, texts), "<i8", len(texts))[piece.words.places]


class ColumnHash:
    """The hash of one column, fed piece by piece."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kind = "text"
        self._rows = 0
        self._missing = 0
        self._values, self._lengths, self._places = (hashlib.sha256() for _ in range(3))

    def update(self, piece: Column) -> None:
        """Take in the next piece."""
        self._kind = piece.kind
        if piece.missing is not None:
            self._missing += int(piece.missing.sum())
            if piece.kind != "float":  # where NaN tells already
                places = np.flatnonzero(piece.missing) + self._rows
                self._places.update(places.astype("<i8").tobytes())
        if piece.kind in TEXTS:
            values = piece.values.tolist()
            self._lengths.update(_lengths(piece, values).tobytes())
            whole = b"".join(values) if piece.kind == "bytes" else _bytes("".join(values))
            self._values.update(whole)
        elif piece.kind != "nothing":
            little = piece.values.dtype.newbyteorder("<")
            self._values.update(np.ascontiguousarray(piece.values, little).data)
        self._rows += len(piece.values)

    def digest(self) -> bytes:
        """Return the hash of what was taken in."""
        head = json.dumps([self._name, self._kind if self._rows else "", self._rows]).encode()
        parts = [head, *(part.digest() for part in (self._values, self._lengths, self._places))]
        return hashlib.sha256(b"\n".join(parts)).digest()


def combined(columns: Iterable[bytes]) -> str:
    """Return the hash of a table from those of its columns, in hexadecimal digits."""
    return hashlib.sha256(b"table 1\n" + b"".join(columns)).hexdigest()


def _hashed(name: str, column: Column) -> bytes:
    digest = ColumnHash(name)
    digest.update(column)
    return digest.digest()


def fingerprint(columns: Columns) -> str:
    """Return the SHA-256 of a table in hexadecimal digits. Raises `Invalid`."""
    return combined(_hashed(name, canonical(name, values)) for name, values in columns.items())
