"""The zip inside a bundle: members are stored as they are, and every other byte is determined.

    entries = read_entries(file)
    entries[0].name, entries[0].start, entries[0].size

A zip can say one thing in its directory and another before each member; tools differ in what they
believe. Here the names, sizes and checksums of the directory determine every byte of structure
there may be, and what is not exactly so is refused. Nothing is compressed, so nothing unpacks to
more than it is; a bundle stays below 4 GB, so the longer form of zip is not needed. The same
members always make the same bytes, which any tool for zips can list.

Source of the layout: PKWARE, .ZIP File Format Specification 6.3.10, sections 4.3.7, 4.3.12, 4.3.16.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from lite_mlops.models.bundles.refusals import NoBundle

LARGEST = (1 << 32) - 1  # bytes of a bundle
MOST_MEMBERS = 1_100
_LONGEST_NAME = 40

_MEMBER = re.compile(
    r"manifest\.json|model\.(joblib|skops|onnx)|input_example\.json"
    r"|artifacts/(0|[1-9][0-9]{0,2})|card\.md|plan\.bin"
)

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_SIGN, _CENTRAL_SIGN, _END_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_NEEDED = 20  # version 2.0 of the format
_MADE_BY = 3 << 8 | _NEEDED  # 3: the file modes are those of Unix
_DAY = 0x21  # 1 January 1980, the first one there is
_PLAIN_FILE = 0o100644 << 16
_ENCRYPTED, _DESCRIPTOR = 1, 8


@dataclass(frozen=True)
class Entry:
    """A member: its name, the CRC-32 and the number of its bytes, and where its header lies."""

    name: str
    crc: int
    size: int
    offset: int

    @property
    def start(self) -> int:
        """Where its bytes begin."""
        return self.offset + _LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where its bytes end."""
        return self.start + self.size


def header(entry: Entry) -> bytes:
    """Return what stands before the bytes of a member."""
    sizes = (entry.crc, entry.size, entry.size, len(entry.name), 0)
    return _LOCAL.pack(_LOCAL_SIGN, _NEEDED, 0, 0, 0, _DAY, *sizes) + entry.name.encode()


def _listed(entry: Entry) -> bytes:
    sizes = (entry.crc, entry.size, entry.size, len(entry.name), 0, 0, 0, 0)
    about = (_CENTRAL_SIGN, _MADE_BY, _NEEDED, 0, 0, 0, _DAY)
    return _CENTRAL.pack(*about, *sizes, _PLAIN_FILE, entry.offset) + entry.name.encode()


def directory(entries: Sequence[Entry]) -> bytes:
    """Return what stands after the bytes of the last member."""
    listed = b"".join(map(_listed, entries))
    count, at = len(entries), entries[-1].end
    return listed + _END.pack(_END_SIGN, 0, 0, count, count, len(listed), at, 0)


# -- reading ------------------------------------------------------------------------------------


def _shown(name: bytes) -> str:
    text = name.decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _read_at(file: IO[bytes], at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _end(file: IO[bytes], size: int) -> tuple[int, int, int]:
    """Return how many members there are, and where their directory begins and ends."""
    if size > LARGEST:
        raise NoBundle(f"it has {size:,} bytes, and no bundle has more than {LARGEST:,}")
    if _read_at(file, 0, 4) != _LOCAL_SIGN:
        raise NoBundle("its first bytes are not those of a bundle")
    end = _read_at(file, max(size - _END.size, 0), _END.size)
    if len(end) < _END.size or end[:4] != _END_SIGN:
        raise NoBundle("it does not end as a bundle does: it is cut off, or something follows it")
    _, disk, first_disk, here, count, length, at, comment = _END.unpack(end)
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (length, at):
        raise NoBundle("its directory is of the longer form of zip, which no bundle needs")
    if (disk, first_disk, comment) != (0, 0, 0) or here != count:
        raise NoBundle("its end names other parts, or says something beside")
    if not 0 < count <= MOST_MEMBERS:
        raise NoBundle(f"it has {count:,} members, and a bundle has 1 to {MOST_MEMBERS:,}")
    if length > count * (_CENTRAL.size + _LONGEST_NAME) or at + length != size - _END.size:
        raise NoBundle("its directory does not lie between its last member and its end")
    return count, at, at + length


def _check_kind(name: str, flags: int, method: int, mode: int) -> None:
    if flags & _ENCRYPTED:
        raise NoBundle(f"its member {name} is encrypted")
    if flags & _DESCRIPTOR:
        raise NoBundle(f"its member {name} tells its size only after its bytes")
    if flags:
        raise NoBundle(f"its member {name} has flags that no bundle has")
    if method:
        raise NoBundle(f"its member {name} is compressed; the members of bundles are not")
    if mode != _PLAIN_FILE:
        raise NoBundle(f"its member {name} is no plain file, but a link, a folder or the like")


def _entry(listed: bytes, at: int) -> Entry:
    """Return the member that stands at a place of the directory."""
    fixed = listed[at : at + _CENTRAL.size]
    if len(fixed) < _CENTRAL.size or fixed[:4] != _CENTRAL_SIGN:
        raise NoBundle("its directory has fewer members than it says, or something between them")
    _, _, _, flags, method, _, _, crc, packed, size, named, *rest = _CENTRAL.unpack(fixed)
    extra, comment, _, _, mode, offset = rest
    raw = listed[at + _CENTRAL.size : at + _CENTRAL.size + named]
    name = raw.decode("ascii", "replace")
    if len(raw) > _LONGEST_NAME or not _MEMBER.fullmatch(name):
        raise NoBundle(f"it has a member {_shown(raw)}, which no bundle has")
    _check_kind(name, flags, method, mode)
    if extra or comment:
        raise NoBundle(f"its member {name} has extra fields or a comment")
    if packed != size:
        raise NoBundle(f"its member {name} has two different sizes")
    entry = Entry(name, crc, size, offset)
    if not listed.startswith(_listed(entry), at):
        raise NoBundle(f"its member {name} is not listed as bundles list their members")
    return entry


def read_entries(file: IO[bytes]) -> tuple[Entry, ...]:
    """Return the members of a bundle, after proving every byte of its structure.

    Their own bytes were not read yet.

    Raises:
        NoBundle: says what no bundle has.
    """
    count, at, end = _end(file, file.seek(0, 2))
    listed = _read_at(file, at, end - at)
    entries: list[Entry] = []
    place = expected = 0
    for _ in range(count):
        entry = _entry(listed, place)
        if entry.name in {known.name for known in entries}:
            raise NoBundle(f"it has the member {entry.name} twice")
        if entry.offset != expected or entry.end > at:
            raise NoBundle(f"its member {entry.name} overlaps another one, or leaves a gap")
        if _read_at(file, entry.offset, entry.start - entry.offset) != header(entry):
            raise NoBundle(f"what stands before its member {entry.name} is not what is listed")
        entries.append(entry)
        expected, place = entry.end, place + len(_listed(entry))
    if expected != at or place != len(listed):
        raise NoBundle("there are bytes between its last member and its directory, or in it")
    return tuple(entries)
