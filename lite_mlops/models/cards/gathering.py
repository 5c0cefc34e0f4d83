"""Gathering the facts of a card from everything that is recorded around a version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import metadata
from typing import Any

from lite_mlops.data import Datasets
from lite_mlops.errors import NotFound
from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.cards.facts import (
    CardFacts,
    ColumnFact,
    DataFact,
    MetricFact,
    RunFact,
)
from lite_mlops.models.cards.signatures import signature_facts
from lite_mlops.models.cards.stated import PREFIX, statements
from lite_mlops.models.examples import kept_with
from lite_mlops.models.gate_results import GateResult, gate_results
from lite_mlops.models.versions import DESCRIPTION, ModelVersion
from lite_mlops.store import Store
from lite_mlops.tracking import Run, Runs
from lite_mlops.tracking.comparing import Comparisons, MeasuredEvaluation

NO_EVALUATION = "no interval: no evaluation was kept"
NOT_MEASURED = "no interval: no kept evaluation gives it"
_SHOWN_ROWS = 2  # of the input example
_SYSTEM = ("python", "implementation", "system", "release", "machine", "cpus")  # not the host

# The names under which people log what a kept evaluation gives as well.
_LOGGED_AS = {
    "accuracy": {"accuracy", "acc"},
    "balanced accuracy": {"balanced accuracy", "balanced acc"},
    "macro F1": {"macro f1", "f1 macro", "f1 score macro"},
    "ROC AUC": {"roc auc", "auc", "auroc", "roc auc score"},
    "MAE": {"mae", "mean absolute error"},
    "RMSE": {"rmse", "root mean squared error"},
}
_AS_EQUAL = 1e-9


def gather(
    store: Store,
    version: ModelVersion,
    moves: Iterable[AliasMove],
    model_tags: Mapping[str, str],
) -> CardFacts:
    """Return the facts of a version, with the moves and tags of its model.

    Raises:
        Damaged: the input example is missing or not what was stored.
    """
    run = _run(store, version.run_id)
    kept = () if run is None else Comparisons(store).measured(run)
    measured = tuple(_measured(kept))
    inputs, outputs = signature_facts(version.signature)
    moves = tuple(moves)
    return CardFacts(
        model=version.model,
        version=version.version,
        sha256=version.sha256,
        size=version.size,
        format=version.format,
        created_at=version.created_at,
        actor=version.actor,
        class_name=version.class_name,
        aliases=version.aliases,
        description=version.description or model_tags.get(DESCRIPTION),
        reason=version.reason,
        removed_at=version.removed_at,
        tags={
            key: text
            for key, text in version.tags.items()
            if key != DESCRIPTION and not key.startswith(PREFIX)
        },
        stated=tuple(statements(version.tags, model_tags)),
        metrics=tuple(_metrics(version.metrics, measured)),
        evaluations=measured,
        unread=tuple(f"{one.name}: {one.reason}" for one in kept if one.reason is not None),
        data=tuple(_data(store, version.data)),
        run_id=version.run_id,
        run=None if run is None else _run_fact(run),
        params=version.params,
        code=version.code,
        inputs=inputs,
        outputs=outputs,
        gates=_gates(store, version, moves),
        moves=tuple(m for m in moves if version.version in (m.version, m.previous)),
        requirements=version.requirements,
        members={name: (member.sha256, member.size) for name, member in version.members.items()},
        trusted=version.trusted,
        example=_example(store, version),
        made_by=f"lite-mlops {metadata.version('lite-mlops')}",
    )


def _gates(
    store: Store, version: ModelVersion, moves: tuple[AliasMove, ...]
) -> tuple[GateResult, ...]:
    if not version.version:
        return ()
    with store.reading() as database:
        # The history of aliases is the newest first.
        return gate_results(database, version, reversed(moves))


def _run(store: Store, run_id: str | None) -> Run | None:
    if run_id is None:
        return None
    try:
        return Runs(store).get(run_id)
    except NotFound:  # the version came from another project
        return None


def _run_fact(run: Run) -> RunFact:
    return RunFact(
        id=run.id,
        name=run.name,
        experiment=run.experiment,
        status=run.status,
        actor=run.actor,
        started_at=run.started_at,
        seconds=run.seconds,
        note=run.note,
        params=run.params,
        system={name: str(run.source[name]) for name in _SYSTEM if run.source.get(name)},
    )


def _measured(kept: Iterable[MeasuredEvaluation]) -> Iterator[MetricFact]:
    for evaluation in kept:
        for metric in evaluation.metrics:
            yield MetricFact(**vars(metric), evaluation=evaluation.name)


def _metrics(logged: Mapping[str, float], measured: tuple[MetricFact, ...]) -> Iterator[MetricFact]:
    """Return logged metrics, with the interval of the evaluation that gives the same number."""
    without = NOT_MEASURED if measured else NO_EVALUATION
    for name, value in logged.items():
        same = next((one for one in measured if _is_same(name, value, one)), None)
        if same is None:
            yield MetricFact(name, value, without=without)
        else:
            yield replace(same, name=name, value=value)


def _is_same(name: str, value: float, measured: MetricFact) -> bool:
    words = name.lower().replace("_", " ").replace("-", " ").replace("/", " ").split()
    if words and words[0] in ("test", "val", "validation", "eval"):
        del words[0]
    alike = " ".join(words) in _LOGGED_AS.get(measured.name, ())
    return alike and abs(value - measured.value) <= _AS_EQUAL * max(abs(value), 1)


def _data(store: Store, used: Mapping[str, str]) -> Iterator[DataFact]:
    datasets = Datasets(store)
    for reference, roles in used.items():
        name, _, sha256 = reference.rpartition("@")
        try:
            version = datasets.get(reference)
        except NotFound:
            yield DataFact(name, sha256, roles)
            continue
        columns = (ColumnFact.from_profile(*column) for column in version.profile.items())
        rows = version.rows if version.form == "table" else None
        yield DataFact(name, sha256, roles, version.form, rows, version.size, tuple(columns))


def _example(store: Store, version: ModelVersion) -> tuple[Any, ...] | None:
    example = kept_with(store.objects, version)
    return None if example is None else tuple(example.records()[:_SHOWN_ROWS])
