"""Comparisons: runs side by side, read from the store.

found = project.comparisons.compare("baseline", "deeper")
found.differing().params
Path("comparison.html").write_text(project.comparisons.page(found))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Damaged, Invalid
from lite_mlops.store import Store
from lite_mlops.tracking.comparing.values import (
    Comparison,
    EvaluationPair,
    MeasuredEvaluation,
    MetricSideBySide,
    SideBySide,
)
from lite_mlops.tracking.environment import parse_requirements
from lite_mlops.tracking.runs import Runs
from lite_mlops.tracking.starting import DIFF_PATH, PACKAGES_PATH
from lite_mlops.tracking.values import Artifact, Run

if TYPE_CHECKING:
    from lite_mlops.tracking.evaluations import Evaluation

MAX_CURVES = 60  # on one page
_CURVE_POINTS = 400
_ENVIRONMENT = (
    *("python", "implementation", "executable"),
    *("system", "release", "machine", "host", "cpus"),
)

Texts = Mapping[str, str | None]


def side_by_side(columns: Sequence[Texts], *, ordered: bool = False) -> tuple[SideBySide, ...]:
    """Return the values of several runs by name; `ordered` keeps the order in which names come."""
    names: Iterable[str] = dict.fromkeys(name for column in columns for name in column)
    rows = (
        SideBySide(name, tuple(column.get(name) for column in columns))
        for name in (names if ordered else sorted(names))
    )
    return tuple(row for row in rows if any(value is not None for value in row.values))


def _metrics(runs: Sequence[Run]) -> tuple[MetricSideBySide, ...]:
    names = sorted({name for run in runs for name in run.metrics})
    found = ([run.metrics.get(name) for run in runs] for name in names)
    return tuple(
        MetricSideBySide(name, tuple(None if metric is None else metric.value for metric in row))
        for name, row in zip(names, found, strict=True)
    )


def _artifact(run: Run, path: str) -> Artifact | None:
    return next((artifact for artifact in run.artifacts if artifact.path == path), None)


def _code(run: Run) -> Texts:
    git: Mapping[str, Any] | None = run.source.get("git")
    found: dict[str, str | None] = {
        "command": " ".join(run.source.get("argv", [])) or None,
        "folder": run.source.get("folder"),
    }
    if git is None:
        return found
    diff = _artifact(run, DIFF_PATH)
    changes = "none" if not git.get("dirty") else "some" if diff is None else diff.sha256[:12]
    return found | {
        "git commit": git.get("commit"),
        "git branch": git.get("branch"),
        "git remote": git.get("remote"),
        "uncommitted changes": changes,
        "untracked files": ", ".join(git.get("untracked", [])) or "none",
    }


def _environment(run: Run) -> Texts:
    found = {name: str(run.source[name]) for name in _ENVIRONMENT if name in run.source}
    variables = run.source.get("variables", {})
    return found | {f"variable {name}": str(value) for name, value in sorted(variables.items())}


def _data(rows: Iterable[Mapping[str, Any]]) -> Texts:
    """Return the versions that a run used in each role."""
    found: dict[str, list[str]] = {}
    for row in rows:
        shape = "" if row["row_count"] is None else f" {row['row_count']}x{row['column_count']}"
        found.setdefault(row["role"], []).append(f"{row['name']} {row['sha256'][:12]}{shape}")
    return {role: ", ".join(versions) for role, versions in found.items()}


class Comparisons:
    """Compares the runs of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = Runs(store)

    def compare(self, first: str, *others: str) -> Comparison:
        """Return runs side by side; see `Project.compare`."""
        runs = tuple(self._runs.get(word) for word in (first, *others))
        ids = [run.id for run in runs]
        if len(runs) < 2:
            raise Invalid(f"a comparison needs two runs at least; there is only {first!r}.")
        if twice := next((run for run in runs if ids.count(run.id) > 1), None):
            raise Invalid(f"run {twice.id} ({twice.name}) is compared with itself; name others.")
        with self._store.reading() as database:
            uses = database.dicts("data_of_runs", runs=ids)
        data = [_data(use for use in uses if use["run_id"] == run_id) for run_id in ids]
        return Comparison(
            runs=runs,
            evaluations=tuple(self._pairs(runs)),
            metrics=_metrics(runs),
            params=side_by_side([run.params for run in runs]),
            tags=side_by_side([run.tags for run in runs]),
            data=side_by_side(data),
            code=side_by_side([_code(run) for run in runs], ordered=True),
            environment=side_by_side([_environment(run) for run in runs], ordered=True),
            packages=side_by_side([self._packages(run) for run in runs]),
        )

    def page(self, comparison: Comparison) -> str:
        """Return a comparison as one HTML page that needs nothing else, with metric curves.

        The curves are drawn from down-sampled histories, those of the first 60 metrics.
        """
        from lite_mlops.tracking.comparing.page import page  # charts, which few need

        keys = [
            row.name
            for row in comparison.metrics
            if any(
                row.name in r.metrics and r.metrics[row.name].points > 1 for r in comparison.runs
            )
        ]
        keys.sort(key=lambda key: key.startswith("system/"))
        histories = {
            run.id: {
                history.key: history
                for history in self._runs.histories(run.id, keys[:MAX_CURVES], _CURVE_POINTS)
            }
            for run in comparison.runs
        }
        return page(comparison, histories, left_out=len(keys[MAX_CURVES:]))

    def measured(self, run: Run) -> tuple[MeasuredEvaluation, ...]:
        """Return the metrics of each evaluation that a run kept, with their intervals."""
        from lite_mlops.tracking.comparing.measuring import measure  # NumPy
        from lite_mlops.tracking.evaluations import name_of

        found = []
        for artifact in run.artifacts:
            name = name_of(artifact.path)
            if name is None:
                continue
            try:
                metrics = measure(self._evaluation(run, artifact.path))
            except (Invalid, Damaged) as problem:
                found.append(MeasuredEvaluation(name, reason=str(problem)))
            else:
                found.append(MeasuredEvaluation(name, metrics))
        return tuple(found)

    def evaluations(self, run_id: str) -> dict[str, Evaluation]:
        """Return the evaluations that a run kept, by name; one that cannot be read is left out.

        Raises:
            NotFound: there is no such run.
        """
        from lite_mlops.tracking.evaluations import name_of

        run = self._runs.get(run_id)
        found = {}
        for artifact in run.artifacts:
            name = name_of(artifact.path)
            if name is not None:
                with suppress(Invalid, Damaged):
                    found[name] = self._evaluation(run, artifact.path)
        return found

    def _read(self, run: Run, artifact: Artifact) -> bytes:
        referrer = f"artifact {artifact.path!r} of run {run.id}"
        return self._store.objects.read(artifact.sha256, referrer)

    def _packages(self, run: Run) -> Texts:
        artifact = _artifact(run, PACKAGES_PATH)
        if artifact is None:
            return {}
        return parse_requirements(self._read(run, artifact).decode("utf-8", errors="replace"))

    # -- verdicts -------------------------------------------------------------------------------

    def _pairs(self, runs: Sequence[Run]) -> Iterator[EvaluationPair]:
        """Return a pair for each evaluation that another run has as well as the first."""
        from lite_mlops.tracking.evaluations import name_of  # NumPy

        first, *others = runs
        for artifact in first.artifacts:
            name = name_of(artifact.path)
            if name is not None:
                both = [run for run in others if _artifact(run, artifact.path) is not None]
                yield from (self._judged(name, artifact.path, first, run) for run in both)

    def _judged(self, name: str, path: str, first: Run, second: Run) -> EvaluationPair:
        from lite_mlops.tracking.comparing.verdicts import verdicts
        from lite_mlops.tracking.evaluations import on_same_rows

        try:
            one, its_own = self._evaluation(first, path), self._evaluation(second, path)
            other = on_same_rows(one, its_own)
        except Invalid as problem:
            return EvaluationPair(name, first.id, second.id, reason=str(problem))
        found = verdicts(one.y_true, one.y_pred, other.y_pred, one.y_score, other.y_score)
        return EvaluationPair(name, first.id, second.id, verdicts=found)

    def _evaluation(self, run: Run, path: str) -> Evaluation:
        from lite_mlops.tracking.evaluations import Evaluation

        artifact = _artifact(run, path)
        assert artifact is not None
        try:
            return Evaluation.from_bytes(self._read(run, artifact))
        except Invalid as problem:
            raise Invalid(f"{path} of run {run.id} cannot be used: {problem}") from None
