"""Signed versions: who vouches for a version, by Ed25519 keys; and the one door to loaded models.

    project.models.sign("churn/3")               # with the key in ~/.config/lite-mlops
    project.models.verify("churn/3")             # the signatures that are good
    Project(signed_by=["ed25519:11qYAY..."])     # loads nothing that is not signed by one of these

What is signed is the content of a version: the hashes of its files, its format, its signature and
what its file may import. It stays good under another name or number, as after an import.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Conflict, Denied
from lite_mlops.models import loading
from lite_mlops.models.finding import Finding
from lite_mlops.models.references import parse_reference
from lite_mlops.models.versions import ModelVersion, Seal, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store.events import VersionSigned

if TYPE_CHECKING:
    from lite_mlops.models.loading import Source
    from lite_mlops.settings import Settings


def statement_of(version: ModelVersion) -> bytes:
    """Return the bytes that a signature of a version is of: its content as canonical JSON."""
    content = {
        "lite-mlops": "version 1",
        "sha256": version.sha256,
        "size": version.size,
        "format": version.format,
        "compression": version.compression,
        "members": {name: list(member) for name, member in version.members.items()},
        "signature": version.signature.to_dict(),
        "trusted": list(version.trusted),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def good_seals(version: ModelVersion, keys: Sequence[str] | None = None) -> list[Seal]:
    """Return the signatures of a version that are good; of these public keys only, if given.

    Raises:
        Invalid: the package cryptography is not installed.
    """
    from lite_mlops.security.signing import BadSignature, verify

    found = []
    for seal in version.seals:
        if keys is not None and seal.public not in keys:
            continue
        try:
            verify(seal.public, seal.signature, statement_of(version))
        except BadSignature:
            continue  # of another content, such as before something more was trusted
        found.append(seal)
    return found


def check_signed(version: ModelVersion, keys: Sequence[str]) -> None:
    """Do nothing if a version has a good signature by one of these keys, or none is needed.

    Raises:
        Denied: it has none.
    """
    if keys and not good_seals(version, keys):
        raise Denied(
            f"{version.name} was not loaded: this project needs a signature by one of "
            f"{len(keys)} keys (the setting signed_by), and it has none that is good. "
            f"`lite-mlops models sign {version.name}` makes one."
        )


def open_version(
    source: Source, version: ModelVersion, settings: Settings, *, strict: bool = False
) -> Any:
    """Return the model of a version; every way to a loaded model leads through here.

    Raises:
        Damaged: its file is missing or is not the one that was registered.
        Denied: it is not signed as the project needs it, imports what is not trusted, or versions
            of packages differ with `strict`.
    """
    check_signed(version, settings.signed_by)
    return loading.load_model(source, version.file, strict=strict, limit=settings.model_bytes)


class Signing(Finding):
    """Who vouches for the versions of the models of a project."""

    def verify(self, reference: str) -> list[Seal]:
        """Return the signatures of a version that are good, the oldest first.

        The file itself is proved by its hash as well.

        Raises:
            Invalid, NotFound: the reference names no version, or cryptography is not installed.
            Damaged: the file is missing or is not the one that was registered.
        """
        version = self.get(reference)
        self._store.objects.read(version.sha256, version.file.referrer)
        return good_seals(version)

    def sign(
        self, reference: str, key: Path | None = None, *, reason: str | None = None
    ) -> ModelVersion:
        """Sign a version with a private key; default: the key of the person.

        Raises:
            Invalid, NotFound: the reference names no version, or there is no key.
            Conflict: it is signed by this key already.
            Denied: others than its owner can read the key.
            Damaged: the file is missing or is not the one that was registered.
        """
        from lite_mlops.security.signing import default_key_path, read_key, sign

        path = default_key_path() if key is None else key
        public = read_key(path).public
        parsed = parse_reference(reference)
        version = self.get(reference)
        self._store.objects.read(version.sha256, version.file.referrer)  # nobody vouches unseen
        with self._store.deciding() as decisions:
            found = resolve(decisions.database, parsed)
            if good_seals(found, [public]):
                raise Conflict(f"{found.name} is signed by this key already.")
            decisions.record(
                VersionSigned(
                    model=found.model,
                    version=found.version,
                    public=public,
                    seal=sign(path, statement_of(found)),
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
            decisions.settle()
            return resolve(decisions.database, parsed)
