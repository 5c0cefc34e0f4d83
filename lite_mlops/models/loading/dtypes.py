"""NumPy types out of a pickle: only those that NumPy itself would have written.

`dtype.__setstate__` believes the flags that it is given. A type that hides its objects behind
wrong flags has NumPy take any number for the address of an object, which is worse than a pickle.
So a type is made anew through the public constructor, and a state is used only if it is the one
that NumPy writes for the type it describes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lite_mlops.models.loading.refusals import RefusedModel

_CODE = re.compile(r"[biufcmMOSUV]\d{1,9}")  # how NumPy pickles a type: kind and bytes


def fresh_dtype(arguments: tuple[Any, ...]) -> np.dtype[Any]:
    """Return the type of a pickled call `dtype('f8', False, True)`, as an object of its own."""
    code = arguments[0] if arguments else None
    if type(code) is str and _CODE.fullmatch(code):
        try:
            return np.dtype(code, copy=True)
        except (TypeError, ValueError):
            pass
    raise RefusedModel(f"it has a NumPy type that NumPy does not write: {code!r:.60}")


def _structured(state: tuple[Any, ...], *, align: bool) -> np.dtype[Any]:
    _, _, _, names, fields, size, *_ = state
    return np.dtype(
        {
            "names": list(names),
            "formats": [fields[name][0] for name in names],
            "offsets": [fields[name][1] for name in names],
            "itemsize": size,
        },
        align=align,
    )


def _meant(found: np.dtype[Any], state: tuple[Any, ...], *, align: bool) -> np.dtype[Any]:
    """Return the type that a state describes, made through the public constructor."""
    _, order, subarray, names, fields, *_ = state
    if subarray is not None:
        base, shape = subarray
        if not isinstance(base, np.dtype):
            raise TypeError("a subarray of no type")
        return np.dtype((base, shape))
    if names is not None:
        if not isinstance(fields, Mapping) or not all(
            isinstance(fields[name][0], np.dtype) for name in names
        ):
            raise TypeError("fields of no type")
        return _structured(state, align=align)
    if found.kind in "mM":
        unit, count, _, _ = state[8][1]
        code = "" if unit == b"generic" else f"[{count}{unit.decode()}]"
        return np.dtype(f"{found.kind}8{code}").newbyteorder(order)
    return np.dtype(found.str[1:]).newbyteorder(order)


def set_dtype_state(found: np.dtype[Any], state: Any) -> None:
    """Bring a fresh type into a pickled state, if NumPy would have written it.

    Raises:
        RefusedModel: it would not.
    """
    for align in (False, True):
        try:
            meant = _meant(found, state, align=align)
            expected = meant.__reduce__()[2]
            if tuple(expected) == tuple(state) and found.itemsize in (0, meant.itemsize):
                found.__setstate__(state)  # type: ignore[attr-defined]
                return
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
            continue
    raise RefusedModel("it has a NumPy type in a state that NumPy does not write")
