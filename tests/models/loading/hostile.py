"""Model files made to do harm, each with the words of its refusal.

Every one would make the file `marker` if it ran. The opcodes are written by hand (`pickletools`
describes them), because Python's own pickler does not write most of this.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper

STOP = b"."
UNTRUSTED = "would import what is not known to be safe: "


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def stacked(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b"\x93"


def touching(marker: Path) -> bytes:
    """The arguments of a command that makes the marker."""
    return text(f"touch {marker}") + b"\x85"


class Reduced:
    """An object whose pickle calls something."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return self.parts


def system(marker: Path) -> Reduced:
    import os

    return Reduced(os.system, (f"touch {marker}",))


def joblib_bytes(model: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer, **options)
    return buffer.getvalue()


def wrapper(shape: Any, dtype: Any, order: str = "C", follows: bytes = b"") -> bytes:
    """A stream of joblib with an array of any shape, and any bytes after it."""
    made = NumpyArrayWrapper(np.ndarray, shape, order, dtype, allow_mmap=True)
    return pickle.dumps(made, 4)[:-1] + b"\x00" + follows + STOP


def dtype_state(code: str, state: Any) -> bytes:
    """A NumPy type in a state of any kind."""
    return (
        b"\x80\x04"
        + stacked("numpy", "dtype")
        + pickle.dumps((code, False, True), 4)[2:-1].replace(b"\x94", b"")
        + b"R"
        + pickle.dumps(state, 4)[2:-1]
        + b"b"
    )


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return buffer.getvalue()


def _schema(node: dict[str, Any]) -> bytes:
    return json.dumps({**node, "protocol": 2, "_skops_version": "0.16"}).encode()


def skops(node: dict[str, Any], **members: bytes) -> bytes:
    return _zip({"schema.json": _schema(node), **members})


def in_code(marker: Path) -> str:
    return f"open({str(marker)!r}, 'w').close()"


Made = Callable[[Path], bytes]

# Names that would have to be trusted, and are not.
UNLISTED: dict[str, tuple[Made, str]] = {
    "reduce of os.system": (
        lambda m: pickle.dumps(system(m), 4),
        UNTRUSTED + "posix:system",
    ),
    "protocol 0": (lambda m: pickle.dumps(system(m), 0), "posix:system"),
    "in joblib": (lambda m: joblib_bytes({"a": np.ones(3), "b": system(m)}), "posix:system"),
    "global": (lambda m: name("os", "system") + touching(m) + b"R" + STOP, "os:system"),
    "stack global": (
        lambda m: b"\x80\x04" + stacked("os", "system") + touching(m) + b"R" + STOP,
        "os:system",
    ),
    "stack global from the memo": (
        lambda m: (
            b"\x80\x04" + text("os") + b"q\x000" + text("system") + b"q\x010"
            b"h\x00h\x01\x93" + touching(m) + b"R" + STOP
        ),
        "os:system",
    ),
    "exec": (
        lambda m: pickle.dumps(Reduced(exec, (in_code(m),)), 4),
        UNTRUSTED + "builtins:exec",
    ),
    "eval": (lambda m: pickle.dumps(Reduced(eval, (in_code(m),)), 4), "builtins:eval"),
    "a chain of getattr": (
        lambda _: (
            b"\x80\x04"
            + stacked("builtins", "getattr")
            + stacked("os", "path")
            + text("os")
            + b"\x86R"
            + STOP
        ),
        "builtins:getattr, os:path",
    ),
    "a dotted name": (
        lambda _: b"\x80\x04" + stacked("sklearn.base", "warnings.sys.modules") + STOP,
        "sklearn.base:warnings.sys.modules",
    ),
    "a module of a listed package": (
        lambda _: b"\x80\x04" + stacked("sklearn.base", "warnings") + STOP,
        "sklearn.base:warnings",
    ),
    "eval of a listed package": (
        lambda m: (
            b"\x80\x04"
            + stacked("numpy.f2py.crackfortran", "myeval")
            + text(in_code(m))
            + b"\x85R"
            + STOP
        ),
        "numpy.f2py.crackfortran:myeval",
    ),
    "numpy.load": (
        lambda m: b"\x80\x04" + stacked("numpy", "load") + text(str(m)) + b"\x85R" + STOP,
        "numpy:load",
    ),
    "joblib.load": (
        lambda m: b"\x80\x04" + stacked("joblib", "load") + text(str(m)) + b"\x85R" + STOP,
        "joblib:load",
    ),
    "reconstruction of a ufunc by name": (
        lambda m: (
            b"\x80\x04"
            + stacked("numpy._core", "_ufunc_reconstruct")
            + text("os")
            + text("system")
            + b"\x86R"
            + touching(m)
            + b"R"
            + STOP
        ),
        "numpy._core:_ufunc_reconstruct",
    ),
    "operator.attrgetter": (
        lambda _: (
            b"\x80\x04" + stacked("operator", "attrgetter") + text("system") + b"\x85R" + STOP
        ),
        "operator:attrgetter",
    ),
    "operator.methodcaller": (
        lambda _: pickle.dumps(Reduced(__import__("operator").methodcaller, ("touch",)), 4),
        "operator:methodcaller",
    ),
    "functools.partial": (
        lambda m: pickle.dumps(__import__("functools").partial(exec, in_code(m)), 4),
        "functools:partial",
    ),
    "a distribution of SciPy, whose state is code": (
        lambda m: pickle.dumps(_distribution(in_code(m)), 4),
        "scipy.stats._continuous_distns:norm_gen",
    ),
    "a new class by type": (
        lambda _: pickle.dumps(Reduced(type, ("Made", (), {})), 4),
        "builtins:type",
    ),
    "pathlib": (
        lambda m: pickle.dumps(Reduced(Path.touch, (m,)), 4),
        "pathlib:Path.touch",
    ),
    "a nested pickle, loaded by name": (
        lambda m: pickle.dumps(Reduced(pickle.loads, (pickle.dumps(system(m)),)), 4),
        "_pickle:loads",
    ),
    "in an array of objects": (
        lambda m: joblib_bytes({"values": np.array([1, system(m)], dtype=object)}),
        "posix:system",
    ),
    "in an array of records": (
        lambda m: joblib_bytes(np.array([(1, system(m))], dtype=[("a", "i4"), ("b", "O")])),
        "posix:system",
    ),
    "behind a bogus frame": (
        lambda m: (
            b"\x80\x04\x95"
            + struct.pack("<Q", 3)
            + name("os", "system")
            + touching(m)
            + b"R"
            + STOP
        ),
        "os:system",
    ),
    "under a name of Python 2": (
        lambda m: b"\x80\x02" + name("__builtin__", "eval") + text(in_code(m)) + b"\x85R" + STOP,
        "builtins:eval",
    ),
    "a memory of joblib, which loads its cache": (
        lambda _: b"\x80\x04" + stacked("joblib.memory", "Memory") + b")R" + STOP,
        "joblib.memory:Memory",
    ),
    "the wrapper of an old joblib, which loads a file by name": (
        lambda _: b"\x80\x04" + stacked("joblib.numpy_pickle", "NDArrayWrapper") + b")\x81" + STOP,
        "joblib.numpy_pickle:NDArrayWrapper",
    ),
    "as a key": (lambda m: pickle.dumps({system(m): 1}, 4), "posix:system"),
    "after the object was popped": (
        lambda m: name("os", "system") + touching(m) + b"R0N" + STOP,
        "os:system",
    ),
    "in a frozenset": (lambda m: pickle.dumps(frozenset([system(m)]), 4), "posix:system"),
    "as arguments by name": (
        lambda _: b"\x80\x04" + stacked("os", "system") + b")}\x92" + STOP,
        "os:system",
    ),
    "a state that is set by a class": (
        lambda _: b"\x80\x04" + stacked("code", "InteractiveConsole") + b")\x81}b" + STOP,
        "code:InteractiveConsole",
    ),
}


def _distribution(code: str) -> Any:
    from scipy.stats import norm

    made = type(norm)(name="norm")
    made._parse_arg_template = code
    return made


def _pair(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + STOP


LOGISTIC = stacked("sklearn.linear_model._logistic", "LogisticRegression")

# What is refused whatever is trusted.
REFUSED: dict[str, tuple[Made, str]] = {
    "an extension code": (
        lambda m: b"\x80\x02\x82\x01" + touching(m) + b"R" + STOP,
        "uses extension codes",
    ),
    "an extension code of two bytes": (lambda _: b"\x80\x02\x83\x01\x01.", "extension codes"),
    "an extension code of four bytes": (lambda _: b"\x80\x02\x84\x01\x01\0\0.", "extension codes"),
    "a persistent id": (lambda m: b"\x80\x02" + text(str(m)) + b"Q.", "persistent ids"),
    "a persistent id in a line": (lambda m: b"P" + str(m).encode() + b"\n.", "persistent ids"),
    "a buffer out of band": (lambda _: b"\x80\x05\x97.", "buffers outside the file"),
    "an old instance": (lambda _: b"(ios\nsystem\n.", "the old kind"),
    "an old object": (
        lambda m: b"(" + name("os", "system") + touching(m) + b"o" + STOP,
        "the old kind",
    ),
    "a computed name": (
        lambda m: _pair(
            stacked("builtins", "bytes"), b")R", text("system"), b"\x93", touching(m), b"R"
        ),
        "computes the name",
    ),
    "a call of a class that is only made": (
        lambda _: _pair(LOGISTIC, text("l2"), b"\x85R"),
        "calls sklearn.linear_model._logistic:LogisticRegression",
    ),
    "a call of a function that is only referred to": (
        lambda _: _pair(stacked("numpy", "log1p"), b"K\x01\x85R"),
        "calls numpy:log1p",
    ),
    "a call of what was made": (
        lambda _: _pair(LOGISTIC, b")\x81", b")R"),
        "calls what it made itself",
    ),
    "a change of a class": (
        lambda _: _pair(LOGISTIC, b"N}", text("predict"), stacked("numpy", "log1p"), b"s\x86b"),
        "changes a class or a function",
    ),
    "a change of a function": (
        lambda _: _pair(
            stacked("sklearn.metrics._classification", "f1_score"), b"}", text("a"), b"Nsb"
        ),
        "changes a class or a function",
    ),
    "items appended to a class": (
        lambda _: _pair(stacked("builtins", "list"), b"Na"),
        "changes a class or a function",
    ),
    "a slot that is the class": (
        lambda _: _pair(
            stacked("sklearn.model_selection._split", "KFold"),
            b")\x81N}",
            text("__class__"),
            LOGISTIC,
            b"s\x86b",
        ),
        "sets the attribute '__class__'",
    ),
    "tuples without end": (
        lambda _: b"\x80\x04)" + b"2\x86" * 64 + b"}" + b"\x85" + STOP,
        "nests tuples so deeply",
    ),
    "a tuple a hundred thousand deep": (
        lambda _: b"\x80\x04N" + b"\x85" * 100_000 + STOP,
        "nests tuples so deeply",
    ),
    "a key of doubled tuples": (
        lambda _: b"\x80\x04}" + text("a") + b"\x85" + b"2\x86" * 40 + b"Ns" + STOP,
        "nests tuples so deeply",
    ),
    "a type that hides its objects": (
        lambda _: (
            dtype_state("V8", (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)) + STOP
        ),
        "NumPy type in a state that NumPy does not write",
    ),
    "a type with a field outside": (
        lambda _: (
            dtype_state("V8", (3, "|", None, ("a",), {"a": (np.dtype("f8"), 800)}, 8, 1, 16)) + STOP
        ),
        "NumPy type in a state that NumPy does not write",
    ),
    "a type with the flags of none": (
        lambda _: dtype_state("f8", (3, "<", None, None, None, -1, -1, 63)) + STOP,
        "NumPy type in a state that NumPy does not write",
    ),
    "a type of many texts": (
        lambda _: _pair(stacked("numpy", "dtype"), text("O,(9999,9999)O"), b"\x85R"),
        "NumPy type that NumPy does not write",
    ),
    "an array of an impossible shape": (
        lambda _: wrapper((-1, 5), np.dtype("f8")),
        "impossible shape",
    ),
    "an array of eighty dimensions": (
        lambda _: wrapper((1,) * 80, np.dtype("f8")),
        "impossible shape",
    ),
    "a set of a range": (
        lambda _: _pair(
            stacked("builtins", "set"), stacked("builtins", "range"), b"J\xff\xff\xff\x7f\x85R\x85R"
        ),
        "makes a set of a range",
    ),
    "bytes of a number": (
        lambda _: _pair(stacked("builtins", "bytearray"), b"J\xff\xff\xff\x7f\x85R"),
        "makes a bytearray of a int",
    ),
    "an empty array of a trillion": (
        lambda _: _pair(
            stacked("numpy._core.multiarray", "_reconstruct"),
            stacked("numpy", "ndarray"),
            pickle.dumps((10**12,), 4)[2:-1].replace(b"\x94", b""),
            text("O"),
            b"\x87R",
        ),
        "an array that NumPy does not write",
    ),
    "a random state that calls": (
        lambda _: _pair(
            stacked("numpy.random._pickle", "__bit_generator_ctor"),
            stacked("builtins", "list"),
            b"\x85R",
        ),
        "random generator that NumPy does not write",
    ),
    "an object of any class, by scikit-learn": (
        lambda _: _pair(
            stacked("sklearn.neighbors._kd_tree", "newObj"),
            stacked("builtins", "bytearray"),
            b"\x85R",
        ),
        "makes an object by sklearn.neighbors._kd_tree:newObj that",
    ),
    "an object of any class, by pandas": (
        lambda _: _pair(
            stacked("pandas.core.indexes.base", "_new_Index"),
            stacked("builtins", "bytearray"),
            b"}\x86R",
        ),
        "makes an object by pandas.core.indexes.base:_new_Index that",
    ),
    "a tree of two billion outputs": (
        lambda _: _pair(stacked("sklearn.tree._tree", "Tree"), b"K\x05]J\xff\xff\xff\x7f\x87R"),
        "a tree whose outputs are not those of its classes",
    ),
    "an encoding that would be imported": (
        lambda _: (
            b"\x80\x02" + name("_codecs", "encode") + text("a") + text("idna") + b"\x86R" + STOP
        ),
        "encodes a text as 'idna'",
    ),
    "a zlib bomb": (lambda _: zlib.compress(bytes(1 << 22)), "compressed with zlib"),
    "a gzip bomb": (lambda _: gzip.compress(bytes(1 << 22)), "compressed with gzip"),
    "an xz bomb": (lambda _: lzma.compress(bytes(1 << 22)), "compressed with xz"),
    "an lzma bomb": (
        lambda _: lzma.compress(bytes(1 << 22), lzma.FORMAT_ALONE),
        "compressed with lzma",
    ),
    "a bz2 bomb": (lambda _: bz2.compress(bytes(1 << 22)), "compressed with bz2"),
    "a compressed file of joblib": (
        lambda m: joblib_bytes({"a": system(m)}, compress=3),
        "compressed with zlib, and was not registered as such",
    ),
    "a file of an old joblib": (lambda _: b"ZF0x10" + bytes(99), "compressed with z-file"),
}

# What is no model file, or not a whole one.
UNREADABLE: dict[str, tuple[Made, str]] = {
    "nothing": (lambda _: b"", "ends too early"),
    "a text": (lambda _: b"#!/bin/sh\ntouch x\n", "no opcode 0x23"),
    "an unknown protocol": (lambda _: b"\x80\x09N.", "unknown protocol 9"),
    "a frame of nine exabytes": (
        lambda _: b"\x80\x04\x95" + struct.pack("<Q", 1 << 63) + b"N.",
        "a frame of 9,223,372,036,854,775,808 bytes",
    ),
    "a text of two gigabytes": (lambda _: b"\x80\x04X\xff\xff\xff\x7fa.", "cut off"),
    "bytes of nine exabytes": (
        lambda _: b"\x80\x04\x8e" + struct.pack("<Q", 1 << 63) + b".",
        "cut off",
    ),
    "a bytearray of nine exabytes": (
        lambda _: b"\x80\x05\x96" + struct.pack("<Q", 1 << 63) + b".",
        "cut off",
    ),
    "an array of a terabyte": (lambda _: wrapper((10**6, 10**6), np.dtype("f8")), "cut off"),
    "an array whose size overflows": (
        lambda _: wrapper((2**62, 2**62), np.dtype("f8")),
        "cut off",
    ),
    "a stack that is empty": (lambda _: b"\x80\x04.", "makes no sense"),
    "no mark": (lambda _: b"\x80\x04Nt.", "makes no sense"),
    "a memo that is empty": (lambda _: b"\x80\x04h\x07.", "makes no sense"),
    "a number of letters": (lambda _: b"Iabc\n.", "makes no sense"),
    "a number of a million digits": (lambda _: b"L" + b"9" * 900_000 + b"L\n.", "makes no sense"),
    "a line without an end": (lambda _: b"V" + b"a" * 100, "a line without an end"),
    "bad UTF-8": (lambda _: b"\x80\x04X\x02\0\0\0\xff\xfe.", "makes no sense"),
    "a second pickle behind the first": (
        lambda m: pickle.dumps(1) + pickle.dumps(system(m)),
        "bytes follow the end",
    ),
    "a zip behind the pickle": (
        lambda _: pickle.dumps(1, 4) + _zip({"schema.json": b"{}"}),
        "bytes follow the end",
    ),
    "an array with too few objects": (
        lambda _: joblib_bytes(_short_array()),
        "an array of 1,000,000,000,000 places and other values for them",
    ),
    "arguments that are a list": (
        lambda _: _pair(stacked("numpy._core.multiarray", "scalar"), b"]R"),
        "makes no sense",
    ),
    "a listed name that is gone": (
        lambda _: _pair(stacked("numpy.core.multiarray", "gone")),
        "would import",
    ),
    "a million marks": (lambda _: b"(" * 1_000_000 + STOP, "makes no sense"),
}


def _short_array() -> Any:
    from numpy._core.multiarray import _reconstruct

    state = (1, (10**12,), np.dtype("O"), False, [1, 2])
    return [Reduced(_reconstruct, (np.ndarray, (0,), b"b"), state)]


ANY_TYPE = {"__module__": "os", "__class__": "system", "__loader__": "TypeNode", "__id__": 1}
# Files in the format of skops.
SKOPS: dict[str, tuple[Made, str]] = {
    "a pickle under the suffix": (
        lambda m: pickle.dumps(system(m), 4),
        "no file of skops",
    ),
    "no schema": (lambda _: _zip({"a": b"b"}), "no file of skops"),
    "a schema that is no JSON": (lambda _: _zip({"schema.json": b"{"}), "no file of skops"),
    "a type to trust": (lambda _: skops(ANY_TYPE), UNTRUSTED + "os:system"),
    "a type inside": (
        lambda _: skops(
            {
                "__module__": "builtins",
                "__class__": "dict",
                "__loader__": "DictNode",
                "content": {"a": ANY_TYPE},
            }
        ),
        UNTRUSTED + "os:system",
    ),
    "a bound method": (
        lambda _: skops(
            {
                "__module__": "builtins",
                "__class__": "str",
                "__loader__": "MethodNode",
                "content": {},
            }
        ),
        "has a MethodNode",
    ),
    "a partial function": (
        lambda _: skops(
            {"__module__": "functools", "__class__": "partial", "__loader__": "PartialNode"}
        ),
        "has a PartialNode",
    ),
    "an operator": (
        lambda _: skops(
            {
                "__module__": "operator",
                "__class__": "methodcaller",
                "__loader__": "OperatorFuncNode",
            }
        ),
        "has a OperatorFuncNode",
    ),
    "a bomb": (
        lambda _: _zip(
            {"schema.json": _schema(ANY_TYPE), "a.npy": bytes(1 << 23)}, zipfile.ZIP_DEFLATED
        ),
        "unpacks to more bytes",
    ),
    "a bomb in a zip inside": (
        lambda _: _zip(
            {
                "schema.json": _schema(ANY_TYPE),
                "a.npz": _zip({"b.npy": bytes(1 << 23)}, zipfile.ZIP_DEFLATED),
            }
        ),
        "unpacks to more bytes",
    ),
    "a schema of a thousand levels": (
        lambda _: _zip({"schema.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000}),
        "no file of skops",
    ),
}
