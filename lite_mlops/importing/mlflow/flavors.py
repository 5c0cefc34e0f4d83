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
from lite_mlops.importing.mlflow.yaml import read_yaml
from lite_mlops.models import Signature
from lite_mlops.tracking import parse_requirements
from lite_mlops.tracking.keys import checked_path, shown

_PICKLES = {"pickle", "cloudpickle", "joblib"}
_MOST_FEATURES = 100_000


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
    features = _features(about.get("signature"))
    return LoggedFolder(
        file,
        form,
        why_not,
        Signature(features or ()),
        features is not None,
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


def _features(signature: Any) -> tuple[str, ...] | None:
    """Return the names of the features that MLflow's signature tells; None if it tells none."""
    text = signature.get("inputs") if isinstance(signature, dict) else None
    try:
        columns = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(columns, list) or not all(isinstance(one, dict) for one in columns):
        return None
    if len(columns) == 1 and "name" not in columns[0] and columns[0].get("type") == "tensor":
        return _of_tensor(columns[0].get("tensor-spec"))
    if any(column.get("type") == "tensor" for column in columns):
        return None  # several inputs, each of a shape of its own
    names = [str(column.get("name", f"x{place}")) for place, column in enumerate(columns)]
    return tuple(names) if names and len(set(names)) == len(names) else None


def _of_tensor(spec: Any) -> tuple[str, ...] | None:
    """Return the names that the columns of one matrix get."""
    shape = spec.get("shape") if isinstance(spec, dict) else None
    if not isinstance(shape, list) or len(shape) != 2:
        return None
    width = shape[1]
    if not isinstance(width, int) or not 0 < width <= _MOST_FEATURES:
        return None
    return tuple(f"x{place}" for place in range(width))


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
