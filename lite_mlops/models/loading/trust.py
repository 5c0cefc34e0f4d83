"""Which names a model file may import: the shipped list, and what the owner confirmed besides.

`shipped.txt` holds one 'module:name' a line, with what may be done to it while a file is loaded:

    sklearn.svm._classes:SVC new          an object of it may be made, without its constructor
    sklearn.tree._tree:Tree call          it may be called
    numpy:log1p                           it may be referred to, and nothing else

They are exact names, each seen in the file of a real model; `tests/models/loading/shipped_list.py`
writes the list. None of them runs what the file says: not one takes a text as code, a name to
import, or a path. What a user confirms may be called as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

_EVERYTHING = frozenset({"new", "call"})


@cache
def shipped() -> dict[str, frozenset[str]]:
    """Return the shipped names, and what may be done to each."""
    text = Path(__file__).with_name("shipped.txt").read_text(encoding="utf-8")
    rights: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        name, *may = line.split()
        rights[name] = frozenset(may)
    return rights


def rights_of(name: str, trusted: Collection[str]) -> frozenset[str] | None:
    """Return what may be done to 'module:name'; None if it may not even be imported."""
    if name in trusted:
        return _EVERYTHING
    return shipped().get(name)


def untrusted(imports: Iterable[str], trusted: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names that are neither shipped nor in `trusted`, in their order."""
    known = shipped()
    return tuple(name for name in imports if name not in known and name not in trusted)
