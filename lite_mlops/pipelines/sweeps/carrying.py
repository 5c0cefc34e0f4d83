"""Carrying one trial out: a function in whatever process joblib chose, or a script as a child."""

from __future__ import annotations

import math
import numbers
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.pipelines.commands import Command, with_our_python, words_with
from lite_mlops.pipelines.tables import text_of
from lite_mlops.settings import Settings, environment_for_child
from lite_mlops.store import kept_store
from lite_mlops.tracking import Runs, Starter, ending_for
from lite_mlops.tracking.keys import MAX_PARAM

TAG_SWEEP, TAG_TRIAL = "sweep", "trial"
_MOST_SHOWN = 2_000


_going: set[Command] = set()  # in this process, which may be a worker


def stop_commands() -> None:
    """End the commands of the trials that this process carries out."""
    for command in [*_going]:
        command.stop()


@dataclass(frozen=True)
class Work:
    """What every trial of a sweep needs to know; it can be sent to any process."""

    folder: Path  # of the project
    settings: Settings
    target: Callable[..., Any] | tuple[str, ...]  # a function, or a command
    experiment: str
    parent: str
    sweep: str
    metric: str
    at: Path  # the working directory
    caller: int  # the process that asked for the sweep


@dataclass(frozen=True)
class CameTo:
    """What a trial came to."""

    number: int
    run_id: str
    status: str
    value: float | None
    problem: str | None = None


def carry_trial_out(
    work: Work,
    number: int,
    params: Mapping[str, Any],
    began: Callable[[Command], None] | None = None,
) -> CameTo:
    """Run one trial as a run; an error ends the trial, not the sweep."""
    store = kept_store(work.folder, work.settings)
    texts = {name: text_of(value) for name, value in params.items()}
    words = None if callable(work.target) else words_with(work.target, texts, first=1)
    run = Starter(store).start(
        work.experiment,
        f"trial {number}",
        parent=work.parent,
        params={name: text[:MAX_PARAM] for name, text in texts.items()},
        tags={TAG_SWEEP: work.sweep, TAG_TRIAL: str(number)},
        argv=words,
    )
    run.around = True
    problem = value = None
    try:
        if words is None:
            value = _called(work, params, run)
        else:
            problem = _commanded(work, words, run, began)
            if problem is None:
                value = _logged(Runs(store), run.id, work.metric)
        if problem is None and value is None:
            problem = f"it logged no metric {work.metric!r}"
    except Exception as error:  # noqa: BLE001  a trial may fail in any way
        problem = f"{type(error).__name__}: {error}"
        run.log_text(traceback.format_exc(), "error.txt")
    except BaseException as error:
        run.end(ending_for(error))
        raise
    if problem is not None:
        run.set_tag("problem", problem[:_MOST_SHOWN])
    run.end("finished" if problem is None else "failed")
    return CameTo(number, run.id, run.status, value, problem)


def _called(work: Work, params: Mapping[str, Any], run: Any) -> float | None:
    """Call the function; what it returns is logged, a number as the metric of the sweep."""
    assert callable(work.target)
    if os.getpid() != work.caller and work.at.is_dir():
        os.chdir(work.at)  # workers are used again, and the caller may have moved since
    returned = work.target(**params)
    if isinstance(returned, numbers.Real):
        returned = {work.metric: returned}
    if isinstance(returned, Mapping):
        run.log_metrics(returned)
        if work.metric in returned:
            return _finite(work.metric, returned[work.metric])
    elif returned is not None:
        raise Invalid(
            f"The function of a sweep returns a number, metrics by name, or nothing if it logs "
            f"them; a {type(returned).__name__} is none of these."
        )
    return _logged(Runs(kept_store(work.folder, work.settings)), run.id, work.metric)


def _logged(runs: Runs, run_id: str, metric: str) -> float | None:
    found = runs.latest_metrics(run_id).get(metric)
    return None if found is None else _finite(metric, found.value)


def _finite(metric: str, value: Any) -> float:
    if not math.isfinite(value):
        raise Invalid(f"{metric} is {value}, by which nothing can be judged.")
    return float(value)


def _commanded(
    work: Work, words: list[str], run: Any, began: Callable[[Command], None] | None
) -> str | None:
    """Run the command; return what went wrong, or None."""
    with TemporaryDirectory(prefix="lite-mlops-") as place:
        output = Path(place) / "output.log"
        environment = with_our_python(environment_for_child(work.folder, run.id))
        command = Command(words, work.at, environment, output)
        if began is not None:
            began(command)
        _going.add(command)
        try:
            code = command.wait()
        except BaseException:
            command.stop()
            raise
        finally:
            _going.discard(command)
        if output.stat().st_size:
            run.log_artifact(output)
        if not code:
            return None
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
        return f"it ended with exit code {code}" + "".join(f": {line}" for line in lines)
