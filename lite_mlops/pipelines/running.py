"""Running a pipeline: what has to run does, independent steps side by side, each as a run.

A step that is alone runs its function in this process; beside others, in a worker process of
joblib. A command is a child process, whose logging goes to the run of its step. What a step came to
is recorded at once, so that a pipeline that fails or is killed goes on where it was.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lite_mlops.errors import Conflict, Damaged, LiteMlopsError
from lite_mlops.pipelines.alone import Held, alone
from lite_mlops.pipelines.cache import Evidence, Result, Results, gather
from lite_mlops.pipelines.carrying import Carrying, Tell, Underway
from lite_mlops.pipelines.commands import shell_words
from lite_mlops.pipelines.deciding import Decision, decide, missing_input
from lite_mlops.pipelines.files import Files
from lite_mlops.pipelines.interrupting import terminable, uninterrupted
from lite_mlops.pipelines.metrics import read_metrics
from lite_mlops.pipelines.outcome import PipelineRun, StepFailed, StepOutcome, What
from lite_mlops.pipelines.outputs import Aside, bring_output_back, keep_outputs, put_back
from lite_mlops.pipelines.steps import Graph, Step
from lite_mlops.pipelines.tables import text_of
from lite_mlops.store import Store, as_datetime
from lite_mlops.store.events import StepDone
from lite_mlops.tracking import ActiveRun, Starter, context, ending_for
from lite_mlops.tracking.keys import MAX_PARAM

TAG_PIPELINE, TAG_STEP = "pipeline", "step"
_OUTPUT = "output.log"
_SUMMARY = "pipeline.json"
# A wait without end hears no Ctrl-C on Windows.
_LISTEN_SECONDS = 0.2 if sys.platform == "win32" else None


class Running:
    """One run of a pipeline.

    Args:
        store: The project.
        graph: The steps.
        params: What to record as the params of the whole.
        force: The steps that run whatever they depend on.
        jobs: How many steps run side by side.
        tell: Called with what happens, step by step, and with each line that a command prints.
    """

    def __init__(
        self,
        store: Store,
        graph: Graph,
        files: Files,
        *,
        params: Mapping[str, Any],
        force: frozenset[str],
        jobs: int,
        tell: Tell,
    ) -> None:
        self._store, self._graph, self._files = store, graph, files
        self._results = Results(store, graph.name)
        self._params, self._force, self._jobs, self._tell = params, force, jobs, tell
        self._starter = Starter(store)
        self._made: dict[str, Result] = {}
        self._outcomes: dict[str, StepOutcome] = {}
        self._errors: list[StepFailed] = []
        self._parent: ActiveRun | None = None
        self._busy: dict[Future[Any], Underway] = {}
        self._carrying = Carrying(store, graph.root, jobs=jobs, tell=tell)

    # -- the whole ------------------------------------------------------------------------------

    def run(self, names: Sequence[str]) -> tuple[PipelineRun, Mapping[str, Result]]:
        """Run the steps of these names, which stand on no others; return what became of them.

        Raises:
            StepFailed: a step did not end well; those that went on beside it have ended.
            NotFound: an input is not there.
            Busy: the pipeline is running already.
        """
        began = time.monotonic()
        with alone(self._store.layout, self._graph.name) as held, terminable():
            put_back(
                self._files.path(path) for name in names for path in self._graph.steps[name].outputs
            )
            self._check_inputs(names)
            try:
                self._go(names, held)
            except BaseException as error:
                self._end(names, began, ending_for(error))
                raise
            finally:
                self._files.save()
            report = self._end(names, began, "failed" if self._errors else "finished")
        if self._errors:
            raise StepFailed("\n".join(map(str, self._errors)), report) from self._errors[0]
        return report, self._made

    def _check_inputs(self, names: Sequence[str]) -> None:
        """Raise `NotFound` for an input that is not there and that no step makes."""
        for name in names:
            step = self._graph.steps[name]
            for path in step.inputs:
                if self._files.hash_of(path) is None and not self._graph.makers_of(path):
                    raise missing_input(step, path, self._graph)

    def _end(self, names: Sequence[str], began: float, status: str) -> PipelineRun:
        steps = tuple(self._outcomes.get(name, StepOutcome(name, "not run")) for name in names)
        run_id = None if self._parent is None else self._parent.id
        seconds = time.monotonic() - began
        report = PipelineRun(self._graph.name, steps, run_id, dict(self._params), seconds)
        if self._parent is not None:
            self._parent.log_dict(report.to_dict(), _SUMMARY)
            self._parent.end(status)
        return report

    def _go(self, names: Sequence[str], held: Held) -> None:
        sorter = TopologicalSorter({name: self._graph.upstream(name) for name in names})
        sorter.prepare()
        waiting: list[tuple[Step, Decision]] = []
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="lite-mlops-")))
            pool = stack.enter_context(ThreadPoolExecutor(self._jobs))
            try:
                while sorter.is_active():
                    for name in sorter.get_ready():
                        decision = self._decided(self._graph.steps[name])
                        if decision is None:
                            sorter.done(name)
                        else:
                            waiting.append((self._graph.steps[name], decision))
                    if self._errors:
                        waiting.clear()
                    self._start(waiting, pool, folder, held, sorter)
                    if self._busy:
                        self._finish_some(sorter)
                    elif not waiting and (self._errors or not sorter.is_active()):
                        return
            except BaseException:
                with uninterrupted():
                    self._carrying.stop(self._busy.values())
                    pool.shutdown()
                    self._let_go("killed")
                raise

    def _start(
        self,
        waiting: list[tuple[Step, Decision]],
        pool: ThreadPoolExecutor,
        folder: Path,
        held: Held,
        sorter: TopologicalSorter[str],
    ) -> None:
        """Start as many of the waiting steps as may run side by side."""
        if len(waiting) == 1 and not self._busy and waiting[0][0].function is not None:
            step, decision = waiting.pop()
            self._run_here(step, decision, folder)
            if step.name in self._made:
                sorter.done(step.name)
            return
        while waiting and len(self._busy) < self._jobs:
            step, decision = waiting.pop(0)
            busy = self._begun(step, decision, folder)
            context.leave(busy.run)  # it is the active run where the step is carried out
            if step.function is None:
                future = pool.submit(self._carrying.command, busy, held)
            else:
                future = self._carrying.in_worker(busy, self._made, held)
            self._busy[future] = busy

    # -- deciding -------------------------------------------------------------------------------

    def _decided(self, step: Step) -> Decision | None:
        """Return the decision on a step that has to run; None for one that is done with."""
        forced = step.name in self._force
        decision = decide(
            step, self._graph, self._files, self._results, self._store, self._made, force=forced
        )
        if decision.result is not None and self._brought_back(step, decision):
            return None
        if decision.result is not None:  # what was kept of it is damaged
            reasons = ("what was kept of it is damaged",)
            return Decision(decision.evidence, None, (), reasons)
        return decision

    def _brought_back(self, step: Step, decision: Decision) -> bool:
        assert decision.result is not None
        try:
            for output in decision.lost:
                bring_output_back(self._store, output, self._files)
        except Damaged as error:
            self._tell(step.name, str(error))
            return False
        self._made[step.name] = decision.result
        what: What = "restored" if decision.lost else "skipped"
        self._outcomes[step.name] = StepOutcome(
            step.name, what, decision.reasons, decision.result.run_id
        )
        if decision.lost:
            self._tell(step.name, f"comes back: {'; '.join(decision.reasons)}")
        return True

    # -- carrying out ---------------------------------------------------------------------------

    def _begun(self, step: Step, decision: Decision, folder: Path) -> Underway:
        """Begin the run of a step, with its former outputs out of the way."""
        self._tell(step.name, f"runs: {'; '.join(decision.reasons)}")
        if self._parent is None:
            self._parent = self._parent_run()
        cleanup = ExitStack()
        aside = cleanup.enter_context(Aside(step, self._files))
        try:
            words = None if step.command is None else shell_words(step.command)
            evidence = decision.evidence
            run = self._starter.start(
                self._graph.name,
                step.name,
                parent=self._parent.id,
                params=_as_params(evidence.params),
                tags={TAG_PIPELINE: self._graph.name, TAG_STEP: step.name},
                argv=words,
            )
        except BaseException:
            cleanup.close()
            raise
        run.around = True
        output = folder / f"{run.id}.log"
        return Underway(step, decision, run, aside, cleanup, output, time.monotonic())

    def _parent_run(self) -> ActiveRun:
        outer = context.active()
        run = self._starter.start(
            self._graph.name,
            self._graph.name,
            parent=None if outer is None else outer.id,
            params=_as_params(self._params),
            tags={TAG_PIPELINE: self._graph.name},
        )
        run.around = True
        return run

    def _run_here(self, step: Step, decision: Decision, folder: Path) -> None:
        """Carry a function out in this process."""
        busy = self._begun(step, decision, folder)
        try:
            stored = self._carrying.here(step, self._made)
        except Exception as error:  # noqa: BLE001  a function may fail in any way
            self._failed(busy, error)
        except BaseException as error:
            self._release(busy, ending_for(error))
            raise
        else:
            self._done(busy, stored)

    # -- ending ---------------------------------------------------------------------------------

    def _finish_some(self, sorter: TopologicalSorter[str]) -> None:
        """Wait until a step that goes on has ended, or until it is time to listen."""
        done, _ = wait(self._busy, timeout=_LISTEN_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            busy = self._busy.pop(future)
            try:
                came_to = future.result()
            except Exception as error:  # noqa: BLE001  a function may fail in any way
                self._failed(busy, error)
            else:
                self._ended(busy, came_to)
            if busy.step.name in self._made:
                sorter.done(busy.step.name)

    def _ended(self, busy: Underway, came_to: Any) -> None:
        """Take in the exit code of a command, or what a function returned."""
        if busy.step.command is None:
            self._done(busy, came_to)
        elif came_to:
            from lite_mlops.pipelines.reproduction.workplace import last_lines  # git and pip

            said = last_lines(busy.output)
            told = f" The last it printed:\n{said}" if said else " It printed nothing."
            self._failed(busy, StepFailed(f"it ended with exit code {came_to}.{told}"))
        else:
            self._done(busy, None)

    def _done(self, busy: Underway, value: dict[str, Any] | None) -> None:
        """Record what a step came to; from now on it does not run again."""
        step, evidence, seconds = busy.step, busy.decision.evidence, time.monotonic() - busy.began
        try:
            outputs = keep_outputs(self._store, step, self._files)
            self._check_unchanged(step, evidence)
            for path in step.metrics:
                busy.run.log_metrics(read_metrics(self._files.path(path)))
        except LiteMlopsError as error:
            self._failed(busy, error)
            return
        made = {"files": [vars(one) for one in outputs]} | ({"value": value} if value else {})
        moment = self._store.append(
            StepDone(
                pipeline=self._graph.name,
                name=step.name,
                key=evidence.key,
                run=busy.run.id,
                outputs=made,
                detail=evidence.to_dict(),
                seconds=seconds,
            )
        )
        busy.aside.keep_new()
        self._made[step.name] = Result(
            step.name,
            evidence.key,
            busy.run.id,
            as_datetime(moment),
            outputs,
            None if value is None else value["sha256"],
            evidence.to_dict(),
            seconds,
        )
        self._release(busy, "finished")
        reasons = busy.decision.reasons
        outcome = StepOutcome(step.name, "ran", reasons, busy.run.id, seconds)
        self._outcomes[step.name] = outcome

    def _check_unchanged(self, step: Step, evidence: Evidence) -> None:
        """Raise `Conflict` if what a step depends on changed while it ran."""
        self._files.forget([*evidence.inputs, *evidence.code])
        after = gather(step, self._files, self._made)
        if step.function is not None:  # what it runs lies in memory, and may have been filled
            after = replace(after, code=evidence.code)
        if after.key != evidence.key:
            before = Result(step.name, "", None, as_datetime(0), (), None, evidence.to_dict(), 0.0)
            changed = "; ".join(after.differences(before))
            raise Conflict(f"while it ran, {changed}. Run it again.")

    def _failed(self, busy: Underway, error: Exception) -> None:
        step, seconds = busy.step, time.monotonic() - busy.began
        text = str(error)
        if not isinstance(error, LiteMlopsError):
            text = f"{type(error).__name__}: {text}"
        whole = StepFailed(
            f"Step {step.name!r} failed: {text}\nWhat was done before is kept; the next run goes "
            f"on from there. Its run is {busy.run.id}."
        )
        whole.__cause__ = error
        self._errors.append(whole)
        self._release(busy, "failed")
        self._outcomes[step.name] = StepOutcome(step.name, "failed", (text,), busy.run.id, seconds)

    def _release(self, busy: Underway, status: str) -> None:
        """End the run of a step, and let its outputs stay or its former ones come back."""
        busy.cleanup.close()
        self._files.forget(busy.step.outputs)
        if busy.output.exists() and busy.output.stat().st_size:
            kept = busy.output.with_name(busy.run.id)
            kept.mkdir(exist_ok=True)
            busy.run.log_artifact(busy.output.rename(kept / _OUTPUT))
        busy.run.end(status)

    def _let_go(self, status: str) -> None:
        for busy in self._busy.values():
            self._release(busy, status)
        self._busy.clear()


def _as_params(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as the params of a run, which are texts of a bounded length."""
    return {name: text_of(value)[:MAX_PARAM] for name, value in values.items()}
