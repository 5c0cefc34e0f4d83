"""ONNX models: computed by the ONNX runtime, and never by Python.

Such a file is a Protocol Buffers message. It may refer to tensors in files beside it, by a path of
its own choosing; the runtime would read them, so a model that does is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lite_mlops.errors import Invalid
from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel

_MOST_FIELDS = 5_000_000
_DEEPEST = 64
# The numbers of the fields through which tensors are reached, and what they lead to
# (onnx.proto of ONNX 1.18).
_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 25: "function", 20: "training"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise UnreadableModel("it is no ONNX model, or it is cut off")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message: their numbers, and their values or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(wire, -1)
        if size < 0 or not number or at + size > len(data):
            raise UnreadableModel("it is no ONNX model, or it is cut off")
        yield number, data[at : at + size]
        at += size


def check_onnx(data: memoryview) -> None:
    """Do nothing if bytes are an ONNX model that needs no other file.

    Raises:
        UnreadableModel, RefusedModel: they are not.
    """
    waiting: list[tuple[str, memoryview, int]] = [("model", data, 0)]
    seen, has_graph = 0, False
    while waiting:
        kind, message, depth = waiting.pop()
        if depth > _DEEPEST:
            raise RefusedModel("its graphs are nested too deeply")
        for number, value in _fields(message):
            seen += 1
            if seen > _MOST_FIELDS:
                raise RefusedModel(f"it has more than {_MOST_FIELDS:,} fields")
            if kind == "tensor" and number in (_EXTERNAL_DATA, _DATA_LOCATION) and value:
                raise RefusedModel("it keeps tensors in other files, which are not read")
            inside = _INSIDE[kind].get(number)
            if inside is not None and isinstance(value, memoryview):
                has_graph |= inside == "graph"
                waiting.append((inside, value, depth + 1))
    if not has_graph:
        raise UnreadableModel("it is no ONNX model: it has no graph")


class OnnxModel:
    """An ONNX model with the `predict` that others have.

    Attributes:
        inputs: Names of its inputs, in their order.
        outputs: Names of its outputs, in their order.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self._inputs = {told.name: told for told in session.get_inputs()}
        self.inputs = tuple(self._inputs)
        self.outputs = tuple(told.name for told in session.get_outputs())

    def run(self, rows: Any) -> dict[str, Any]:
        """Return all outputs by name, for a matrix of rows or for columns by name.

        Raises:
            Invalid: the columns are not those of the model.
        """
        if isinstance(rows, Mapping) and len(self.inputs) > 1:
            return self._run({name: self._column(rows, name) for name in self.inputs})
        if isinstance(rows, Mapping):
            rows = np.column_stack([np.asarray(column) for column in rows.values()])
        if len(self.inputs) != 1:
            raise Invalid(f"this model takes columns by name: {', '.join(self.inputs)}.")
        (name,) = self.inputs
        return self._run({name: self._typed(name, np.asarray(rows))})

    def predict(self, rows: Any) -> Any:
        """Return the first output, which for converted classifiers is the label."""
        return self.run(rows)[self.outputs[0]]

    def _column(self, rows: Mapping[str, Any], name: str) -> Any:
        if name not in rows:
            raise Invalid(f"the column {name!r} is missing; the model takes {list(self.inputs)}.")
        return self._typed(name, np.asarray(rows[name]).reshape(-1, 1))

    def _typed(self, name: str, values: Any) -> Any:
        kinds = {
            "tensor(float)": np.float32,
            "tensor(double)": np.float64,
            "tensor(int64)": np.int64,
            "tensor(int32)": np.int32,
            "tensor(bool)": np.bool_,
            "tensor(string)": np.object_,
        }
        kind = kinds.get(self._inputs[name].type)
        return values if kind is None else values.astype(kind, copy=False)

    def _run(self, columns: dict[str, Any]) -> dict[str, Any]:
        try:
            found = self._session.run(None, columns)
        except Exception as error:  # the runtime's errors have no common class
            text = " ".join(str(error).split())[:200]
            raise Invalid(f"the model cannot answer these rows: {text}") from error
        return dict(zip(self.outputs, found, strict=True))


def load_onnx(data: memoryview) -> OnnxModel:
    """Return the model of an ONNX file.

    Raises:
        UnreadableModel, RefusedModel: it is none, or it needs other files.
        Invalid: the ONNX runtime is not installed.
    """
    check_onnx(data)
    try:
        import onnxruntime
    except ImportError:
        raise Invalid(
            "ONNX models need the package onnxruntime: pip install 'lite-mlops[onnx]'."
        ) from None
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            bytes(data), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's errors have no common class
        text = " ".join(str(error).split())[:200]
        raise UnreadableModel(f"the ONNX runtime cannot load it ({text})") from error
    return OnnxModel(session)
