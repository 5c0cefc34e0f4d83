"""The loading of a pickle: objects are made only of names that are on the list.

What a file could do with allowed names is narrowed further: only a name itself may be called, not
what a call returned; classes and functions are never changed; arrays, NumPy types and sets are made
only as Python and NumPy write them.
"""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Callable, Collection
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from lite_mlops.models.loading.pickles import Machine
from lite_mlops.models.loading.refusals import RefusedModel, UnreadableModel, needs_trust
from lite_mlops.models.loading.trust import rights_of

_OTHER_ORDER = ">" if sys.byteorder == "little" else "<"
# Where modules are found that files call otherwise: those of NumPy 1, and of scikit-learn 1.8.
_MOVED = {"numpy.core.": "numpy._core.", "_loss.": "sklearn._loss._loss."}


def _empty_array(*arguments: Any) -> Any:
    """Make the array that a state is about to fill, as `_reconstruct` of NumPy does."""
    kind, shape, _ = arguments
    if not (isinstance(kind, type) and issubclass(kind, np.ndarray)) or shape != (0,):
        raise RefusedModel("it has an array that NumPy does not write")
    return np.ndarray.__new__(kind, shape, "b")


def _empty_masked(*arguments: Any) -> Any:
    """Make the masked array that a state is about to fill."""
    from numpy.ma import MaskedArray

    if arguments[:3] != (MaskedArray, np.ndarray, (0,)):
        raise RefusedModel("it has a masked array that NumPy does not write")
    return MaskedArray.__new__(MaskedArray, np.empty(0, "b"), np.empty(0, "?"), "b")


def _only(function: Callable[..., Any], *kinds: type) -> Callable[..., Any]:
    """Return a function that takes, as its first argument, nothing but objects of these types.

    What is made of a range or of a number could be larger than any memory.
    """

    def made(*arguments: Any) -> Any:
        if arguments and type(arguments[0]) not in kinds:
            raise RefusedModel(f"it makes a {function.__name__} of a {type(arguments[0]).__name__}")
        return function(*arguments)

    return made


def _plain_slice(*bounds: Any) -> slice:
    if not all(type(bound) in (int, str, type(None)) for bound in bounds):
        raise RefusedModel("it has a slice with impossible bounds")
    return slice(*bounds)


def _bit_generator(kind: Any = "MT19937") -> Any:
    """Make a source of random bits; NumPy would call whatever class or function it is given."""
    from numpy.random import BitGenerator
    from numpy.random._pickle import __bit_generator_ctor as make

    if type(kind) is str or (isinstance(kind, type) and issubclass(kind, BitGenerator)):
        return make(kind)  # type: ignore[arg-type]
    raise RefusedModel("it has a random generator that NumPy does not write")


def _random(function: Callable[..., Any]) -> Callable[..., Any]:
    def made(source: Any = "MT19937", *_: Any) -> Any:
        from numpy.random import BitGenerator

        return function(source if isinstance(source, BitGenerator) else _bit_generator(source))

    return made


def _only_classes(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes an empty object of a class, for classes of its own package."""
    package = name.partition(".")[0] + "."

    def made(kind: Any, *arguments: Any) -> Any:
        if not isinstance(kind, type) or not f"{kind.__module__}.".startswith(package):
            raise RefusedModel(f"it makes an object by {name} that scikit-learn or pandas do not")
        return function(kind, *arguments)

    return made


def _tree(kind: Callable[..., Any]) -> Callable[..., Any]:
    def made(features: Any, classes: Any, outputs: Any) -> Any:
        if not isinstance(classes, np.ndarray) or outputs != len(classes):
            raise RefusedModel("it has a tree whose outputs are not those of its classes")
        return kind(features, classes, outputs)

    return made


# What makes an object of any class that it is given, without its constructor.
_MAKES_ANY = {
    "pandas.core.indexes.base:_new_Index",
    "sklearn.metrics._dist_metrics:newObj",
    "sklearn.neighbors._ball_tree:newObj",
    "sklearn.neighbors._kd_tree:newObj",
}


@cache
def _careful() -> dict[int, Callable[..., Any]]:
    """Return what is called instead of some names, by the identity of what they stand for."""
    from collections import Counter, deque

    from numpy._core.multiarray import _reconstruct
    from numpy.ma.core import _mareconstruct  # type: ignore[attr-defined]
    from numpy.random._pickle import __bit_generator_ctor as bit_generator
    from numpy.random._pickle import __generator_ctor as generator
    from numpy.random._pickle import __randomstate_ctor as random_state

    return {
        id(_reconstruct): _empty_array,
        id(_mareconstruct): _empty_masked,
        id(bit_generator): _bit_generator,
        id(generator): _random(generator),
        id(random_state): _random(random_state),
        id(set): _only(set, list),
        id(frozenset): _only(frozenset, list),
        id(bytes): _only(bytes, bytes),
        id(bytearray): _only(bytearray, bytes, str),
        id(Counter): _only(Counter, dict),
        id(deque): _only(deque, list, tuple),
        id(slice): _plain_slice,
    }


def _resolve(name: str) -> Any:
    module, _, path = name.partition(":")
    for old, new in _MOVED.items():
        if f"{module}.".startswith(old):
            module = (new + f"{module}.".removeprefix(old)).removesuffix(".")
    try:
        found: Any = sys.modules.get(module) or import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise UnreadableModel(
            f"it needs {name[:120]}, which is not installed here or has moved ({error})"
        ) from error
    if isinstance(found, ModuleType):
        raise RefusedModel(f"it needs {name[:120]}, which is a module")
    return found


class Construction(Machine):
    """Makes the objects of a stream."""

    def __init__(
        self,
        data: memoryview,
        at: int = 0,
        *,
        trusted: Collection[str] = (),
        mapped: Callable[[], mmap.mmap | None] | None = None,
        nested: bool = False,
    ) -> None:
        super().__init__(data, at, nested=nested)
        self._trusted = trusted
        self._map = mapped
        self._mapped: mmap.mmap | None = None
        self._names: dict[int, tuple[str, Any, frozenset[str]]] = {}
        self._careful = _careful()
        self.sklearn_versions: set[str] = set()

    def _global(self, name: str) -> Any:
        rights = rights_of(name, self._trusted)
        if rights is None:
            raise needs_trust((name,))
        found = _resolve(name)
        known = self._names.get(id(found))
        if known is not None:
            rights |= known[2]
        self._names[id(found)] = (name, found, rights)
        return found

    def _may(self, found: Any, right: str) -> None:
        nothing: tuple[str, Any, frozenset[str]] = ("what it made itself", None, frozenset())
        name, _, rights = self._names.get(id(found), nothing)
        if right not in rights:
            verb = "calls" if right == "call" else "makes an object of"
            raise RefusedModel(f"it {verb} {name}, which a file may not do")

    def _made_here(self, made: Any) -> None:
        if id(made) in self._names or isinstance(made, type | ModuleType):
            raise RefusedModel("it changes a class or a function")

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        self._may(function, "call")
        name = self._names[id(function)][0]
        if name in _MAKES_ANY:
            function = _only_classes(name, function)
        elif name == "sklearn.tree._tree:Tree":
            function = _tree(function)
        return self._careful.get(id(function), function)(*arguments)

    def _new(self, kind: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self._may(kind, "new")
        return kind.__new__(kind, *arguments, **named)

    def _set_state(self, made: Any, state: Any) -> None:
        self._made_here(made)
        if isinstance(made, np.ndarray):
            self._set_array(made, state)
            return
        set_state = getattr(made, "__setstate__", None)
        if set_state is not None:
            set_state(self._same_version(made, state))
            return
        slots = None
        if type(state) is tuple and len(state) == 2:
            state, slots = state
        if state:
            made.__dict__.update({self._attribute(name): value for name, value in state.items()})
        for name, value in (slots or {}).items():
            setattr(made, self._attribute(name), value)

    @staticmethod
    def _attribute(name: Any) -> str:
        if type(name) is not str or (name.startswith("__") and name.endswith("__")):
            raise RefusedModel(f"it sets the attribute {name!r:.60}")
        return sys.intern(name)

    @staticmethod
    def _set_array(made: np.ndarray[Any, Any], state: Any) -> None:
        """Fill an array, as `__setstate__` of NumPy does, with as many values as it has places."""
        _, shape, dtype, _, values, *_ = state  # a masked array has its mask and filling besides
        if not isinstance(dtype, np.dtype) or type(values) not in (bytes, list):
            raise RefusedModel("it has an array that NumPy does not write")
        places = math.prod(shape)
        if dtype.hasobject is not (type(values) is list) or len(values) != places * (
            1 if dtype.hasobject else dtype.itemsize
        ):
            raise UnreadableModel(f"it has an array of {places:,} places and other values for them")
        made.__setstate__(state)

    def _same_version(self, made: Any, state: Any) -> Any:
        """Note the version that an estimator was written with, which it would warn about itself."""
        if type(state) is dict and type(made).__module__.startswith("sklearn."):
            from sklearn import __version__
            from sklearn.base import BaseEstimator

            if isinstance(made, BaseEstimator):
                self.sklearn_versions.add(str(state.get("_sklearn_version", "before 0.18")))
                return state | {"_sklearn_version": __version__}
        return state

    def _set_items(self, made: Any, pairs: list[tuple[Any, Any]]) -> None:
        self._made_here(made)
        for key, value in pairs:
            made[key] = value

    def _append(self, made: Any, items: list[Any]) -> None:
        self._made_here(made)
        made.extend(items)

    def _add(self, made: Any, items: list[Any]) -> None:
        self._made_here(made)
        made.update(items)

    def _payload(self, view: memoryview) -> Any:
        return bytes(view)

    def _raw_array(self, dtype: np.dtype[Any], shape: tuple[int, ...], order: str, at: int) -> Any:
        count = math.prod(shape)
        if count and dtype.itemsize:
            mapping = self._mapping() if count * dtype.itemsize >= _LARGE else None
            flat = np.frombuffer(self._data if mapping is None else mapping, dtype, count, at)
            flat = flat.copy() if mapping is None else flat
        else:
            flat = np.empty(count, dtype)
        found = flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)
        return found.astype(dtype.newbyteorder("=")) if dtype.byteorder == _OTHER_ORDER else found

    def _mapping(self) -> mmap.mmap | None:
        """Return the mapping of the file, made when the first large array asks for it."""
        if self._map is not None:
            self._mapped, self._map = self._map(), None
        return self._mapped

    def _inner(self, at: int) -> Machine:
        inner = Construction(self._data, at, trusted=self._trusted, nested=True)
        inner.sklearn_versions = self.sklearn_versions
        return inner


_LARGE = 1 << 18  # bytes of an array that is worth a mapping
