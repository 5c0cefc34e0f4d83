"""Compressed model files: recognised by their first bytes, and unpacked only within a limit.

joblib unpacks what it is given by itself, which makes a gigabyte of a small file. Here a compressed
file is refused, unless it was registered as one of that kind.
"""

from __future__ import annotations

import bz2
import lzma
import zlib

from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel

_BLOCK = 1 << 20
_FIRST_BYTES = {
    "gzip": (b"\x1f\x8b",),
    "zlib": (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"),
    "bz2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
    "lzma": (b"\x5d\x00\x00",),
    "lz4": (b"\x04\x22\x4d\x18",),
    "zstd": (b"\x28\xb5\x2f\xfd",),
    "z-file of an old joblib": (b"ZF",),
}


class _Zlib:
    """zlib and gzip, with the interface of the other two."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._rest = b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        made = self._inner.decompress(self._rest + data, max_length)
        self._rest = self._inner.unconsumed_tail
        return made

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._rest


def compression_of(data: memoryview) -> str | None:
    """Return how bytes are compressed, by how they begin; None for no known way."""
    start = bytes(data[:8])
    for name, beginnings in _FIRST_BYTES.items():
        if start.startswith(beginnings):
            return name
    return None


def _unpacker(name: str) -> _Zlib | bz2.BZ2Decompressor | lzma.LZMADecompressor:
    if name in ("gzip", "zlib"):
        return _Zlib()
    if name == "bz2":
        return bz2.BZ2Decompressor()
    if name in ("xz", "lzma"):
        return lzma.LZMADecompressor(memlimit=1 << 28)
    raise RefusedModel(f"it is compressed with {name}, which is not unpacked here")


def unpacked(data: memoryview, name: str, limit: int) -> memoryview:
    """Return what compressed bytes hold.

    Raises:
        RefusedModel: it is more than `limit` bytes, or the compression is not supported.
        UnreadableModel: it is not whole.
    """
    unpacker = _unpacker(name)
    made = bytearray()
    at = 0
    try:
        while not unpacker.eof:
            block = b""
            if unpacker.needs_input:
                block = bytes(data[at : at + _BLOCK])
                at += len(block)
                if not block:
                    raise UnreadableModel(f"its {name} data is cut off")
            made += unpacker.decompress(block, _BLOCK)
            if len(made) > limit:
                raise RefusedModel(
                    f"it unpacks to more than {limit:,} bytes, which is all that is loaded (the "
                    "setting model_mb)"
                )
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise UnreadableModel(f"its {name} data cannot be unpacked: {error}") from error
    if unpacker.unused_data or at < len(data):
        raise UnreadableModel(f"bytes follow the end of its {name} data")
    return memoryview(made)
