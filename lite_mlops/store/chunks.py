"""Snapshots: copies of files and folders, cut where their content says, each chunk stored once.

    kept = keep(objects, {"": Path("patients.csv")})
    bring_back(objects, kept.manifest, Path("copy.csv"), "patients@461a8a2d")

The files of a snapshot are one stream of bytes, one after the other. It is cut by FastCDC (Xia et
al., "FastCDC", USENIX ATC 2016) at places that only the bytes before them decide: rows that come
or go change the chunks around them and no others, and chunks that are there are not stored again.
New ones go into packs. The manifest, an object, lists files and chunks.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lite_mlops.errors import Conflict, Damaged, Invalid
from lite_mlops.store.clock import new_id
from lite_mlops.store.disk import sync_folder
from lite_mlops.store.objects import Objects
from lite_mlops.store.packs import Filling

FORMAT = 1
# A cut is looked for only behind the shortest length, so a long one is quick; three quarters of a
# row's change is still found again within a chunk or two.
_SHORTEST = 256 * 1024
_USUAL = 256 * 1024
_LONGEST = 2 * 1024 * 1024
_WINDOW = 8 * 1024 * 1024  # longer than the longest chunk
_WINDOWS = 6  # what is read ahead while the disk is slow


@dataclass(frozen=True)
class Kept:
    """A snapshot as it was stored."""

    manifest: str
    size: int
    chunks: int
    new_bytes: int  # of chunks that were not there before
    sha256: Mapping[str, str]  # of each file


def cut(data: bytes | bytearray | memoryview) -> Iterator[int]:
    """Yield the lengths of the chunks of `data`."""
    from fastcdc import fastcdc  # only who keeps data needs it

    for chunk in fastcdc(data, _SHORTEST, _USUAL, _LONGEST):
        yield chunk.length


class _Files:
    """The hash of each file, from the pieces of the stream that it is made of."""

    def __init__(self) -> None:
        self.hashes: list[str] = []
        self._digest = hashlib.sha256()

    def take(self, pieces: list[tuple[memoryview, bool]]) -> None:
        """Take in the next pieces, each with whether it is the last one of its file."""
        for piece, last in pieces:
            self._digest.update(piece)
            if last:
                self.hashes.append(self._digest.hexdigest())
                self._digest = hashlib.sha256()


class _Chunks:
    """The chunks of a snapshot, those that are new written into packs."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        objects.packs.load()
        self._filling = Filling(objects.packs)
        self._new: set[str] = set()
        self.listed: list[tuple[str, int]] = []
        self.new_bytes = 0

    @staticmethod
    def names(chunks: list[memoryview]) -> list[str]:
        """Return the hashes of chunks."""
        return [hashlib.sha256(chunk).hexdigest() for chunk in chunks]

    def take(self, chunks: list[memoryview], names: Future[list[str]]) -> None:
        """Take in the next chunks, whose hashes are being found."""
        for chunk, sha256 in zip(chunks, names.result(), strict=True):
            size = len(chunk)
            self.listed.append((sha256, size))
            if sha256 not in self._new and not self._objects.hold(sha256, size):
                self._filling.put(bytes.fromhex(sha256), chunk)
                self._new.add(sha256)
                self.new_bytes += size

    def finish(self) -> None:
        """Bring the last of them to the disk.

        Raises:
            Conflict: a cleaning took chunks that were there before.
        """
        self._filling.finish()
        self._objects.packs.load()
        if not all(self._objects.hold(*chunk) for chunk in set(self.listed)):
            raise Conflict("a cleaning came between; nothing was recorded, so try again.")

    def close(self) -> None:
        """Leave nothing half written behind."""
        self._filling.close()


class _Stream:
    """The files of a snapshot as one stream: read and cut here, hashed and written beside.

    Reading, the hashes of files, those of chunks, and writing each have a thread. A window of the
    stream is read into again when all of them are done with it.
    """

    def __init__(self, objects: Objects) -> None:
        self.files, self.chunks = _Files(), _Chunks(objects)
        self._hashing, self._naming, self._writing = (ThreadPoolExecutor(1) for _ in range(3))
        self._busy: deque[tuple[memoryview, tuple[Future[None], ...]]] = deque()
        self._window = memoryview(bytearray(_WINDOW))
        self._filled = self._begun = 0  # how far the window is filled; where its last piece begins
        self._pieces: list[tuple[memoryview, bool]] = []

    def read(self, path: str | Path) -> int:
        """Take in the next file, and return its size. Raises `OSError`."""
        size = 0
        with open(path, "rb", buffering=0) as file:
            while got := file.readinto(self._window[self._filled :]):
                size += got
                self._filled += got
                if self._filled == _WINDOW:
                    self._pieces.append((self._window[self._begun :], False))
                    self._pass_on(at_end=False)
        self._pieces.append((self._window[self._begun : self._filled], True))
        self._begun = self._filled
        return size

    def _pass_on(self, *, at_end: bool) -> None:
        """Have the window hashed and written as far as its cuts are certain, and begin the next."""
        data, chunks, start = self._window[: self._filled], [], 0
        for length in cut(data):
            # With more behind it, a chunk could end elsewhere: only the longest is certain here.
            if not at_end and start + _LONGEST > len(data):
                break
            chunks.append(data[start : start + length])
            start += length
        hashed = self._hashing.submit(self.files.take, self._pieces)
        names = self._naming.submit(self.chunks.names, chunks)
        written = self._writing.submit(self.chunks.take, chunks, names)
        self._busy.append((self._window, (hashed, written)))
        if not at_end:
            self._window, rest = self._next_window(), len(data) - start
            self._window[:rest] = data[start:]
            self._filled = self._begun = rest
            self._pieces = []

    def _next_window(self) -> memoryview:
        if len(self._busy) < _WINDOWS:
            return memoryview(bytearray(_WINDOW))
        window, tasks = self._busy.popleft()
        for task in tasks:
            task.result()
        return window

    def finish(self) -> None:
        """Wait until everything is hashed and on the disk."""
        self._pass_on(at_end=True)
        for _, tasks in self._busy:
            for task in tasks:
                task.result()
        self.chunks.finish()

    def close(self) -> None:
        """End the threads, and leave nothing half written behind."""
        for pool in (self._hashing, self._naming, self._writing):
            pool.shutdown(cancel_futures=True)
        self.chunks.close()


def keep(objects: Objects, files: Mapping[str, str | Path]) -> Kept:
    """Store copies of files under their relative names; a single file has the name "".

    Raises:
        OSError: a file cannot be read.
        Conflict: a cleaning took chunks that were there before.
    """
    stream = _Stream(objects)
    try:
        sizes = [stream.read(path) for path in files.values()]
        stream.finish()
    finally:
        stream.close()
    hashes, chunks = stream.files.hashes, stream.chunks.listed
    listed = {
        "format": FORMAT,
        "files": list(zip(files, sizes, hashes, strict=True)),
        "chunks": chunks,
    }
    manifest = objects.put_bytes(json.dumps(listed, separators=(",", ":")).encode())
    found = dict(zip(files, hashes, strict=True))
    return Kept(manifest.sha256, sum(sizes), len(chunks), stream.chunks.new_bytes, found)


# -- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Manifest:
    """What a snapshot holds: its files with sizes and hashes, and its chunks in their order."""

    files: tuple[tuple[str, int, str], ...]
    chunks: tuple[tuple[str, int], ...]

    @property
    def is_folder(self) -> bool:
        """Whether it is the copy of a folder."""
        return [name for name, _, _ in self.files] != [""]


def read_manifest(objects: Objects, sha256: str, referrer: str) -> Manifest:
    """Return what a snapshot holds.

    Raises:
        Damaged: the manifest is missing, damaged or of a newer version.
    """
    listed = json.loads(objects.read(sha256, referrer))
    if listed["format"] != FORMAT:
        raise Damaged(f"{referrer} was stored by a newer version of lite-mlops; install that.")
    return Manifest(
        tuple((name, size, file_sha256) for name, size, file_sha256 in listed["files"]),
        tuple((chunk, size) for chunk, size in listed["chunks"]),
    )


def _content(objects: Objects, manifest: Manifest, referrer: str) -> Iterator[bytes]:
    for sha256, _ in manifest.chunks:
        yield objects.read(sha256, referrer)


def _write_files(folder: Path, manifest: Manifest, content: Iterator[bytes]) -> None:
    """Write all files of a snapshot; a single file is `folder` itself."""
    rest = memoryview(b"")
    for name, size, sha256 in manifest.files:
        path = folder / name if name else folder
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise Damaged(f"a snapshot names a file outside of it: {name!r}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, missing = hashlib.sha256(), size
        with path.open("xb") as file:
            while missing:
                if not rest:
                    rest = memoryview(next(content, b""))
                    if not rest:
                        raise Damaged(f"a snapshot ends before its file {name!r} does.")
                part, rest = rest[:missing], rest[missing:]
                file.write(part)
                digest.update(part)
                missing -= len(part)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != sha256:
            raise Damaged(f"the file {name!r} of a snapshot is not what was stored.")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def bring_back(
    objects: Objects, sha256: str, target: Path, referrer: str, *, force: bool = False
) -> Manifest:
    """Write a snapshot to `target`, which appears only when all its bytes are proved.

    Raises:
        Invalid: the folder of `target` does not exist.
        Conflict: `target` exists, and not `force`.
        ObjectMissing, ObjectDamaged: a chunk is not there or not good; both name `referrer`.
    """
    if not target.parent.is_dir():
        raise Invalid(f"{referrer} cannot be written to {target}: there is no such folder.")
    if os.path.lexists(target) and not force:
        raise Conflict(f"{target} exists already; --force replaces it.")
    manifest = read_manifest(objects, sha256, referrer)
    aside = target.with_name(f".{target.name}.{new_id()}")
    former = target.with_name(f".{target.name}.{new_id()}")
    try:
        if manifest.is_folder:
            aside.mkdir()
        _write_files(aside, manifest, _content(objects, manifest, referrer))
        if os.path.lexists(target) and (target.is_dir() or manifest.is_folder):
            os.replace(target, former)  # a folder cannot be replaced in one step
        os.replace(aside, target)
        sync_folder(target.parent)
    finally:
        _remove(aside)
        if os.path.lexists(former):
            if os.path.lexists(target):
                _remove(former)
            else:
                os.replace(former, target)
    return manifest
