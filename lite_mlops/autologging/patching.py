"""Observing calls of scikit-learn: its methods are wrapped at their classes, and given back.

    observe_by(watch)      # from now on `watch` sees the calls
    observe_by(None)       # the very functions that were there before are there again

Every class below `BaseEstimator` is wrapped where it defines a method itself, also classes of other
packages and of the user, and those that are defined later. Instances are not touched, so cloning
and pickling are what they were. Without scikit-learn in the process nothing is imported: an entry
in `sys.meta_path` waits for it.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FunctionType, ModuleType
from typing import Any, NamedTuple, Protocol
from weakref import WeakSet

from lite_mlops.autologging import callers

FITS = ("fit", "fit_predict", "fit_transform")
ANSWERS = ("predict", "predict_proba", "decision_function")
METHODS = (*FITS, "partial_fit", *ANSWERS, "score")


class Call(NamedTuple):
    """A call of a method of an estimator."""

    method: str
    original: Callable[..., Any]
    estimator: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def made(self) -> Any:
        """Make the call and return what it returns."""
        return self.original(self.estimator, *self.args, **self.kwargs)


class Observer(Protocol):
    """Who sees the calls; each method makes the call and returns what it returns."""

    def fit(self, call: Call) -> Any:
        """See an outermost call of a method that fits."""

    def partial_fit(self, call: Call) -> Any:
        """See a call of `partial_fit`."""

    def answer(self, call: Call) -> Any:
        """See a call of a method that predicts or scores."""

    def metric(
        self, name: str, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """See a call of a function of `sklearn.metrics`."""


class _Seen:
    """By whom calls are seen."""

    observer: Any = None


def seen_by() -> Any:
    """Return who sees the calls at present; None for nobody."""
    return _Seen.observer


def observed_call(
    method: str,
    original: Callable[..., Any],
    estimator: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Make a call of a wrapped method, seen by the observer if a script makes it."""
    observer = _Seen.observer
    if observer is None or callers.inside():
        return original(estimator, *args, **kwargs)
    call = Call(method, original, estimator, args, kwargs)
    if method == "partial_fit":
        return observer.partial_fit(call)
    return observer.fit(call) if method in FITS else observer.answer(call)


def _wrapped(name: str, original: Any) -> Any:
    # A class of `__main__` is sent to worker processes with its functions by value. So this one
    # holds nothing but what can be sent: a function of this module, and the original.
    @functools.wraps(original)
    def observed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return observed_call(name, original, self, args, kwargs)

    return observed


_CODE = _wrapped("", object).__code__  # by which a function of ours is known

# The classes that were looked at. What they had before hangs on what they have now: kept here, it
# would keep the classes alive.
_classes: WeakSet[type] = WeakSet()


def _in_place_of(name: str, there: Any) -> Any:
    """Return what observes the method `there`; None if it is something else."""
    if isinstance(there, FunctionType):
        return _wrapped(name, there)
    if hasattr(there, "fn") and hasattr(there, "check"):  # a method there under a condition
        ours = copy.copy(there)
        ours.fn = _wrapped(name, there.fn)
        ours.replaced = there
        return ours
    return None


def _before(here: Any) -> Any:
    """Return what was there before an object of ours; None for any other.

    A wrapper that was itself wrapped meanwhile stays where it is and passes calls on.
    """
    if getattr(here, "__code__", None) is _CODE:
        return here.__wrapped__
    return getattr(here, "replaced", None)


def _observe_class(cls: type) -> None:
    for owner in cls.__mro__[:-1]:
        if owner in _classes:
            continue
        _classes.add(owner)
        for name in METHODS:
            ours = _in_place_of(name, vars(owner).get(name))
            if ours is not None:
                setattr(owner, name, ours)


def _give_classes_back() -> None:
    for owner in list(_classes):
        for name in METHODS:
            before = _before(vars(owner).get(name))
            if before is not None:
                setattr(owner, name, before)
    _classes.clear()


def _below(cls: Any) -> Iterator[Any]:
    for below in cls.__subclasses__():
        yield below
        yield from _below(below)


def _observe_estimators(module: ModuleType) -> None:
    base: Any = module.BaseEstimator

    def also_later(cls: Any, /, **kwargs: Any) -> None:
        super(base, cls).__init_subclass__(**kwargs)
        _observe_class(cls)

    if "__init_subclass__" not in vars(base):
        base.__init_subclass__ = classmethod(also_later)
    for mixin in vars(module).values():  # they define fit_transform, fit_predict and score
        if isinstance(mixin, type) and mixin.__module__ == module.__name__:
            _observe_class(mixin)
    for cls in _below(base):
        _observe_class(cls)


def _give_estimators_back(module: ModuleType) -> None:
    base: Any = module.BaseEstimator
    if getattr(vars(base).get("__init_subclass__"), "__module__", "") == __name__:
        del base.__init_subclass__
    _give_classes_back()


# -- the functions of sklearn.metrics ------------------------------------------------------------


class ObservedMetric:
    """A function of `sklearn.metrics` whose calls are seen; it is pickled as the function."""

    def __init__(self, original: FunctionType) -> None:
        functools.update_wrapper(self, original)
        self._original = original

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns."""
        observer = _Seen.observer
        if observer is None or callers.inside() or callers.calls_from_library():
            return self._original(*args, **kwargs)
        return observer.metric(self._original.__name__, self._original, args, kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return copy.copy, (self._original,)  # the copy of a function is that function

    def __deepcopy__(self, memo: Any) -> ObservedMetric:
        return self


# Where metrics were replaced: the variables of a module, the name, what is there now.
_replaced: list[tuple[dict[str, Any], str, ObservedMetric]] = []


def _observe_metrics(module: ModuleType) -> None:
    if any(variables is vars(module) for variables, _, _ in _replaced):
        return
    for name in module.__all__:
        there = getattr(module, name)
        if isinstance(there, FunctionType) and not name.startswith(("make_", "get_", "check_")):
            ours = ObservedMetric(there)
            setattr(module, name, ours)
            _replaced.append((vars(module), name, ours))


def observe_imported_metrics(variables: dict[str, Any]) -> None:
    """Observe the metrics that a script imported before; `variables` are its globals."""
    originals = {id(ours._original): ours for _, _, ours in _replaced}  # noqa: SLF001
    for name, held in list(variables.items()):
        ours = originals.get(id(held))
        if ours is not None:
            variables[name] = ours
            _replaced.append((variables, name, ours))


def _give_metrics_back() -> None:
    while _replaced:
        variables, name, ours = _replaced.pop()
        if variables.get(name) is ours:
            variables[name] = ours._original  # noqa: SLF001


# -- now, or when it is imported -----------------------------------------------------------------

_ACTIONS = {"sklearn.base": _observe_estimators, "sklearn.metrics": _observe_metrics}


class _AtImport(MetaPathFinder):
    """Changes modules of scikit-learn right after they were imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that is waited for."""
        if fullname not in _ACTIONS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            self._act_after(spec.loader, _ACTIONS[fullname])
        return spec

    @staticmethod
    def _act_after(loader: Any, action: Callable[[ModuleType], None]) -> None:
        execute = loader.exec_module

        def execute_and_act(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            if _Seen.observer is not None:
                action(module)

        loader.exec_module = execute_and_act


_at_import = _AtImport()


def observe_by(observer: Observer | None) -> None:
    """Have `observer` see the calls from now on; with None everything is as it was before."""
    _Seen.observer = observer
    if observer is None:
        if _at_import in sys.meta_path:
            sys.meta_path.remove(_at_import)
        if (base := sys.modules.get("sklearn.base")) is not None:
            _give_estimators_back(base)
        _give_metrics_back()
        return
    if _at_import not in sys.meta_path:
        sys.meta_path.insert(0, _at_import)
    for name, action in _ACTIONS.items():
        if (module := sys.modules.get(name)) is not None:
            action(module)
