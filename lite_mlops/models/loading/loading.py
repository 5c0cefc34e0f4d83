"""The one function that loads model files.

    load_model(store.objects, file)                                 # a scikit-learn model
    load_model(store.objects, file, trusted=["my_pkg.text:Cleaner"])

A pickle is a program: whoever makes a file could have it run anything. So a file is opened once,
the very bytes that will be loaded are hashed and compared with what was registered, and they
construct only what is on an exact list of names (see `trust.py`). All names are listed before
anything is made, so that a refusal names each of them and nothing has run.

What this does not promise: a file of allowed names can still hold wrong numbers, and compiled code
of scikit-learn believes the numbers in its own trees. Register only files you know.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from lite_mlops.models.loading.compression import compression_of, unpacked
from lite_mlops.models.loading.files import LIMIT, ModelFile, Source, opened
from lite_mlops.models.loading.formats import Loading, known_format
from lite_mlops.models.loading.python_model import PythonModel, with_context
from lite_mlops.models.loading.refusals import RefusedModel, needs_trust, told
from lite_mlops.models.loading.requirements import Difference, differences, tell
from lite_mlops.models.loading.trust import untrusted


def unpacked_as_registered(data: memoryview, registered: str | None, limit: int) -> memoryview:
    """Return bytes as they are, or unpacked if they were registered as compressed.

    Raises:
        RefusedModel: they are compressed otherwise than registered, or unpack to too much.
    """
    found = compression_of(data)
    if found == registered:
        return data if registered is None else unpacked(data, registered, limit)
    raise RefusedModel(
        f"it is compressed with {found}, and was not registered as such"
        if found
        else f"it was registered as compressed with {registered}, and is not"
    )


# What proved files import, by hash and format: a model that is loaded again is not read twice.
_KNOWN: dict[tuple[str, str], tuple[str, ...]] = {}
_MOST_KNOWN = 256


def _imports(data: memoryview, file: ModelFile, limit: int) -> tuple[str, ...]:
    key = (file.sha256, file.format)
    if key not in _KNOWN:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = known_format(file.format).imports(data, limit)
    return _KNOWN[key]


def load_model(
    source: Source,
    file: ModelFile,
    *,
    trusted: Collection[str] = (),
    strict: bool = False,
    mapped: bool = True,
    limit: int = LIMIT,
) -> Any:
    """Load a model after its bytes were proved and everything that it imports was found trusted.

    Args:
        source: Where the file is: the object store, or a bundle.
        file: The file as it was registered.
        trusted: What it may import besides the shipped list and what was confirmed at its
            registration, as exact 'module:name' texts.
        strict: Refuse it if Python or a package has another version than at registration.
        mapped: Have large arrays of joblib files mapped from the file that is open already, so
            that processes share them; pages are copied only where they are written to. Whoever
            has the owner's account could change such numbers while they are used, but no code.
        limit: The largest file in bytes, and the largest that a compressed one unpacks to.

    Returns:
        What was registered; a `LoadedPythonModel` for a `PythonModel`.

    Raises:
        Damaged: the file is missing or is not the one that was registered.
        Untrusted: it imports what is not trusted; all of it is named, and nothing was run.
        RefusedModel: it is too large, compressed without being registered so, or holds what no
            model file needs.
        UnreadableModel: it is no file of its format, or needs what is not installed.
        StrictlyRefused: with `strict`, versions differ.

    Warns:
        EnvironmentDiffers: versions differ; listed in one warning.
    """
    form = known_format(file.format)
    allowed = frozenset(trusted) | frozenset(file.trusted)
    with told(file.referrer), opened(source, file, limit=limit) as proved:
        data = unpacked_as_registered(proved.data, file.compression, limit)
        missing = untrusted(_imports(data, file, limit), allowed)
        if missing:
            raise needs_trust(missing)
        found = differences(file.requirements)
        if strict:
            tell(found, file.referrer, strict=True)
        made = form.construct(data, proved, Loading(allowed, limit, mapped))
    known = {difference.name for difference in found}
    found += tuple(
        Difference(name, then, difference.now)
        for name, then in made.versions.items()
        if name not in known
        for difference in differences({name: then})
    )
    tell(found, file.referrer, strict=strict)
    if isinstance(made.model, PythonModel):
        return with_context(made.model, source, file, limit=limit)
    return made.model
