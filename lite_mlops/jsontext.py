"""JSON that every reader takes: numbers of NumPy become plain, NaN and infinities become null.

json_text({"loss": numpy.float32(0.5), "best": float("nan")})   -> '{"loss": 0.5, "best": null}'
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def _plain(value: Any) -> Any:
    """Return a value that JSON does not know; arrays and scalars of NumPy have `tolist`."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


# Made once: `json.dumps` makes an encoder for each call with arguments of its own.
_encode = json.JSONEncoder(ensure_ascii=False, default=_plain, allow_nan=False).encode


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON.

    Raises:
        ValueError, TypeError, RecursionError: it contains itself, or keys that are no keys in JSON.
    """
    try:
        if indent is None:
            return _encode(value)
        return json.dumps(value, ensure_ascii=False, default=_plain, allow_nan=False, indent=indent)
    except ValueError as error:
        if "Out of range" not in str(error):  # it contains itself
            raise
    plain = json.loads(json.dumps(value, ensure_ascii=False, default=_plain))
    return json.dumps(_finite(plain), ensure_ascii=False, indent=indent)
