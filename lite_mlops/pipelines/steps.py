"""Steps and how they hang together: what each is, and which one stands on which.

    graph = Graph("pipeline", root, [clean, train])
    graph.upstream("train")     # {"clean"}: it makes what train reads
    graph.order(["train"])      # ["clean", "train"]

A step stands on another one if it reads what that makes, takes its value, or comes `after` it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any

from lite_mlops.errors import Invalid, NotFound, suggestion

_GLOB = frozenset("*?[")


@dataclass(frozen=True)
class ParamFile:
    """Values of a file of params (YAML, JSON or TOML) that count for a step."""

    path: str
    keys: tuple[str, ...] = ()  # dotted; none: the whole file


@dataclass(frozen=True)
class Later:
    """The value of a step that is yet to run, or a part of it."""

    step: str
    parts: tuple[Any, ...] = ()  # [0]["train"] has the parts 0 and "train"

    def of(self, value: Any) -> Any:
        """Return what is meant of the value of the step."""
        for part in self.parts:
            value = value[part]
        return value


@dataclass(frozen=True)
class Step:
    """One step: a command or a function, what it reads, makes and depends on.

    Paths are relative to the root of the graph, with slashes.
    """

    name: str
    command: str | tuple[str, ...] | None = None  # a line for the shell, or words
    written: str | tuple[str, ...] | None = None  # the command, with the names of params in it
    function: Callable[..., Any] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)  # values and `Later` ones, by name
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()  # those of its outputs whose numbers are metrics of its run
    params: Mapping[str, Any] = field(default_factory=dict)
    param_files: tuple[ParamFile, ...] = ()
    after: tuple[str, ...] = ()
    folder: str = ""  # where the command runs, below the root
    always: bool = False  # it runs even if nothing changed

    @property
    def laters(self) -> dict[str, Later]:
        """Its arguments that are values of other steps."""
        return {name: one for name, one in self.arguments.items() if isinstance(one, Later)}

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON can hold it."""
        what = self.command if self.command is not None else _name_of(self.function)
        return {
            "name": self.name,
            "runs": list(what) if isinstance(what, tuple) else what,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "params": dict(self.params),
            "after": list(self.after),
        }


def _name_of(function: Callable[..., Any] | None) -> str:
    module = getattr(function, "__module__", "")
    return f"{module}.{getattr(function, '__qualname__', function)}"


def checked_place(path: str, what: str) -> str:
    """Return a path as it is kept: with slashes, and without detours.

    Raises:
        Invalid: it is empty.
    """
    if not path.strip() or "\0" in path:
        raise Invalid(f"{what}: {path!r} is no path.")
    plain = PurePosixPath(path.replace("\\", "/"))
    parts: list[str] = []
    for part in plain.parts:
        if part == ".." and parts and parts[-1] not in ("..", "/"):
            parts.pop()
        else:
            parts.append(part)
    return str(PurePosixPath(*parts))


def is_pattern(path: str) -> bool:
    """Return whether a path stands for several files."""
    return not _GLOB.isdisjoint(path)


def pattern_folder(pattern: str) -> str:
    """Return the folder that a pattern looks into."""
    parts = PurePosixPath(pattern).parts
    first = next(place for place, part in enumerate(parts) if is_pattern(part))
    return str(PurePosixPath(*parts[:first]))


class Graph:
    """The steps of one pipeline.

    Raises:
        Invalid: two steps have one name, make the same file, or wait for each other; or one comes
            after a step that there is not.
    """

    def __init__(self, name: str, root: Path, steps: Iterable[Step]) -> None:
        self.name = name
        self.root = root
        self.steps: dict[str, Step] = {}
        for step in steps:
            if step.name in self.steps:
                raise Invalid(f"Two steps have the name {step.name!r}; give one of them another.")
            self.steps[step.name] = step
        self._check_outputs()
        self._upstream = {name: self._stands_on(step) for name, step in self.steps.items()}
        try:
            self._order = list(TopologicalSorter(self._upstream).static_order())
        except CycleError as error:
            circle = " -> ".join(reversed(error.args[1]))
            raise Invalid(f"Steps wait for each other in a circle: {circle}.") from None

    def _check_outputs(self) -> None:
        for output, (maker, *others) in self._makers.items():
            if others:
                raise Invalid(f"Both steps {maker!r} and {others[0]!r} make {output}.")
            for parent in PurePosixPath(output).parents:
                for other in self._makers.get(str(parent), ()):
                    raise Invalid(
                        f"Step {maker!r} makes {output}, which lies in {parent}, which step "
                        f"{other!r} makes."
                    )

    @cached_property
    def _makers(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for step in self.steps.values():
            for output in step.outputs:
                found.setdefault(output, []).append(step.name)
        return found

    def _stands_on(self, step: Step) -> set[str]:
        found = {later.step for later in step.laters.values()}
        for name in step.after:
            if name not in self.steps:
                near = suggestion(name, self.steps)
                raise Invalid(f"Step {step.name!r} comes after {name!r}, which is no step.{near}")
            found.add(name)
        read = (*step.inputs, *(one.path for one in step.param_files))
        for path in read:
            makers = self.makers_of(path)
            if step.name in makers:
                raise Invalid(
                    f"Step {step.name!r} makes what it reads: {path}. Let it write elsewhere."
                )
            found.update(makers)
        return found

    def makers_of(self, path: str) -> set[str]:
        """Return the steps that make an input, a part of it, or the folder that it lies in.

        A pattern has to do with the outputs that it matches, and with those that are the folder
        it looks into or above it.
        """
        return {self._makers[output][0] for output in self._outputs_in(path)}

    def _outputs_in(self, path: str) -> set[str]:
        if is_pattern(path):
            solid = pattern_folder(path)
            below = self._below.get(solid, set()) if solid != "." else {*self._makers}
            found = {output for output in below if fnmatchcase(output, path)}
            return found | self._around(solid)
        return self._below.get(path, set()) | self._around(path)

    def _around(self, path: str) -> set[str]:
        places = (path, *map(str, PurePosixPath(path).parents))
        return {place for place in places if place in self._makers}

    @cached_property
    def _below(self) -> dict[str, set[str]]:
        """The outputs that lie below each folder."""
        found: dict[str, set[str]] = {}
        for output in self._makers:
            for parent in PurePosixPath(output).parents:
                found.setdefault(str(parent), set()).add(output)
        return found

    # -- questions ------------------------------------------------------------------------------

    def upstream(self, name: str) -> set[str]:
        """Return the steps that a step stands on directly."""
        return self._upstream[name]

    def edges(self) -> list[tuple[str, str, str]]:
        """Return every pair of steps of which one stands on the other, and by what."""
        return [
            (above, name, self._link(self.steps[above], self.steps[name]))
            for name in self._order
            for above in sorted(self._upstream[name])
        ]

    def _link(self, above: Step, below: Step) -> str:
        made = {*above.outputs}
        files = {one for path in below.inputs for one in self._outputs_in(path) if one in made}
        values = [name for name, later in below.laters.items() if later.step == above.name]
        return ", ".join([*sorted(files), *values]) or "after"

    def order(self, targets: Iterable[str] = ()) -> list[str]:
        """Return the steps in an order in which they can run: targets and what they stand on.

        Without targets, all steps.

        Raises:
            NotFound: a target is no step.
        """
        wanted, waiting = set[str](), list(targets)
        if not waiting:
            return [*self._order]
        while waiting:
            name = waiting.pop()
            if name not in self.steps:
                known = ", ".join(self.steps) or "none"
                raise NotFound(
                    f"There is no step {name!r}.{suggestion(name, self.steps)} The steps are: "
                    f"{known}."
                )
            if name not in wanted:
                wanted.add(name)
                waiting += self._upstream[name]
        return [name for name in self._order if name in wanted]

    def layers(self) -> list[list[str]]:
        """Return the steps by layer: each stands only on steps of layers before its own."""
        depth: dict[str, int] = {}
        for name in self._order:
            depth[name] = 1 + max((depth[above] for above in self._upstream[name]), default=-1)
        found: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
        for name, place in depth.items():
            found[place].append(name)
        return found

    def to_text(self, states: Mapping[str, str] | None = None) -> str:
        """Return each step below those that it stands on; `states` says how some of them stand."""
        from lite_mlops.pipelines.picture import as_text

        return as_text(self, states or {})

    def to_svg(self, states: Mapping[str, str] | None = None) -> str:
        """Return a picture that needs nothing from elsewhere."""
        from lite_mlops.pipelines.picture import as_svg

        return as_svg(self, states or {})

    def _repr_html_(self) -> str:
        return self.to_svg()

    def to_dict(self) -> dict[str, Any]:
        """Return the steps and their links as JSON can hold them."""
        links = [dict(zip(("source", "target", "by"), edge, strict=True)) for edge in self.edges()]
        return {
            "pipeline": self.name,
            "steps": [self.steps[name].to_dict() for name in self._order],
            "edges": links,
        }
