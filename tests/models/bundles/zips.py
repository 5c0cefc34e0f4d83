"""Zips written by hand, so that every field of them can lie."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Part:
    """A member, and what its two headers say instead of the truth."""

    name: str | bytes
    data: bytes
    local: Mapping[str, Any] = field(default_factory=dict)
    listed: Mapping[str, Any] = field(default_factory=dict)
    before: bytes = b""  # stands before its header

    def fields(self, lies: Mapping[str, Any]) -> dict[str, Any]:
        raw = self.name if isinstance(self.name, bytes) else self.name.encode()
        crc, size = zlib.crc32(self.data), len(self.data)
        true = {
            "made": 0x314, "need": 20, "flags": 0, "method": 0, "time": 0, "day": 0x21,
            "crc": crc, "packed": size, "size": size, "name": raw, "extra": b"", "comment": b"",
            "disk": 0, "inner": 0, "mode": 0o100644 << 16, "sign": None,
        }  # fmt: skip
        return true | dict(lies)


def zipped(
    parts: list[Part],
    *,
    end: Mapping[str, Any] | None = None,
    before_directory: bytes = b"",
    after_directory: bytes = b"",
    order: list[int] | None = None,
) -> bytes:
    """Return a zip of these parts; `order` is which of them its directory lists, and how."""
    out, offsets = b"", []
    for part in parts:
        out += part.before
        offsets.append(len(out))
        f = part.fields(part.local)
        out += struct.pack(
            "<4s5H3I2H", f["sign"] or b"PK\x03\x04", f["need"], f["flags"], f["method"], f["time"],
            f["day"], f["crc"], f["packed"], f["size"], len(f["name"]), len(f["extra"]),
        )  # fmt: skip
        out += f["name"] + f["extra"] + part.data
    out += before_directory
    listed = b""
    for place in range(len(parts)) if order is None else order:
        f = parts[place].fields(parts[place].listed)
        listed += struct.pack(
            "<4s6H3I5H2I", f["sign"] or b"PK\x01\x02", f["made"], f["need"], f["flags"],
            f["method"], f["time"], f["day"], f["crc"], f["packed"], f["size"], len(f["name"]),
            len(f["extra"]), len(f["comment"]), f["disk"], f["inner"], f["mode"],
            f.get("offset", offsets[place]),
        )  # fmt: skip
        listed += f["name"] + f["extra"] + f["comment"]
    count = len(parts) if order is None else len(order)
    e: dict[str, Any] = {
        "disk": 0, "first": 0, "here": count, "count": count, "length": len(listed),
        "at": len(out), "comment": b"",
    }  # fmt: skip
    e |= dict(end or {})
    whole: bytes = (
        out + listed + after_directory
        + struct.pack(
            "<4s4H2IH", b"PK\x05\x06", e["disk"], e["first"], e["here"], e["count"], e["length"],
            e["at"], len(e["comment"]),
        )
        + e["comment"]
    )  # fmt: skip
    return whole


def parts_of(path: Path) -> list[Part]:
    """Return the members of a good bundle."""
    with zipfile.ZipFile(path) as archive:
        return [Part(info.filename, archive.read(info)) for info in archive.infolist()]


def without_plan(parts: list[Part]) -> list[Part]:
    """Return the members of a good bundle as they are where there is no plan."""
    return retold(parts[:-1], plan=None)


def canonical(told: Any) -> bytes:
    """Return a manifest in the form that bundles have, whatever it says."""
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def retold(parts: list[Part], **changes: Any) -> list[Part]:
    """Return the members with another manifest; dots in a name lead inside, None takes away."""
    told = json.loads(parts[0].data)
    for name, value in changes.items():
        *way, last = name.split("__")
        place = told
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return [replace(parts[0], data=canonical(told)), *parts[1:]]
