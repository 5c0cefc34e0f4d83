"""Deciding what is to be done with a step: skip it, bring its outputs back, or run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lite_mlops.errors import NotFound
from lite_mlops.pipelines.cache import Evidence, Output, Result, Results, gather
from lite_mlops.pipelines.files import Files
from lite_mlops.pipelines.outcome import State, StepStatus
from lite_mlops.pipelines.outputs import is_kept, is_there
from lite_mlops.pipelines.steps import Graph, Step
from lite_mlops.store import Store


@dataclass(frozen=True)
class Decision:
    """What is to be done with a step, with what it depends on."""

    evidence: Evidence
    result: Result | None  # what it came to before; None: it has to run
    lost: tuple[Output, ...]  # of its outputs, those that are to be brought back
    reasons: tuple[str, ...]


def decide(
    step: Step,
    graph: Graph,
    files: Files,
    results: Results,
    store: Store,
    made: Mapping[str, Result],
    *,
    force: bool = False,
) -> Decision:
    """Return what is to be done with a step; `made` is what the steps above it came to.

    Raises:
        NotFound: an input is not there, and no step makes it.
    """
    evidence = gather(step, files, made)
    if evidence.missing:
        raise missing_input(step, evidence.missing[0], graph)
    if force or step.always:
        reason = "it is forced to" if force else "it always does"
        return Decision(evidence, None, (), (reason,))
    result = results.find(step.name, evidence.key)
    if result is None:
        why = evidence.differences(results.latest(step.name))
        return Decision(evidence, None, (), tuple(why))
    lost = tuple(output for output in result.outputs if not is_there(output, files))
    if (lost or result.value) and not is_kept(store, result):
        return Decision(evidence, None, (), ("what it made is not kept any more",))
    return Decision(evidence, result, lost, tuple(_lost(output, files) for output in lost))


def _lost(output: Output, files: Files) -> str:
    there = files.hash_of(output.path) is not None
    return f"output {output.path} {'is altered' if there else 'is missing'}"


def missing_input(step: Step, path: str, graph: Graph) -> NotFound:
    """Return the error about an input that is not there."""
    makers = graph.makers_of(path)
    if makers:
        return NotFound(
            f"Step {step.name!r} reads {path}, which step {min(makers)!r} did not make."
        )
    return NotFound(
        f"Step {step.name!r} reads {path}, which is not there, and no step makes it. It would lie "
        f"at {graph.root / path}."
    )


def statuses(
    graph: Graph, names: Iterable[str], files: Files, results: Results, store: Store,
    forced: frozenset[str] = frozenset(),
) -> list[StepStatus]:  # fmt: skip
    """Return how steps stand, in their order; nothing is changed."""
    made: dict[str, Result] = {}
    found = []
    for name in names:
        waits_for = sorted(above for above in graph.upstream(name) if above not in made)
        if waits_for:
            reason = f"{', '.join(waits_for)} would run"
            found.append(StepStatus(name, "waits", (reason,)))
            continue
        step = graph.steps[name]
        try:
            decision = decide(step, graph, files, results, store, made, force=name in forced)
        except NotFound as error:
            found.append(StepStatus(name, "run", (str(error),)))
            continue
        result = decision.result
        if result is None:
            key = decision.evidence.key
            found.append(StepStatus(name, "run", decision.reasons, key=key))
            continue
        made[name] = result
        for output in decision.lost:
            files.assume(output.path, output.sha256, output.form)
        state: State = "restore" if decision.lost else "up to date"
        found.append(StepStatus(name, state, decision.reasons, result.run_id, result.key))
    return found
