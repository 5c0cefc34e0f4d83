"""Models: registered versions, aliases, signatures, and the one function that loads a file."""

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.files import load_model, write_model
from lite_mlops.models.references import checked_model_name, parse_reference
from lite_mlops.models.registering import Prepared, origin_of, record_version
from lite_mlops.models.registry import Models
from lite_mlops.models.signature import Signature, infer_signature
from lite_mlops.models.versions import DESCRIPTION, ModelVersion

__all__ = [
    "DESCRIPTION",
    "AliasMove",
    "ModelVersion",
    "Models",
    "Prepared",
    "Signature",
    "checked_model_name",
    "infer_signature",
    "load_model",
    "origin_of",
    "parse_reference",
    "record_version",
    "write_model",
]
