"""Models: registered versions, aliases, signatures, and the one function that loads a file."""

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.answering import Asking
from lite_mlops.models.bundles import BUNDLE, Bundle, is_bundle
from lite_mlops.models.loading import load_model, write_model
from lite_mlops.models.references import parse_reference
from lite_mlops.models.registry import Models
from lite_mlops.models.signature import (
    Change,
    Column,
    InvalidRows,
    Problem,
    Signature,
    Table,
    compatible,
    infer_signature,
)
from lite_mlops.models.versions import DESCRIPTION, ModelVersion

__all__ = [
    "BUNDLE",
    "DESCRIPTION",
    "AliasMove",
    "Asking",
    "Bundle",
    "Change",
    "Column",
    "InvalidRows",
    "ModelVersion",
    "Models",
    "Problem",
    "Signature",
    "Table",
    "compatible",
    "infer_signature",
    "is_bundle",
    "load_model",
    "parse_reference",
    "write_model",
]
