"""The formats of model files: a closed set, each with what lists its imports and what loads it.

joblib is the default. skops, where it is installed, is offered by name: in both formats only names
from the same exact list are constructed, and files of skops are 1.4 to 18 times larger and load 2
to 9 times slower for anything with trees (tests/benchmarks/model_files.py measures it).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models.loading.compression import compression_of
from lite_mlops.models.loading.constructing import Construction
from lite_mlops.models.loading.files import Proved
from lite_mlops.models.loading.listing import pickle_imports
from lite_mlops.models.loading.onnx_files import check_onnx, load_onnx
from lite_mlops.models.loading.refusals import UnreadableModel
from lite_mlops.models.loading.skops_files import is_zip, load_skops, skops_imports


@dataclass(frozen=True)
class Loading:
    """How a file is to be loaded."""

    trusted: Collection[str]
    limit: int
    mapped: bool


@dataclass(frozen=True)
class Constructed:
    """A model, and the versions of packages that its file names itself."""

    model: Any
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Format:
    """One format of model files.

    Attributes:
        media: Its media type.
        imports: Returns the 'module:name' texts that a file would import; loads nothing.
        construct: Makes the model of bytes whose imports were found to be trusted.
    """

    name: str
    media: str
    imports: Callable[[memoryview, int], tuple[str, ...]]
    construct: Callable[[memoryview, Proved, Loading], Constructed]


def _joblib_imports(data: memoryview, limit: int) -> tuple[str, ...]:  # noqa: ARG001
    return pickle_imports(data)


def _joblib(data: memoryview, proved: Proved, how: Loading) -> Constructed:
    same = data is proved.data  # what was unpacked cannot be mapped
    mapping = proved.mapped if how.mapped and same else None
    making = Construction(data, trusted=how.trusted, mapped=mapping)
    model = making.run()
    oldest = sorted(making.sklearn_versions)[:1]
    return Constructed(model, {"scikit-learn": oldest[0]} if oldest else {})


def _skops(data: memoryview, proved: Proved, how: Loading) -> Constructed:  # noqa: ARG001
    return Constructed(load_skops(data, how.trusted, how.limit), {})


def _onnx_imports(data: memoryview, limit: int) -> tuple[str, ...]:  # noqa: ARG001
    check_onnx(data)
    return ()


def _onnx(data: memoryview, proved: Proved, how: Loading) -> Constructed:  # noqa: ARG001
    return Constructed(load_onnx(data), {})


FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        Format("joblib", "application/x-joblib", _joblib_imports, _joblib),
        Format("skops", "application/x-skops", skops_imports, _skops),
        Format("onnx", "application/x-onnx", _onnx_imports, _onnx),
    )
}
DEFAULT = "joblib"


def known_format(name: str) -> Format:
    """Return the format of a name. Raises `Invalid` for any other."""
    if name not in FORMATS:
        raise Invalid(
            f"there is no model format {name!r:.60}; there are {', '.join(FORMATS)}."
            f"{suggestion(name, FORMATS)}"
        )
    return FORMATS[name]


def guessed_format(data: memoryview) -> str:
    """Return the format that bytes begin as.

    Raises:
        UnreadableModel: they begin as none.
    """
    if is_zip(data):
        return "skops"
    start = bytes(data[:2])
    if start[:1] == b"\x80" or compression_of(data) is not None:
        return "joblib"
    if start[:1] == b"\x08" and len(data) > 16:  # the version, which ONNX writes first
        return "onnx"
    if start[:1] in b"(]}lcIKMJN)" and start:
        return "joblib"  # pickles of protocols 0 and 1 have no header
    raise UnreadableModel("its bytes begin as no model file does")
