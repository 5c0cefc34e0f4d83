"""Tensors as they travel: a name, a type, a shape, and values as JSON or as bytes.

tensor = read_tensor({"name": "age", "shape": [2], "datatype": "INT64", "data": [41, 38]})
tensor.values       # array([41, 38])

Values stand in the order of rows, flat or as deep as the shape. As bytes they are little-endian;
each text has its length before it, in four bytes. Null stands for a missing number or text.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.web.kernel import Malformed

BYTES = "BYTES"
_DTYPES = {
    "BOOL": "?",
    "UINT8": "<u1", "UINT16": "<u2", "UINT32": "<u4", "UINT64": "<u8",
    "INT8": "<i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8",
    "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
DATATYPES = (*_DTYPES, BYTES)
_MOST_DIMENSIONS, _LONGEST = 32, 2**31
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """Values with a name and a type of the protocol; texts are an array of objects."""

    name: str
    datatype: str
    values: NDArray[Any]


# -- reading ------------------------------------------------------------------------------------


def read_tensor(written: Any, data: bytes | None = None) -> Tensor:
    """Return a tensor of a request; `data` are its values if they came as bytes.

    Raises:
        Malformed: it names the tensor, what it has, and what was expected.
    """
    name, shape, datatype = head_of(written)
    told = f"the input {name!r} of the shape {list(shape)}"
    if data is not None:
        if "data" in written:
            raise Malformed(f"{told} has both 'data' and 'binary_data_size'.")
        return Tensor(name, datatype, _shaped(_of_bytes(data, shape, datatype, told), shape, told))
    if type(written.get("data")) is not list:
        raise Malformed(f"{told} has no list 'data'.")
    if datatype == "FP16":
        raise Malformed(f"{told} is FP16, which JSON does not carry; send it as binary data.")
    flat = _flat(written["data"], shape, told)
    return Tensor(name, datatype, _shaped(_of_list(flat, datatype, told), shape, told))


def _shaped(values: NDArray[Any], shape: tuple[int, ...], told: str) -> NDArray[Any]:
    try:
        return values.reshape(shape)
    except ValueError:  # without values, the other dimensions may be beyond all bounds
        raise Malformed(f"{told} has a shape that no array has.") from None


def size_of(written: Any) -> int | None:
    """Return how many bytes a tensor has after the JSON; None if its values stand in it.

    Raises:
        Malformed: it is no tensor, or lies in shared memory.
    """
    parameters = written.get("parameters") if type(written) is dict else None
    if parameters is None:
        return None
    if type(parameters) is not dict:
        raise Malformed("the 'parameters' of an input must be an object.")
    if "shared_memory_region" in parameters:
        raise Malformed("shared memory is not read; send the values.")
    size = parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise Malformed(f"binary_data_size is {size!r:.60}; expected a number of bytes.")
    return size


def head_of(written: Any) -> tuple[str, tuple[int, ...], str]:
    """Return the name, the shape and the datatype of a tensor. Raises `Malformed`."""
    if type(written) is not dict:
        raise Malformed("'inputs' must be a list of objects with name, shape, datatype and data.")
    name, shape, datatype = (written.get(key) for key in ("name", "shape", "datatype"))
    if type(name) is not str:
        raise Malformed("an input has no name.")
    if datatype not in DATATYPES:
        raise Malformed(
            f"the input {name!r} has the datatype {datatype!r:.60}; expected one of "
            f"{', '.join(DATATYPES)}."
        )
    if (
        type(shape) is not list
        or len(shape) > _MOST_DIMENSIONS
        or not all(type(one) is int and 0 <= one < _LONGEST for one in shape)
    ):
        raise Malformed(f"the input {name!r} has no shape: a list of numbers from 0 up.")
    return name, tuple(shape), datatype


def _flat(data: list[Any], shape: tuple[int, ...], told: str) -> list[Any]:
    """Return values in one list. Raises `Malformed` if they are not as many as the shape says."""
    if data and type(data[0]) is list:
        for length in shape[:1]:
            if len(data) != length:
                raise Malformed(f"{told} has {len(data):,} rows of data; expected {length:,}.")
        for length in shape[1:]:
            for row in data:
                if type(row) is not list or len(row) != length:
                    raise Malformed(f"{told} has data that are not nested as its shape says.")
            data = list(chain.from_iterable(data))
    expected = prod(shape)
    if len(data) != expected:
        raise Malformed(f"{told} has {len(data):,} values; expected {expected:,}.")
    return data


def _of_list(flat: list[Any], datatype: str, told: str) -> NDArray[Any]:
    types = set(map(type, flat))
    wanted, taken = _JSON[datatype[:2]]
    if not types <= taken:
        odd = next(value for value in flat if type(value) not in taken)
        raise Malformed(f"{told} has the value {odd!r:.60}; expected {wanted}, as of {datatype}.")
    if datatype == BYTES:
        texts = np.empty(len(flat), object)
        texts[:] = flat
        return texts
    try:
        with np.errstate(over="ignore"):  # infinite then, which `validate` tells
            return np.array(flat, _DTYPES[datatype])
    except OverflowError:
        raise Malformed(f"{told} has a number that is not one of {datatype}.") from None


_WHOLE: tuple[str, set[type]] = ("whole numbers", {int})
_JSON: dict[str, tuple[str, set[type]]] = {
    "BO": ("true or false", {bool}),
    "UI": _WHOLE,
    "IN": _WHOLE,
    "FP": ("numbers", {int, float, type(None)}),
    "BY": ("texts", {str, type(None)}),
}


def _of_bytes(data: bytes, shape: tuple[int, ...], datatype: str, told: str) -> NDArray[Any]:
    if datatype == BYTES:
        return _of_texts(data, prod(shape), told)
    kind = np.dtype(_DTYPES[datatype])
    expected = prod(shape) * kind.itemsize
    if len(data) != expected:
        raise Malformed(
            f"{told} has {len(data):,} bytes; expected {expected:,}, {kind.itemsize} for each "
            f"{datatype}."
        )
    if datatype == "BOOL":
        flags: NDArray[Any] = np.frombuffer(data, np.uint8) != 0
        return flags
    values: NDArray[Any] = np.frombuffer(data, kind)
    return values


def _of_texts(data: bytes, expected: int, told: str) -> NDArray[Any]:
    found: list[str] = []
    start = 0
    while start < len(data):
        stop = start + 4
        if stop <= len(data):
            start, stop = stop, stop + _LENGTH.unpack_from(data, start)[0]
        if stop > len(data):
            raise Malformed(f"{told} ends within its text number {len(found)}.")
        try:
            found.append(data[start:stop].decode())
        except UnicodeDecodeError:
            raise Malformed(f"{told} has a text, number {len(found)}, that is not UTF-8.") from None
        start = stop
    if len(found) != expected:
        raise Malformed(f"{told} has {len(found):,} texts; expected {expected:,}.")
    return _of_list(found, BYTES, told)


# -- writing ------------------------------------------------------------------------------------


def tensor_of(name: str, values: NDArray[Any]) -> Tensor:
    """Return values as a tensor: BOOL, INT64, FP64, or texts."""
    if values.dtype.kind == "O":
        try:
            plain = np.array(values.tolist())
        except (ValueError, OverflowError):  # lists of several lengths
            plain = values
        values = plain if plain.shape == values.shape and plain.dtype.kind in "biuf" else values
    kind = values.dtype.kind
    if kind == "b":
        return Tensor(name, "BOOL", values)
    if kind in "iu":
        return Tensor(name, "INT64", values.astype(np.int64, copy=False))
    if kind == "f":
        return Tensor(name, "FP64", values.astype(np.float64, copy=False))
    texts = np.empty(values.shape, object)
    texts.reshape(-1)[:] = list(map(str, values.reshape(-1).tolist()))
    return Tensor(name, BYTES, texts)


def to_json(tensor: Tensor) -> dict[str, Any]:
    """Return a tensor with its values as JSON can hold them, flat."""
    return _written(tensor) | {"data": tensor.values.reshape(-1).tolist()}


def to_bytes(tensor: Tensor) -> tuple[dict[str, Any], bytes]:
    """Return a tensor without its values, and these as bytes."""
    if tensor.datatype == BYTES:
        encoded = (text.encode(errors="replace") for text in tensor.values.reshape(-1).tolist())
        data = b"".join(_LENGTH.pack(len(one)) + one for one in encoded)
    else:
        data = tensor.values.astype(_DTYPES[tensor.datatype], copy=False).tobytes()
    return _written(tensor) | {"parameters": {"binary_data_size": len(data)}}, data


def _written(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "shape": list(tensor.values.shape),
        "datatype": tensor.datatype,
    }


def datatype_of(kind: str) -> str:
    """Return the datatype of a type of the signature."""
    return {"boolean": "BOOL", "integer": "INT64", "float": "FP64"}.get(kind, BYTES)
