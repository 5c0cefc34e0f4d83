"""The object store: bytes addressed by their SHA-256, written aside and renamed, proved on read.

    sha256 = objects.put_file(Path("model.joblib")).sha256
    data = objects.read(sha256, referrer="version 3 of churn")

Models, artifacts and dataset snapshots live here; the chunks of snapshots lie in packs. Equal bytes
are stored once. The only address is the hash, so nothing that a user typed ever becomes a path.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from lite_mlops.errors import Damaged, Invalid
from lite_mlops.store.clock import new_id
from lite_mlops.store.packs import Packs

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20
_WORTH_MAPPING = 1 << 20  # bytes
# An object is written before the event that refers to it is folded; for this long it is left alone.
GRACE_SECONDS = 3600.0


class ObjectMissing(Damaged):
    """A referenced object is not in the store."""


class ObjectDamaged(Damaged):
    """A stored object is not what its hash says."""


@dataclass(frozen=True)
class Stored:
    """An object as it was stored."""

    sha256: str
    size: int


class Objects:
    """The objects of one project, below `folder`."""

    def __init__(self, folder: Path, make_folder: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self._make_folder = make_folder or partial(folder.mkdir, parents=True, exist_ok=True)
        self._aside = folder / "tmp"
        self.packs = Packs(folder, self._make_folder)

    def path(self, sha256: str) -> Path:
        """Return where an object lies. Raises `Invalid` for anything that is not a SHA-256."""
        if not _SHA256.fullmatch(sha256):
            raise Invalid(f"{sha256[:80]!r} is not a SHA-256 in hexadecimal digits")
        return self.folder / sha256[:2] / sha256[2:]

    # -- writing --------------------------------------------------------------------------------

    @contextmanager
    def _aside_file(self) -> Iterator[IO[bytes]]:
        self._make_folder()
        self._aside.mkdir(mode=0o700, exist_ok=True)
        path = self._aside / new_id()
        try:
            with path.open("xb") as file:
                yield file
        finally:
            path.unlink(missing_ok=True)

    def put_blocks(self, blocks: Iterable[bytes | memoryview]) -> Stored:
        """Store the bytes of `blocks`, hashed while they are written."""
        digest, size = hashlib.sha256(), 0
        with self._aside_file() as file:
            for block in blocks:
                file.write(block)
                digest.update(block)
                size += len(block)
            stored = Stored(digest.hexdigest(), size)
            self._put_in_place(file, self.path(stored.sha256))
        return stored

    def put_pieces(self, pieces: Sequence[bytes | memoryview]) -> Stored:
        """Store what lies in memory in pieces, hashed in a second thread while it is written."""
        from concurrent.futures import ThreadPoolExecutor  # milliseconds, and rarely needed

        digest = hashlib.sha256()

        def hashed() -> None:
            for piece in pieces:
                digest.update(piece)

        with self._aside_file() as file, ThreadPoolExecutor(1) as pool:
            hashing = pool.submit(hashed)
            for piece in pieces:
                file.write(piece)
            hashing.result()
            stored = Stored(digest.hexdigest(), file.tell())
            self._put_in_place(file, self.path(stored.sha256))
        return stored

    def _put_in_place(self, file: IO[bytes], path: Path) -> None:
        if path.exists() and self.is_good(path.parent.name + path.name):
            os.utime(path)  # so that a cleaning that runs now sees it as fresh
            return
        file.flush()
        os.fsync(file.fileno())
        file.close()
        os.chmod(file.name, 0o600)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        os.replace(file.name, path)

    def hold(self, sha256: str, size: int) -> bool:
        """Return whether a chunk is there, and keep it safe from cleaning.

        One that is there with its full length is taken as good, and proved when it is read: to
        read all that is there already would make every snapshot as dear as the first one.
        """
        if self.packs.hold(sha256, size):
            return True
        path = self.path(sha256)
        try:
            os.utime(path)
            return path.stat().st_size == size
        except FileNotFoundError:
            return False

    def put_bytes(self, data: bytes | memoryview) -> Stored:
        """Store `data`; what is there already, and good, is not written again."""
        stored = Stored(hashlib.sha256(data).hexdigest(), len(data))
        path = self.path(stored.sha256)
        if self.is_good(stored.sha256):
            self.refresh(stored.sha256)
            return stored
        with self._aside_file() as file:
            file.write(data)
            self._put_in_place(file, path)
        return stored

    def put_file(self, path: Path) -> Stored:
        """Store a copy of a file."""
        with path.open("rb") as file:
            return self.put_blocks(iter(lambda: file.read(_BLOCK), b""))

    # -- reading --------------------------------------------------------------------------------

    def _find(self, sha256: str) -> io.BufferedReader | io.BytesIO | None:
        """Open an object that lies in a file of its own or in a pack."""
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            chunk = self.packs.read(sha256)
        return None if chunk is None else io.BytesIO(chunk)

    @contextmanager
    def open(self, sha256: str, referrer: str) -> Iterator[IO[bytes]]:
        """Yield the open file of an object, whose bytes are yet to be proved.

        Raises:
            ObjectMissing: names `referrer`, what refers to the object.
        """
        file = self._find(sha256)
        if file is None:
            raise self._missing(sha256, referrer)
        with file:
            yield file

    def _missing(self, sha256: str, referrer: str) -> Damaged:
        if damaged := self.packs.damaged():
            return ObjectDamaged(
                f"The file of {referrer} cannot be read: it is missing, or in a pack that is "
                f"damaged ({', '.join(str(self.packs.path(name)) for name in damaged[:3])}). "
                "`lite-mlops doctor --repair` sets it aside and looks for good copies in the "
                "backups."
            )
        return ObjectMissing(
            f"The file of {referrer} is missing from the object store (SHA-256 {sha256}). "
            "`lite-mlops doctor` lists everything that is missing; a backup may have it."
        )

    @staticmethod
    def _damaged(sha256: str, found: str, referrer: str) -> ObjectDamaged:
        return ObjectDamaged(
            f"The file of {referrer} is damaged: it should have the SHA-256 {sha256} and has "
            f"{found}. It was not used. `lite-mlops doctor --repair` sets it aside and looks for "
            "a good copy in the backups."
        )

    def read(self, sha256: str, referrer: str) -> bytes:
        """Return the bytes of an object after proving them.

        Raises:
            ObjectMissing, ObjectDamaged: both name `referrer`, what refers to the object.
        """
        with self.open(sha256, referrer) as file:
            data = file.read()
        found = hashlib.sha256(data).hexdigest()
        if found != sha256:
            raise self._damaged(sha256, found, referrer)
        return data

    def mapped(self, sha256: str, referrer: str) -> memoryview:
        """Return the bytes of an object after proving them where they lie.

        A large one is a mapping of its file, so that all processes that use it have it in memory
        once. Who writes into the file in place afterwards, which only the owner's account can,
        changes these bytes: it is for what is inert, such as arrays.

        Raises:
            ObjectMissing, ObjectDamaged: both name `referrer`, what refers to the object.
        """
        with self.open(sha256, referrer) as file:
            if isinstance(file, io.BytesIO) or os.fstat(file.fileno()).st_size < _WORTH_MAPPING:
                return memoryview(self.read(sha256, referrer))
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        found = hashlib.sha256(mapping).hexdigest()
        if found != sha256:
            mapping.close()
            raise self._damaged(sha256, found, referrer)
        return memoryview(mapping)

    def copy_out(self, sha256: str, target: Path, referrer: str) -> None:
        """Copy an object to `target`, which appears only when its bytes are proved.

        Raises:
            Invalid: the folder of `target` does not exist.
            ObjectMissing, ObjectDamaged: both name `referrer`, what refers to the object.
        """
        if not target.parent.is_dir():
            raise Invalid(f"{referrer} cannot be copied to {target}: there is no such folder.")
        aside = target.with_name(f".{target.name}.{new_id()}")
        digest = hashlib.sha256()
        try:
            with self.open(sha256, referrer) as source, aside.open("xb") as file:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    file.write(block)
            if digest.hexdigest() != sha256:
                raise self._damaged(sha256, digest.hexdigest(), referrer)
            os.replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)

    def refresh(self, sha256: str) -> bool:
        """Mark an object as just written, so that no cleaning takes it; False if it is gone."""
        try:
            os.utime(self.path(sha256))
        except FileNotFoundError:
            return False
        return True

    def is_good(self, sha256: str) -> bool | None:
        """Return whether an object is what its hash says; None if it is missing."""
        file = self._find(sha256)
        if file is None:
            return None
        with file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def file_of(self, sha256: str) -> Path:
        """Return the file that an object lies in: one of its own, or a pack."""
        path = self.path(sha256)
        place = None if path.exists() else self.packs.find(sha256)
        return path if place is None else self.packs.path(place.pack)

    # -- keeping the store in order -------------------------------------------------------------

    def all(self) -> Iterator[tuple[str, int, float]]:
        """Yield every stored object: its SHA-256, its size and when it was last written.

        Of one that lies in several files, each is told.
        """
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                sha256 = folder.name + path.name
                if _SHA256.fullmatch(sha256):
                    status = path.stat()
                    yield sha256, status.st_size, status.st_mtime
        yield from self.packs.all()

    def remove(self, sha256: str) -> int:
        """Remove the file of an object and return its size; 0 if it is gone already."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def remove_leftovers(self) -> int:
        """Remove what interrupted writes left behind; return the bytes."""
        freed = 0
        for path in self._aside.glob("*"):
            try:
                status = path.stat()
                if time.time() - status.st_mtime > GRACE_SECONDS:
                    path.unlink()
                    freed += status.st_size
            except FileNotFoundError:  # finished meanwhile
                continue
        return freed

    def set_aside(self, sha256: str, folder: Path) -> None:
        """Move the file of a damaged object out of the way; it is never deleted."""
        file = self.file_of(sha256)
        if file.parent == self.packs.folder:
            self.packs.set_aside(file.name, folder)
        elif file.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(file, folder / sha256)
