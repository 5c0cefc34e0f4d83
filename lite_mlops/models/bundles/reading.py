"""A bundle, opened: a version with its files, which answers without a project.

    with Bundle.open_file(Path("churn.lmz")) as bundle:
        bundle.version                          # the version that it holds
        bundle.inspect().needs_trust            # what its file would import beyond the shipped list
        model = bundle.load(trust=["features:Cleaner"])

Opening proves the structure and the manifest and reads nothing else. It is opened once: what is
proved and what is used are bytes of the same open file.
"""

from __future__ import annotations

import hashlib
import io
import logging
import mmap
import threading
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from lite_mlops.errors import Damaged, Invalid, NotFound
from lite_mlops.models.answering import Asking
from lite_mlops.models.bundles.archive import Entry, read_entries
from lite_mlops.models.bundles.manifest import (
    EXAMPLE,
    LARGEST_MANIFEST,
    MANIFEST,
    PLAN,
    Manifest,
)
from lite_mlops.models.bundles.refusals import ChangedBundle, NoBundle, told
from lite_mlops.models.examples import MAX_BYTES, MAX_ROWS, Example
from lite_mlops.models.loading import (
    LIMIT,
    Inspection,
    ModelFile,
    differences,
    inspect_model,
    load_model,
)
from lite_mlops.models.loading.refusals import RefusedModel
from lite_mlops.models.loading.refusals import told as told_of_model
from lite_mlops.models.loading.requirements import tell
from lite_mlops.models.lowering import NotUsed, asking_well, plan_asking
from lite_mlops.models.versions import ModelVersion

log = logging.getLogger("lite_mlops")

BLOCK = 1 << 20
# A file that was compressed elsewhere may unpack to so much, and to so many times its own size.
_UNPACKED, _UNPACKED_TIMES = 256 << 20, 16


# A character of the text that an example is kept as takes up to four bytes.
_LARGEST_EXAMPLE = 4 * MAX_BYTES


def _fits(example: Example) -> bool:
    """Return whether an example is rows, of the width of its names if it has some."""
    names, rows = example.columns, example.rows
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return False
    if len(rows) > MAX_ROWS or names is None:
        return len(rows) <= MAX_ROWS
    widths = {len(row) for row in rows} | {len(names)}
    return widths == {len(names)} and all(isinstance(name, str) for name in names)


class _Part(io.RawIOBase):
    """A member as a file of its own; several may be read at a time."""

    def __init__(self, file: IO[bytes], entry: Entry, lock: threading.Lock) -> None:
        self._file = file
        self._lock = lock
        self._at = entry.start
        self._end = entry.end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._end - self._at]
        with self._lock:
            self._file.seek(self._at)
            count: int = self._file.readinto(view)  # type: ignore[attr-defined]
        self._at += count
        return count


class Bundle:
    """An open bundle: a version, and the `Source` of its files."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file
        self._lock = threading.Lock()
        self._inspected: Inspection | None = None
        with told(path):
            self._entries = {entry.name: entry for entry in read_entries(file)}
            self.manifest = self._read_manifest()
        self._by_hash = {
            member.sha256: self._entries[name] for name, member in self.manifest.members.items()
        }

    @classmethod
    def open_file(cls, path: str | Path) -> Bundle:
        """Open a bundle.

        Raises:
            NotFound: there is no such file.
            NoBundle, ChangedBundle: it is no bundle; says why.
        """
        path = Path(path)
        try:
            file = path.open("rb", buffering=0)  # what is read is what lies there now
        except FileNotFoundError:
            raise NotFound(f"There is no bundle {str(path)!r}.") from None
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
        try:
            return cls(path, file)
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def __repr__(self) -> str:
        return f"<Bundle {self.path} of {self.version.name}>"

    def _read_manifest(self) -> Manifest:
        names = list(self._entries)
        first = self._entries.get(MANIFEST)
        if first is None or names[0] != MANIFEST:
            raise NoBundle("its first member is not its manifest")
        if first.size > LARGEST_MANIFEST:
            raise NoBundle(f"its manifest has more than {LARGEST_MANIFEST:,} bytes")
        manifest = Manifest.from_bytes(b"".join(self._blocks(first)))
        wanted = [MANIFEST, *manifest.members]
        for name in wanted:
            if name not in self._entries:
                raise NoBundle(f"its manifest names {name}, which it does not have")
        for name in names:
            if name not in wanted:
                raise NoBundle(f"it has a member {name}, which its manifest does not name")
        if names != wanted:
            raise NoBundle("its members are not in the order of its manifest")
        for name, member in manifest.members.items():
            if self._entries[name].size != member.size:
                raise NoBundle(f"its member {name} has not the size that its manifest names")
        return manifest

    # -- questions ------------------------------------------------------------------------------

    @property
    def version(self) -> ModelVersion:
        """The version, as it stood in the project that it comes from; nothing is trusted."""
        return self.manifest.version

    @property
    def file(self) -> ModelFile:
        """The model file, as `load_model` takes it."""
        return replace(self.version.file, referrer=str(self.path))

    def example(self) -> Example | None:
        """Return the rows that came with the version; None if there are none.

        Raises:
            NoBundle: they are no rows.
            ChangedBundle: they are not those of which the manifest has the hash.
        """
        member = self.manifest.members.get(EXAMPLE)
        if member is None:
            return None
        with told(self.path):
            if member.size > _LARGEST_EXAMPLE:
                raise NoBundle(f"its input example has more than {_LARGEST_EXAMPLE:,} bytes")
            data = b"".join(self.proved_blocks(EXAMPLE))
            try:
                found = Example.from_bytes(data)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise NoBundle(f"its input example cannot be read ({str(error)[:80]})") from None
            if not _fits(found):
                raise NoBundle("its input example is no table of rows")
        return found

    @contextmanager
    def open(self, sha256: str, referrer: str) -> Iterator[IO[bytes]]:
        """Yield the member of a hash, whose bytes are yet to be proved.

        Raises:
            Damaged: there is none; names `referrer`.
        """
        entry = self._by_hash.get(sha256)
        if entry is None:
            raise Damaged(f"The file of {referrer} is not in {self.path} (SHA-256 {sha256}).")
        yield io.BufferedReader(_Part(self._file, entry, self._lock), BLOCK)

    def _blocks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of a member; at the end they are compared with its checksum."""
        part, crc = _Part(self._file, entry, self._lock), 0
        while block := part.read(BLOCK):
            crc = zlib.crc32(block, crc)
            yield block
        if crc != entry.crc:
            raise ChangedBundle(f"the bytes of its member {entry.name} are not those of its CRC-32")

    def proved_blocks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member; an error at the end says if they are not the right ones.

        Raises:
            ChangedBundle: they are not those of which the manifest has the hash.
        """
        digest = hashlib.sha256()
        with told(self.path):
            for block in self._blocks(self._entries[name]):
                digest.update(block)
                yield block
            if digest.hexdigest() != self.manifest.members[name].sha256:
                raise ChangedBundle(
                    f"the bytes of its member {name} are not those of which its manifest has the "
                    "SHA-256"
                )

    def verify(self) -> None:
        """Read everything and prove it by its hashes. Raises `ChangedBundle`."""
        for name in self.manifest.members:
            for _ in self.proved_blocks(name):
                pass

    def inspect(self) -> Inspection:
        """Prove everything, and return what the model file is and would import; nothing is loaded.

        It is done once; whoever uses the bytes later proves them again.

        Raises:
            NoBundle, ChangedBundle: the bundle is not what was written.
            UnreadableModel, RefusedModel: the model file is none that is ever loaded, or not as
                the manifest says.
        """
        if self._inspected is not None:
            return self._inspected
        self.verify()
        self.example()
        version = self.version
        entry = self._by_hash[version.sha256]
        limit = LIMIT
        if version.compression is not None:
            limit = min(LIMIT, max(_UNPACKED, _UNPACKED_TIMES * version.size))
        with told_of_model(str(self.path)), self._mapped(entry) as data:
            found = inspect_model(data, format=version.format, limit=limit)
            if found.compression != version.compression:
                raise RefusedModel(
                    f"it is compressed with {found.compression}, and its manifest says "
                    f"{version.compression}"
                )
        self._inspected = found
        return found

    @contextmanager
    def _mapped(self, entry: Entry) -> Iterator[memoryview]:
        """Yield the bytes of a member without copying them."""
        if not entry.size:
            yield memoryview(b"")
            return
        mapping = mmap.mmap(self._file.fileno(), entry.end, access=mmap.ACCESS_READ)
        try:
            with memoryview(mapping) as whole, whole[entry.start : entry.end] as data:
                yield data
        finally:
            with suppress(BufferError):  # an error on its way out still points into it
                mapping.close()

    # -- the model ------------------------------------------------------------------------------

    def asking(self, *, trust: Collection[str] | bool = (), strict: bool = False) -> Asking:
        """Return what answers: the plan in the bundle if it can be used, else the model, loaded.

        With a plan nothing of the model file is executed; it is proved by its hash all the same.

        Raises:
            Damaged, Denied: as `load`.
        """
        version, plan = self.version, self.manifest.plan
        if plan is not None:
            if strict:
                tell(differences(version.requirements), str(self.path), strict=True)
            self.verify()
            try:
                data = b"".join(self.proved_blocks(PLAN))
                opened = partial(self._opened_again, trust=trust)
                return plan_asking(data, version, opened, plan.faster_from)
            except NotUsed as error:
                log.warning("%s is answered by the model itself: %s", self.path, error)
        return asking_well(self.load(trust=trust, strict=strict), version)

    def _opened_again(self, *, trust: Collection[str] | bool) -> Asking:
        with Bundle.open_file(self.path) as again:
            if again.manifest.sha256 != self.manifest.sha256:
                raise Damaged(f"{self.path} is another bundle by now.")
            return asking_well(again.load(trust=trust), again.version)

    def load(self, *, trust: Collection[str] | bool = (), strict: bool = False) -> Any:
        """Return the model itself, after its files were proved by their hashes.

        Args:
            trust: What its file may import beyond the shipped list, as 'module:name'; True: all
                that it imports.
            strict: Refuse it if Python or a package has another version than at registration.

        Raises:
            Damaged: a file is not what was written.
            Denied: it imports what is not trusted, or versions differ with `strict`.
        """
        names: Collection[str] = trust if not isinstance(trust, bool) else ()
        if trust is True:
            names = self.inspect().needs_trust
        return load_model(self, self.file, trusted=names, strict=strict)
