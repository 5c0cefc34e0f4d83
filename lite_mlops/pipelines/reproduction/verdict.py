"""The verdict on a reproduction: identical, within tolerance, or different, and what differs.

verdict = judge(recorded, again, models, tolerance)
verdict.outcome, verdict.differing, verdict.causes

Pure functions from two runs to a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from lite_mlops.htmltext import html_table
from lite_mlops.tracking import Metric, Run

Outcome = Literal["identical", "within tolerance", "different"]

# Metrics that tell of the machine and of its clock, and never come out the same.
IGNORED = ("system/*", "*time*", "*duration*", "*seconds*", "*latency*")
# Files that every run has of its own: what it printed, and what was captured of it.
_OWN_FILES = ("source/*", "output.log", "reproductions/*")


@dataclass(frozen=True)
class Tolerance:
    """How far two numbers may lie apart: |a - b| <= max(relative * max(|a|, |b|), absolute)."""

    relative: float = 1e-6
    absolute: float = 1e-12
    ignored: tuple[str, ...] = IGNORED  # patterns of the names of metrics that are not compared

    def judge(self, recorded: float, again: float) -> Outcome:
        """Return how two numbers compare; NaN is like NaN."""
        if recorded == again or (math.isnan(recorded) and math.isnan(again)):
            return "identical"
        close = math.isclose(recorded, again, rel_tol=self.relative, abs_tol=self.absolute)
        return "within tolerance" if close else "different"


@dataclass(frozen=True)
class Compared:
    """One thing that both runs were asked for: a metric or a model."""

    what: str
    recorded: str
    again: str
    outcome: Outcome


@dataclass(frozen=True)
class Reproduction:
    """What came out when a run was run again."""

    run_id: str
    again_id: str
    outcome: Outcome
    compared: tuple[Compared, ...]  # metrics and models
    files: Mapping[str, str]  # other files that differ, or that one of both has
    causes: tuple[str, ...]  # what was not as it was: code, data, packages, machine, seed
    tolerance: Tolerance

    @property
    def differing(self) -> tuple[Compared, ...]:
        """What is not identical."""
        return tuple(one for one in self.compared if one.outcome != "identical")

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"<Reproduction {self.outcome}: run {self.run_id} again as {self.again_id}>"

    def _repr_html_(self) -> str:
        rows = [(one.what, one.recorded, one.again, one.outcome) for one in self.compared]
        title = f"Run {self.run_id} again: {self.outcome}"
        return html_table(title, ("what", "recorded", "again", "outcome"), rows)


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    order: tuple[Outcome, ...] = ("different", "within tolerance", "identical")
    return next((one for one in order if one in outcomes), "identical")


def compare_metrics(
    recorded: Mapping[str, Metric], again: Mapping[str, Metric], tolerance: Tolerance
) -> list[Compared]:
    """Return how the metrics compare: their latest values, their ranges, how many points."""
    found = []
    for key in sorted(recorded.keys() | again.keys()):
        if any(fnmatchcase(key.lower(), pattern) for pattern in tolerance.ignored):
            continue
        ours, theirs = recorded.get(key), again.get(key)
        if ours is None or theirs is None:
            outcome: Outcome = "different"
        else:
            outcome = _metric_outcome(ours, theirs, tolerance)
        found.append(Compared(f"metric {key}", _shown(ours), _shown(theirs), outcome))
    return found


def _metric_outcome(ours: Metric, theirs: Metric, tolerance: Tolerance) -> Outcome:
    if (ours.points, ours.step) != (theirs.points, theirs.step):
        return "different"
    pairs = ((ours.value, theirs.value), (ours.low, theirs.low), (ours.high, theirs.high))
    nan = math.nan  # the range of a metric that was never a number
    return _worst(
        [tolerance.judge(nan if a is None else a, nan if b is None else b) for a, b in pairs]
    )


def _shown(metric: Metric | None) -> str:
    if metric is None:
        return "missing"
    return f"{metric.value!r}" if metric.points == 1 else f"{metric.value!r} of {metric.points:,}"


def _files(run: Run) -> dict[str, str]:
    return {
        artifact.path: artifact.sha256
        for artifact in run.artifacts
        if not any(fnmatchcase(artifact.path, pattern) for pattern in _OWN_FILES)
    }


def compare_files(recorded: Run, again: Run) -> dict[str, str]:
    """Return the artifacts that are not the same in both: path -> what differs."""
    ours, theirs = _files(recorded), _files(again)
    found = {}
    for path in sorted(ours.keys() | theirs.keys()):
        if path not in theirs:
            found[path] = "was not made again"
        elif path not in ours:
            found[path] = "was not there before"
        elif ours[path] != theirs[path]:
            found[path] = "has other bytes"
    return found


def compare_packages(recorded: Mapping[str, str], again: Mapping[str, str]) -> list[str]:
    """Return the packages of which the two environments have different versions."""
    found = []
    for name in sorted((recorded.keys() | again.keys()) - {"pip"}):
        before, now = recorded.get(name), again.get(name)
        if before != now:
            found.append(f"package {name}: {before or 'none'} before, {now or 'none'} now")
    return found


def compare_surroundings(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Return what is different about the Python, the machine and the code."""
    found = []
    for key, what in (("python", "Python"), ("system", "system"), ("machine", "processor")):
        before, now = recorded.get(key), again.get(key)
        if before != now:
            found.append(f"{what}: {before} before, {now} now")
    ours, theirs = recorded.get("git") or {}, again.get("git") or {}
    if ours.get("commit") != theirs.get("commit"):
        found.append(f"code: commit {ours.get('commit')} before, {theirs.get('commit')} now")
    if ours.get("untracked"):
        names = ", ".join(ours["untracked"][:5])
        found.append(f"code: {len(ours['untracked'])} untracked files were not there now: {names}")
    return found


def compare_data(recorded: Mapping[str, str], again: Mapping[str, str]) -> list[str]:
    """Return the datasets that are not the same: `role name` -> SHA-256, of both runs."""
    found = []
    for name in sorted(recorded.keys() | again.keys()):
        before, now = recorded.get(name), again.get(name)
        if before != now:
            short = [sha256[:12] if sha256 else "none" for sha256 in (before, now)]
            found.append(f"data {name}: {short[0]} before, {short[1]} now")
    return found


def judge(
    recorded: Run, again: Run, *, models: Sequence[Compared], causes: Sequence[str], by: Tolerance
) -> Reproduction:
    """Return the verdict on two runs, given how their models compare and what was not the same."""
    compared = [*compare_metrics(recorded.metrics, again.metrics, by), *models]
    outcomes = [one.outcome for one in compared]
    if again.status != recorded.status:
        compared.append(Compared("status", recorded.status, again.status, "different"))
        outcomes.append("different")
    outcome = _worst(outcomes)
    found = [*causes]
    if outcome != "identical" and (hint := _unseeded(recorded, alone=not causes)):
        found.append(hint)
    return Reproduction(
        run_id=recorded.id,
        again_id=again.id,
        outcome=outcome,
        compared=tuple(compared),
        files=compare_files(recorded, again),
        causes=tuple(found),
        tolerance=by,
    )


def _unseeded(run: Run, *, alone: bool) -> str | None:
    """Return what is to be said of the seed when results differ; `alone`: nothing else does."""
    seeds = [key for key in run.params if "seed" in key.lower() or "random_state" in key.lower()]
    if not seeds:
        return "seed: no param is one; a random generator without a seed is a likely cause"
    if alone:
        return (
            f"seed: code, data, packages and the param {seeds[0]} are the same; a generator that "
            "it does not reach, or the order of threads, is the likely cause"
        )
    return None
