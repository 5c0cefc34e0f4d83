"""What a model is, in the words of the protocol: its inputs, its outputs, its versions.

Each column is an input of one value a row. Where all columns are numbers, one input with rows and
columns is taken as well, whatever its name; `parameters` tell so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lite_mlops.models import Signature
from lite_mlops.serving import Loaded
from lite_mlops.web.predicting.open_inference.tensors import DATATYPES, datatype_of
from lite_mlops.web.predicting.schemas import entity

PREDICT, PROBA = "predict", "predict_proba"


def outputs_of(signature: Signature) -> list[str]:
    """Return the names of what a model can be asked for; the first is the default."""
    return [PREDICT, PROBA] if signature.probabilities else [PREDICT]


def metadata(name: str, versions: Sequence[str], loaded: Loaded) -> dict[str, Any]:
    """Return the metadata of a model; -1 stands for the rows."""
    signature = loaded.signature
    told: dict[str, Any] = {
        "name": name,
        "versions": list(versions),
        "platform": f"lite-mlops_{loaded.version.format}",
        "inputs": _inputs(signature),
        "outputs": _outputs(loaded),
        "parameters": {"default_output": PREDICT},
    }
    if signature.numeric:
        told["parameters"]["single_input"] = f"FP64 [-1, {len(signature.columns)}], of any name"
    return told


def _inputs(signature: Signature) -> list[dict[str, Any]]:
    if signature.tensor is not None:
        return [_tensor("inputs", signature.tensor.type, [-1, *signature.tensor.shape])]
    return [_tensor(column.name, column.type, [-1]) for column in signature.columns]


def _outputs(loaded: Loaded) -> list[dict[str, Any]]:
    outputs = loaded.signature.outputs
    kinds = {output.type for output in outputs} or {"float"}
    shape = [-1] if len(outputs) <= 1 else [-1, len(outputs)]
    told = [_tensor(PREDICT, kinds.pop() if len(kinds) == 1 else "text", shape)]
    if loaded.signature.probabilities:
        classes = loaded.signature.classes
        told.append(_tensor(PROBA, "float", [-1, len(classes)]))
        told[1]["parameters"] = {"classes": ", ".join(map(str, classes))}
    return told


def _tensor(name: str, kind: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype_of(kind), "shape": shape}


# -- for the OpenAPI document -------------------------------------------------------------------

_OBJECT = {"type": ["object", "null"]}  # clients write null for what they leave out
TENSOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "datatype": {"enum": list(DATATYPES)},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "parameters": _OBJECT,
        "data": {"type": "array"},
    },
    "required": ["name", "datatype", "shape"],
}


def request_schema(signature: Signature) -> dict[str, Any]:
    """Return the schema of a request, with an example of the signature."""
    name = {"enum": outputs_of(signature)}
    output = entity({"name": name, "parameters": _OBJECT}, "parameters")
    schema = entity(
        {
            "inputs": {"type": "array", "items": TENSOR, "minItems": 1},
            "id": {"type": ["string", "null"]},
            "parameters": _OBJECT,
            "outputs": {"type": ["array", "null"], "items": output},
        },
        "id",
        "parameters",
        "outputs",
    )
    if signature.tensor is None:
        row = signature.example_row()
        inputs = [one | {"shape": [1], "data": [row[one["name"]]]} for one in _inputs(signature)]
        schema["examples"] = [{"inputs": inputs}]
    return schema
