"""The pickle machine: one reader of pickle streams, for listing what they import and for loading.

It runs the opcodes of a pickle (Python's `pickletools` describes them), and of joblib's streams,
in which the raw bytes of an array follow the object that stands for it. What a global, a call or a
state means is up to the subclass: `listing.py` makes nothing of them, `constructing.py` makes
objects. As both read with the same code, nothing can be hidden from the one and not the other.

What no file written by Python 3 needs is refused: extension codes, persistent ids, buffers out of
band, instances of old classes, and tuples nested so that hashing them would never end.
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final

import numpy as np

from lite_mlops.models.loading.dtypes import fresh_dtype, set_dtype_state
from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel, Untrusted

MOST_STEPS = 20_000_000  # opcodes; some ten seconds and, at worst, two gigabytes
MOST_PARTS = 1_000_000  # of a tuple with all that it holds, as often as it holds it
DEEPEST = 100  # tuples in tuples
_LONGEST_LINE = 1 << 20
_PYTHON_2 = {  # names as Python 3 writes them in protocols 0 to 2
    "__builtin__:xrange": "builtins:range",
    "__builtin__:long": "builtins:int",
    "__builtin__:unicode": "builtins:str",
}
_PYTHON_2_MODULES = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_WRAPPER = "joblib.numpy_pickle:NumpyArrayWrapper"


class RawArray:
    """What stands before the raw bytes of an array in a stream of joblib."""


class Mark:
    """Where a sequence began on the stack."""


_MARK: Final = Mark()


def _latin_bytes(text: str, encoding: str) -> bytes:
    """Return bytes as protocols 0 to 2 write them; any other encoding would be imported by name."""
    if type(text) is not str or encoding != "latin1":
        raise RefusedModel(f"it encodes a text as {encoding!r:.40}")
    return text.encode("latin1")


class Machine(ABC):
    """One pickle stream in `data`, from the byte `at`."""

    def __init__(self, data: memoryview, at: int = 0, *, nested: bool = False) -> None:
        self._data = data
        self._at = at
        self._end = len(data)
        self._left = MOST_STEPS
        self._nested = nested
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._protocol = 0
        self._parts: dict[int, tuple[int, int, Any]] = {}  # of tuples that hold tuples, by id

    # -- what differs ---------------------------------------------------------------------------

    @abstractmethod
    def _global(self, name: str) -> Any:
        """Return what 'module:name' stands for."""

    @abstractmethod
    def _call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        """Return what a call gives."""

    @abstractmethod
    def _new(self, kind: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return a new object of a class."""

    @abstractmethod
    def _set_state(self, made: Any, state: Any) -> None:
        """Give an object its state."""

    @abstractmethod
    def _set_items(self, made: Any, pairs: list[tuple[Any, Any]]) -> None:
        """Put pairs into a dictionary or its like."""

    @abstractmethod
    def _append(self, made: Any, items: list[Any]) -> None:
        """Append to a list or its like."""

    @abstractmethod
    def _add(self, made: Any, items: list[Any]) -> None:
        """Add to a set."""

    @abstractmethod
    def _payload(self, view: memoryview) -> Any:
        """Return bytes that stand in the stream."""

    @abstractmethod
    def _raw_array(self, dtype: np.dtype[Any], shape: tuple[int, ...], order: str, at: int) -> Any:
        """Return the array whose bytes begin at `at`; they are all there."""

    @abstractmethod
    def _inner(self, at: int) -> Machine:
        """Return a machine of the same kind for the stream that begins at `at`."""

    # -- running --------------------------------------------------------------------------------

    def run(self) -> Any:
        """Return what the stream holds.

        Raises:
            UnreadableModel: it is no pickle, or not a whole one.
            RefusedModel, Untrusted: it holds what is not loaded.
        """
        try:
            made = self._run()
        except (RefusedModel, UnreadableModel, Untrusted):
            raise
        except (MemoryError, RecursionError) as error:
            raise RefusedModel(f"it needs too much memory ({type(error).__name__})") from error
        except Exception as error:  # whatever a constructor says to a state that makes no sense
            raise UnreadableModel(
                f"it is no whole model file; its pickle makes no sense at byte {self._at} "
                f"({type(error).__name__}: {str(error)[:100]})"
            ) from error
        if not self._nested and self._at != self._end:
            raise UnreadableModel(f"{self._end - self._at} bytes follow the end of its pickle")
        return made

    def _run(self) -> Any:
        data, end, handlers = self._data, self._end, self._HANDLERS
        while self._at < end:
            code = data[self._at]
            self._at += 1
            self._left -= 1
            if code == 0x2E:  # STOP
                return self._pop()
            if self._left < 0:
                raise RefusedModel(f"its pickle has more than {MOST_STEPS:,} steps")
            handler = handlers.get(code)
            if handler is None:
                raise UnreadableModel(
                    f"it is no pickle: there is no opcode {code:#04x} (byte {self._at - 1})"
                )
            handler(self)
        raise UnreadableModel("its pickle ends too early")

    # -- reading bytes --------------------------------------------------------------------------

    def _take(self, count: int) -> memoryview:
        stop = self._at + count
        if count < 0 or stop > self._end:
            raise UnreadableModel(
                f"it is cut off: {count:,} bytes should follow at byte {self._at:,}, and there are "
                f"{self._end - self._at:,}"
            )
        view = self._data[self._at : stop]
        self._at = stop
        return view

    def _number(self, size: int) -> int:
        return int.from_bytes(self._take(size), "little")

    def _line(self) -> bytes:
        line = bytes(self._data[self._at : self._at + _LONGEST_LINE])
        stop = line.find(b"\n")
        if stop < 0:
            raise UnreadableModel("its pickle has a line without an end")
        self._at += stop + 1
        return line[:stop]

    def _since_mark(self) -> list[Any]:
        stack = self._stack
        at = len(stack) - 1
        while stack[at] is not _MARK:  # IndexError at the bottom
            at -= 1
            if at < 0:
                raise IndexError("no mark")
        items = stack[at + 1 :]
        del stack[at:]
        return items

    def _pop(self) -> Any:
        found = self._stack.pop()
        if found is _MARK:
            raise IndexError("a mark where a value should be")
        return found

    def _top(self) -> Any:
        found = self._stack[-1]
        if found is _MARK:
            raise IndexError("a mark where a value should be")
        return found

    # -- constants ------------------------------------------------------------------------------

    def _proto(self) -> None:
        self._protocol = self._number(1)
        if self._protocol > 5:
            raise UnreadableModel(f"it is a pickle of the unknown protocol {self._protocol}")

    def _frame(self) -> None:
        size = self._number(8)
        if size > self._end - self._at:
            raise UnreadableModel(
                f"it is cut off: a frame of {size:,} bytes, and {self._end - self._at:,} are there"
            )

    def _none(self) -> None:
        self._stack.append(None)

    def _true(self) -> None:
        self._stack.append(True)

    def _false(self) -> None:
        self._stack.append(False)

    def _int_line(self) -> None:
        line = self._line()
        self._stack.append(line == b"01" if line in (b"00", b"01") else int(line))

    def _long_line(self) -> None:
        self._stack.append(int(self._line().removesuffix(b"L") or b"0"))

    def _float_line(self) -> None:
        self._stack.append(float(self._line()))

    def _int4(self) -> None:
        self._stack.append(int.from_bytes(self._take(4), "little", signed=True))

    def _int1(self) -> None:
        self._stack.append(self._number(1))

    def _int2(self) -> None:
        self._stack.append(self._number(2))

    def _long1(self) -> None:
        view = self._take(self._number(1))
        self._stack.append(int.from_bytes(view, "little", signed=True))

    def _long4(self) -> None:
        view = self._take(self._number(4))
        self._stack.append(int.from_bytes(view, "little", signed=True))

    def _float8(self) -> None:
        self._stack.append(struct.unpack(">d", self._take(8))[0])

    def _text(self, size: int) -> None:
        self._stack.append(str(self._take(size), "utf-8", "surrogatepass"))

    def _text1(self) -> None:
        self._text(self._number(1))

    def _text4(self) -> None:
        self._text(self._number(4))

    def _text8(self) -> None:
        self._text(self._number(8))

    def _text_line(self) -> None:
        self._stack.append(self._line().decode("raw-unicode-escape"))

    def _bytes(self, size: int) -> None:
        self._stack.append(self._payload(self._take(size)))

    def _bytes1(self) -> None:
        self._bytes(self._number(1))

    def _bytes4(self) -> None:
        self._bytes(self._number(4))

    def _bytes8(self) -> None:
        self._bytes(self._number(8))

    def _bytearray8(self) -> None:
        self._stack.append(bytearray(self._payload(self._take(self._number(8)))))

    # -- collections ----------------------------------------------------------------------------

    def _mark(self) -> None:
        self._stack.append(_MARK)

    def _pop_one(self) -> None:
        self._stack.pop()

    def _pop_mark(self) -> None:
        self._since_mark()

    def _dup(self) -> None:
        self._stack.append(self._top())

    def _tuple_of(self, items: list[Any]) -> None:
        made = tuple(items)
        inner = [item for item in items if type(item) is tuple]
        if inner:
            known = [self._parts.get(id(item), (len(item) + 1, 1, None)) for item in inner]
            parts = len(made) + 1 + sum(count for count, _, _ in known)
            depth = 1 + max(depth for _, depth, _ in known)
            if depth > DEEPEST or parts > max(MOST_PARTS, self._end):
                raise RefusedModel("it nests tuples so deeply that they could not be compared")
            self._parts[id(made)] = (parts, depth, made)
        self._stack.append(made)

    def _tuple(self) -> None:
        self._tuple_of(self._since_mark())

    def _tuple0(self) -> None:
        self._stack.append(())

    def _some(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._tuple_of(items[::-1])

    def _tuple1(self) -> None:
        self._some(1)

    def _tuple2(self) -> None:
        self._some(2)

    def _tuple3(self) -> None:
        self._some(3)

    def _list(self) -> None:
        items, made = self._since_mark(), list[Any]()
        self._append(made, items)
        self._stack.append(made)

    def _list0(self) -> None:
        self._stack.append([])

    def _dict(self) -> None:
        made: dict[Any, Any] = {}
        self._set_items(made, self._paired(self._since_mark()))
        self._stack.append(made)

    def _dict0(self) -> None:
        self._stack.append({})

    def _set0(self) -> None:
        self._stack.append(set())

    def _frozenset(self) -> None:
        made: set[Any] = set()
        self._add(made, self._since_mark())
        self._stack.append(frozenset(made))

    @staticmethod
    def _paired(items: list[Any]) -> list[tuple[Any, Any]]:
        return list(zip(items[::2], items[1::2], strict=True))

    def _append_one(self) -> None:
        item = self._pop()
        self._append(self._top(), [item])

    def _append_some(self) -> None:
        items = self._since_mark()
        self._append(self._top(), items)

    def _set_one(self) -> None:
        value, key = self._pop(), self._pop()
        self._set_items(self._top(), [(key, value)])

    def _set_some(self) -> None:
        pairs = self._paired(self._since_mark())
        self._set_items(self._top(), pairs)

    def _add_some(self) -> None:
        items = self._since_mark()
        self._add(self._top(), items)

    # -- the memo -------------------------------------------------------------------------------

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def _put1(self) -> None:
        self._memo[self._number(1)] = self._top()

    def _put4(self) -> None:
        self._memo[self._number(4)] = self._top()

    def _put_line(self) -> None:
        self._memo[int(self._line())] = self._top()

    def _get1(self) -> None:
        self._stack.append(self._memo[self._number(1)])

    def _get4(self) -> None:
        self._stack.append(self._memo[self._number(4)])

    def _get_line(self) -> None:
        self._stack.append(self._memo[int(self._line())])

    # -- objects --------------------------------------------------------------------------------

    def _named(self, module: Any, name: Any) -> Any:
        if type(module) is not str or type(name) is not str:
            raise RefusedModel("it computes the name of what it imports")
        pair = f"{module}:{name}"
        if self._protocol < 3:
            pair = _PYTHON_2.get(pair, f"{_PYTHON_2_MODULES.get(module, module)}:{name}")
        if pair == "numpy:dtype":
            return np.dtype
        if pair == "_codecs:encode":
            return _latin_bytes
        if pair == _WRAPPER and not self._nested:
            return RawArray
        return self._global(pair)

    def _global_line(self) -> None:
        module, name = self._line().decode(), self._line().decode()
        self._stack.append(self._named(module, name))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._stack.append(self._named(module, name))

    def _reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        if type(arguments) is not tuple:
            raise TypeError("a call without a tuple of arguments")
        if function is np.dtype:
            self._stack.append(fresh_dtype(arguments))
        elif function is _latin_bytes:
            self._stack.append(_latin_bytes(*arguments))
        else:
            self._stack.append(self._call(function, arguments))

    def _newobj(self) -> None:
        arguments, kind = self._pop(), self._pop()
        self._stack.append(self._made(kind, arguments, {}))

    def _newobj_ex(self) -> None:
        named, arguments, kind = self._pop(), self._pop(), self._pop()
        if type(named) is not dict:
            raise TypeError("named arguments that are no dictionary")
        self._stack.append(self._made(kind, arguments, named))

    def _made(self, kind: Any, arguments: Any, named: dict[str, Any]) -> Any:
        if type(arguments) is not tuple:
            raise TypeError("an object without a tuple of arguments")
        if kind is np.dtype:
            raise RefusedModel("it has a NumPy type that NumPy does not write")
        return RawArray() if kind is RawArray else self._new(kind, arguments, named)

    def _build(self) -> None:
        state, made = self._pop(), self._top()
        if type(made) is RawArray:
            self._stack[-1] = self._array(state)
        elif isinstance(made, np.dtype):
            set_dtype_state(made, state)
        else:
            self._set_state(made, state)

    def _array(self, state: Any) -> Any:
        """Return the array whose bytes, or whose own pickle, follow here."""
        dtype, shape, order = state["dtype"], state["shape"], state["order"]
        if not isinstance(dtype, np.dtype) or type(shape) is not tuple or order not in ("C", "F"):
            raise TypeError("an array without type, shape and order")
        if len(shape) > 32 or not all(type(width) is int and width >= 0 for width in shape):
            raise RefusedModel("it has an array of an impossible shape")
        if dtype.hasobject:
            inner = self._inner(self._at)
            inner._left = self._left  # noqa: SLF001
            made = inner.run()
            self._at, self._left = inner._at, inner._left  # noqa: SLF001
            return made
        if state.get("numpy_array_alignment_bytes") is not None:
            self._take(self._number(1))  # joblib aligns the bytes that follow
        size = math.prod(shape) * dtype.itemsize
        at = self._at
        self._take(size)
        return self._raw_array(dtype, shape, order, at)

    def _refuse_extension(self) -> None:
        raise RefusedModel("its pickle uses extension codes, which no model file needs")

    def _refuse_persistent(self) -> None:
        raise RefusedModel("its pickle refers to objects outside the file (persistent ids)")

    def _refuse_buffer(self) -> None:
        raise RefusedModel("its pickle refers to buffers outside the file")

    def _refuse_old(self) -> None:
        raise RefusedModel("its pickle is of the old kind that Python 2 wrote")

    # By opcode, as `pickletools` numbers them; STOP is seen to in the loop.
    _HANDLERS: ClassVar[dict[int, Callable[[Machine], None]]] = {
        0x80: _proto,
        0x95: _frame,
        ord("N"): _none,
        0x88: _true,
        0x89: _false,
        ord("I"): _int_line,
        ord("L"): _long_line,
        ord("F"): _float_line,
        ord("J"): _int4,
        ord("K"): _int1,
        ord("M"): _int2,
        0x8A: _long1,
        0x8B: _long4,
        ord("G"): _float8,
        0x8C: _text1,
        ord("X"): _text4,
        0x8D: _text8,
        ord("V"): _text_line,
        ord("C"): _bytes1,
        ord("B"): _bytes4,
        0x8E: _bytes8,
        0x96: _bytearray8,
        ord("("): _mark,
        ord("0"): _pop_one,
        ord("1"): _pop_mark,
        ord("2"): _dup,
        ord("t"): _tuple,
        ord(")"): _tuple0,
        0x85: _tuple1,
        0x86: _tuple2,
        0x87: _tuple3,
        ord("l"): _list,
        ord("]"): _list0,
        ord("d"): _dict,
        ord("}"): _dict0,
        0x8F: _set0,
        0x91: _frozenset,
        ord("a"): _append_one,
        ord("e"): _append_some,
        ord("s"): _set_one,
        ord("u"): _set_some,
        0x90: _add_some,
        0x94: _memoize,
        ord("q"): _put1,
        ord("r"): _put4,
        ord("p"): _put_line,
        ord("h"): _get1,
        ord("j"): _get4,
        ord("g"): _get_line,
        ord("c"): _global_line,
        0x93: _stack_global,
        ord("R"): _reduce,
        0x81: _newobj,
        0x92: _newobj_ex,
        ord("b"): _build,
        0x82: _refuse_extension,
        0x83: _refuse_extension,
        0x84: _refuse_extension,
        ord("P"): _refuse_persistent,
        ord("Q"): _refuse_persistent,
        0x97: _refuse_buffer,
        0x98: _refuse_buffer,
        ord("i"): _refuse_old,
        ord("o"): _refuse_old,
        ord("S"): _refuse_old,
        ord("T"): _refuse_old,
        ord("U"): _refuse_old,
    }
