"""The files of a pipeline by their content, without reading those that did not change.

    files = Files(root, cache)
    files.hash_of("raw.csv")      # of a file, of a folder with all in it, or of a pattern's files
    files.save()

Size, time of change and inode decide, as `data status` does it: what is known of each file lies in
a cache below the project, and a file is read only if these differ or it was read right after it
changed. Within one object a path is looked at once, until `forget` is told of it.
"""

from __future__ import annotations

import glob
import json
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lite_mlops.data.sources import (
    RACY_NS,
    FileState,
    folder_hash,
    hash_file,
    hash_files,
    list_files,
)
from lite_mlops.errors import NotFound
from lite_mlops.pipelines.steps import is_pattern
from lite_mlops.store import new_id

FORMAT = 1


class Content(NamedTuple):
    """What lies at a path."""

    sha256: str
    form: str  # "file", "folder" or "pattern"
    states: Mapping[str, FileState]  # by the name below the path; a file itself has the name ""


class Files:
    """The files below `root`; what is known of them is kept in the file `cache`."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self._cache = cache
        self._known, self.scripts = self._read()
        self._used: dict[str, list[Any]] = {}
        self._seen: dict[str, Content | None] = {}
        self._changed = False

    def _read(self) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
        try:
            kept = json.loads(self._cache.read_bytes())
        except (FileNotFoundError, ValueError):  # it is only a cache
            return {}, {}
        if not isinstance(kept, dict) or kept.get("format") != FORMAT:
            return {}, {}
        return kept["files"], kept["scripts"]

    def path(self, path: str) -> Path:
        """Return where a path of the pipeline lies."""
        return self.root / path

    # -- questions ------------------------------------------------------------------------------

    def hash_of(self, path: str) -> str | None:
        """Return the hash of what lies at a path; None if there is nothing."""
        content = self.content(path)
        return None if content is None else content.sha256

    def content(self, path: str) -> Content | None:
        """Return what lies at a path; None if there is nothing.

        Raises:
            Invalid: it cannot be read.
        """
        if path not in self._seen:
            self._seen[path] = self._look(path)
        return self._seen[path]

    def _look(self, path: str) -> Content | None:
        if is_pattern(path):
            names = sorted(glob.glob(path, root_dir=self.root, recursive=True))
            found = {name: FileState.of(self.root / name) for name in names if self._is_file(name)}
            return Content(folder_hash(self._hashes("", found)), "pattern", found)
        try:
            states = list_files(self.root / path)
        except NotFound:
            return None
        hashes = self._hashes(path, states)
        if "" in states:
            return Content(hashes[""], "file", states)
        return Content(folder_hash(hashes), "folder", states)

    def _is_file(self, name: str) -> bool:
        return (self.root / name).is_file()

    def _hashes(self, path: str, states: Mapping[str, FileState]) -> dict[str, str]:
        """Return the hash of each file, most of them as they are known."""
        start = f"{path}/" if path else ""
        hashes, unknown = {}, []
        for name, state in states.items():
            key = start + name if name else path
            entry = self._known.get(key)
            if entry is not None and _is_certain(entry, state):
                hashes[name] = entry[4]
                self._used[key] = entry
            else:
                unknown.append(name)
        if unknown:
            moment = time.time_ns()
            if unknown == [""]:
                found = {"": hash_file(self.root / path)}
            else:
                found = hash_files(self.root / path, unknown)
            for name, sha256 in found.items():
                self.learn(start + name if name else path, states[name], sha256, moment)
            hashes |= found
        return hashes

    def is_unchanged(self, path: str, before: Content | None) -> bool:
        """Return whether what lies at a path is still what it was, whatever is remembered."""
        self.forget([path])
        return self.hash_of(path) == (None if before is None else before.sha256)

    # -- facts ----------------------------------------------------------------------------------

    def assume(self, path: str, sha256: str, form: str) -> None:
        """Have a path look as if this lay there, as it will when it is brought back."""
        self.forget([path])
        self._seen[path] = Content(sha256, form, {})

    def learn(self, key: str, state: FileState, sha256: str, moment: int) -> None:
        """Remember the content of a file that was read at `moment` in a state."""
        self._known[key] = self._used[key] = [*state, moment, sha256]
        self._changed = True

    def forget(self, paths: Iterable[str]) -> None:
        """Look again at what lies at these paths, around and below them."""
        told = {*paths}
        around = told.union(*(_parents(path) for path in told))
        for seen in [*self._seen]:
            if is_pattern(seen) or seen in around or any(one in told for one in _parents(seen)):
                del self._seen[seen]

    def save(self) -> None:
        """Keep what is known of the files that were looked at."""
        if not self._changed:
            return
        kept = {"format": FORMAT, "files": self._known | self._used, "scripts": self.scripts}
        aside = self._cache.with_name(f".{new_id()}")
        try:
            aside.write_text(json.dumps(kept), encoding="utf-8")
            os.chmod(aside, 0o600)
            os.replace(aside, self._cache)
        finally:
            aside.unlink(missing_ok=True)
        self._changed = False

    def note_script(self, sha256: str, about: list[Any]) -> None:
        """Remember what the code in a file with this content is."""
        self.scripts[sha256] = about
        self._changed = True


def _parents(path: str) -> list[str]:
    """Return the folders that a path lies in, from the innermost one."""
    found = []
    while (cut := path.rfind("/")) > 0:
        path = path[:cut]
        found.append(path)
    return [*found, "."]


def _is_certain(entry: list[Any], state: FileState) -> bool:
    """Return whether a file in this state is the one that was read.

    One that changed shortly before it was read can have changed once more, and not look it.
    """
    size, mtime_ns, inode, read_ns, _ = entry
    same = size == state.size and mtime_ns == state.mtime_ns and inode == state.inode
    return bool(same and mtime_ns < read_ns - RACY_NS)
