"""One inference: a request with tensors becomes rows, and answers become tensors.

inference = read_inference(request, loaded.signature, limits)
table = loaded.table(inference.rows)
inference.response("churn", answers)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.jsontext import json_text
from lite_mlops.models import Signature
from lite_mlops.serving import Answers, Loaded
from lite_mlops.web.kernel import Limits, Malformed, Request, Response
from lite_mlops.web.predicting.answering import headers_of
from lite_mlops.web.predicting.formats import Taking, check_count, check_width
from lite_mlops.web.predicting.open_inference.metadata import PREDICT, outputs_of
from lite_mlops.web.predicting.open_inference.tensors import (
    Tensor,
    head_of,
    read_tensor,
    size_of,
    tensor_of,
    to_bytes,
    to_json,
)

LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class Inference:
    """What one request asks.

    Attributes:
        rows: The rows, as `Signature.validate` takes them.
        id: What the client calls the request; None: nothing.
        outputs: The names of what is wanted, each with whether as bytes.
    """

    rows: Any
    id: str | None
    outputs: Mapping[str, bool]

    def response(self, name: str, answers: Answers) -> Response:
        """Return answers as tensors, some of them behind the JSON as bytes."""
        told: dict[str, Any] = {"model_name": name}
        if answers.version.version:
            told["model_version"] = str(answers.version.version)
        if self.id is not None:
            told["id"] = self.id
        told["parameters"] = {"prediction_id": answers.id}
        told["outputs"] = []
        headers = headers_of(answers)
        behind = []
        for output, binary in self.outputs.items():
            values = answers.predicted if output == PREDICT else answers.scores
            if values is None:
                raise Invalid(f"the model gave no {output}.")
            tensor = tensor_of(output, values)
            if binary:
                written, data = to_bytes(tensor)
                behind.append(data)
            else:
                written = to_json(tensor)
            told["outputs"].append(written)
        if not behind:
            return Response.json(told, 200, headers)
        head = json_text(told).encode(errors="backslashreplace")
        headers[LENGTH] = str(len(head))
        return Response(200, b"".join((head, *behind)), "application/octet-stream", headers)


# -- reading ------------------------------------------------------------------------------------


def read_inference(request: Request, loaded: Loaded, limits: Limits) -> Inference:
    """Return what a request asks of a model.

    Raises:
        Malformed: it names the input, what it has, and what was expected.
        TooLarge: there are more rows than one request may have.
    """
    message, behind = _parts(request, limits)
    if type(message) is not dict:
        raise Malformed("the body must be an object with 'inputs'.")
    if message.get("id") is not None and type(message["id"]) is not str:
        raise Malformed("'id' must be a text.")
    parameters = message.get("parameters")
    if parameters is not None and type(parameters) is not dict:
        raise Malformed("'parameters' must be an object.")
    tensors = _tensors(message.get("inputs"), behind, Taking(loaded.signature, limits))
    binary = (parameters or {}).get("binary_data_output") is True
    return Inference(
        rows_of(tensors, loaded.signature),
        message.get("id"),
        _wanted(message.get("outputs"), outputs_of(loaded.signature), binary=binary),
    )


def _parts(request: Request, limits: Limits) -> tuple[Any, bytes]:
    """Return the JSON of a request, and the bytes behind it."""
    text = request.headers.get(LENGTH.lower())
    behind = b""
    if text is not None:
        if not (text.isascii() and text.isdigit()) or int(text[:18]) > len(request.body):
            raise Malformed(
                f"{LENGTH} is {text[:60]!r}; expected how many of the {len(request.body):,} bytes "
                "are JSON."
            )
        length = int(text)
        behind = request.body[length:]
        request = replace(request, body=request.body[:length])
    return request.json(depth=limits.json_depth), behind


def _tensors(inputs: Any, behind: bytes, taking: Taking) -> list[Tensor]:
    if type(inputs) is not list or not inputs:
        raise Malformed("'inputs' must be a list with at least one tensor.")
    check_width(len(inputs), taking.signature)
    found = []
    start = 0
    for written in inputs:
        _, shape, _ = head_of(written)
        check_count(shape[0] if shape else 1, taking.limits)
        size = size_of(written)
        data = None
        if size is not None:
            data = behind[start : start + size]
            start += size
        found.append(read_tensor(written, data))
    if start != len(behind):
        raise Malformed(
            f"{len(behind):,} bytes follow the JSON; the inputs say that they have {start:,}."
        )
    names = {tensor.name for tensor in found}
    if len(names) < len(found):
        raise Malformed("two inputs have the same name.")
    return found


def rows_of(tensors: Sequence[Tensor], signature: Signature) -> Any:
    """Return tensors as rows: the only one, or one for each column. Raises `Malformed`."""
    first = tensors[0]
    if signature.tensor is not None:
        if len(tensors) > 1:
            raise Malformed(f"the model takes one input, and there are {len(tensors)}.")
        return _plain(first)
    width = len(signature.columns)
    if len(tensors) == 1 and first.name not in signature.features:
        if first.values.shape[1:] != (width,):
            raise Malformed(
                f"the input {first.name!r} has the shape {list(first.values.shape)}; expected "
                f"[rows, {width}], or an input for each column: "
                f"{', '.join(signature.features[:5])}{', ...' if width > 5 else ''}."
            )
        return _plain(first)
    for tensor in tensors:
        if tensor.values.ndim != 1 and tensor.values.shape[1:] != (1,):
            raise Malformed(
                f"the input {tensor.name!r} has the shape {list(tensor.values.shape)}; expected "
                "[rows] or [rows, 1]."
            )
    return {tensor.name: _plain(tensor).reshape(-1) for tensor in tensors}


def _plain(tensor: Tensor) -> Any:
    """Return the values in the byte order of this machine."""
    values = tensor.values
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _wanted(outputs: Any, known: Sequence[str], *, binary: bool) -> dict[str, bool]:
    outputs = [] if outputs is None else outputs
    if type(outputs) is not list or not all(
        type(one) is dict and type(one.get("name")) is str for one in outputs
    ):
        raise Malformed("'outputs' must be a list of objects with a name.")
    found = {}
    for one in outputs:
        name, parameters = one["name"], one.get("parameters")
        if name not in known:
            raise Malformed(f"the model has no output {name!r:.60}; it has {', '.join(known)}.")
        parameters = {} if parameters is None else parameters
        if type(parameters) is not dict:
            raise Malformed(f"the 'parameters' of the output {name!r} must be an object.")
        for refused in ("classification", "shared_memory_region"):
            if refused in parameters:
                raise Malformed(f"the output {name!r} is not written as {refused}.")
        found[name] = bool(parameters.get("binary_data", binary))
    return found or {known[0]: binary}
