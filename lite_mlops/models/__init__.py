"""Models: registered versions, aliases, signatures, and the one function that loads a file."""

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.loading import (
    ModelContext,
    ModelFile,
    PythonModel,
    Untrusted,
    load_model,
    write_model,
)
from lite_mlops.models.references import parse_reference
from lite_mlops.models.registry import Models
from lite_mlops.models.signature import Signature, infer_signature
from lite_mlops.models.versions import ModelVersion

__all__ = [
    "AliasMove",
    "ModelContext",
    "ModelFile",
    "ModelVersion",
    "Models",
    "PythonModel",
    "Signature",
    "Untrusted",
    "infer_signature",
    "load_model",
    "parse_reference",
    "write_model",
]
