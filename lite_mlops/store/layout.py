"""What lies where in a project's folder. Everything refers by relative names, so it can be moved.

.lite-mlops/
  lite-mlops.duckdb   all that was folded
  journal/            events on their way; `journal/folded/` those kept until the next backup
  objects/            the bytes of models, artifacts and snapshots, by SHA-256
  objects/packs/      the chunks of snapshots, many in one file
  sources/            what the files behind dataset versions looked like when they were read
  pipelines/          what the files of pipelines looked like, and locks of those that run
  backups/            copies that were verified
  set-aside/          what was damaged; never deleted by itself
  tmp/                what an interrupted command left here may go
  pseudonyms.key      what values of persons are hashed with, where they are to be
  lock, lock.gate     the project's one lock
  lock.protect        held by the process that replaces kept journals by a backup
  lock.import         held by the process that imports what was logged elsewhere
  lock.monitor        held by the process whose monitors look at what was recorded
  lock.loop           held by the process that takes the loops further
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER_NAME = ".lite-mlops"
PART = ".part"  # the ending of what is being made


@dataclass(frozen=True)
class Layout:
    """The paths of one project, below its folder."""

    folder: Path

    @property
    def database(self) -> Path:
        """The database file."""
        return self.folder / "lite-mlops.duckdb"

    @property
    def wal(self) -> Path:
        """The write-ahead log of the database; normally it does not exist."""
        return self.folder / "lite-mlops.duckdb.wal"

    @property
    def journal(self) -> Path:
        """The folder of the journals that are written or not yet folded."""
        return self.folder / "journal"

    @property
    def folded(self) -> Path:
        """The folder of the journals that are folded and kept."""
        return self.journal / "folded"

    @property
    def objects(self) -> Path:
        """The folder of the object store."""
        return self.folder / "objects"

    @property
    def pseudonyms(self) -> Path:
        """The key of pseudonyms; there once one was needed."""
        return self.folder / "pseudonyms.key"

    @property
    def sources(self) -> Path:
        """The folder of what is known of the files behind dataset versions; a cache."""
        return self.folder / "sources"

    @property
    def pipelines(self) -> Path:
        """The folder of what is known of the files of pipelines; a cache, and locks."""
        return self.folder / "pipelines"

    @property
    def backups(self) -> Path:
        """The folder of the backups inside the project."""
        return self.folder / "backups"

    @property
    def set_aside(self) -> Path:
        """The folder of what was damaged."""
        return self.folder / "set-aside"

    @property
    def tmp(self) -> Path:
        """The folder for what is being made."""
        return self.folder / "tmp"

    @property
    def protecting(self) -> Path:
        """The lock file of the process that replaces kept journals by a backup."""
        return self.folder / "lock.protect"

    @property
    def importing(self) -> Path:
        """The lock file of the process that imports."""
        return self.folder / "lock.import"

    @property
    def watching(self) -> Path:
        """The lock file of the process whose monitors look."""
        return self.folder / "lock.monitor"

    @property
    def looping(self) -> Path:
        """The lock file of the process that takes the loops further."""
        return self.folder / "lock.loop"

    def has_remains(self) -> bool:
        """Return whether there once was a database: what was folded or backed up is still here."""
        remains = (*self.folded.glob("*"), *self.backups.glob("*"))
        return any(path.suffix != PART for path in remains)

    def make(self) -> None:
        """Make the folder; only its owner can look into it, and git ignores it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.journal, self.folded, self.objects, self.tmp):
            folder.mkdir(mode=0o700, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
