"""What the folder of a logged model says of itself: its file, signature, requirements.

    about = read_model(folder)      # reads MLmodel and requirements.txt; no model is loaded

Files of scikit-learn become versions: pickles (also those of cloudpickle) in the format "joblib",
those of skops as they are; so do ONNX files. What other flavors need is more than one file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.importing.copying import read_text
from lite_mlops.models import Column, Output, Signature, Type
from lite_mlops.tracking import parse_requirements
from lite_mlops.tracking.keys import checked_path, shown
from lite_mlops.yamltext import read_yaml

_PICKLES = {"pickle", "cloudpickle", "joblib"}
_MOST_FEATURES = 100_000
_TYPES: dict[str, Type] = {
    "boolean": "boolean",
    "integer": "integer",
    "long": "integer",
    "float": "float",
    "double": "float",
    "string": "text",
    "datetime": "datetime",
}


@dataclass(frozen=True)
class LoggedFolder:
    """What a folder holds: the one file that is the model, or why it cannot be registered."""

    file: Path | None
    format: str | None
    why_not: str | None
    signature: Signature
    signed: bool
    requirements: Mapping[str, str] = field(default_factory=dict)
    example: bytes | None = None  # in the layout in which examples are kept here


def read_model(folder: Path) -> LoggedFolder:
    """Return what the folder of a logged model holds.

    Raises:
        Invalid: its MLmodel cannot be read or understood.
    """
    try:
        about = read_yaml(read_text(folder / "MLmodel"))
    except OSError as error:
        raise Invalid(f"its MLmodel cannot be read ({error.strerror})") from None
    except Invalid as error:
        raise Invalid(f"its MLmodel is not understood ({str(error).rstrip('.')})") from None
    flavors = about.get("flavors") if isinstance(about, dict) else None
    if not isinstance(flavors, dict):
        raise Invalid("its MLmodel names no flavors")
    file, form, why_not = _file_of(folder, flavors)
    signature = _signature(about.get("signature"))
    features = None if signature is None else signature.features
    return LoggedFolder(
        file,
        form,
        why_not,
        signature or Signature(),
        signature is not None,
        _requirements(folder, flavors),
        _example(folder, about.get("saved_input_example_info"), features),
    )


def _file_of(folder: Path, flavors: dict[str, Any]) -> tuple[Path | None, str | None, str | None]:
    """Return the file of a model and its format, or why it has none."""
    sklearn, onnx = flavors.get("sklearn"), flavors.get("onnx")
    if isinstance(sklearn, dict):
        name, kind = sklearn.get("pickled_model"), sklearn.get("serialization_format")
        if kind == "skops" or (isinstance(name, str) and name.endswith(".skops")):
            form = "skops"
        elif kind is None or kind in _PICKLES:
            form = "joblib"
        else:
            return None, None, f"it is written as {shown(kind)}"
    elif isinstance(onnx, dict):
        name, form = onnx.get("data"), "onnx"
    else:
        known = ", ".join(sorted(map(str, flavors)))[:200]
        return None, None, f"its flavor is {known}"
    try:
        path = folder / checked_path(name)
    except Invalid:
        return None, None, f"it names its file {shown(name)}"
    if path.is_dir() and form == "onnx":
        return None, None, "its weights lie in files of their own"
    if path.is_symlink() or not path.is_file():
        return None, None, "its file is missing"
    if not path.resolve().is_relative_to(folder.resolve()):
        return None, None, f"it names its file {shown(name)}"
    return path, form, None


def _signature(written: Any) -> Signature | None:
    """Return what MLflow's signature tells of a model; None if it tells no columns."""
    inputs = _schema(written, "inputs")
    if not inputs:
        return None
    outputs = _outputs(_schema(written, "outputs"))
    if len(inputs) == 1 and "name" not in inputs[0] and inputs[0].get("type") == "tensor":
        columns = _of_tensor(inputs[0].get("tensor-spec"))
        return None if columns is None else Signature(columns, outputs)
    found = []
    for place, column in enumerate(inputs):
        kind = _TYPES.get(str(column.get("type")))
        if kind is None:  # a tensor among others, or an object
            return None
        missing = column.get("required") is False
        found.append(Column(str(column.get("name", f"x{place}")), kind, missing=missing))
    if len({column.name for column in found}) < len(found):
        return None
    return Signature(tuple(found), outputs, framed="name" in inputs[0])


def _schema(written: Any, part: str) -> list[dict[str, Any]]:
    """Return the columns of a part of a signature; none if it cannot be read."""
    text = written.get(part) if isinstance(written, dict) else None
    try:
        columns = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    good = isinstance(columns, list) and all(isinstance(one, dict) for one in columns)
    return columns if good and isinstance(columns, list) else []


def _of_tensor(spec: Any) -> tuple[Column, ...] | None:
    """Return the columns of one matrix."""
    shape = spec.get("shape") if isinstance(spec, dict) else None
    if not isinstance(shape, list) or len(shape) != 2:
        return None
    width, kind = shape[1], _kind_of(spec)
    if kind is None or not isinstance(width, int) or not 0 < width <= _MOST_FEATURES:
        return None
    return tuple(Column(f"x{place}", kind, missing=kind == "float") for place in range(width))


def _kind_of(spec: Any) -> Type | None:
    """Return the type of a tensor's values."""
    name = str(spec.get("dtype")) if isinstance(spec, dict) else ""
    if name.startswith(("int", "uint")):
        return "integer"
    if name.startswith("float"):
        return "float"
    return {"bool": "boolean", "str": "text", "object": "text"}.get(name)  # type: ignore[return-value]


def _outputs(columns: list[dict[str, Any]]) -> tuple[Output, ...]:
    """Return what is answered; what it means, MLflow does not say."""
    if len(columns) != 1:
        return ()
    kind = _TYPES.get(str(columns[0].get("type"))) or _kind_of(columns[0].get("tensor-spec"))
    return () if kind is None else (Output("any", kind),)


def _requirements(folder: Path, flavors: dict[str, Any]) -> dict[str, str]:
    """Return the packages and versions that MLflow recorded, as far as they are exact."""
    found: dict[str, str] = {}
    function = flavors.get("python_function")
    if isinstance(function, dict) and isinstance(function.get("python_version"), str):
        found["python"] = function["python_version"]
    with suppress(OSError, Invalid):  # many models have none
        for name, version in parse_requirements(read_text(folder / "requirements.txt")).items():
            found[name.partition("[")[0].strip()] = version.partition(";")[0].strip()
    return found


def _example(folder: Path, info: Any, features: tuple[str, ...] | None) -> bytes | None:
    """Return the rows that the model was shown, if they are a table with its features."""
    if not isinstance(info, dict) or info.get("pandas_orient") != "split" or features is None:
        return None
    try:
        path = folder / checked_path(info.get("artifact_path"))
        kept = json.loads(read_text(path, 1_000_000))
    except (OSError, ValueError, RecursionError):
        return None
    rows = kept.get("data") if isinstance(kept, dict) else None
    if not isinstance(rows, list) or kept.get("columns") != list(features):
        return None
    if not all(isinstance(row, list) and len(row) == len(features) for row in rows):
        return None
    text = json.dumps({"columns": kept["columns"], "data": rows[:100]}, ensure_ascii=False)
    return text.encode("utf-8", "replace")
