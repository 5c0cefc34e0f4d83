"""Model files: written, inspected, and loaded by one function from proved bytes.

Names are loaded on their first use: most of them belong to one kind of file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.models.loading.files import LIMIT, ModelFile, Source
    from lite_mlops.models.loading.formats import FORMATS
    from lite_mlops.models.loading.inspecting import Inspection, imports_of, inspect_model
    from lite_mlops.models.loading.loading import load_model
    from lite_mlops.models.loading.onnx_files import OnnxModel
    from lite_mlops.models.loading.python_model import LoadedPythonModel, ModelContext, PythonModel
    from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel, Untrusted
    from lite_mlops.models.loading.requirements import (
        Difference,
        EnvironmentDiffers,
        StrictlyRefused,
        differences,
        requirements_of,
    )
    from lite_mlops.models.loading.trust import untrusted
    from lite_mlops.models.loading.writing import Saved, save_model, write_model

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "files": "LIMIT ModelFile Source",
    "formats": "FORMATS",
    "inspecting": "Inspection imports_of inspect_model",
    "loading": "load_model",
    "onnx_files": "OnnxModel",
    "python_model": "LoadedPythonModel ModelContext PythonModel",
    "refusals": "RefusedModel UnreadableModel Untrusted",
    "requirements": "Difference EnvironmentDiffers StrictlyRefused differences requirements_of",
    "trust": "untrusted",
    "writing": "Saved save_model write_model",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "FORMATS",
    "LIMIT",
    "Difference",
    "EnvironmentDiffers",
    "Inspection",
    "LoadedPythonModel",
    "ModelContext",
    "ModelFile",
    "OnnxModel",
    "PythonModel",
    "RefusedModel",
    "Saved",
    "Source",
    "StrictlyRefused",
    "UnreadableModel",
    "Untrusted",
    "differences",
    "imports_of",
    "inspect_model",
    "load_model",
    "requirements_of",
    "save_model",
    "untrusted",
    "write_model",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
