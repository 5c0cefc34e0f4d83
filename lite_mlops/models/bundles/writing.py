"""Writing bundles: members are streamed from the object store, proved on the way, into one file.

write_bundle(objects, version, Path("churn.lmz"))

The same version always makes the same bytes. The file appears when it is whole.
"""

from __future__ import annotations

import hashlib
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lite_mlops.errors import Damaged, Invalid
from lite_mlops.models.bundles.archive import LARGEST, Entry, directory, header
from lite_mlops.models.bundles.manifest import (
    CARD,
    ENDING,
    EXAMPLE,
    MANIFEST,
    PLAN,
    Manifest,
    manifest_of,
)
from lite_mlops.models.loading import Source
from lite_mlops.models.lowering import Attempt
from lite_mlops.models.versions import Member, ModelVersion
from lite_mlops.store import new_id

_BLOCK = 1 << 20


def _copied(file: IO[bytes], name: str, source: IO[bytes], wanted: Member, what: str) -> Entry:
    """Append a member and return it. Raises `Damaged` if its bytes are not those that are meant."""
    empty = Entry(name, 0, wanted.size, file.tell())
    file.write(header(empty))
    digest, crc, size = hashlib.sha256(), 0, 0
    while block := source.read(_BLOCK):
        digest.update(block)
        crc = zlib.crc32(block, crc)
        size += len(block)
        if size > wanted.size:
            break
        file.write(block)
    if (digest.hexdigest(), size) != wanted:
        raise Damaged(
            f"The file of {what} is damaged: it should have the SHA-256 {wanted.sha256} and "
            f"{wanted.size:,} bytes. No bundle was written; `lite-mlops doctor --repair` looks for "
            "a good copy in the backups."
        )
    entry = Entry(name, crc, size, empty.offset)
    file.seek(entry.offset)
    file.write(header(entry))
    file.seek(entry.end)
    return entry


@contextmanager
def _aside(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name when everything was written."""
    if path.suffix != ENDING:
        raise Invalid(f"{path}: the name of a bundle ends with {ENDING}.")
    if not path.parent.is_dir():
        raise Invalid(f"{path} cannot be written: there is no folder {path.parent}.")
    aside = path.with_name(f".{path.name}.{new_id()}")
    try:
        with aside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _of_bytes(data: bytes) -> Member:
    return Member(hashlib.sha256(data).hexdigest(), len(data))


def _stored(objects: Source, sha256: str) -> bytes | None:
    """Return the bytes of an object; None if they are not there or not what they were."""
    try:
        with objects.open(sha256, "a plan") as source:
            data = source.read()
    except Damaged:  # the model itself answers, as it does here
        return None
    return data if _of_bytes(data).sha256 == sha256 else None


def write_bundle(
    objects: Source,
    version: ModelVersion,
    path: Path,
    *,
    card: str | None = None,
    attempt: Attempt | None = None,
) -> Manifest:
    """Write a version with all its files to `path`, and return the manifest.

    The plan that `attempt` tells of goes along if it is what was stored.

    Raises:
        Invalid: it fits no bundle, or there is no such folder.
        Damaged: one of its files is missing or not what was registered; nothing was written.
    """
    given: dict[str, bytes] = {}
    if version.example is not None:
        referrer = f"input example of {version.name}"
        with objects.open(version.example, referrer) as source:
            given[EXAMPLE] = source.read()
    if card is not None:
        given[CARD] = card.encode()
    plan = None if attempt is None or attempt.plan is None else _stored(objects, attempt.plan)
    if plan is not None:
        given[PLAN] = plan
    about = {name: _of_bytes(data) for name, data in given.items()}
    text = manifest_of(
        version,
        example=about.get(EXAMPLE),
        card=about.get(CARD),
        plan=about.get(PLAN),
        attempt=attempt,
    )
    manifest = Manifest.from_bytes(text)
    room = sum(member.size + 200 for member in manifest.members.values()) + len(text) + 200
    if room > LARGEST:
        raise Invalid(f"{version.name} has {room:,} bytes; a bundle takes at most {LARGEST:,}.")
    with _aside(path) as file:
        entries = [_copied(file, MANIFEST, io.BytesIO(text), _of_bytes(text), "the manifest")]
        for name, member in manifest.members.items():
            what = f"{name} of {version.name}"
            if name in given:
                source = io.BytesIO(given[name])
                entries.append(_copied(file, name, source, member, what))
            else:
                with objects.open(member.sha256, what) as stored:
                    entries.append(_copied(file, name, stored, member, what))
        file.write(directory(entries))
    return manifest
