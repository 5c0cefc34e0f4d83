"""A model file as it was registered, and its bytes: opened once, hashed, and only then used.

with opened(store.objects, file, limit=LIMIT) as proved:
    proved.data      # the very bytes whose hash was compared; nobody else can change them
"""

from __future__ import annotations

import hashlib
import io
import mmap
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import numpy as np

from lite_mlops.errors import Damaged
from lite_mlops.models.loading.refusals import RefusedModel

LIMIT = 2 << 30  # bytes of a file, and of what it unpacks to
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ModelFile:
    """A model file as it was registered.

    Attributes:
        sha256: Hash of its bytes.
        size: Number of its bytes.
        format: One of `FORMATS`.
        referrer: What errors call it, such as 'model version churn/3'.
        compression: How it was compressed when it was registered, such as 'zlib'. A file that is
            compressed and not recorded as such is refused.
        requirements: Versions of Python and packages at registration.
        artifacts: Files of a `PythonModel` by name, each as (SHA-256, bytes).
        trusted: What it may import besides the shipped list, as it was confirmed.
    """

    sha256: str
    size: int
    format: str = "joblib"
    referrer: str = "the model"
    compression: str | None = None
    requirements: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()


class Source(Protocol):
    """Where files come from: the object store, or a bundle."""

    def open(self, sha256: str, referrer: str) -> AbstractContextManager[IO[bytes]]:
        """Return the open file of a hash, yet to be proved. Raises `Damaged` if it is missing."""
        ...


@dataclass(frozen=True)
class Proved:
    """Bytes in memory of our own, proved; and the open file that they were read from."""

    data: memoryview
    file: IO[bytes]

    def mapped(self) -> mmap.mmap | None:
        """Return the file as a mapping that processes share; None for what is no real file.

        It is the same open file. Who writes into it in place afterwards, which only the owner's
        account can, changes numbers in the arrays, but no code.
        """
        try:
            return mmap.mmap(self.file.fileno(), len(self.data), access=mmap.ACCESS_COPY)
        except (OSError, ValueError, AttributeError):
            return None


def _damaged(referrer: str, what: str) -> Damaged:
    return Damaged(
        f"The file of {referrer} is damaged: it should have the {what}. Nothing of it was loaded. "
        "`lite-mlops doctor --repair` sets it aside and looks for a good copy in the backups."
    )


def check_size(size: int, limit: int) -> None:
    """Do nothing if a file may be that large. Raises `RefusedModel`."""
    if size > limit:
        raise RefusedModel(
            f"it has {size:,} bytes and at most {limit:,} are loaded (the setting model_mb)"
        )


def _fill(file: IO[bytes], part: memoryview) -> int:
    """Read into a buffer, without a copy where the file can; return the number of bytes."""
    if isinstance(file, io.BufferedReader):
        return file.readinto(part)
    block = file.read(len(part))
    part[: len(block)] = block
    return len(block)


def _read_into(file: IO[bytes], size: int, digest: Any) -> tuple[memoryview, int]:
    """Return a buffer of `size` bytes, and how many bytes there were, at most one more."""
    buffer: np.ndarray[Any, np.dtype[np.uint8]] = np.empty(size, np.uint8)
    view = memoryview(buffer)  # type: ignore[arg-type]  # NumPy 2.4 has not said so yet
    at = 0
    while at < size:
        part = view[at : at + _BLOCK]
        count = _fill(file, part)
        if not count:
            break
        digest.update(part[:count])
        at += count
    extra = file.read(1) if at == size else b""
    digest.update(extra)
    return view, at + len(extra)


@contextmanager
def opened(source: Source, file: ModelFile, *, limit: int = LIMIT) -> Iterator[Proved]:
    """Yield the bytes of a file after proving them.

    Raises:
        Damaged: the file is missing, or is not the one that was registered.
        RefusedModel: it is larger than `limit`; nothing was read.
    """
    check_size(file.size, limit)
    digest = hashlib.sha256()
    with source.open(file.sha256, file.referrer) as stream:
        data, count = _read_into(stream, file.size, digest)
        if digest.hexdigest() != file.sha256 or count != file.size:
            found = f"{digest.hexdigest()} in its first bytes" if count != file.size else ""
            raise _damaged(
                file.referrer,
                f"SHA-256 {file.sha256} and {file.size:,} bytes, and has "
                f"{found or digest.hexdigest()}",
            )
        yield Proved(data, stream)
