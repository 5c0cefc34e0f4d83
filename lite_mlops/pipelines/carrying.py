"""Carrying steps out: a function in this process or in a worker's, a command as a child process.

carrying.here(step, made)                   # the object that holds what a function returned
carrying.in_worker(busy, made, held)        # the same, as a future
carrying.command(busy, held)                # the exit code
carrying.stop([busy])
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_mlops.pipelines.alone import Held
from lite_mlops.pipelines.cache import Result
from lite_mlops.pipelines.commands import Command, shell_words, with_our_python
from lite_mlops.pipelines.deciding import Decision
from lite_mlops.pipelines.outputs import Aside, keep_value, kept_value
from lite_mlops.pipelines.steps import Later, Step
from lite_mlops.settings import Settings, environment_for_child
from lite_mlops.store import Store, kept_store
from lite_mlops.tracking import ActiveRun, context

_INTERRUPTED = 130

Tell = Callable[[str, str], None]  # of which step, and what


@dataclass
class Underway:
    """A step that is going on."""

    step: Step
    decision: Decision
    run: ActiveRun
    aside: Aside
    cleanup: ExitStack
    output: Path
    began: float


class Carrying:
    """Carries the steps of a pipeline out, up to `jobs` of them side by side.

    Args:
        store: The project.
        root: The folder that commands run below.
        jobs: How many steps run side by side.
        tell: Called with each line that a command prints.
    """

    def __init__(self, store: Store, root: Path, *, jobs: int, tell: Tell) -> None:
        self._store, self._root, self._jobs, self._tell = store, root, jobs, tell
        self._commands: set[Command] = set()
        self._mutex = threading.Lock()
        self._stopping = False

    def here(self, step: Step, made: Mapping[str, Result]) -> dict[str, Any]:
        """Carry a function out in this process; return the object that holds its value."""
        return _value_of(step, made, self._store)

    def in_worker(self, busy: Underway, made: Mapping[str, Result], held: Held) -> Future[Any]:
        """Have a worker process carry a function out."""
        store, step = self._store, busy.step
        needed = {later.step: made[later.step] for later in step.laters.values()}
        future: Future[Any] = _workers(self._jobs).submit(
            _in_worker,
            step,
            needed,
            busy.run,
            store.layout.folder,
            store.settings,
            held,
            Path.cwd(),
        )
        return future

    def command(self, busy: Underway, held: Held) -> int:
        """Carry a command out and return its exit code."""
        step = busy.step
        assert step.command is not None
        environment = with_our_python(environment_for_child(self._store.layout.folder, busy.run.id))
        with held.at_work() as descriptor, self._mutex:
            if self._stopping:
                return _INTERRUPTED
            command = Command(
                shell_words(step.command),
                self._root / step.folder,
                environment,
                busy.output,
                show=lambda line: self._tell(step.name, f"| {line}"),
                held=descriptor,
            )
            self._commands.add(command)
        try:
            return command.wait()
        finally:
            with self._mutex:
                self._commands.discard(command)

    def stop(self, steps: Iterable[Underway]) -> None:
        """End everything that goes on."""
        with self._mutex:
            self._stopping = True
            commands = [*self._commands]
        for command in commands:
            command.stop()
        if any(busy.step.function is not None for busy in steps):
            _workers(self._jobs).shutdown(kill_workers=True)


def arguments_of(step: Step, made: Mapping[str, Result], store: Store) -> dict[str, Any]:
    """Return the arguments of a step, with the values of other steps in their places.

    Each is loaded anew, so that no step sees what another one did to a value.
    """
    values: dict[str, Any] = {}
    found = {}
    for name, argument in step.arguments.items():
        if isinstance(argument, Later):
            if argument.step not in values:
                values[argument.step] = kept_value(store, made[argument.step])
            argument = argument.of(values[argument.step])
        found[name] = argument
    return found


def _value_of(step: Step, made: Mapping[str, Result], store: Store) -> dict[str, Any]:
    assert step.function is not None
    return keep_value(store, step.name, step.function(**arguments_of(step, made, store)))


def _workers(jobs: int) -> Any:
    from joblib.externals.loky import get_reusable_executor  # slow to load, and rarely needed

    return get_reusable_executor(max_workers=jobs)


def _in_worker(
    step: Step,
    made: Mapping[str, Result],
    run: ActiveRun,
    folder: Path,
    settings: Settings,
    held: Held,
    at: Path,
) -> dict[str, Any]:
    """Carry a function out in a worker process; return the object that holds its value."""
    os.chdir(at)  # workers are used again, and the caller may have moved since
    store = kept_store(folder, settings)
    run.around = True
    with held.at_work():
        context.enter(run)
        try:
            return _value_of(step, made, store)
        finally:
            run.end()
