"""References to versions of data: `patients@461a8a2d`, `patients@latest`, `patients`.

A version is named by the beginning of its hash, at least four hexadecimal digits. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lite_mlops.errors import Invalid, NotFound, suggestion

LATEST = "latest"
MIN_DIGITS = 4
_DIGITS = re.compile(r"[0-9a-fA-F]{4,64}")


def split(reference: str, known: Sequence[str]) -> tuple[str, str]:
    """Return the name and the version of a reference, among the names that are known.

    Raises:
        Invalid: the version is neither `latest` nor four or more hexadecimal digits.
        NotFound: no dataset has this name.
    """
    name, version = reference, LATEST
    if reference not in known and "@" in reference:
        name, _, version = reference.rpartition("@")
    if name not in known:
        near = suggestion(name, known) or " `lite-mlops data ls` lists those that there are."
        raise NotFound(f"There is no dataset {name!r}.{near}")
    if version != LATEST and not _DIGITS.fullmatch(version):
        raise Invalid(
            f"{reference!r} names no version: behind the @ stands `latest` or the beginning of a "
            f"hash, at least {MIN_DIGITS} hexadecimal digits."
        )
    return name, version


def resolve(name: str, version: str, hashes: Sequence[str]) -> str:
    """Return the hash that a version means, of the hashes of a dataset, the latest one first.

    Raises:
        NotFound: no hash begins like this.
        Invalid: several do.
    """
    if version == LATEST:
        return hashes[0]
    found = [sha256 for sha256 in hashes if sha256.startswith(version.lower())]
    if not found:
        newest = ", ".join(sha256[:8] for sha256 in hashes[:5])
        raise NotFound(f"{name} has no version {version}. The latest are {newest}.")
    if len(found) > 1:
        some = " and ".join(f"{name}@{sha256[:12]}" for sha256 in found[:3])
        raise Invalid(f"{name}@{version} is not unique: it means {some}. Give more digits.")
    return found[0]
