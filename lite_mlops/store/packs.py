"""Packs: the chunks of snapshots, many in one file, so that a copy costs few files and few syncs.

    filling = Filling(packs)
    filling.put(hashlib.sha256(chunk).digest(), chunk)
    filling.finish()
    packs.read(sha256)

A pack is chunks, one after the other, then a table of the SHA-256 and the length of each, then how
many they are. The name of the file is the SHA-256 of the table: the name proves the table, and the
table proves the chunks. A pack never changes. When some of its chunks are not wanted any more, a
new pack takes over the others. A chunk that came alone is no pack but an object like any other.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, repeat
from math import inf
from pathlib import Path
from typing import IO, NamedTuple

from lite_mlops.errors import Damaged
from lite_mlops.store.clock import new_id
from lite_mlops.store.disk import sync, sync_folder

# Small enough to be written anew for one unwanted chunk, large enough to wait for the disk rarely.
PACK_BYTES = 64 << 20
_ENTRY = struct.Struct("<32sI")
_END = struct.Struct("<Q8s")
_MARK = b"lm-pack1"
_TOUCHED_SECONDS = 600.0  # well within the time for which a cleaning leaves new objects alone


class PackDamaged(Damaged):
    """A pack is not what its name says."""


class Place(NamedTuple):
    """Where a chunk lies."""

    pack: str
    start: int
    size: int


class Packs:
    """The packs of one object store, below its folder."""

    def __init__(self, objects: Path, make_folder: Callable[[], None]) -> None:
        self.folder = objects / "packs"
        self._objects = objects
        self._make_folder = make_folder
        self._known: frozenset[str] = frozenset()
        self._where: dict[bytes, tuple[str, int, int]] = {}
        self._touched: dict[str, float] = {}

    # -- questions ------------------------------------------------------------------------------

    def path(self, name: str) -> Path:
        """Return where a pack lies."""
        return self.folder / name

    def names(self) -> list[str]:
        """Return the names of all packs."""
        try:
            return sorted(name for name in os.listdir(self.folder) if name[0] != ".")
        except FileNotFoundError:
            return []

    def table(self, name: str) -> list[tuple[bytes, int]]:
        """Return the SHA-256 and the length of every chunk of a pack, in their order.

        Raises:
            PackDamaged: the table is not what the name of the pack says, or chunks are cut off.
            FileNotFoundError: there is no such pack.
        """
        table = b""
        with self.path(name).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size >= _END.size:
                file.seek(size - _END.size)
                count, mark = _END.unpack(file.read(_END.size))
                begin = size - _END.size - count * _ENTRY.size
                if mark == _MARK and begin >= 0:
                    file.seek(begin)
                    table = file.read(count * _ENTRY.size)
        entries = list(_ENTRY.iter_unpack(table))
        whole = sum(length for _, length in entries) + len(table) + _END.size == size
        if not whole or hashlib.sha256(table).hexdigest() != name:
            raise PackDamaged(f"The table of the pack {self.path(name)} is damaged.")
        return entries

    def tables(self) -> Iterator[tuple[str, list[tuple[bytes, int]]]]:
        """Yield the name and the table of every pack; an empty table is a damaged one."""
        for name in self.names():
            try:
                yield name, self.table(name)
            except PackDamaged:
                yield name, []
            except FileNotFoundError:  # another pack took over its chunks
                continue

    def all(self) -> Iterator[tuple[str, int, float]]:
        """Yield every chunk: its SHA-256, its length and when its pack was last written."""
        for name, table in self.tables():
            written = self._written(name)
            if written is not None:
                yield from ((sha256.hex(), size, written) for sha256, size in table)

    def _written(self, name: str) -> float | None:
        try:
            return self.path(name).stat().st_mtime
        except FileNotFoundError:
            return None

    def damaged(self) -> list[str]:
        """Return the names of the packs whose tables are damaged."""
        return [name for name, table in self.tables() if not table]

    def load(self) -> None:
        """Read the tables of the packs that are new here, and forget those that are gone."""
        present = frozenset(self.names())
        gone = self._known - present
        where = {} if gone else self._where
        known = set() if gone else set(self._known)
        for name in present - known:
            try:
                table = self.table(name)
            except (PackDamaged, FileNotFoundError):  # its chunks count as missing
                continue
            hashes, sizes = zip(*table, strict=True)
            starts = accumulate(sizes[:-1], initial=0)
            where.update(zip(hashes, zip(repeat(name), starts, sizes, strict=False), strict=True))
            known.add(name)
        self._where, self._known = where, frozenset(known)

    def forget(self) -> None:
        """Have all tables read again when they are needed next."""
        self._where, self._known = {}, frozenset()

    def find(self, sha256: str) -> Place | None:
        """Return where a chunk lies; None if no pack holds it."""
        digest = bytes.fromhex(sha256)
        if digest not in self._where:
            self.load()
        found = self._where.get(digest)
        return None if found is None else Place(*found)

    def read(self, sha256: str) -> bytes | None:
        """Return the bytes of a chunk as they lie there, not proved; None if no pack holds it."""
        while place := self.find(sha256):
            try:
                with self.path(place.pack).open("rb", buffering=0) as file:
                    file.seek(place.start)
                    return file.read(place.size)
            except FileNotFoundError:  # another pack took over its chunks
                self.load()
        return None

    # -- writing --------------------------------------------------------------------------------

    def hold(self, sha256: str, size: int) -> bool:
        """Return whether a chunk is known to be in a pack, and keep it safe from cleaning.

        Only what `load` found is known.
        """
        while found := self._where.get(bytes.fromhex(sha256)):
            name, _, length = found
            if time.monotonic() > self._touched.get(name, -inf) + _TOUCHED_SECONDS:
                try:
                    os.utime(self.path(name))
                except FileNotFoundError:  # another pack took over its chunks
                    self.load()
                    continue
                self._touched[name] = time.monotonic()
            return length == size
        return False

    def begin(self) -> IO[bytes]:
        """Open a file for the next pack, aside."""
        self._make_folder()
        aside = self._objects / "tmp"
        for folder in (aside, self.folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        return (aside / new_id()).open("xb")

    def put_in_place(self, file: IO[bytes], entries: list[tuple[bytes, int]]) -> None:
        """Give the chunks that were written to `file` their table and their place, durably."""
        try:
            if len(entries) == 1:
                sha256 = entries[0][0].hex()
                target = self._objects / sha256[:2] / sha256[2:]
                target.parent.mkdir(mode=0o700, exist_ok=True)
            else:
                table = b"".join(_ENTRY.pack(*entry) for entry in entries)
                file.write(table + _END.pack(len(entries), _MARK))
                target = self.path(hashlib.sha256(table).hexdigest())
            file.flush()
            sync(file.fileno())
            os.chmod(file.name, 0o600)
            os.replace(file.name, target)
            sync_folder(target.parent)
        finally:
            Path(file.name).unlink(missing_ok=True)
            file.close()

    # -- keeping the packs in order -------------------------------------------------------------

    def _chunks(self, name: str) -> Iterator[tuple[bytes, bytes, bool]]:
        """Yield every chunk of a pack: its SHA-256, its bytes, and whether these are good."""
        table = self.table(name)
        with self.path(name).open("rb") as file:
            for sha256, size in table:
                chunk = file.read(size)
                yield sha256, chunk, hashlib.sha256(chunk).digest() == sha256

    def remove(self, unwanted: Collection[str], before: float) -> int:
        """Free chunks in packs that nobody wrote or held since `before`; return the bytes.

        Raises:
            PackDamaged: a chunk that has to be kept is damaged; its pack was left as it is.
        """
        freed = 0
        for name, table in self.tables():
            sizes = [size for sha256, size in table if sha256.hex() in unwanted]
            if sizes and self._is_idle(name, before):
                self._take_over(name, unwanted)
                if self._is_idle(name, before):  # else both stay: somebody relies on it again
                    self.path(name).unlink(missing_ok=True)
                    freed += sum(sizes)
        return freed

    def _is_idle(self, name: str, before: float) -> bool:
        written = self._written(name)
        return written is not None and written < before

    def _take_over(self, name: str, unwanted: Collection[str]) -> None:
        """Write a pack with the chunks of another one, without those that are not wanted."""
        filling = Filling(self)
        try:
            for sha256, chunk, good in self._chunks(name):
                if sha256.hex() in unwanted:
                    continue
                if not good:
                    raise PackDamaged(
                        f"The pack {self.path(name)} is damaged, so that nothing of it was freed. "
                        "`lite-mlops doctor --repair` sets it aside and looks for good copies."
                    )
                filling.put(sha256, chunk)
            filling.finish()
        finally:
            filling.close()

    def set_aside(self, name: str, folder: Path) -> None:
        """Move a damaged pack out of the way; its good chunks are taken over by a new one."""
        filling = Filling(self)
        try:
            for sha256, chunk, good in self._chunks(name):
                if good:
                    filling.put(sha256, chunk)
            filling.finish()
        except PackDamaged:  # nothing tells where its chunks are
            pass
        finally:
            filling.close()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(self.path(name), folder / f"pack-{name}")
        self.forget()


class Filling:
    """Packs on their way: what is full is put in place beside, while the next one is filled."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._file: IO[bytes] | None = None
        self._entries: list[tuple[bytes, int]] = []
        self._size = 0
        self._pool = ThreadPoolExecutor(1)  # it waits for the disk
        self._full: list[Future[None]] = []

    def put(self, sha256: bytes, chunk: bytes | memoryview) -> None:
        """Write a chunk, whose SHA-256 is known, into the pack that is begun."""
        if self._file is None:
            self._file, self._entries, self._size = self._packs.begin(), [], 0
        try:
            self._file.write(chunk)
        except OSError:
            self._drop()  # nothing may follow what is half written
            raise
        self._entries.append((sha256, len(chunk)))
        self._size += len(chunk)
        if self._size >= PACK_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._full.append(self._pool.submit(self._packs.put_in_place, file, self._entries))

    def finish(self) -> None:
        """Put the last pack in place; all chunks are in the store then. Raises `OSError`."""
        self._hand_over()
        for full in self._full:
            full.result()

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            Path(file.name).unlink(missing_ok=True)
            file.close()

    def close(self) -> None:
        """Remove a pack that is not full, and wait for those that are."""
        self._drop()
        self._pool.shutdown()
