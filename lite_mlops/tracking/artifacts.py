"""The files of a run: their bytes go into the object store, and an event says where they belong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath, PurePosixPath
from typing import IO, Any

from lite_mlops.errors import Invalid, LiteMlopsError, NotFound, raise_first
from lite_mlops.jsontext import json_text
from lite_mlops.store import Objects, Stored
from lite_mlops.store.events import Artifact, Event
from lite_mlops.tracking.figures import media_type, table_bytes
from lite_mlops.tracking.keys import checked_path, shown

log = logging.getLogger("lite_mlops")

_BLOCK = 1 << 20


class _SourceFailedError(Exception):
    """Reading what is to be kept failed, not writing to the disk that keeps it."""


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            block = file.read(_BLOCK)
        except OSError as error:
            raise _SourceFailedError(error.strerror) from error
        if not block:
            return
        yield block


def _source(path: object) -> Path:
    if not isinstance(path, str | Path) or not str(path):
        raise Invalid(f"a path is a text; {shown(path)} is a {type(path).__name__}.")
    return Path(path)


def _folder(path: object) -> PurePosixPath:
    if path is not None and not isinstance(path, str | PurePath):
        raise Invalid(f"artifact path is a text; {shown(path)} is a {type(path).__name__}.")
    return PurePosixPath(path or "")


class ArtifactLog:
    """Adds files to one run."""

    def __init__(self, objects: Objects, run_id: str, emit: Callable[[Event], None]) -> None:
        self._objects = objects
        self._run_id = run_id
        self._emit = emit
        self._told_disk = False

    def add(self, local_path: object, artifact_path: object) -> None:
        """Add a file or a folder; see `ActiveRun.log_artifact`."""
        source, folder = _source(local_path), _folder(artifact_path)
        if source.is_dir():
            self.add_folder(source, folder / source.name)
        else:
            self._put_file(source, checked_path(folder / source.name))

    def add_folder(self, local_dir: object, artifact_path: object) -> None:
        """Add everything in a folder; see `ActiveRun.log_artifacts`."""
        source, folder = _source(local_dir), _folder(artifact_path)
        if not source.is_dir():
            raise NotFound(f"There is no folder {shown(str(source))} to log artifacts from.")
        problems: list[LiteMlopsError] = []
        for path in sorted(source.rglob("*")):
            if path.is_dir():
                continue
            try:
                self._put_file(path, checked_path(folder / path.relative_to(source).as_posix()))
            except (Invalid, NotFound) as problem:
                problems.append(problem)
        raise_first(problems)

    def add_text(self, text: object, artifact_file: object) -> None:
        """Add a text; see `ActiveRun.log_text`."""
        if not isinstance(text, str):
            raise Invalid(f"log_text needs a text; {shown(text)} is a {type(text).__name__}.")
        path = checked_path(artifact_file)
        self.put_bytes(text.encode("utf-8", errors="replace"), path)

    def add_dict(self, dictionary: Any, artifact_file: object) -> None:
        """Add a dictionary or list as JSON; see `ActiveRun.log_dict`."""
        path = checked_path(artifact_file)
        try:
            text = json_text(dictionary, indent=2)
        except (TypeError, ValueError, RecursionError) as error:
            raise Invalid(f"log_dict cannot write this as JSON: {error}.") from None
        self.put_bytes(text.encode("utf-8", errors="replace"), path)

    def add_table(self, data: Any, artifact_file: object) -> None:
        """Add a table; see `ActiveRun.log_table`."""
        path = checked_path(artifact_file)
        self.put_bytes(table_bytes(data, path), path)

    def put_bytes(self, data: bytes, path: str) -> Stored | None:
        """Add bytes as the file at `path`, which is checked; None if the disk refused them."""
        return self._put(path, [data])

    def _put_file(self, source: Path, path: str) -> None:
        if source.exists() and not source.is_file():
            raise Invalid(f"{shown(str(source))} is no regular file and cannot be kept.")
        try:
            with source.open("rb") as file:
                self._put(path, _blocks(file))
        except FileNotFoundError:
            raise NotFound(f"There is no file {shown(str(source))} to log as artifact.") from None
        except _SourceFailedError as error:
            raise Invalid(f"{shown(str(source))} cannot be read: {error}.") from None
        except OSError as error:
            raise Invalid(f"{shown(str(source))} cannot be read: {error.strerror}.") from None

    def _put(self, path: str, blocks: Iterable[bytes]) -> Stored | None:
        stored = self._stored(path, blocks)
        if stored is not None:
            self.refer(path, stored)
        return stored

    def refer(self, path: str, stored: Stored) -> None:
        """Add what is stored already as the file at `path`, which is checked."""
        self._emit(
            Artifact(
                run=self._run_id,
                path=path,
                sha256=stored.sha256,
                size=stored.size,
                media=media_type(path),
            )
        )

    def _stored(self, path: str, blocks: Iterable[bytes]) -> Stored | None:
        try:
            return self._objects.put_blocks(blocks)
        except OSError as error:
            if not self._told_disk:
                log.warning(
                    "The artifact %r of run %s could not be stored (%s). Training goes on.",
                    path,
                    self._run_id,
                    error.strerror or error,
                )
            self._told_disk = True
            return None
