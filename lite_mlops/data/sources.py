"""The files behind dataset versions: what they looked like when they were read, and do they still.

    known = Sources(layout)
    known.states("patients")  # unchanged, changed, new or missing, file by file

Size, time of change and inode decide; only a file that was changed about when it was read, or that
differs in these and not in its size, is hashed. What is known lies in one file for each dataset,
below `sources/` of the project. It is a cache: without it, the next `data add` reads the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.store import Layout, new_id

FORMAT = 1
# A file that changed this shortly before it was read can change again without its time telling.
RACY_NS = 2_000_000_000
_THREADS = 2
_BATCH = 100  # handing over a single small file would cost more than its hash
_WINDOW = 256 * 1024
_SKIPPED = frozenset({".lite-mlops"})


class FileState(NamedTuple):
    """What decides whether a file changed."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path | str) -> FileState:
        """Return the present state of a file. Raises `OSError`."""
        return cls.from_stat(os.stat(path))

    @classmethod
    def from_stat(cls, status: os.stat_result) -> FileState:
        """Return the state that a file's status tells."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class SourceFile(NamedTuple):
    """One file of a dataset and how it stands against the latest version."""

    dataset: str
    path: str
    state: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return self._asdict()


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    yield from _walk(entry.path, f"{name}/")
            elif entry.is_file():
                yield name, entry
            else:
                raise Invalid(f"{entry.path} is neither a file nor a folder, or leads to none.")


def list_files(path: Path) -> dict[str, FileState]:
    """Return the files of a folder by their relative names, sorted; a file has the name "".

    Symbolic links to files count as files. A project's own folder is left out.

    Raises:
        NotFound: there is nothing.
        Invalid: something in it is neither a file nor a folder, or cannot be read.
    """
    try:
        if not path.is_dir():
            return {"": FileState.of(path)}
        found = [(name, FileState.from_stat(entry.stat())) for name, entry in _walk(str(path), "")]
    except FileNotFoundError:
        raise NotFound(f"There is no file or folder {path}.") from None
    except OSError as error:
        raise Invalid(f"{error.filename or path} cannot be read: {error.strerror}.") from None
    return dict(sorted(found))


def _hashed(paths: Sequence[str]) -> list[str]:
    window = memoryview(bytearray(_WINDOW))
    hashes = []
    for path in paths:
        digest = hashlib.sha256()
        try:
            with open(path, "rb", buffering=0) as file:
                while got := file.readinto(window):
                    digest.update(window[:got])
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror}.") from None
        hashes.append(digest.hexdigest())
    return hashes


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file. Raises `Invalid` if it cannot be read."""
    return _hashed([str(path)])[0]


def hash_files(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of several files below `root`. Raises `Invalid` if one cannot be read."""
    listed = list(names)
    paths = [f"{root}/{name}" for name in listed]
    batches = (paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH))
    with ThreadPoolExecutor(_THREADS) as pool:
        hashes = chain.from_iterable(pool.map(_hashed, batches))
        return dict(zip(listed, hashes, strict=True))


def at(root: Path, name: str) -> Path:
    """Return where a file of a source lies."""
    return root / name if name else root


def folder_hash(hashes: Mapping[str, str]) -> str:
    """Return the hash of a folder: over the sorted relative names and the hashes of its files."""
    digest = hashlib.sha256(b"folder 1\n")
    for name in sorted(hashes):
        label = name.encode("utf-8", "surrogateescape")
        digest.update(len(label).to_bytes(8, "little") + label + bytes.fromhex(hashes[name]))
    return digest.hexdigest()


def still_as_before(root: Path, before: Mapping[str, FileState]) -> None:
    """Raise `Conflict` if a file of a source changed since `before`."""
    try:
        after = list_files(root)
    except NotFound:
        after = {}
    for name in {*before, *after}:
        if before.get(name) != after.get(name):
            raise Conflict(
                f"{at(root, name)} changed while it was read. Nothing was recorded; try again when "
                "nobody writes to it."
            )


class Sources:
    """What is known of the files behind the datasets of a project."""

    def __init__(self, layout: Layout) -> None:
        self._folder = layout.sources
        self._root = layout.folder.parent
        self._make = layout.make

    def _file(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def told(self, path: Path) -> str:
        """Return a path as it is kept: relative to the project's place if it lies inside."""
        absolute = Path(os.path.abspath(path))
        inside = absolute.is_relative_to(self._root)
        return absolute.relative_to(self._root).as_posix() if inside else str(absolute)

    # -- questions ------------------------------------------------------------------------------

    def _read(self, file: Path) -> dict[str, Any] | None:
        try:
            known = json.loads(file.read_bytes())
        except (FileNotFoundError, ValueError):  # it is only a cache
            return None
        return known if isinstance(known, dict) and known.get("format") == FORMAT else None

    def known(self, name: str) -> dict[str, Any] | None:
        """Return what was recorded of the files of a dataset; None if nothing is."""
        return self._read(self._file(name))

    def all(self) -> list[dict[str, Any]]:
        """Return what was recorded of all datasets, by name."""
        found = (self._read(file) for file in self._folder.glob("*.json"))
        return sorted((known for known in found if known), key=lambda known: str(known["name"]))

    def unchanged(self, name: str, path: Path, chosen: Mapping[str, Any]) -> str | None:
        """Return the version whose files are still as they were; None if in doubt.

        `chosen` is what else decides the version, such as the text of a query.
        """
        known = self.known(name)
        if known is None or known["path"] != self.told(path) or known["chosen"] != chosen:
            return None
        states = {one.state for one in self._compare(known)}
        return str(known["version"]) if states <= {"unchanged"} else None

    def states(self, chosen: str | None = None) -> list[SourceFile]:
        """Return how the files stand: of all datasets, of one by its name, or of those in a path.

        Raises:
            NotFound: nothing is known by this name or path.
        """
        found = self.all()
        if chosen is not None:
            path = self.told(Path(chosen))
            below = "" if path == "." else f"{path}/"
            found = [
                known
                for known in found
                if known["name"] == chosen
                or known["path"] == path
                or f"{known['path']}/".startswith(below)
            ]
            if not found:
                raise NotFound(
                    f"No dataset has the name or the files {chosen!r}. `lite-mlops data add` makes "
                    "one."
                )
        return [one for known in found for one in self._compare(known)]

    def _compare(self, known: dict[str, Any]) -> Iterator[SourceFile]:
        """Compare the files of one dataset; what was in doubt and proved is recorded as such."""
        root = self._root / known["path"]
        try:
            present = list_files(root)
        except NotFound:
            present = {}
        now, proved = time.time_ns(), False
        single = self._shown(root)
        start = "" if single == "." else f"{single}/"
        files: dict[str, list[Any]] = known["files"]
        settled = known["read_ns"] - RACY_NS
        names = [*present] if files.keys() == present.keys() else sorted({*files, *present})
        for name in names:
            state = self._state(files.get(name), present.get(name), settled)
            if state == "in doubt":
                state = "changed"
                if hash_file(at(root, name)) == files[name][3]:
                    state, proved = "unchanged", True
                    files[name] = [*present[name], files[name][3]]
            yield SourceFile(known["name"], f"{start}{name}" if name else single, state)
        if proved and all(now - entry[1] > RACY_NS for entry in files.values()):
            self._write(known | {"read_ns": now})

    @staticmethod
    def _state(entry: list[Any] | None, present: FileState | None, settled: int) -> str:
        if entry is None:
            return "new"
        if present is None:
            return "missing"
        size, changed_ns, inode = present
        if size != entry[0]:
            return "changed"
        same = changed_ns == entry[1] and inode == entry[2]
        return "unchanged" if same and changed_ns < settled else "in doubt"

    @staticmethod
    def _shown(path: Path) -> str:
        """Return a path as it is shown: relative to the working directory if it lies below."""
        here = Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    # -- facts ----------------------------------------------------------------------------------

    def record(
        self,
        name: str,
        version: str,
        path: Path,
        files: Mapping[str, tuple[FileState, str]],
        read_ns: int,
        chosen: Mapping[str, Any],
    ) -> None:
        """Keep what the files of a version looked like when they were read."""
        self._write(
            {
                "format": FORMAT,
                "name": name,
                "version": version,
                "path": self.told(path),
                "chosen": chosen,
                "read_ns": read_ns,
                "files": {key: [*s, sha256] for key, (s, sha256) in files.items()},
            }
        )

    def _write(self, known: Mapping[str, Any]) -> None:
        self._make()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        aside = self._folder / f".{new_id()}"
        try:
            aside.write_text(json.dumps(known), encoding="utf-8")
            os.chmod(aside, 0o600)
            os.replace(aside, self._file(str(known["name"])))
        finally:
            aside.unlink(missing_ok=True)
