"""What refers to which object: artifacts, models, snapshots, and the chunks of snapshots."""

from __future__ import annotations

from collections.abc import Iterator

from lite_mlops.errors import Damaged
from lite_mlops.store.chunks import read_manifest
from lite_mlops.store.database import Database
from lite_mlops.store.objects import Objects


def _chunks(
    manifests: list[tuple[str, str]], objects: Objects, *, strict: bool
) -> Iterator[tuple[str, str]]:
    """Yield the chunks of all snapshots, each with what it is a part of."""
    for manifest, versions in manifests:
        referrer = f"snapshot of {versions}"
        try:
            found = read_manifest(objects, manifest, referrer)
        except Damaged:
            if strict:
                raise
            continue  # whoever asks finds the manifest itself missing or damaged
        yield from ((chunk, referrer) for chunk, _ in found.chunks)


def referenced(database: Database, objects: Objects, *, strict: bool = False) -> list[str]:
    """Return every object that something in the database refers to.

    With `strict`, a manifest that cannot be read raises `Damaged`: what it refers to is unknown.
    """
    direct = {sha256 for (sha256,) in database.rows("referenced_objects") if sha256}
    manifests = database.rows("snapshot_manifests")
    chunks = {chunk for chunk, _ in _chunks(manifests, objects, strict=strict)}
    return sorted(direct | chunks)


def referrers(database: Database, objects: Objects) -> dict[str, str]:
    """Return what refers to each object, in words."""
    manifests = database.rows("snapshot_manifests")
    chunks = dict(_chunks(manifests, objects, strict=False))
    return chunks | {key: text for key, text in database.rows("object_referrers") if key}
