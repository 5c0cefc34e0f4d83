"""Cleaning (`gc`): frees what nothing refers to, and gives the database's empty space back."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Damaged
from lite_mlops.store.backup import protect, read_everything
from lite_mlops.store.clock import new_id
from lite_mlops.store.database import attached, copy_into
from lite_mlops.store.journal import NEW
from lite_mlops.store.objects import GRACE_SECONDS
from lite_mlops.store.references import referenced

if TYPE_CHECKING:
    from lite_mlops.store.store import Store

# Empty space is used again by itself; rewriting the file pays when most of it is empty.
_WORTHWHILE_BYTES = 8_000_000


@dataclass(frozen=True)
class Cleaned:
    """What a cleaning freed, or would free."""

    objects: int
    object_bytes: int
    leftover_bytes: int
    database_bytes: int

    @property
    def total_bytes(self) -> int:
        """All bytes together."""
        return self.object_bytes + self.leftover_bytes + self.database_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return vars(self) | {"total_bytes": self.total_bytes}


def _unreferenced(store: Store, before: float) -> list[tuple[str, int]]:
    """Return the objects that nothing refers to and that nobody can be about to refer to."""
    # First the files, then the references: what is logged in between is newer than the files.
    found = [(sha256, size) for sha256, size, written in store.objects.all() if written < before]
    with store.reading() as database:
        wanted = set(referenced(database, store.objects, strict=True))
    return [(sha256, size) for sha256, size in found if sha256 not in wanted]


def clean(store: Store, *, dry_run: bool = False, grace_seconds: float = GRACE_SECONDS) -> Cleaned:
    """Free the objects that nothing refers to, what interrupted commands left, and empty space.

    Objects younger than `grace_seconds` stay: their event may not have been logged yet.

    Raises:
        Damaged: the manifest of a snapshot cannot be read, so that its chunks are not known;
            nothing was freed. Or a pack that would be written anew is damaged.
    """
    before = time.time() - grace_seconds
    unreferenced = _unreferenced(store, before)
    if dry_run:
        return Cleaned(len(unreferenced), sum(size for _, size in unreferenced), 0, _empty(store))
    freed = sum(store.objects.remove(sha256) for sha256, _ in unreferenced)
    freed += store.objects.packs.remove({sha256 for sha256, _ in unreferenced}, before)
    leftovers = store.objects.remove_leftovers() + _remove_stages(store)
    database = compact(store) if _empty(store) >= _WORTHWHILE_BYTES else 0
    return Cleaned(len(unreferenced), freed, leftovers, database)


def _remove_stages(store: Store) -> int:
    """Remove what killed processes left in the project's `tmp`."""
    freed = 0
    unfinished = store.layout.journal.glob(f"*{NEW}")
    for path in (*store.layout.tmp.rglob("*"), *unfinished):
        try:
            status = path.stat()
            if time.time() - status.st_mtime > GRACE_SECONDS and not path.is_dir():
                path.unlink()
                freed += status.st_size
        except FileNotFoundError:  # its owner took it away meanwhile
            continue
    return freed


def _empty(store: Store) -> int:
    """Return the bytes of the database file that hold nothing, if they are more than half."""
    with store.reading() as database:
        blocks = database.rows("file_blocks")
    block_size, total, free = blocks[0]
    return int(block_size * free) if free * 2 > total else 0


def compact(store: Store) -> int:
    """Rewrite the database without empty space, and return how much smaller the file became.

    Raises:
        Damaged: the copy does not hold what the original holds; the original stays.
    """
    path = store.layout.database
    aside = store.layout.tmp / f"compact-{new_id()}.duckdb"
    store.fold()
    with store.alone("compacting"):
        before = path.stat().st_size
        try:
            with attached(path, store.settings) as database:
                expected = read_everything(database)
                copy_into(database, aside)
            with attached(aside, store.settings, read_only=True) as database:
                found = read_everything(database)
            if found != expected:
                raise Damaged(f"Compacting {path} was given up: the copy lacks rows.")
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        return before - path.stat().st_size


def erase(store: Store) -> None:
    """After a purge: leave no byte of it in the database file or in the journals that are kept."""
    store.close()
    compact(store)
    protect(store)
