"""JSON that every reader takes: numbers of NumPy become plain, NaN and infinities become null.

json_text({"loss": numpy.float32(0.5), "best": float("nan")})   -> '{"loss": 0.5, "best": null}'
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn


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


def compact_json(value: Any) -> str:
    """Return a plain value as JSON without spaces, quickly where orjson is installed.

    Lists of floats take a fifth of the time there. Values are dicts by text, lists, texts, numbers,
    booleans and None; a number that is not finite becomes null.

    Raises:
        ValueError, TypeError: it is something else, or a text that is no Unicode.
    """
    orjson = _orjson()
    if orjson is not None:
        try:
            text: str = orjson.dumps(value).decode()
        except TypeError:  # such as an integer of more than 64 bits
            pass
        else:
            return text
    try:
        return _encode_compactly(value)
    except ValueError as error:
        if "Out of range" not in str(error):
            raise
    return _encode_compactly(_finite(value))


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in UTF-8, quickly where orjson is installed, then without spaces.

    Half a character, which only a model can say, becomes an escape.

    Raises:
        ValueError, TypeError, RecursionError: as `json_text`.
    """
    orjson = _orjson()
    if orjson is not None:
        # What orjson would write in a way of its own comes to `_plain`, as without it.
        own = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
        try:
            data: bytes = orjson.dumps(value, _plain, own | orjson.OPT_PASSTHROUGH_SUBCLASS)
        except TypeError:  # such as a key that is no text, or an integer of more than 64 bits
            pass
        else:
            return data
    return json_text(value).encode(errors="backslashreplace")


def read_json(data: bytes) -> Any:
    """Return JSON as values, quickly where orjson is installed.

    There a whole number of more than 64 bits is read as a float, as most readers of JSON do.

    Raises:
        ValueError: it is no JSON, or no UTF-8; NaN and Infinity are none.
        RecursionError: it is nested thousands of levels deep.
    """
    orjson = _orjson()
    if orjson is not None:
        try:
            return orjson.loads(data)
        except ValueError:  # which is told below, always in the same words
            pass
    return _decode(data.decode())


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode

_encode_compactly = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


@cache
def _orjson() -> Any:
    """Return orjson, or None where it is not installed."""
    try:
        import orjson
    except ImportError:
        return None
    return orjson
