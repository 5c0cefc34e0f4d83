"""Files from elsewhere: copied into the object store, never loaded, no link ever followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lite_mlops.errors import Invalid
from lite_mlops.store import Objects, Stored

_BLOCK = 1 << 20


def files_below(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield the files of a folder by their relative paths.

    None stands for links, for what is no file, and for folders that cannot be looked into.
    """
    closed: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda e: closed.append(e.filename)):
        folders.sort()
        links = [one for one in folders if os.path.islink(os.path.join(place, one))]
        for name in sorted([*files, *links]):
            path = Path(place, name)
            try:
                regular = stat.S_ISREG(path.lstat().st_mode)
            except FileNotFoundError:  # it went meanwhile
                continue
            yield path.relative_to(folder).as_posix(), path if regular else None
    for name in closed:
        if os.path.lexists(name):  # else there is nothing
            yield os.path.relpath(name, folder), None


def open_file(path: Path) -> IO[bytes]:
    """Open a regular file, and no link. Raises `OSError`."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(0, "it is no regular file", str(path))
    return os.fdopen(fd, "rb")


def read_text(path: Path, most: int = 10_000_000) -> str:
    """Return the text of a small file. Raises `OSError`, or `Invalid` if it is too large."""
    with open_file(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Invalid(f"{path.name} is too large to be what it should be")
    return data.decode("utf-8", "replace")


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            block = file.read(_BLOCK)
        except OSError as error:
            raise Invalid(f"A file cannot be read ({error.strerror})") from None
        if not block:
            return
        yield block


def copy_file(objects: Objects, source: Path | bytes) -> Stored:
    """Store a copy of a file, or bytes. Raises `Invalid` if it cannot be read."""
    if isinstance(source, bytes):
        return objects.put_bytes(source)
    try:
        file = open_file(source)
    except OSError as error:
        raise Invalid(f"A file cannot be read ({error.strerror})") from None
    with file:
        return objects.put_blocks(_blocks(file))
