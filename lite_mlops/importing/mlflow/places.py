"""Where the files of a store really lie: stores are copied, and what they say of places is old.

    places = Places(Path("backup/mlruns"))
    places.find("file:///old/mlruns/1/6b1f/artifacts", "6b1f")   -> backup/mlruns/1/6b1f/artifacts

A store is a foreign file. What it says is only ever looked for below the one folder that the user
named; neither `..` nor a link leads out of it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.tracking.keys import shown

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")  # of two letters at least: C: is a drive
_LOCAL = {"file", "mlflow-artifacts"}
_BESIDE = ("", "mlruns", "mlartifacts")  # where MLflow puts artifacts, below the folder


class Remote(Invalid):
    """The files lie on another machine."""


def parts_of(uri: str) -> list[str]:
    """Return the names of the folders that lead to a place on this machine.

    Raises:
        Remote: it lies elsewhere.
        Invalid: it leads upwards, or is no place.
    """
    path = uri
    if scheme := _SCHEME.match(uri):
        if scheme[1].lower() not in _LOCAL:
            raise Remote(f"the files lie in {scheme[1].lower()}://, not on this machine")
        try:
            path = unquote(urlsplit(uri).path)
        except ValueError:
            raise Invalid(f"{shown(uri)} is no place") from None
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path or not parts:
        raise Invalid(f"{shown(uri)} leads out of the store")
    return parts


class Places:
    """Finds the folders of a store below the one that the user named."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def find(self, uri: str, *known: str | None) -> Path:
        """Return the folder that `uri` means, or what has become of it below the root.

        `known` are ids of which one has to be part of the way, so that a folder of the same name
        is not taken for it; without one the whole way must lie below the root.

        Raises:
            NotFound: there is no such folder below the root.
            Remote, Invalid: it lies elsewhere, or leads out of the store.
        """
        parts = parts_of(uri)
        places = [parts.index(word) for word in known if word and word in parts]
        candidates = [Path(os.sep, *parts)]
        for start in range(max(places, default=-1) + 1):
            candidates += [self._root.joinpath(beside, *parts[start:]) for beside in _BESIDE]
        for candidate in candidates:
            try:
                real = candidate.resolve()
            except (OSError, RuntimeError, ValueError):  # a loop of links, or no name at all
                continue
            if real.is_relative_to(self._root) and real != self._root and real.is_dir():
                return real
        raise NotFound(f"{shown(uri)} is not below {self._root}")
