"""Files in the format of skops: a zip with a JSON tree of the objects and the arrays beside it.

skops constructs only types that are named to it. Here the names are checked against the same exact
list as for pickles, both those that stand in the tree and those that skops itself reports. Nodes
that make bound methods and partial functions are refused.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Collection, Iterator
from typing import IO, Any

from lite_mlops.errors import Invalid
from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel, needs_trust
from lite_mlops.models.loading.trust import untrusted

_MOST_MEMBERS = 100_000
_LARGEST_SCHEMA = 64 << 20
_MOST_NODES = 2_000_000
_REFUSED_NODES = {"MethodNode", "OperatorFuncNode", "PartialNode"}
# What the tree itself is made of; skops makes these by itself.
_STRUCTURE = frozenset(
    "builtins:dict builtins:list builtins:tuple builtins:set builtins:str builtins:int "
    "builtins:float builtins:bool builtins:NoneType builtins:type builtins:slice builtins:bytes "
    "builtins:bytearray builtins:function collections:OrderedDict numpy:ndarray".split()
)


def _required() -> Any:
    try:
        import skops.io
    except ImportError:
        raise Invalid(
            "models in the format skops need the package skops: pip install 'lite-mlops[skops]'."
        ) from None
    return skops.io


def is_zip(data: memoryview) -> bool:
    """Return whether bytes begin as a zip does."""
    return bytes(data[:4]) == b"PK\x03\x04"


def _members(archive: zipfile.ZipFile, room: int) -> int:
    """Return the bytes that remain of `room` after unpacking a zip, and the zips inside it."""
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > _MOST_MEMBERS or len(set(names)) != len(names):
        raise RefusedModel("its zip has too many members, or two of the same name")
    for member in members:
        room -= member.file_size
        if room < 0:
            raise RefusedModel("it unpacks to more bytes than are loaded (the setting model_mb)")
        if member.filename.endswith(".npz"):
            with (
                archive.open(member) as inside,
                zipfile.ZipFile(io.BytesIO(inside.read())) as zipped,
            ):
                room = _members(zipped, room)
    return room


def _schema(data: memoryview, limit: int) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _members(archive, limit)
            if archive.getinfo("schema.json").file_size > _LARGEST_SCHEMA:
                raise RefusedModel(f"its schema has more than {_LARGEST_SCHEMA:,} bytes")
            return json.loads(archive.read("schema.json"))
    except (
        zipfile.BadZipFile,
        zlib.error,
        KeyError,
        ValueError,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise UnreadableModel(f"it is no file of skops ({error})") from error


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    waiting, seen = [schema], 0
    while waiting:
        found = waiting.pop()
        seen += 1
        if seen > _MOST_NODES:
            raise RefusedModel(f"its schema has more than {_MOST_NODES:,} parts")
        if isinstance(found, dict):
            yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def skops_imports(data: memoryview, limit: int) -> tuple[str, ...]:
    """Return what a file of skops would import, as 'module:name'; skops itself is not needed.

    Raises:
        UnreadableModel, RefusedModel: it is no such file, or one that is never loaded.
    """
    names: dict[str, None] = {}
    for node in _nodes(_schema(data, limit)):
        if node.get("__loader__") in _REFUSED_NODES:
            raise RefusedModel(f"it has a {node['__loader__']}, which could call anything")
        if "__class__" in node and "__module__" in node:
            names[f"{node['__module__']}:{node['__class__']}"] = None
    return tuple(sorted(name for name in names if name not in _STRUCTURE))


def load_skops(data: memoryview, trusted: Collection[str], limit: int) -> Any:
    """Construct the model of a file of skops.

    Raises:
        Untrusted: it names what is neither shipped nor in `trusted`.
        UnreadableModel, RefusedModel: it is no such file, or one that is never loaded.
        Invalid: skops is not installed.
    """
    skops = _required()
    named = skops_imports(data, limit)
    missing = untrusted(named, trusted)
    if missing:
        raise needs_trust(missing)
    whole = bytes(data)
    known = {name.replace(":", ".") for name in (*named, *_STRUCTURE)}
    try:
        reported = skops.get_untrusted_types(data=whole)
        surprising = [name for name in reported if name not in known]
        if surprising:
            raise needs_trust(surprising)
        return skops.loads(whole, trusted=reported)
    except (RefusedModel, UnreadableModel):
        raise
    except RecursionError as error:
        raise RefusedModel("it is nested too deeply") from error
    except Exception as error:
        if type(error).__module__.startswith("lite_mlops"):
            raise
        raise UnreadableModel(
            f"skops cannot load it ({type(error).__name__}: {str(error)[:200]})"
        ) from error


def write_skops(model: Any, file: IO[bytes]) -> None:
    """Write a model in the format of skops.

    Raises:
        Invalid: skops is not installed, or cannot write this model.
    """
    skops = _required()
    try:
        skops.dump(model, file)
    except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
        raise Invalid(
            f"this {type(model).__name__} cannot be written in the format skops: {error}."
        ) from error
