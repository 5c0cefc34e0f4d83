"""Bringing bytes to the disk itself, as far as the system lets us."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def sync(fd: int) -> None:
    """Bring what was written to an open file to the disk itself."""
    if sys.platform == "darwin":  # pragma: no cover
        import fcntl

        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)  # fsync alone stops at the drive's cache there
    elif hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:  # pragma: no cover
        os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Make the creation or renaming of files in `folder` durable, where the system can."""
    if sys.platform != "win32":
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
