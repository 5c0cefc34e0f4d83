"""Backups: consistent copies made while others write, each verified by opening the copy.

A backup is a folder with the database, the objects it refers to and a manifest with their hashes.
Backups that the store makes by itself (`auto-...`) hold the database alone: they replace the
journals kept for rebuilding, while objects never change and stay where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Busy, Conflict, Damaged, NotFound
from lite_mlops.store.clock import as_datetime, new_id, now, stamp
from lite_mlops.store.database import Database, attached
from lite_mlops.store.filelock import try_lock
from lite_mlops.store.intake import list_journals
from lite_mlops.store.layout import PART, Layout
from lite_mlops.store.objects import Objects
from lite_mlops.store.references import referenced

if TYPE_CHECKING:
    from lite_mlops.store.store import Store

FORMAT = 1
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Backup:
    """A verified backup: where it lies, when it was made, and what it holds."""

    path: Path
    created_at: str
    database_sha256: str
    database_bytes: int
    with_objects: bool
    objects: int
    missing: tuple[str, ...]  # referenced objects that were gone or damaged when it was made

    def to_dict(self) -> dict[str, Any]:
        """Return the backup as JSON can hold it."""
        return vars(self) | {"path": str(self.path), "missing": list(self.missing)}


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_everything(database: Database) -> dict[str, int]:
    """Read every block of the attached database, which proves their checksums; count the rows."""
    counts = {}
    for (table,) in database.rows("table_names"):
        quoted = '"' + table.replace('"', '""') + '"'
        database.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {quoted} t")  # noqa: S608
        row = database.cursor.fetchone()
        counts[table] = row[0] if row else 0
    return counts


def make_backup(
    store: Store, target: Path | None = None, *, with_objects: bool = True, name: str = "backup"
) -> Backup:
    """Copy the project as it is at this moment to the new folder `target`, and verify the copy.

    Without `target` it goes into the project's own `backups`, where objects are linked, not copied.

    Raises:
        Conflict: `target` exists.
        Busy: another process holds the project.
        Damaged: the copy does not open.
    """
    if target is None:
        store.layout.backups.mkdir(mode=0o700, exist_ok=True)
        target = store.layout.backups / f"{name}-{stamp(now())}"
    if target.exists():
        raise Conflict(f"{target} exists already; a backup never overwrites anything.")
    aside = target.with_name(f"{target.name}{PART}")
    aside.mkdir(mode=0o700, parents=True)
    try:
        copy = Layout(aside)
        store.copy_database(copy)
        with attached(copy.database, store.settings) as database:
            read_everything(database)
            wanted = referenced(database, store.objects)
            closed = [name for (name,) in database.rows("closed_journals")]
        missing: list[str] = []
        if with_objects:
            missing = _copy_objects(store.objects, wanted, copy.objects)
        backup = Backup(
            path=target,
            created_at=as_datetime(now()).isoformat(),
            database_sha256=_hash_file(copy.database),
            database_bytes=copy.database.stat().st_size,
            with_objects=with_objects,
            objects=len(wanted) - len(missing) if with_objects else 0,
            missing=tuple(missing),
        )
        manifest = {"format": FORMAT, **backup.to_dict()}
        del manifest["path"]
        (aside / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        os.replace(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    if target.parent == store.layout.backups:
        _release_journals(store, closed)
    return backup


def _copy_objects(objects: Objects, wanted: Iterable[str], folder: Path) -> list[str]:
    """Bring objects into a backup, linked where they lie on the same disk; return what is not
    good."""
    copies, missing = Objects(folder), []
    linked: dict[Path, bool] = {}
    for sha256 in wanted:
        while objects.is_good(sha256):
            file = objects.file_of(sha256)
            try:
                if file not in linked:
                    linked[file] = _bring(file, folder / file.relative_to(objects.folder))
                break
            except FileNotFoundError:  # a cleaning has just moved it to another pack
                objects.packs.load()
        else:
            missing.append(sha256)
            continue
        if not linked[file] and not copies.is_good(sha256):
            raise Damaged(f"The copy of object {sha256} in {folder} is not what was written.")
    return missing


def _bring(file: Path, target: Path) -> bool:
    """Put a file at `target` in one step; return whether it is a link, which is the same bytes."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = target.with_name(f".{new_id()}{PART}")
    try:
        try:
            os.link(file, aside)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(file, aside)
            os.replace(aside, target)
            return False
        os.replace(aside, target)
        return True
    finally:
        aside.unlink(missing_ok=True)  # renaming does nothing where both are one file already


def _release_journals(store: Store, closed: Iterable[str]) -> None:
    """Let go of the kept journals that a verified backup inside the project has replaced."""
    with store.reading() as database:
        damaged = {name for (name,) in database.rows("damaged_journals")}
    for name in closed:
        path = store.layout.folded / name
        if not path.exists():
            continue
        if name in damaged:
            store.layout.set_aside.mkdir(mode=0o700, exist_ok=True)
            os.replace(path, store.layout.set_aside / name)
        else:
            path.unlink(missing_ok=True)


def protect(store: Store) -> Backup:
    """Make the backup that replaces the journals kept for rebuilding; the one before goes."""
    backup = make_backup(store, with_objects=False, name="auto")
    for path in store.layout.backups.glob("auto-*"):
        if path.name < backup.path.name and path.suffix != PART:
            shutil.rmtree(path, ignore_errors=True)
    return backup


# -- reading backups ----------------------------------------------------------------------------


def open_backup(store: Store, path: Path) -> Backup:
    """Read and verify a backup, its database and all its objects.

    Raises:
        NotFound: there is no backup.
        Damaged: it is not what its manifest says.
    """
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        fields = {name: manifest[name] for name in Backup.__annotations__ if name != "path"}
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no backup in {path}: it has no {_MANIFEST}.") from None
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise Damaged(f"The backup in {path} has an unreadable {_MANIFEST} ({error!r}).") from None
    backup = Backup(path=path, **fields | {"missing": tuple(fields["missing"])})
    layout = Layout(path)
    if not layout.database.exists() or _hash_file(layout.database) != backup.database_sha256:
        raise Damaged(f"The database of the backup in {path} is not the one that was written.")
    with attached(layout.database, store.settings, read_only=True) as database:
        wanted = referenced(database, Objects(layout.objects))
    if backup.with_objects:
        copies = Objects(layout.objects)
        known = set(backup.missing)
        bad = [sha for sha in wanted if sha not in known and not copies.is_good(sha)]
        if bad:
            raise Damaged(
                f"{len(bad)} of {len(wanted)} objects of the backup in {path} are missing or "
                f"damaged, the first with SHA-256 {bad[0]}."
            )
    return backup


def newest_backup(store: Store) -> Backup | None:
    """Return the newest backup inside the project that verifies; None if there is none."""
    found = store.layout.backups.glob("*-*Z")
    for path in sorted(found, key=lambda path: path.name.partition("-")[2], reverse=True):
        try:
            return open_backup(store, path)
        except (NotFound, Damaged):  # the next older one may be good
            continue
    return None


def _live_writers(store: Store) -> list[str]:
    """Return the journals that another process is writing."""
    live = []
    for path in list_journals(store.layout.journal):
        fd = os.open(path, os.O_RDONLY)
        try:
            if not try_lock(fd):
                live.append(path.name)
        finally:
            os.close(fd)
    return live


def restore_backup(store: Store, source: Path) -> Backup:
    """Bring the project back to the state of a backup; what was there is set aside.

    Raises:
        NotFound, Damaged: the backup cannot be used.
        Busy: a process is logging to the project.
    """
    backup = open_backup(store, source)
    layout = store.layout
    layout.make()
    store.close()
    with store.alone("restoring"):
        if live := _live_writers(store):
            raise Busy(
                f"{len(live)} processes are logging to {layout.folder} ({', '.join(live[:3])}). "
                "Stop them, or restore to another folder with --to."
            )
        aside = layout.set_aside / f"before-restore-{stamp(now())}"
        aside.mkdir(mode=0o700, parents=True)
        fresh = layout.tmp / "restored.duckdb"
        shutil.copyfile(Layout(source).database, fresh)
        if backup.with_objects:
            _copy_objects(
                Objects(Layout(source).objects),
                [sha for sha, _, _ in Objects(Layout(source).objects).all()],
                layout.objects,
            )
        for path in (*list_journals(layout.folded), *list_journals(layout.journal)):
            os.replace(path, aside / path.name)
        set_database_aside(layout, aside, replacement=fresh)
    return backup


def set_database_aside(layout: Layout, aside: Path, *, replacement: Path | None) -> None:
    """Put the database file into `aside`, and `replacement` into its place, in one step each."""
    if layout.database.exists():
        shutil.copyfile(layout.database, aside / layout.database.name)
    if layout.wal.exists():
        os.replace(layout.wal, aside / layout.wal.name)
    if replacement is not None:
        os.replace(replacement, layout.database)
    else:
        layout.database.unlink(missing_ok=True)
