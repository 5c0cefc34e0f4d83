"""Pipelines in plain Python: functions become steps, and a function that calls them a pipeline.

    @lm.step
    def load(path: Path) -> pd.DataFrame: ...

    @lm.step(outputs=["model.joblib"])
    def train(frame, depth): ...

    @lm.pipeline
    def churn(path=Path("raw.csv"), depth=3):
        return train(load(path), depth)

    churn(depth=5)           # runs what has to run, and returns the value of the last step
    churn.status()           # why each step would run
    train(frame, 3)          # outside of a pipeline a step is the function that it was

While a pipeline is laid out, calling a step returns what stands for its value; it can be passed to
other steps, indexed and, where the step says how many values it returns, unpacked. A `Path` that is
passed counts by the content of what lies there. Paths are relative to the working directory.

A function counts by its source and by what it reaches by name in modules of the user, the values of
globals with it; a value counts as a whole, by the bytes that it is kept as.
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, TypeVar, cast, overload

from lite_mlops.errors import Invalid
from lite_mlops.pipelines.steps import Graph, Later, Step, checked_place
from lite_mlops.pipelines.tables import filled
from lite_mlops.tracking.keys import checked_name

if TYPE_CHECKING:
    from lite_mlops.pipelines.outcome import PipelineRun, StepStatus
    from lite_mlops.pipelines.pipelines import Pipelines

Function = Callable[..., Any]
P = ParamSpec("P")
R = TypeVar("R")


class _Plan:
    """The steps that were called while a pipeline is laid out."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}

    def add(self, step: Step) -> None:
        self.steps[step.name] = step

    def free_name(self, name: str) -> str:
        number, free = 1, name
        while free in self.steps:
            number += 1
            free = f"{name} {number}"
        return free


_plan: ContextVar[_Plan | None] = ContextVar("lite_mlops_plan", default=None)


class Value:
    """What stands for the value of a step while a pipeline is laid out."""

    def __init__(self, later: Later, count: int | None = None) -> None:
        self._later = later
        self._count = count

    def __repr__(self) -> str:
        parts = "".join(f"[{part!r}]" for part in self._later.parts)
        return f"<the value of step {self._later.step!r}{parts}, yet to be made>"

    def __getitem__(self, part: Any) -> Value:
        return Value(Later(self._later.step, (*self._later.parts, part)))

    def __iter__(self) -> Iterator[Value]:
        if self._count is None:
            self._refuse("unpack")
        return (self[place] for place in range(self._count))

    def __bool__(self) -> bool:
        self._refuse("decide on")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse(f"ask for the {name} of")

    def _refuse(self, what: str) -> NoReturn:
        hint = (
            "Say how many values the step returns: @step(returns=2), or annotate it with a tuple."
            if what == "unpack"
            else "Do that inside of a step."
        )
        raise Invalid(
            f"A pipeline cannot {what} the value of step {self._later.step!r}: it is not there "
            f"while the pipeline is laid out. {hint}"
        )


def _later(value: Any) -> Any:
    """Return an argument as a step keeps it."""
    if isinstance(value, Value):
        return value._later  # noqa: SLF001  of this file
    if isinstance(value, list | tuple | set | dict):
        inner = value.values() if isinstance(value, dict) else value
        if any(isinstance(one, Value) for one in inner):
            raise Invalid(
                "Pass the values of steps as arguments of their own, not inside of a list or dict."
            )
    return value


class StepFunction(Generic[P, R]):
    """A function that is a step of the pipelines that call it, and itself everywhere else."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        returns: int | None = None,
        always: bool = False,
    ) -> None:
        functools.update_wrapper(self, function)
        self.__lite_mlops_function__: Function = function
        self.name = checked_name(name or function.__name__, "step name")
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._returns = returns if returns is not None else _count_of(function)
        self._always = always
        self._signature = inspect.signature(function)

    def __repr__(self) -> str:
        return f"<step {self.name!r}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; within a pipeline, return what stands for its value instead."""
        plan = _plan.get()
        if plan is None:
            return cast("R", self.__lite_mlops_function__(*args, **kwargs))
        step = self._step(plan, args, kwargs)
        plan.add(step)
        return cast("R", Value(Later(step.name), self._returns))

    def _step(self, plan: _Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise Invalid(f"Step {self.name!r} cannot be called like this: {error}.") from None
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = self._signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                arguments |= {key: _later(one) for key, one in value.items()}
            elif kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
                if value not in ((), inspect.Parameter.empty):
                    raise Invalid(
                        f"Step {self.name!r} takes arguments without names, which cannot be told "
                        "apart later; give each a name."
                    )
            else:
                arguments[name] = _later(value)
        plain = {name: one for name, one in arguments.items() if not isinstance(one, Later)}
        where = f"step {self.name!r}"
        inputs, outputs = (
            tuple(checked_place(filled(path, plain, quote=False), where) for path in paths)
            for paths in (self._inputs, self._outputs)
        )
        return Step(
            name=plan.free_name(self.name),
            function=self.__lite_mlops_function__,
            arguments=arguments,
            inputs=(*inputs, *_paths_among(plain, {*inputs, *outputs})),
            outputs=outputs,
            always=self._always,
        )


def _paths_among(plain: Mapping[str, Any], told: set[str]) -> tuple[str, ...]:
    """Return the paths among arguments, which count by their content unless they are outputs."""
    found = []
    for name, value in plain.items():
        if isinstance(value, os.PathLike):
            path = checked_place(_from_here(value), f"argument {name}")
            if path not in told and path not in found:
                found.append(path)
    return tuple(found)


def _from_here(path: os.PathLike[Any]) -> str:
    """Return a path as it is kept: from the working directory if it lies below that."""
    text, here = os.fsdecode(path), os.getcwd()
    inside = os.path.isabs(text) and os.path.commonpath([here, text]) == here
    return os.path.relpath(text, here) if inside else text


def _count_of(function: Function) -> int | None:
    """Return how many values a function returns by its annotation, `tuple[A, B]`; None: unknown."""
    annotation = getattr(function, "__annotations__", {}).get("return")
    text = annotation if isinstance(annotation, str) else repr(annotation)
    if not text.lower().startswith(("tuple[", "typing.tuple[")):
        return None
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:  # the repr of a class whose name is no expression
        return len(getattr(annotation, "__args__", ())) or None
    inner = node.slice if isinstance(node, ast.Subscript) else None
    if not isinstance(inner, ast.Tuple):
        return None
    open_ended = any(isinstance(one, ast.Constant) and one.value is ... for one in inner.elts)
    return None if open_ended else len(inner.elts)


@overload
def step(function: Callable[P, R], /) -> StepFunction[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    returns: int | None = None,
    always: bool = False,
) -> Callable[[Callable[P, R]], StepFunction[P, R]]: ...


def step(function: Function | None = None, /, **options: Any) -> Any:
    """Make a function a step of the pipelines that call it.

    Args:
        function: The function, where the decorator has no options.
        options: `name`, if it is not that of the function. `inputs` and `outputs`: paths of files
            or folders that it reads and makes; `{day}` in one is the argument of that name.
            `returns`: how many values it returns, so that they can be unpacked. `always`: it runs
            even if nothing changed.

    Raises:
        Invalid: the name cannot be used.
    """
    if function is None:
        return lambda one: StepFunction(one, **options)
    return StepFunction(function)


class PipelineFunction(Generic[P, R]):
    """A function that lays out a pipeline; calling it runs the pipeline."""

    def __init__(
        self,
        function: Callable[P, R],
        pipelines: Callable[[], Pipelines],
        *,
        name: str | None = None,
    ) -> None:
        functools.update_wrapper(self, function)
        self.__lite_mlops_function__: Function = function
        self.name = checked_name(name or function.__name__, "pipeline name")
        self._pipelines = pipelines
        self._signature = inspect.signature(function)

    def __repr__(self) -> str:
        return f"<pipeline {self.name!r}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what has to run, and return what the function returns, made of the steps' values.

        Inside of another pipeline, its steps become steps of that.

        Raises:
            StepFailed: a step did not end well.
            Invalid: it is laid out in a way that cannot be.
        """
        if _plan.get() is not None:
            return cast("R", self.__lite_mlops_function__(*args, **kwargs))
        return cast("R", self._pipelines().call(self, self._bound(args, kwargs)))

    def run(
        self,
        params: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        jobs: int | None = None,
    ) -> PipelineRun:
        """Run what has to run, and return what became of each step; see `Pipelines.run`."""
        return self._pipelines().run(self, params=params, force=force, jobs=jobs)

    def status(self, params: Mapping[str, Any] | None = None) -> list[StepStatus]:
        """Return why each step would run, or that it would not."""
        return self._pipelines().status(self, params=params)

    def graph(self, params: Mapping[str, Any] | None = None) -> Graph:
        """Return the steps that it calls and how they hang together. Raises `Invalid`."""
        return self.layout(self._bound((), dict(params or {})))[0]

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise Invalid(f"Pipeline {self.name!r} cannot be run like this: {error}.") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def layout(self, params: Mapping[str, Any]) -> tuple[Graph, Any]:
        """Return the steps that it calls, and what it returns in terms of their values.

        Raises:
            Invalid: it does with the value of a step what cannot be done yet.
        """
        plan = _Plan()
        with _laid_out(plan):
            returned = self.__lite_mlops_function__(**params)
        return Graph(self.name, Path.cwd(), plan.steps.values()), returned


def resolved(returned: Any, value_of: Callable[[str], Any]) -> Any:
    """Return what a pipeline returns, with values in the place of what stood for them."""
    if isinstance(returned, Value):
        later = _later(returned)
        return later.of(value_of(later.step))
    if isinstance(returned, dict):
        return {key: resolved(one, value_of) for key, one in returned.items()}
    if isinstance(returned, list | tuple):
        return type(returned)(resolved(one, value_of) for one in returned)
    return returned


@contextmanager
def _laid_out(plan: _Plan) -> Iterator[None]:
    token = _plan.set(plan)
    try:
        yield
    finally:
        _plan.reset(token)
