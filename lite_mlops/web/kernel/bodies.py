"""The body of a request while it comes in: kept in memory, written to a file, or passed over.

body = Body(room, folder=None, unpacker=None)
body.add(part)
content, file = body.end()
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from lite_mlops.web.kernel.compression import Unpacker


class Body:
    """A body in parts.

    Attributes:
        received: Bytes that came so far, before they are unpacked.
    """

    __slots__ = ("_content", "_file", "_path", "_unpacker", "received")

    def __init__(self, folder: Path | None, unpacker: Unpacker | None) -> None:
        self._content = bytearray()
        self._unpacker = unpacker
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self.received = 0
        if folder is not None:
            number, name = tempfile.mkstemp(dir=folder, prefix="body-")
            self._file, self._path = os.fdopen(number, "wb"), Path(name)

    def add(self, part: bytes) -> None:
        """Take the next bytes. Raises `TooLarge`, `Malformed` for what cannot be unpacked."""
        self.received += len(part)
        if self._unpacker is not None:
            part = self._unpacker.feed(part)
        if self._file is not None:
            self._file.write(part)
        else:
            self._content += part

    def end(self) -> tuple[bytes, Path | None]:
        """Return the whole body, or the file it lies in. Raises `Malformed`."""
        if self._unpacker is not None:
            self._unpacker.end()
        if self._file is not None:
            self._file.close()
        return bytes(self._content), self._path

    def drop(self) -> None:
        """Forget the body."""
        self._content.clear()
        if self._file is not None:
            with suppress(OSError):  # a full disk; the file goes anyway
                self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class Passed(Body):
    """A body that nobody wants any more; the connection goes on behind it."""

    def add(self, part: bytes) -> None:
        """Count the next bytes."""
        self.received += len(part)
