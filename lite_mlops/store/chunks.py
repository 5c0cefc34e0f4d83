"""Snapshots: copies of files and folders, cut where their content says, each chunk an object.

    kept = keep(objects, {"": Path("patients.csv")})
    bring_back(objects, kept.manifest, Path("copy.csv"), "patients@461a8a2d")

The files of a snapshot are one stream of bytes, one after the other. It is cut by FastCDC (Xia et
al., "FastCDC", USENIX ATC 2016) at places that only the bytes before them decide: rows that come
or go change the chunks around them and no others, and chunks that are there are not stored again.
The manifest, an object too, lists files and chunks.
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
from typing import Any, Protocol

from lite_mlops.errors import Conflict, Damaged, Invalid
from lite_mlops.store.clock import new_id
from lite_mlops.store.disk import sync_folder
from lite_mlops.store.objects import Objects

FORMAT = 1
# A cut is looked for only behind the shortest length, so a long one is quick; three quarters of a
# row's change is still found again within a chunk or two.
_SHORTEST = 256 * 1024
_USUAL = 256 * 1024
_LONGEST = 2 * 1024 * 1024
_WINDOW = 16 * 1024 * 1024
_WRITERS = 4  # they wait for the disk most of the time
_IN_FLIGHT = 64


@dataclass(frozen=True)
class Kept:
    """A snapshot as it was stored."""

    manifest: str
    size: int
    chunks: int
    new_bytes: int  # of chunks that were not there before
    sha256: Mapping[str, str]  # of each file


class _Digest(Protocol):
    def update(self, data: Any, /) -> None: ...

    def hexdigest(self) -> str: ...


def cut(data: bytes | bytearray | memoryview) -> Iterator[int]:
    """Yield the lengths of the chunks of `data`."""
    from fastcdc import fastcdc  # only who keeps data needs it

    for chunk in fastcdc(data, _SHORTEST, _USUAL, _LONGEST):
        yield chunk.length


class _Hasher:
    """Hashes the files beside the cutting, in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self.found: dict[str, _Digest] = {}

    def begin(self, path: str) -> None:
        self.found[path] = hashlib.sha256()

    def feed(self, path: str, block: bytes) -> None:
        self._waiting.append(self._pool.submit(self.found[path].update, block))
        while len(self._waiting) > 4:
            self._waiting.popleft().result()

    def close(self) -> None:
        self._pool.shutdown()


class _Writer:
    """Stores chunks: hashed, written and brought to the disk by some threads at a time."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._pool = ThreadPoolExecutor(_WRITERS)
        self._waiting: deque[Future[tuple[str, int, int]]] = deque()
        self.chunks: list[tuple[str, int]] = []
        self.new_bytes = 0

    def _store(self, data: bytes) -> tuple[str, int, int]:
        sha256 = hashlib.sha256(data).hexdigest()
        return sha256, len(data), len(data) * self._objects.put_hashed(sha256, data)

    def put(self, data: bytes) -> None:
        self._waiting.append(self._pool.submit(self._store, data))
        while len(self._waiting) > _IN_FLIGHT:
            self._take()

    def _take(self) -> None:
        sha256, size, new = self._waiting.popleft().result()
        self.chunks.append((sha256, size))
        self.new_bytes += new

    def finish(self) -> None:
        while self._waiting:
            self._take()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _blocks(files: Mapping[str, Path], hasher: _Hasher) -> Iterator[bytes]:
    for name, path in files.items():
        hasher.begin(name)
        with path.open("rb", buffering=0) as file:
            while block := file.read(_WINDOW):
                hasher.feed(name, block)
                yield block


def keep(objects: Objects, files: Mapping[str, Path]) -> Kept:
    """Store copies of files under their relative names; a single file has the name "".

    Raises:
        OSError: a file cannot be read.
    """
    hasher, writer = _Hasher(), _Writer(objects)
    sizes: dict[str, int] = {}
    try:
        rest = bytearray()
        for block in _blocks(files, hasher):
            rest += block
            if len(rest) >= _WINDOW:
                rest = _put_whole(writer, rest, at_end=False)
        _put_whole(writer, rest, at_end=True)
        writer.finish()
    finally:
        writer.close()
        hasher.close()
    found = {name: digest.hexdigest() for name, digest in hasher.found.items()}
    for name, path in files.items():
        sizes[name] = path.stat().st_size
    total = sum(size for _, size in writer.chunks)
    if sum(sizes.values()) != total:
        raise Conflict("a file changed while it was read; nothing was recorded.")
    listed = {
        "format": FORMAT,
        "files": [[name, sizes[name], found[name]] for name in files],
        "chunks": writer.chunks,
    }
    objects.sync_folders({sha256 for sha256, _ in writer.chunks})
    manifest = objects.put_bytes(json.dumps(listed, separators=(",", ":")).encode())
    return Kept(manifest.sha256, total, len(writer.chunks), writer.new_bytes, found)


def _put_whole(writer: _Writer, data: bytearray, *, at_end: bool) -> bytearray:
    """Put all chunks of `data` whose ends are certain; return what is left."""
    start, view = 0, memoryview(data)
    for length in cut(data):
        # With more behind it, a chunk could end elsewhere: only the longest is certain here.
        if not at_end and start + _LONGEST > len(data):
            break
        writer.put(bytes(view[start : start + length]))
        start += length
    left = bytearray(view[start:])
    view.release()
    return left


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
