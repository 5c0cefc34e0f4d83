"""What a project takes on the disk, part by part (`du`)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_mlops.store.layout import Layout


@dataclass(frozen=True)
class Usage:
    """One part of a project on the disk."""

    part: str
    files: int
    bytes: int
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Return the part as JSON can hold it."""
        return dict(vars(self))


def _measured(part: str, note: str, *paths: Path) -> Usage:
    files = size = 0
    for path in paths:
        for file in [path] if path.is_file() else path.rglob("*"):
            try:
                status = os.lstat(file)
            except FileNotFoundError:  # taken away meanwhile
                continue
            if not file.is_dir():
                # A hard link inside the project is counted once, with the object it links to.
                files, size = files + 1, size + status.st_size // max(status.st_nlink, 1)
    return Usage(part, files, size, note)


def usage(layout: Layout) -> list[Usage]:
    """Return what each part of a project takes on the disk."""
    journals = [path for path in layout.journal.glob("*") if path != layout.folded]
    return [
        _measured("database", "runs, metrics, models, predictions", layout.database, layout.wal),
        _measured("journal", "logged, on its way into the database", *journals),
        _measured("kept journals", "for rebuilding; a backup replaces them", layout.folded),
        _measured("objects", "files of models, artifacts and snapshots", layout.objects),
        _measured("sources", "which data files are unchanged; a cache", layout.sources),
        _measured("backups", "verified copies", layout.backups),
        _measured("set aside", "damaged files; yours to delete", layout.set_aside),
        _measured("temporary", "`gc` frees what is left over", layout.tmp),
    ]
