r"""The lines of a journal: how one is written, and how damage is found and pinned to a line.

A line is a JSON object. It begins with its sequence number `n` and ends with its checksum `c`:

    {"n":12,"ts":1764080000000000,"k":"metric", ... ,"c":"1f0a77c25e9d0b13"}\n

`c` is 16 hexadecimal digits: the running CRC-32 of the line before, then the running CRC-32 of the
file up to these last eight digits. Therefore one call of `zlib.crc32` over a whole chunk proves all
its lines at the speed of memory, and a damaged line is still pinned exactly: every line carries the
state it continues from, so each can be proved alone, whatever happened to its neighbours.
(CRC-32 as in ISO-HDLC / RFC 1952, by zlib.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from zlib import crc32

# Where a journal stands: the next sequence number, the checksum of the last line, and the running
# CRC behind that line. A plain tuple, because one is made for every logged value.
Chain = tuple[int, bytes, int]

_CLOSE = b'"}\n'
_TAIL = 8 + len(_CLOSE)  # the line's own checksum and what closes it
_OPENING = re.compile(rb'\{"n":')
_LINE = re.compile(rb'\{"n":(\d{1,18}),[^\n]*?,"c":"([0-9a-f]{8})([0-9a-f]{8})"\}')


def chain_at(n: int, checksum: bytes) -> Chain:
    """Return the chain of a journal whose next line is number `n`, after a line's `checksum`."""
    return n, checksum, crc32(checksum + _CLOSE, int(checksum, 16))


START = chain_at(0, b"00000000")


def encode(chain: Chain, ts: int, body: str) -> tuple[bytes, Chain]:
    """Return the next line of a journal and the chain after it.

    `body` is the inside of a JSON object after the time, beginning with a comma. Halves of
    surrogate pairs, as in file names that are not UTF-8, become question marks.
    """
    n, checksum, state = chain
    head = b'{"n":%d,"ts":%d%b,"c":"%b' % (n, ts, body.encode("utf-8", "replace"), checksum)
    crc = crc32(head, state)
    checksum = b"%08x" % crc
    tail = checksum + _CLOSE
    return head + tail, (n + 1, checksum, crc32(tail, crc))


@dataclass(frozen=True)
class Damage:
    """A place of a journal that could not be read; `line` counts from 1."""

    line: int
    reason: str
    raw: bytes


@dataclass(frozen=True)
class Verified:
    """What a chunk of a journal holds: the proved lines, what was damaged, and the chain after."""

    good: bytes
    chain: Chain
    damages: tuple[Damage, ...] = ()


def _proved(match: re.Match[bytes]) -> bool:
    state = chain_at(0, match[2])[2]
    return b"%08x" % crc32(match[0][: 1 - _TAIL], state) == match[3]


def _proved_in(line: bytes) -> list[re.Match[bytes]]:
    """Return what is proved of a line: itself, or what is left of lines that ran into another."""
    candidates = (_LINE.match(line, start.start()) for start in _OPENING.finditer(line))
    return [match for match in candidates if match is not None and _proved(match)]


def _whole(chunk: bytes, chain: Chain, count: int) -> Verified | None:
    """Prove all `count` lines of the chunk at once; None if anything at all is unexpected."""
    n, _, state = chain
    last = chunk.rfind(b"\n", 0, -1) + 1
    match = _LINE.fullmatch(chunk, last, len(chunk) - 1)
    if match is None or int(match[1]) != n + count - 1:
        return None
    if b"%08x" % crc32(memoryview(chunk)[:-_TAIL], state) != match[3]:
        return None
    return Verified(chunk, chain_at(n + count, match[3]))


def _one_by_one(chunk: bytes, chain: Chain, first_line: int) -> Verified:
    good: list[bytes] = []
    damages: list[Damage] = []
    unread = 0  # damaged lines since the last proved one: they explain a gap in the numbers
    for number, line in enumerate(chunk[:-1].split(b"\n"), start=first_line):
        found = _proved_in(line)
        if b"".join(match[0] for match in found) != line:
            damages.append(Damage(number, "its checksum does not match", line))
            unread += 1
        for match in found:
            n = int(match[1])
            if n < chain[0]:
                damages.append(Damage(number, f"sequence number {n} comes twice", line))
                continue
            if n > chain[0] + unread:
                damages.append(Damage(number, f"{n - chain[0]} lines before it are missing", b""))
            good.append(match[0] + b"\n")
            chain, unread = chain_at(n + 1, match[3]), 0
    return Verified(b"".join(good), chain, tuple(damages))


def verify(chunk: bytes, chain: Chain, first_line: int = 1) -> Verified:
    """Return the proved lines of `chunk`, which ends with a newline, in their order.

    `chain` is where reading stands before the chunk, `first_line` the number of its first line.
    A line that is not proved costs only itself; the next proved one continues.
    """
    count = chunk.count(b"\n")
    if count == 0:
        return Verified(b"", chain)
    return _whole(chunk, chain, count) or _one_by_one(chunk, chain, first_line)
