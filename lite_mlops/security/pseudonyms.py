"""Pseudonyms: a value of a person as a keyed hash, so that equal ones can be told and none be read.

pseudonyms = Pseudonyms(folder / "pseudonyms.key")
pseudonyms.of("age", "41")      # '1f0c...', the same for the same column and value

It is HMAC-SHA-256 (RFC 2104), cut to 128 bits, with a random key of the project. Without the key
nobody can try all values there may be; who has the key and the values can.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from lite_mlops.errors import Damaged

_BYTES = 32
_DIGITS = 32


class Pseudonyms:
    """The keyed hash of one project; the first use makes its key, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def of(self, column: str, value: str) -> str:
        """Return the pseudonym of a value. Raises `Damaged` if the key cannot be used."""
        if self._key is None:
            self._key = self._read()
        text = f"{column}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()[:_DIGITS]

    def _read(self) -> bytes:
        if not self._path.exists():
            self._make()
        key = self._path.read_bytes()
        if len(key) != _BYTES:
            raise Damaged(
                f"{self._path} is not a key of {_BYTES} bytes. Bring it back from a backup, or "
                "delete it: then pseudonyms are other ones from now on."
            )
        return key

    def _make(self) -> None:
        """Make the key; whoever is first wins, and nobody ever reads half of it."""
        made = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
                file.flush()
                os.fsync(file.fileno())
            os.link(made, self._path)  # fails if another process made it just now
        except FileExistsError:
            pass
        finally:
            made.unlink(missing_ok=True)
