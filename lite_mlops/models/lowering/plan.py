"""Plans: what a fitted model computes, as an inert description and flat arrays.

    plan = Plan(root, arrays, model_sha256="…", exact="bits")
    data = plan.to_bytes()
    Plan.from_bytes(data)           # nothing of it is executed; what is odd is refused

A description is a tree of nodes such as `{"op": "scale", "minus": 0, "over": 1}`. The ops are a
closed set; a number in the place of an array is its place among `arrays`. In a file:

    bytes 0-7     b"lmlplan1"
    bytes 8-15    the length of the header, little-endian
    then          the header as JSON, and the arrays, each from a multiple of 64 on

An array is little-endian and is used where it lies. What is read refers to the bytes given; sizes
are compared with their length before anything is made.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Damaged

MAGIC = b"lmlplan1"
MAX_HEADER = 64_000_000  # bytes
MAX_DEPTH = 60  # of nodes in nodes
_ALIGN = 64
_DTYPES = frozenset(
    f"{order}{kind}"
    for order, kinds in (("<", ("f4", "f8", "i2", "i4", "i8", "u2", "u4")), ("|", ("b1", "u1")))
    for kind in kinds
)
_MAX_TEXT = 1_000  # characters of a text in an array

Node: TypeAlias = dict[str, Any]
Exactness = Literal["bits", "1 ulp"]


class BadPlan(Damaged):
    """Bytes that are no plan, or one that cannot be run."""

    def __init__(self, why: str) -> None:
        super().__init__(f"This plan of a model cannot be used: {why}.")


# -- the closed set of ops ----------------------------------------------------------------------


@dataclass(frozen=True)
class ArrayOf:
    """A field that is an array: the kinds of its dtype, and how many dimensions it may have."""

    kinds: str
    ndim: int | tuple[int, ...] = 1
    optional: bool = False


@dataclass(frozen=True)
class Value:
    """A field that is a plain value, a list of them, one of some texts, or a node (or several)."""

    kind: Literal["int", "number", "flag", "text", "ints", "texts", "node", "nodes", "labels"]
    among: tuple[str, ...] = ()
    optional: bool = False


Field: TypeAlias = ArrayOf | Value


@dataclass(frozen=True)
class Op:
    """One kind of node: its fields, and what makes a function of them."""

    fields: Mapping[str, Field]
    make: Callable[..., Any]


OPS: dict[str, Op] = {}


def op(name: str, **fields: Field) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have a function be what a node is made into; it is called with the fields by name."""

    def keep(make: Callable[..., Any]) -> Callable[..., Any]:
        OPS[name] = Op(fields, make)
        return make

    return keep


# -- plans --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Plan:
    """What a model computes.

    Attributes:
        root: The node that takes rows and answers.
        arrays: What the nodes refer to.
        model_sha256: The hash of the model file that it was made of; it answers for no other.
        exact: How near its answers are: the same bits, or within one unit in the last place.
        machine: Where that was proved; elsewhere exponentials may be rounded otherwise.
    """

    root: Node
    arrays: tuple[NDArray[Any], ...]
    model_sha256: str = ""
    exact: Exactness = "bits"
    machine: str = field(default_factory=platform.machine)

    @property
    def here(self) -> bool:
        """Whether it was proved on a machine of this kind."""
        return self.machine == platform.machine()

    def to_bytes(self) -> bytes:
        """Return the plan as it is kept."""
        about = {
            "model": self.model_sha256,
            "exact": self.exact,
            "machine": self.machine,
            "root": self.root,
            "arrays": [[one.dtype.str, list(one.shape), _order(one)] for one in self.arrays],
        }
        header = json.dumps(about, separators=(",", ":")).encode()
        parts = [MAGIC, len(header).to_bytes(8, "little"), header]
        at = len(MAGIC) + 8 + len(header)
        for one in self.arrays:
            parts.append(b"\0" * (-at % _ALIGN))
            raw = one.tobytes("F" if _order(one) == "F" else "C")
            parts.append(raw)
            at += -at % _ALIGN + len(raw)
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Plan:
        """Return the plan that `to_bytes` wrote; its arrays lie in `data`.

        Raises:
            BadPlan: it is no plan, or is not whole; what it says is checked when it is compiled.
        """
        view = memoryview(data)
        start = len(MAGIC) + 8
        if len(view) < start or view[: len(MAGIC)] != MAGIC:
            raise BadPlan("it does not begin as plans do")
        length = int.from_bytes(view[len(MAGIC) : start], "little")
        if length > min(MAX_HEADER, len(view) - start):
            raise BadPlan("it is cut off")
        try:
            about = json.loads(bytes(view[start : start + length]))
        except (ValueError, RecursionError):
            raise BadPlan("its header is no JSON") from None
        if not isinstance(about, dict) or about.keys() != _HEADER.keys():
            raise BadPlan("its header is another one")
        for name, kind in _HEADER.items():
            if not isinstance(about[name], kind):
                raise BadPlan(f"its {name} is a {type(about[name]).__name__}")
        if about["exact"] not in ("bits", "1 ulp"):
            raise BadPlan("nobody knows how exact it is")
        arrays = _read_arrays(view, start + length, about["arrays"])
        return cls(about["root"], arrays, about["model"], about["exact"], about["machine"])


_HEADER = {"model": str, "exact": str, "machine": str, "root": dict, "arrays": list}


def _order(array: NDArray[Any]) -> str:
    return "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"


def _size(text: Any, shape: Any, order: Any) -> tuple[np.dtype[Any], int]:
    """Return the dtype and the bytes of an array that is described. Raises `BadPlan`."""
    characters = text[2:] if isinstance(text, str) and text[:2] == "<U" else ""
    known = text in _DTYPES if isinstance(text, str) else False
    if not known and not (characters.isdecimal() and 1 <= int(characters) <= _MAX_TEXT):
        raise BadPlan(f"it has an array of the dtype {str(text)[:20]!r}")
    if not isinstance(shape, list) or len(shape) > 3 or order not in ("C", "F"):
        raise BadPlan("it has an array of no known shape")
    if not all(type(one) is int and 0 <= one < 1 << 40 for one in shape):
        raise BadPlan("it has an array of no known shape")
    dtype = np.dtype(text)
    size = dtype.itemsize
    for one in shape:
        size *= one
    return dtype, size


def _read_arrays(view: memoryview, at: int, described: list[Any]) -> tuple[NDArray[Any], ...]:
    found = []
    for one in described:
        if not isinstance(one, list) or len(one) != 3:
            raise BadPlan("it has an array of no known shape")
        dtype, size = _size(*one)
        at += -at % _ALIGN
        if at + size > len(view):
            raise BadPlan("it is cut off")
        flat = np.frombuffer(view[at : at + size], dtype) if size else np.empty(0, dtype)
        array = flat.reshape(one[1], order=one[2])
        if dtype.kind == "U" and size and _beyond_unicode(view[at : at + size]):
            raise BadPlan("it has a text that is none")
        array.flags.writeable = False
        found.append(array)
        at += size
    if at != len(view):
        raise BadPlan("there is more after its end")
    return tuple(found)


def _beyond_unicode(view: memoryview) -> bool:
    return bool((np.frombuffer(view, np.uint32) > 0x10FFFF).any())


# -- compiling ----------------------------------------------------------------------------------


def compiled(plan: Plan) -> Any:
    """Return what a plan is: a function of rows, of arrays and NumPy alone.

    Raises:
        BadPlan: an op is unknown, or a field is not what the op has.
    """
    return _made(plan.root, plan.arrays, 0)


def _made(node: Any, arrays: Sequence[NDArray[Any]], depth: int) -> Any:
    if depth > MAX_DEPTH or not isinstance(node, dict):
        raise BadPlan("its nodes are no tree of known size")
    known = OPS.get(node["op"]) if isinstance(node.get("op"), str) else None
    if known is None:
        raise BadPlan(f"there is no op {str(node.get('op'))[:40]!r}")
    needed = {name for name, one in known.fields.items() if not one.optional}
    given = node.keys() - {"op"}
    if not needed <= given <= known.fields.keys():
        raise BadPlan(f"a node {node['op']} does not have the fields of one")
    fields: dict[str, Any] = {}
    for name, kind in known.fields.items():
        value = node.get(name)
        if value is None and kind.optional:
            fields[name] = None
        elif isinstance(kind, ArrayOf):
            fields[name] = _array(node["op"], name, kind, value, arrays)
        else:
            fields[name] = _value(node["op"], name, kind, value, arrays, depth)
    try:
        return known.make(**fields)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError) as error:
        raise BadPlan(f"a node {node['op']} cannot be made: {error}") from error


def _array(
    where: str, name: str, kind: ArrayOf, value: Any, arrays: Sequence[NDArray[Any]]
) -> NDArray[Any]:
    if type(value) is not int or not 0 <= value < len(arrays):
        raise BadPlan(f"{name} of a node {where} is no array")
    array = arrays[value]
    dimensions = kind.ndim if isinstance(kind.ndim, tuple) else (kind.ndim,)
    if array.dtype.kind not in kind.kinds or array.ndim not in dimensions:
        raise BadPlan(f"{name} of a node {where} is an array of {array.dtype} {array.shape}")
    return array


def _value(
    where: str, name: str, kind: Value, value: Any, arrays: Sequence[NDArray[Any]], depth: int
) -> Any:
    bad = BadPlan(f"{name} of a node {where} is {str(value)[:40]!r}")
    if kind.kind == "node":
        return _made(value, arrays, depth + 1)
    if kind.kind == "nodes":
        if not isinstance(value, list):
            raise bad
        return [_made(one, arrays, depth + 1) for one in value]
    if kind.kind == "labels":
        return _labels(value, arrays, bad)
    if kind.kind in ("ints", "texts"):
        taken = int if kind.kind == "ints" else str
        if not isinstance(value, list) or not all(type(one) is taken for one in value):
            raise bad
        return value
    types = {"int": (int,), "number": (int, float), "flag": (bool,), "text": (str,)}
    if type(value) not in types[kind.kind] or (kind.among and value not in kind.among):
        raise bad
    return value


def _labels(value: Any, arrays: Sequence[NDArray[Any]], bad: BadPlan) -> NDArray[Any]:
    """Return the labels of classes: an array, or texts that NumPy holds as objects."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        labels = np.empty(len(value), object)
        labels[:] = value
        return labels
    if type(value) is not int or not 0 <= value < len(arrays) or arrays[value].ndim != 1:
        raise bad
    return arrays[value]
