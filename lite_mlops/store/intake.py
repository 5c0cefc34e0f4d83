"""The intake: what the journals hold beyond what was folded, read and proved, not yet applied."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lite_mlops.store.filelock import try_lock, unlock
from lite_mlops.store.lines import START, Chain, Damage, Verified, chain_at, verify

SUFFIX = ".ndjson"
BATCH_BYTES = 64_000_000  # what one transaction takes at most


@dataclass(frozen=True)
class Place:
    """How far a journal has been read: bytes, lines, and the chain to continue."""

    pos: int = 0
    lines: int = 0
    chain: Chain = START
    closed: bool = False

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Place:
        """Return the place that a row of the table `journals` holds."""
        chain = chain_at(row["n"], row["checksum"].encode())
        return cls(row["pos"], row["lines"], chain, row["closed"])


@dataclass(frozen=True)
class Reading:
    """What was read of one journal, and the place behind it."""

    path: Path
    place: Place
    good: bytes = b""
    damages: tuple[Damage, ...] = ()
    gone: bool = False  # its writer lives no more
    more: bool = False  # there is more than fits into one batch
    opened: Mapping[str, Any] = field(default_factory=dict)

    @property
    def writer(self) -> str:
        """The id of the process that writes it, as it stands in the file name."""
        return self.path.name.removesuffix(SUFFIX).rpartition("-")[0]


def list_journals(folder: Path) -> list[Path]:
    """Return the journal files of a folder, the oldest writer first."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names) if name.endswith(SUFFIX)]


def sizes(folder: Path) -> dict[str, int]:
    """Return the journal files of a folder with their sizes."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    found[entry.name] = entry.stat().st_size
    except (FileNotFoundError, NotADirectoryError):  # nothing yet, or folded away meanwhile
        pass
    return found


def _read(path: Path, pos: int, limit: int, *, alive: bool) -> tuple[bytes, bool, int]:
    """Return the bytes from `pos` on, whether the writer is gone, and the size of the file."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        # First the lock, then the size: a writer that is gone writes nothing more in between.
        gone = not alive and try_lock(fd)
        size = os.fstat(fd).st_size
        if gone:
            unlock(fd)
        os.lseek(fd, pos, os.SEEK_SET)
        parts, left = [], min(size - pos, limit)
        while left > 0 and (part := os.read(fd, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts), gone, size
    finally:
        os.close(fd)


def _with_torn_tail(data: bytes, place: Place) -> Verified:
    """Prove what a dead writer left, the last line of which may be torn."""
    verified = verify(data + b"\n", place.chain, place.lines + 1)
    last = place.lines + data.count(b"\n") + 1
    damages = tuple(
        replace(damage, reason="its writer ended in the middle of it")
        if damage.line == last
        else damage
        for damage in verified.damages
    )
    return replace(verified, damages=damages)


def _opened(good: bytes, place: Place) -> dict[str, Any]:
    """Return the fields of the first line, which says who writes, if it was just read."""
    if place.pos > 0 or not good.startswith(b'{"n":0,'):
        return {}
    opened = json.loads(good[: good.index(b"\n")])
    return opened if isinstance(opened, dict) and opened.get("k") == "journal_opened" else {}


def read_journal(
    path: Path, place: Place, *, limit: int = BATCH_BYTES, alive: bool = False
) -> Reading | None:
    """Read a journal from `place` on; None if it is empty or has been taken away.

    `alive` says that its writer is known to live, as this very process does.
    """
    try:
        data, gone, size = _read(path, place.pos, limit, alive=alive)
    except FileNotFoundError:
        return None
    if size == 0:
        return None  # being made at this moment, where it cannot be made under another name
    if size < place.pos:
        damage = Damage(place.lines, f"the file was cut to {size} of {place.pos} read bytes", b"")
        return Reading(path, replace(place, closed=gone), damages=(damage,), gone=gone)
    whole = data.rfind(b"\n") + 1
    at_end = place.pos + len(data) == size
    if gone and at_end and whole < len(data):
        verified, whole = _with_torn_tail(data, place), len(data)
    else:
        verified = verify(data[:whole], place.chain, place.lines + 1)
    lines = place.lines + data.count(b"\n", 0, whole)
    closed = gone and place.pos + whole == size
    return Reading(
        path,
        Place(place.pos + whole, lines, verified.chain, closed),
        verified.good,
        verified.damages,
        gone,
        more=not at_end,
        opened=_opened(verified.good, place),
    )


def take_in(
    folders: Sequence[Path],
    places: Mapping[str, Place],
    own_writer: str,
    limit: int = BATCH_BYTES,
) -> list[Reading]:
    """Read the journals of `folders` from their places on, up to `limit` bytes in all."""
    readings: dict[str, Reading] = {}
    left = limit
    for path in _list_all(folders):
        place = places.get(path.name, Place())
        alive = path.name.startswith(own_writer)
        reading = read_journal(path, place, limit=max(left, 0), alive=alive)
        if reading is not None:
            readings[path.name] = reading
            left -= reading.place.pos - place.pos
    # A writer that begins its next file lets the earlier one go only afterwards: what appeared
    # meanwhile shows that it lives.
    for path in _list_all(folders):
        if path.name not in readings:
            readings[path.name] = Reading(path, places.get(path.name, Place()))
    return list(readings.values())


def _list_all(folders: Sequence[Path]) -> list[Path]:
    return [path for folder in folders for path in list_journals(folder)]


def any_gone(folder: Path, own_writer: str) -> bool:
    """Return whether the writer of a journal lives no more, which no size tells."""
    for path in list_journals(folder):
        if path.name.startswith(own_writer):
            continue
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError:  # folded away meanwhile
            continue
        try:
            if try_lock(fd):
                unlock(fd)
                return True
        finally:
            os.close(fd)
    return False
