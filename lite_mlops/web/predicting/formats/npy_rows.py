"""Rows as an array of NumPy: a file of the format npy, without objects."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.web.kernel import Malformed, Request
from lite_mlops.web.predicting.formats.sent import Sent, Taking, check_count, columns_of

MEDIA = "application/x-npy"

_LAST, _HALVES = 0x10FFFF, (0xD800, 0xDFFF)  # of the characters of Unicode
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a body that is an npy file: rows x columns, or a structured array.

    Raises:
        Malformed: it is no such file, or not of the length that it says.
        TooLarge: there are more rows than one request may have.
        Invalid: it holds what is no number, boolean, text or time.
    """
    shape, fortran, kind, start = _header(request.body)
    told = [kind[name] for name in kind.names] if kind.names else [kind]
    if any(one.kind not in "biufUM" or not one.itemsize for one in told):
        raise Invalid(f"an array of the type {kind} is not read; send numbers, booleans or texts.")
    check_count(shape[0] if shape else 1, taking.limits)
    size = kind.itemsize
    for length in shape:
        size *= length
    if size != len(request.body) - start:
        raise Malformed(f"the array takes {size:,} bytes, and {len(request.body) - start:,} came.")
    try:
        array: NDArray[Any] = np.frombuffer(request.body[start:], kind)
        array = array.reshape(shape, order="F" if fortran else "C")
    except (ValueError, OverflowError):
        raise Malformed(f"there is no array of the shape {str(shape)[:100]}.") from None
    _check_texts(array)
    rows: Any = array
    if kind.names:
        rows = {name: array[name] for name in kind.names}
    return Sent(rows, partial(columns_of, rows, taking.signature.features))


def _check_texts(array: NDArray[Any]) -> None:
    """Do nothing if all texts are of characters that there are. Raises `Malformed`."""
    # By their numbers: NumPy makes texts of any, which no other code expects.
    for one in [array[name] for name in array.dtype.names] if array.dtype.names else [array]:
        if one.dtype.kind == "U":
            codes = np.ascontiguousarray(one).view(f"{one.dtype.byteorder}u4")
            if ((codes > _LAST) | ((codes >= _HALVES[0]) & (codes <= _HALVES[1]))).any():
                raise Malformed("the array has a text with what is no character.")


def _header(body: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether it is in the order of Fortran, type, and where the values begin."""
    file = io.BytesIO(body)
    try:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"its version is {version}")
        shape, fortran, kind = _HEADERS[version](file)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        told = str(error).partition("\n")[0][:200]
        raise Malformed(f"the body is no npy file: {told}.") from None
    return shape, fortran, kind, file.tell()


def write(values: NDArray[Any]) -> bytes:
    """Return an array as an npy file; objects become texts."""
    if values.dtype.kind == "O":
        values = np.array(list(map(str, values.reshape(-1).tolist()))).reshape(values.shape)
    file = io.BytesIO()
    npy.write_array(file, values, allow_pickle=False)
    return file.getvalue()
