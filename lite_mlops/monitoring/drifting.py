"""Drift of tables, and of what a model is asked: what `Monitoring` tells of it.

compare(datasets, "patients@461a8a2d", "today.csv").drifted
Drifting(store, models, datasets).of("churn@champion", last=5000).moved

Apart from the rest, because a server that takes labels needs nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from os import PathLike
from typing import Any

import numpy as np

from lite_mlops.data import ColumnReader, Datasets, DatasetVersion, Typed, as_columns
from lite_mlops.data.wording import amount, percent
from lite_mlops.errors import Invalid, LiteMlopsError, NotFound, suggestion
from lite_mlops.models import Models, ModelVersion
from lite_mlops.monitoring.drift import (
    PRESETS,
    ColumnDrift,
    DriftReport,
    Floors,
    Profiled,
    compare_sides,
    judge_columns,
    measure_sides,
)
from lite_mlops.monitoring.drift.columns import Measured
from lite_mlops.monitoring.drift.quality import SHARE, Broken
from lite_mlops.monitoring.drift.tables import Compared, reader_of
from lite_mlops.monitoring.recorded import PREDICTION, Recorded, probability_of
from lite_mlops.monitoring.traffic import silences
from lite_mlops.monitoring.windows import Pinned, Window, chosen_window, pin, window_of
from lite_mlops.store import Store

_TYPES = {"boolean": "booleans", "integer": "numbers", "float": "numbers", "text": "texts"}


def _floors(preset: str) -> Floors:
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        near = suggestion(preset, PRESETS)
        raise Invalid(f"There is no preset {preset!r} of what counts as drift: {known}.{near}")
    return PRESETS[preset]


def _name(data: Any, otherwise: str) -> str:
    return str(data) if isinstance(data, str | PathLike) else otherwise


# -- tables -------------------------------------------------------------------------------------


@contextmanager
def _reference(
    datasets: Datasets, data: Any
) -> Iterator[tuple[ColumnReader | Profiled, list[str]]]:
    """Yield a reference, of which the profile serves if nothing else is kept, and notes on it."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(datasets.reader(data)), []
        except NotFound:
            if not datasets.is_reference(data):
                raise
            version = datasets.get(data)
            if version.form != "table" or not version.profile:
                raise
            known = Profiled(version.rows, version.profile)
        else:
            return
        yield known, [_ONLY_PROFILE.format(version.reference)]


_ONLY_PROFILE = "Of {} only the profile is kept: its columns are compared by that, each alone."


def compare(
    datasets: Datasets, reference: Any, current: Any, *, preset: str, joint: bool
) -> DriftReport:
    """Return what changed from one table to another; see `Monitoring.compare`."""
    floors = _floors(preset)
    names = _name(reference, "reference"), _name(current, "present")
    with _reference(datasets, reference) as (old, notes), datasets.reader(current) as new:
        return compare_sides(old, new, names=names, joint=joint, floors=floors, notes=notes)


# -- models -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Against:
    """What a model is compared with: rows or a profile, and what is known of its answers."""

    name: str
    rows: int
    features: ColumnReader | Profiled
    answers: ColumnReader | None
    notes: tuple[str, ...] = ()
    is_window: bool = False


def _as_numbers(column: Typed) -> Typed:
    return Typed("number", column.values.astype(np.float64), column.missing)


def _fitted(reader: ColumnReader, version: ModelVersion, names: Sequence[str]) -> ColumnReader:
    """Return the columns of a table that a model takes, in its order and in its types."""

    def read(name: str) -> Typed:
        column, kind = reader.read(name), version.signature.column(name).type
        if column.kind == "boolean" and kind in ("integer", "float"):
            return _as_numbers(column)
        if kind == "boolean" and column.kind in ("integer", "number", "unsigned"):
            return Typed("boolean", column.values == 1, column.missing)
        return column

    return ColumnReader(reader.rows, tuple(one for one in names if one in reader.names), read)


def _adapted(recorded: ColumnReader, facts: Mapping[str, Mapping[str, Any]]) -> ColumnReader:
    """Return recorded columns in the types of a profile, where the numbers are booleans there."""

    def read(name: str) -> Typed:
        column = recorded.read(name)
        known = facts.get(name, {})
        if column.kind == "boolean" and known.get("kind") == "number":
            return _as_numbers(column)
        if column.kind == "number" and known.get("type") == "boolean":
            present = column.present
            if np.isin(present, (0.0, 1.0)).all():
                return Typed("boolean", column.values == 1, column.missing)
        return column

    return ColumnReader(recorded.rows, recorded.names, read)


class Drifting:
    """What changed in what models are asked, and in what they answer."""

    def __init__(self, store: Store, models: Models, datasets: Datasets) -> None:
        self._store = store
        self._models = models
        self._datasets = datasets

    def of(
        self,
        model: str,
        *,
        reference: str | None = None,
        reference_window: str | Window | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        last: int | str | timedelta | None = None,
        preset: str = "balanced",
        joint: bool = True,
    ) -> DriftReport:
        """Return what changed for a model; see `Monitoring.drift`."""
        floors = _floors(preset)
        window = chosen_window(since, until, last)
        if reference is not None and reference_window is not None:
            raise Invalid("Give either a dataset or a past window as the reference, not both.")
        past = None if reference_window is None else window_of(reference_window)
        version = self._models.get(model)
        with ExitStack() as stack:
            if past is not None:
                against, pinned = self._window(version, past, window)
            else:
                against = stack.enter_context(self._dataset(version, reference))
                with self._store.reading() as database:
                    pinned = pin(database, version, window)
            recorded = Recorded(self._store, version, pinned)
            return self._report(version, against, recorded, floors, joint=joint)

    # -- references -----------------------------------------------------------------------------

    def _window(
        self, version: ModelVersion, past: Window, window: Window
    ) -> tuple[_Against, Pinned]:
        """Return a past window as reference, and the present: all that came later by default."""
        with self._store.reading() as database:
            before = pin(database, version, past)
            after = None if window.has_beginning else before
            pinned = pin(database, version, window, after=after)
        recorded = Recorded(self._store, version, before)
        notes = []
        if before.overlaps(pinned):
            notes.append("The window and its reference have predictions in common.")
        if before.rows and recorded.features.rows < before.rows:
            notes.append(_unkept(before.rows - recorded.features.rows, "reference"))
        name = f"{version.name}, {past}"
        against = _Against(
            name, before.rows, recorded.features, recorded.answers, tuple(notes), is_window=True
        )
        return against, pinned

    @contextmanager
    def _dataset(self, version: ModelVersion, reference: str | None) -> Iterator[_Against]:
        """Yield a dataset as reference; without one the profile of the training data."""
        answers, notes = self._evaluated(version)
        if reference is None:
            training = self._training(version)
            known = Profiled(training.rows, _facts(version, training))
            yield _Against(training.reference, training.rows, known, answers, notes)
            return
        if not self._datasets.is_reference(reference):
            self._datasets.get(reference)  # which says what is wrong with it
            reference = f"{reference}@latest"
        dataset = self._datasets.get(reference)
        names = [one.name for one in version.signature.columns if one.recorded == "full"]
        with _reference(self._datasets, reference) as (found, more):
            if isinstance(found, Profiled):
                found = Profiled(found.rows, _facts(version, dataset))
            else:
                found = _fitted(found, version, names)
            yield _Against(dataset.reference, found.rows, found, answers, (*notes, *more))

    def _training(self, version: ModelVersion) -> DatasetVersion:
        found = None
        if version.run_id is not None:
            found = self._datasets.used_by(version.run_id, "training")
        if found is None:
            raise NotFound(
                f"There is nothing to compare {version.name} with: its run logged no training "
                "data. Call log_dataset(data, name) in the run that trains. Or compare it with a "
                "dataset or a past window."
            )
        return found

    def _evaluated(self, version: ModelVersion) -> tuple[ColumnReader | None, tuple[str, ...]]:
        """Return what a version answered when its run evaluated it; else a note that says so."""
        kept = {}
        if len(version.signature.outputs) == 1:
            kept = self._models.kept_evaluations(version)
        if not kept:
            return None, (_NO_ANSWERS,)
        found = next(iter(kept.values()))  # the most honest one
        output = version.signature.outputs[0]
        answered: Any = found.y_pred
        if output.kind != "number":
            answered = np.array([str(one) for one in found.y_pred.tolist()], object)
        columns = {PREDICTION: answered}
        if found.y_score is not None and len(output.classes) == 2:
            columns[probability_of(output.classes[1])] = found.y_score
        return reader_of(as_columns(columns)), ()

    # -- the report -----------------------------------------------------------------------------

    def _report(
        self,
        version: ModelVersion,
        against: _Against,
        recorded: Recorded,
        floors: Floors,
        *,
        joint: bool,
    ) -> DriftReport:
        pinned, notes = recorded.pinned, list(against.notes)
        features = recorded.features
        if isinstance(against.features, Profiled):
            features = _adapted(features, against.features.facts)
            joint = False
            notes.append(_NO_JOINT)
        if features.rows < pinned.rows:
            notes.append(_unkept(pinned.rows - features.rows, "window"))
        found = measure_sides(against.features, features, joint=joint)
        found.columns = [self._checked(version, one, against, recorded) for one in found.columns]
        importances, note = self._importances(version)
        notes += [note] if note else []
        answered = self._answers(against, recorded)
        judged = judge_columns([*found.columns, *answered], floors, importances)
        judged = [self._named(one, recorded) for one in judged]
        broken, examples = self._whole(version, found, recorded)
        return DriftReport(
            reference=against.name,
            current=version.name,
            reference_rows=against.rows,
            current_rows=pinned.rows,
            columns=tuple(one for one in judged if one.role == "feature"),
            joint=found.joint,
            floors=floors,
            answers=tuple(one for one in judged if one.role != "feature"),
            broken=broken,
            examples=examples,
            notes=tuple(notes),
            began=pinned.began,
            ended=pinned.ended,
            reference_is_window=against.is_window,
        )

    def _checked(
        self, version: ModelVersion, one: Measured, against: _Against, recorded: Recorded
    ) -> Measured:
        """Return what was found of a feature with what the signature says of its types."""
        kind = version.signature.column(one.column).type
        if any(broken.rule == "type" for broken in one.broken) and not against.is_window:
            # What is recorded fits the signature, or no answer would have been given.
            untold = (
                f"the reference has other types here than the {_TYPES.get(kind, kind)} it takes"
            )
            return one.replaced(broken=(), examples={}, untold=untold)
        odd = recorded.odd.get(one.column)
        if odd is None or not recorded.features.rows:
            return one
        share = float(odd.mean())
        if share <= SHARE:
            return one
        told = f"{percent(share)} of the rows are no {_NUMBERS[kind]}, which the signature says"
        places = np.flatnonzero(odd)[:3].tolist()
        return one.replaced(
            broken=(*one.broken, Broken("type", told)), examples={**one.examples, "type": places}
        )

    def _answers(self, against: _Against, recorded: Recorded) -> list[Measured]:
        if against.answers is None:
            return []
        now_known = recorded.answers
        names = [one for one in now_known.names if one in against.answers.names]
        now_known = replace(now_known, names=tuple(names))
        before = replace(against.answers, names=tuple(names))
        found = measure_sides(before, now_known, joint=False, whole=False).columns
        return [
            one.replaced(role="answer" if one.column == PREDICTION else "score") for one in found
        ]

    def _importances(self, version: ModelVersion) -> tuple[dict[str, float], str]:
        try:
            found = self._models.importances(version)
        except (LiteMlopsError, ImportError) as error:
            return {}, f"How much each column counts is not known: {error}"
        return found, "" if found else _NO_IMPORTANCES

    def _named(self, one: ColumnDrift, recorded: Recorded) -> ColumnDrift:
        """Return a verdict with the ids of its example rows, and since when a rule is broken."""
        places = {
            rule: [recorded.place_of(p) if one.role == "feature" else p for p in rows]
            for rule, rows in one.examples.items()
        }
        every = sorted({place for rows in places.values() for place in rows})
        if not every:
            return one
        ids = dict(zip(every, recorded.ids(every), strict=True))
        named = {rule: tuple(ids[place] for place in rows) for rule, rows in places.items()}
        return replace(one, examples=named, since=recorded.times(every[:1])[0])

    def _whole(
        self, version: ModelVersion, found: Compared, recorded: Recorded
    ) -> tuple[tuple[Broken, ...], dict[str, tuple[Any, ...]]]:
        """Return the rules of whole rows and of traffic that are broken, with ids of examples."""
        broken = list(found.broken)
        examples: dict[str, tuple[Any, ...]] = {
            rule: tuple(recorded.ids([recorded.place_of(place) for place in places]))
            for rule, places in found.examples.items()
        }
        again, ids = recorded.repeats()
        if again:
            told = f"{amount(again, 'prediction')} have an id that another one has"
            broken.append(Broken("ids", told.replace("1 prediction have", "1 prediction has")))
            examples["ids"] = tuple(ids)
        with self._store.reading() as database:
            broken += silences(database, version.model, None, recorded.pinned.window)
        return tuple(broken), examples


_NUMBERS = {
    "integer": "whole numbers",
    "float": "numbers",
    "boolean": "booleans",
    "text": "texts",
    "datetime": "times",
}
_NO_JOINT = (
    "All columns together are compared where rows of both sides are kept: with a dataset, or with "
    "a past window."
)
_NO_ANSWERS = (
    "Its answers are not compared: none to the reference are recorded. Call log_evaluation in the "
    "run that trains, or compare with a past window."
)
_NO_IMPORTANCES = "How much each column counts is not known: the model cannot tell."


def _unkept(rows: int, where: str) -> str:
    return (
        f"Of {amount(rows, 'prediction')} of the {where} no inputs are kept that can be compared."
    )


def _facts(version: ModelVersion, dataset: DatasetVersion) -> dict[str, Any]:
    """Return what a profile says of the columns that a model takes and of which all is recorded."""
    return {
        column.name: dataset.profile[column.name]
        for column in version.signature.columns
        if column.recorded == "full" and column.name in dataset.profile
    }
