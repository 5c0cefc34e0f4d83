"""gzip both ways: bodies of requests within a limit, and answers for clients that take them so.

Unpacker(limits.body_bytes).feed(part)
packed(answer, request.headers)
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import replace

from lite_mlops.web.kernel.http import Malformed, Response, TooLarge, WrongMedia

_GZIP = 31  # window bits of zlib: a header and a checksum of gzip are required
# Bytes; less is not worth it, and more would hold up all others meanwhile.
_LEAST, _MOST = 1_024, 4_000_000
_LEVEL = 1  # time counts more than the last per cents
_TEXTUAL = ("json", "javascript", "xml", "x-ndjson")
_GZIP_NAMES = ("gzip", "x-gzip")


class Unpacker:
    """Unpacks a body while it comes in, and stops where it grows beyond a limit."""

    def __init__(self, room: int) -> None:
        self._most = self._room = room
        self._stream = zlib.decompressobj(_GZIP)
        self._any = False

    def feed(self, packed: bytes) -> bytes:
        """Return what the next bytes hold. Raises `TooLarge`, `Malformed`."""
        if not packed:
            return b""
        self._any = True
        try:
            part = self._stream.decompress(packed, self._room + 1)
        except zlib.error:
            raise Malformed("the body is not gzip.") from None
        self._room -= len(part)
        if self._room < 0:
            raise TooLarge(f"the body is larger than {self._most:,} bytes when unpacked.")
        if self._stream.unused_data:
            raise Malformed("the gzip of the body has something behind it.")
        return part

    def end(self) -> None:
        """Take note that this was all. Raises `Malformed` if it is cut off."""
        if self._any and not self._stream.eof:
            raise Malformed("the gzip of the body is cut off.")


def unpacker(headers: Mapping[str, str], room: int) -> Unpacker | None:
    """Return what unpacks the body of a request; None if it is not packed. Raises `WrongMedia`."""
    coding = headers.get("content-encoding", "identity").lower()
    if coding == "identity":
        return None
    if coding not in _GZIP_NAMES:
        raise WrongMedia(f"the Content-Encoding {coding[:60]!r} is not known; use gzip or none.")
    return Unpacker(room)


def takes_gzip(accepted: str) -> bool:
    """Return whether the value of an Accept-Encoding allows gzip, by its q values."""
    weights: dict[str, float] = {}
    for one in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        weights[name] = _weight(parameters)
    gzip_weight = max((weights[name] for name in _GZIP_NAMES if name in weights), default=None)
    if gzip_weight is None:
        gzip_weight = weights.get("*", 0.0)
    return gzip_weight > 0 and gzip_weight >= weights.get("identity", 0.0)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def packable(answer: Response) -> bool:
    """Return whether packing an answer can pay."""
    media = answer.media.partition(";")[0]
    return (
        _LEAST <= len(answer.body) <= _MOST
        and (media.startswith("text/") or media.endswith(_TEXTUAL))
        and "Content-Encoding" not in answer.headers
    )


def packed(answer: Response, headers: Mapping[str, str]) -> Response:
    """Return an answer as gzip if that pays and the client takes it, else as it is."""
    if not packable(answer):
        return answer
    vary = answer.headers.get("Vary")
    more = {"Vary": "Accept-Encoding" if vary is None else f"{vary}, Accept-Encoding"}
    body = answer.body
    if takes_gzip(headers.get("accept-encoding", "")):
        body = gzip.compress(body, _LEVEL, mtime=0)
        more["Content-Encoding"] = "gzip"
    return replace(answer, body=body, headers={**answer.headers, **more})
