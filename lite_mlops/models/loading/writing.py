"""Writing models to files, and what registration has to know of a file."""

from __future__ import annotations

import io
import mmap
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.models.loading.formats import DEFAULT, FORMATS, known_format
from lite_mlops.models.loading.onnx_files import check_onnx
from lite_mlops.models.loading.python_model import PythonModel
from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel
from lite_mlops.models.loading.requirements import requirements_of
from lite_mlops.models.loading.skops_files import write_skops
from lite_mlops.models.loading.trust import untrusted
from lite_mlops.store import Objects, Stored


@dataclass(frozen=True)
class Saved:
    """A model file in the object store, and what it needs.

    Attributes:
        imports: All that it imports, as 'module:name'.
        needs_trust: Those of them that are not on the shipped list.
        requirements: Python and the packages that it needs, with versions.
    """

    sha256: str
    size: int
    format: str
    imports: tuple[str, ...]
    needs_trust: tuple[str, ...]
    requirements: Mapping[str, str]


_IN_PIECES = 4_000_000  # bytes of a model from which on its arrays are not copied first
_MAPPED = 16_000_000  # bytes of an array that is worth being mapped from the file


class _WorthMappingError(Exception):
    """A model holds an array that processes should share."""


class _Plain(pickle.Pickler):
    """Writes a plain pickle, unless an array is worth being mapped."""

    def reducer_override(self, value: Any) -> Any:
        """Leave each object to its own way, after a look at its size."""
        if isinstance(value, np.ndarray) and value.nbytes >= _MAPPED and not value.dtype.hasobject:
            raise _WorthMappingError
        return NotImplemented


class _Pieces:
    """What a pickler writes, as it is: large arrays are referred to and not copied."""

    def __init__(self) -> None:
        self.pieces: list[bytes | memoryview] = []
        self.size = 0

    def write(self, data: bytes | pickle.PickleBuffer) -> int:
        """Keep the next piece."""
        piece = data if isinstance(data, bytes) else memoryview(data).cast("B")
        self.pieces.append(piece)
        self.size += len(piece)
        return len(piece)


def _dump(model: Any, file: IO[bytes]) -> None:
    """Write a pickle that joblib loads.

    joblib itself takes its time for each array, of which a forest has hundreds, none of them worth
    being mapped: its trees copy them. So only models with a large array are written by it.
    """
    start = file.tell()
    try:
        _Plain(file, protocol=5).dump(model)
    except _WorthMappingError:
        file.seek(start)
        file.truncate()
        import joblib  # who serves from a plan has no use for it

        joblib.dump(model, file)


@contextmanager
def _written(model: Any) -> Iterator[None]:
    """Have what goes wrong while a model is pickled say so; `TimeoutError` passes.

    Raises:
        Invalid: it cannot be pickled.
    """
    try:
        yield
    except (TimeoutError, LiteMlopsError, _WorthMappingError):
        raise
    except (TypeError, AttributeError, ImportError) as error:
        raise Invalid(
            f"this {type(model).__name__} cannot be written to a file: {error}."
        ) from None
    except Exception as error:
        raise Invalid(f"this {type(model).__name__} cannot be pickled: {error!r}.") from error


def _write_joblib(model: Any, file: IO[bytes]) -> None:
    with _written(model):
        _dump(model, file)


def _write_onnx(model: Any, file: IO[bytes]) -> None:
    data = model.SerializeToString() if hasattr(model, "SerializeToString") else model
    if not isinstance(data, bytes):
        raise Invalid(f"this {type(model).__name__} is no ONNX model; pass it, or its bytes.")
    try:
        check_onnx(memoryview(data))
    except (RefusedModel, UnreadableModel) as error:
        raise Invalid(f"these bytes cannot be registered: {error}.") from error
    file.write(data)


_WRITERS = {"joblib": _write_joblib, "skops": write_skops, "onnx": _write_onnx}


def write_model(model: Any, file: IO[bytes], *, format: str = DEFAULT) -> None:  # noqa: A002
    """Write a model to an open file; what the file itself raises as `TimeoutError` passes.

    Raises:
        Invalid: it cannot be written in this format, or there is no such format.
    """
    _WRITERS[known_format(format).name](model, file)


def _importable(model: PythonModel, imports: tuple[str, ...]) -> None:
    """Do nothing unless a file refers to the script that wrote it, where no other finds it."""
    local = [name.partition(":")[2] for name in imports if name.startswith("__main__:")]
    if local:
        raise Invalid(
            f"this {type(model).__name__} needs {', '.join(local[:5])} from the script or notebook "
            "that runs now, which nobody who loads it can import. Put it into a module and import "
            "it from there."
        )


def _stored_plain(
    objects: Objects, model: Any, limit: int
) -> tuple[Stored, tuple[str, ...]] | None:
    """Store a model as a plain pickle, and return what it imports; None if it is worth mapping.

    The arrays of a large one are written from where they lie.

    Raises:
        Invalid: it cannot be pickled.
        RefusedModel: its file could never be loaded; it says why.
    """
    sink = _Pieces()
    try:
        with _written(model):
            _Plain(sink, protocol=5).dump(model)
    except _WorthMappingError:
        return None
    if sink.size < _IN_PIECES:
        data = b"".join(sink.pieces)
        imports = FORMATS["joblib"].imports(memoryview(data), limit)
        return objects.put_bytes(data), imports
    stored = objects.put_pieces(sink.pieces)
    with (
        objects.open(stored.sha256, "the model") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        return stored, FORMATS["joblib"].imports(view, limit)


def save_model(objects: Objects, model: Any, *, format: str = DEFAULT, limit: int) -> Saved:  # noqa: A002
    """Store a model in the object store, and return what its file needs.

    Raises:
        Invalid: it cannot be written, or could not be imported by whoever loads it.
        RefusedModel: its file could never be loaded; it says why.
    """
    found, plain = None, format == "joblib" and not isinstance(model, PythonModel)
    if plain:
        found = _stored_plain(objects, model, limit)
    if found is None:
        buffer = io.BytesIO()
        if plain:  # it is worth mapping
            with _written(model):
                import joblib

                joblib.dump(model, buffer)
        else:
            write_model(model, buffer, format=format)
        data = buffer.getbuffer()
        imports = FORMATS[format].imports(data, limit)
        if isinstance(model, PythonModel):
            _importable(model, imports)
        stored = objects.put_bytes(data)
    else:
        stored, imports = found
    return Saved(
        sha256=stored.sha256,
        size=stored.size,
        format=format,
        imports=imports,
        needs_trust=untrusted(imports),
        requirements=requirements_of(imports),
    )
