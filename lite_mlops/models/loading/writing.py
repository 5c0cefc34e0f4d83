"""Writing models to files, and what registration has to know of a file."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import joblib

from lite_mlops.errors import Invalid
from lite_mlops.models.loading.formats import DEFAULT, FORMATS, known_format
from lite_mlops.models.loading.onnx_files import check_onnx
from lite_mlops.models.loading.python_model import PythonModel
from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel
from lite_mlops.models.loading.requirements import requirements_of
from lite_mlops.models.loading.skops_files import write_skops
from lite_mlops.models.loading.trust import untrusted
from lite_mlops.store import Objects


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


_SMALL = 16_000_000  # bytes; of larger files the arrays are laid so that they can be mapped


class _TooLargeError(Exception):
    """A model is no small one."""


class _SmallFile(io.BytesIO):
    """A file in memory that takes no more than small models."""

    def write(self, data: Any) -> int:
        """Write, unless it becomes too large."""
        if self.tell() + memoryview(data).nbytes > _SMALL:
            raise _TooLargeError
        return super().write(data)


def _dump(model: Any, file: IO[bytes]) -> None:
    """Write a pickle that joblib loads.

    joblib itself takes its time for each array, of which a forest has hundreds; so only what is
    large, and worth being mapped, is written by it.
    """
    small = _SmallFile()
    try:
        pickle.Pickler(small, protocol=5).dump(model)
    except _TooLargeError:
        joblib.dump(model, file)
    else:
        file.write(small.getbuffer())


def _write_joblib(model: Any, file: IO[bytes]) -> None:
    try:
        _dump(model, file)
    except TimeoutError:
        raise
    except (TypeError, AttributeError, ImportError) as error:
        raise Invalid(
            f"this {type(model).__name__} cannot be written to a file: {error}."
        ) from None
    except Exception as error:
        raise Invalid(f"this {type(model).__name__} cannot be pickled: {error!r}.") from error


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


def save_model(objects: Objects, model: Any, *, format: str = DEFAULT, limit: int) -> Saved:  # noqa: A002
    """Store a model in the object store, and return what its file needs.

    Raises:
        Invalid: it cannot be written, or could not be imported by whoever loads it.
        RefusedModel: its file could never be loaded; it says why.
    """
    buffer = io.BytesIO()
    write_model(model, buffer, format=format)
    data = buffer.getbuffer()
    imports = FORMATS[format].imports(data, limit)
    if isinstance(model, PythonModel):
        _importable(model, imports)
    stored = objects.put_bytes(data)
    return Saved(
        sha256=stored.sha256,
        size=stored.size,
        format=format,
        imports=imports,
        needs_trust=untrusted(imports),
        requirements=requirements_of(imports),
    )
