"""Sweeping: trials side by side, each a run below that of the sweep; one cut short goes on.

    found = project.sweeping.sweep(fit, {"depth": "2..8", "rate": [0.1, 0.01]}, metric="loss")
    found.best.params

joblib carries functions out, so its backends decide where: worker processes here by default, or
what `joblib.parallel_config` or `backend` names, such as Ray or Dask where they are installed. What
was done is found in the runs themselves: the same sweep that is started again goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from lite_mlops.errors import Conflict, Invalid
from lite_mlops.pipelines.code import function_code
from lite_mlops.pipelines.commands import Command
from lite_mlops.pipelines.interrupting import terminable, uninterrupted
from lite_mlops.pipelines.sweeps.backends import ready, workers
from lite_mlops.pipelines.sweeps.bar import shown_bar
from lite_mlops.pipelines.sweeps.carrying import (
    TAG_SWEEP,
    TAG_TRIAL,
    CameTo,
    Work,
    carry_trial_out,
)
from lite_mlops.pipelines.sweeps.optuna import Chooser
from lite_mlops.pipelines.sweeps.space import Choice, Space, grid, random_points, space_of
from lite_mlops.pipelines.sweeps.trials import Sweep, Trial
from lite_mlops.pipelines.tables import parsed_value, text_of
from lite_mlops.store import Store
from lite_mlops.tracking import ActiveRun, Runs, Starter, context, ending_for
from lite_mlops.tracking.keys import checked_name

Method = Literal["grid", "random", "optuna"]
METHODS: tuple[Method, ...] = ("grid", "random", "optuna")
Progress = Callable[[Trial, int, int], None]  # a trial that has ended, how many have, of how many
_HERE = ("loky", "threading", "multiprocessing", "sequential")


def _silent(trial: Trial, done: int, total: int) -> None:
    """Tell nobody."""


class Sweeping:
    """Runs sweeps in a project."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = Runs(store)

    def sweep(
        self,
        target: Callable[..., Any] | Sequence[str],
        params: Mapping[str, Any],
        *,
        metric: str = "value",
        minimize: bool = False,
        trials: int | None = None,
        method: str | None = None,
        jobs: int | None = None,
        backend: str | None = None,
        seed: int = 0,
        name: str | None = None,
        fresh: bool = False,
        progress: Progress | None = None,
    ) -> Sweep:
        """Run a function or a command with many params; return all trials.

        Args:
            target: A function, called with the params by name; it returns a number, metrics by
                name, or logs them. Or a command in words, which gets params in the place of
                `{name}` or behind it as `--name value`, and logs.
            params: For each param its values: a list, a range, a text such as '2..8' or
                '1e-4..1e-1 log', or one value.
            metric: What trials are judged by.
            minimize: Whether less of it is better.
            trials: How many; default: the whole grid.
            method: 'grid', 'random', or 'optuna' where that is installed; default: the grid if it
                has no more points than `trials`, else at random.
            jobs: Trials side by side; default: what joblib is configured to, or 1.
            backend: Where they run, as joblib names it, such as 'loky', or 'ray' and 'dask' where
                they are installed; default: what joblib is configured to.
            seed: Chooses the same points again.
            name: Of the sweep; default: that of the function or script.
            fresh: Begin anew, even if the same sweep was begun before.
            progress: Called with each trial that has ended, how many have, and of how many;
                default: a bar, where there is a terminal.

        Raises:
            Invalid: a name, a param or an option cannot be used.
            NotFound: Optuna is not installed, and was asked for.
        """
        space = space_of(params)
        method, count = chosen_method(space, method, trials)
        name = checked_name(name or _name_of(target), "sweep name")
        metric = checked_name(metric, "metric name")
        sweep = _identity(target, space, method, metric, seed, minimize=minimize)
        run, before = self._begun(name, sweep, space, metric, fresh=fresh)
        work = Work(
            folder=self._store.layout.folder,
            settings=self._store.settings,
            target=target if callable(target) else tuple(target),
            experiment=run.experiment,
            parent=run.id,
            sweep=sweep,
            metric=metric,
            at=Path.cwd(),
            caller=os.getpid(),
        )
        try:
            with terminable(), shown_bar(metric, minimize=minimize) as bar:
                board = _Board(before, count, progress or bar or _silent)
                points = self._points(space, method, count, seed, board, minimize=minimize)
                _carry_out(work, points, board, jobs, backend)
            found = Sweep(run.id, metric, minimize, tuple(board.trials()))
            self._conclude(run, found)
        except BaseException as error:
            run.end(ending_for(error))
            raise
        run.end()
        return found

    def _points(
        self, space: Space, method: str, count: int, seed: int, board: _Board, *, minimize: bool
    ) -> _Points:
        if method == "optuna":
            chooser = Chooser(space, minimize=minimize, seed=seed, before=board.trials())
            return _Points(board, chooser=chooser)
        every = grid(space) if method == "grid" else random_points(space, seed)
        return _Points(board, [point for point, _ in zip(every, range(count), strict=False)])

    # -- what was done before -------------------------------------------------------------------

    def _begun(
        self, name: str, sweep: str, space: Space, metric: str, *, fresh: bool
    ) -> tuple[ActiveRun, list[Trial]]:
        """Start the run of a sweep, or resume it with the trials that it has."""
        starter = Starter(self._store)
        found = [] if fresh or not self._store.layout.folder.is_dir() else self._found(sweep)
        if found:
            run = starter.resume(found[0])
            if run.joined:
                run.end()
                raise Conflict(
                    f"This sweep is going on, as run {run.id}; --fresh begins another one."
                )
            return run, self._trials(run.id, space, metric)
        outer = context.active()
        run = starter.start(
            name,
            name,
            parent=None if outer is None else outer.id,
            params={key: one.to_text()[:1000] for key, one in space.items()},
            tags={TAG_SWEEP: sweep},
        )
        return run, []

    def _found(self, sweep: str) -> list[str]:
        page = self._runs.search(
            f"tags.{TAG_SWEEP} = '{sweep}' AND tags.{TAG_TRIAL} IS NULL", max_results=1
        )
        return [run.id for run in page]

    def _trials(self, parent: str, space: Space, metric: str) -> list[Trial]:
        """Return the trials of a sweep that have ended well, by their numbers."""
        found: dict[int, Trial] = {}
        skip, size = 0, 1000
        while page := self._runs.page(parent=parent, skip=skip, count=size):
            for run in page:
                number = run.tags.get(TAG_TRIAL, "")
                found_metric = run.metrics.get(metric)
                if run.status == "finished" and number.isdigit() and found_metric is not None:
                    params = {key: _read_back(run.params.get(key, ""), space[key]) for key in space}
                    value = found_metric.value
                    trial = Trial(int(number), params, run.id, run.status, value)
                    found.setdefault(trial.number, trial)
            skip += size
        return [found[number] for number in sorted(found)]

    @staticmethod
    def _conclude(run: ActiveRun, found: Sweep) -> None:
        run.log_dict(found.to_dict(), "sweep.json")
        best = found.best
        if best is not None and best.value is not None:
            run.set_tags({"best_run": best.run_id, "best_params": json.dumps(dict(best.params))})
            run.log_metric(f"best_{found.metric}", best.value)


def chosen_method(space: Space, method: str | None, trials: int | None) -> tuple[str, int]:
    """Return how points are chosen, and how many. Raises `Invalid`."""
    if method is not None and method not in METHODS:
        raise Invalid(f"The method of a sweep is {', '.join(METHODS)}; {method!r} is none of them.")
    if trials is not None and trials < 1:
        raise Invalid(f"A sweep has at least one trial; {trials} are less.")
    if method in ("random", "optuna"):
        if trials is None:
            raise Invalid(f"A {method} search goes on for ever: say how many trials.")
        return method, trials
    try:
        points = len(grid(space))
    except Invalid:
        if method == "grid" or trials is None:
            raise
        return "random", trials
    if method is None and trials is not None and trials < points:
        return "random", trials
    return "grid", points if trials is None else min(trials, points)


def _name_of(target: Callable[..., Any] | Sequence[str]) -> str:
    if callable(target):
        return str(getattr(target, "__name__", type(target).__name__))
    return Path(next((word for word in target if word.endswith(".py")), target[0])).stem


def _identity(
    target: Callable[..., Any] | Sequence[str], space: Space, method: str, metric: str, seed: int,
    *, minimize: bool,
) -> str:  # fmt: skip
    """Return what makes two starts the same sweep: not how many trials, nor where they run."""
    if callable(target):
        what: Any = [_name_of(target), sorted(function_code(target).items())]
    else:
        own = [word for word in target if word != sys.executable]
        files = [Path(word) for word in own if Path(word).is_file()]
        what = [*own, *(hashlib.sha256(one.read_bytes()).hexdigest() for one in files)]
    parts = [what, [[name, one.to_text()] for name, one in sorted(space.items())]]
    text = json.dumps([parts, method, metric, seed, minimize])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_back(text: str, dimension: Any) -> Any:
    """Return the value of a param from the text that was recorded of it."""
    if isinstance(dimension, Choice):
        return next((value for value in dimension.values if text_of(value) == text), text)
    return parsed_value(text)


# -- carrying out -------------------------------------------------------------------------------


class _Board:
    """The trials that have ended, and how many there are to be."""

    def __init__(self, before: Sequence[Trial], total: int, progress: Progress) -> None:
        self._found = {trial.number: trial for trial in before}
        self.total = total
        self._progress = progress

    def missing(self) -> list[int]:
        """Return the numbers of the trials that are yet to be run."""
        return [number for number in range(self.total) if number not in self._found]

    def trials(self) -> list[Trial]:
        """Return the trials that have ended, by their numbers."""
        return [self._found[number] for number in sorted(self._found) if number < self.total]

    def add(self, trial: Trial) -> None:
        """Take in a trial that has ended."""
        self._found[trial.number] = trial
        self._progress(trial, len(self._found), self.total)


class _Points:
    """The params of each trial: known before, or chosen when they are needed."""

    def __init__(
        self,
        board: _Board,
        points: Sequence[dict[str, Any]] = (),
        chooser: Chooser | None = None,
    ) -> None:
        self._board, self._points, self._chooser = board, points, chooser
        self.asked: dict[int, dict[str, Any]] = {}

    def rounds(self, jobs: int, most: int | None) -> Iterator[list[int]]:
        """Yield the numbers of trials to run together: all, or as many as learn from the others.

        At most `most` at a time; None: any number.
        """
        missing = self._board.missing()
        size = (most or len(missing)) if self._chooser is None else max(jobs, 1)
        for start in range(0, len(missing), max(size, 1)):
            yield missing[start : start + size]

    def ask(self, number: int) -> dict[str, Any]:
        """Return the params of a trial."""
        point = self._points[number] if self._chooser is None else self._chooser.ask(number)
        self.asked[number] = point
        return point

    def ended(self, came_to: CameTo) -> None:
        """Take in what a trial came to."""
        if self._chooser is not None:
            self._chooser.tell(came_to.number, came_to.value)
        params = self.asked.pop(came_to.number)
        trial = Trial(came_to.number, params, came_to.run_id, came_to.status, came_to.value)
        self._board.add(trial)


def _carry_out(
    work: Work, points: _Points, board: _Board, jobs: int | None, backend: str | None
) -> None:
    """Run all trials that are missing, side by side where joblib says."""
    import joblib  # slow to load

    local = callable(work.target) is False and backend in (None, *_HERE)
    with ExitStack() as stack:
        if local:  # a command is a process already; a thread waits for it
            backend = "threading"
        if backend is not None:
            stack.enter_context(ready(backend, jobs))
        commands = _Commands() if local else None
        pool = stack.enter_context(workers(jobs))
        for numbers in points.rounds(pool.width, pool.most):
            tasks = (
                joblib.delayed(carry_trial_out)(work, number, points.ask(number), commands)
                for number in numbers
            )
            try:
                for came_to in pool.run(tasks):
                    points.ended(came_to)
            except BaseException:
                if commands is not None:
                    with uninterrupted():
                        commands.stop()
                raise
    assert not board.missing()


class _Commands:
    """The commands that run in this process, so that they can be ended."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._commands: list[Command] = []
        self._stopped = False

    def __call__(self, command: Command) -> None:
        with self._mutex:
            self._commands.append(command)
            stopped = self._stopped
        if stopped:
            command.stop()

    def stop(self) -> None:
        """End all of them."""
        with self._mutex:
            self._stopped = True
            commands = [*self._commands]
        for command in commands:
            command.stop()
