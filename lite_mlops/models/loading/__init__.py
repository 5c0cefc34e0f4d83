"""Model files: written, inspected, and loaded by one function from proved bytes."""

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
