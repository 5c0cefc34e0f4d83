"""The signature of a model: what it takes and answers, as values, checks and JSON Schema."""

from lite_mlops.models.signature.changes import Change, compatible
from lite_mlops.models.signature.departures import Departure
from lite_mlops.models.signature.inferring import infer_signature
from lite_mlops.models.signature.kinds import Type
from lite_mlops.models.signature.problems import InvalidRows, Problem
from lite_mlops.models.signature.table import Table
from lite_mlops.models.signature.values import Column, Inputs, Output, Personal, Signature, Tensor

__all__ = [
    "Change",
    "Column",
    "Departure",
    "Inputs",
    "InvalidRows",
    "Output",
    "Personal",
    "Problem",
    "Signature",
    "Table",
    "Tensor",
    "Type",
    "compatible",
    "infer_signature",
]
