"""Measuring: the answers and labels of a version are fetched as arrays, and become a report.

performance_of(store, models, version, window="1d", by="city")

Predictions and labels are joined by the database, in one statement for the whole time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models import Column, Models, ModelVersion
from lite_mlops.monitoring.performance.answered import Answered
from lite_mlops.monitoring.performance.calibration import Calibration, calibrate
from lite_mlops.monitoring.performance.classification import Classes
from lite_mlops.monitoring.performance.reference import Reference, given, reference_of
from lite_mlops.monitoring.performance.report import PerformanceReport, latest
from lite_mlops.monitoring.performance.windows import (
    BALANCED,
    Part,
    Rules,
    WindowPerformance,
    measure_window,
    split,
)
from lite_mlops.monitoring.windows import Size
from lite_mlops.store import Database, Store, as_stored

MOST_CLASSES = 1_000
MOST_SLICES = 20
_FEW_NUMBERS = 10  # different ones that are categories
_QUARTERS = slice(2, 5)  # of `QUANTILES`: a quarter, a half, three quarters


@dataclass(frozen=True)
class _Asked:
    """What is looked at: a version, in a time."""

    version: ModelVersion
    since: datetime | None
    until: datetime | None

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of a statement."""
        return {
            "model": self.version.model,
            "version": self.version.version,
            "since": as_stored(self.since),
            "until": as_stored(self.until),
        }


def performance_of(
    store: Store,
    models: Models,
    version: ModelVersion,
    *,
    window: str | int | timedelta | Size | None = None,
    by: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    positive: Any = None,
    reference: Mapping[str, float] | None = None,
    rules: Rules = BALANCED,
) -> PerformanceReport:
    """Return how a version did; see `Monitoring.performance_of`."""
    size = _size(window)
    output = _output(version)
    column, place = _column(version, by)
    asked = _Asked(version, since, until)
    unseen: dict[str, int] = {}
    classes: tuple[str, ...] = ()
    with store.reading() as database:
        groups = _texts(database, asked, place)
        of_column = {"feature": place, "groups": groups, **asked.values}
        if output.kind == "number":
            found = database.arrays("judged_numbers", **of_column)
            chosen = 0
        else:
            classes = tuple(map(str, output.classes)) or _seen(database, asked)
            chosen = _positive(version, classes, positive)
            found = database.arrays(
                "judged_classes",
                classes=list(classes),
                positive=chosen + 1,
                several=len(classes) != 2,
                **of_column,
            )
            strange = _filled(found["labelled"], 0) & (_filled(found["truth"], 0) == 0)
            if strange.any():
                listed = list(classes)
                unseen = dict(database.rows("unseen_labels", classes=listed, **asked.values))
    rows, unreadable = _answered(found, classes, chosen)
    order = np.lexsort((_filled(found["place"], 0), rows.at))  # those of a request have one time
    ordered = rows.where(order)
    overall = measure_window(ordered, rules)
    parts = tuple(split(ordered, size))
    windows = tuple(_measured(ordered, part, rules) for part in parts)
    members = () if column is None else _groups(column, found, groups)
    return PerformanceReport(
        model=version.name,
        task="regression" if output.kind == "number" else "classification",
        classes=classes,
        positive=classes[chosen] if len(classes) == 2 else None,
        overall=overall,
        windows=windows,
        by=by,
        slices=tuple(measure_window(rows.where(its), rules, name=name) for name, its in members),
        reference=_reference(models, version, chosen, reference),
        rules=rules,
        calibration=_calibration(ordered, parts, windows),
        unseen=unseen,
        unreadable=unreadable,
    )


def _measured(rows: Answered, part: Part, rules: Rules) -> WindowPerformance:
    its = rows.where(part.rows)
    return measure_window(its, rules, since=part.since, until=part.until)


def _reference(
    models: Models, version: ModelVersion, positive: int, metrics: Mapping[str, float] | None
) -> Reference:
    return reference_of(models, version, positive) if metrics is None else given(metrics)


def _calibration(
    rows: Answered, parts: tuple[Part, ...], windows: tuple[WindowPerformance, ...]
) -> Calibration | None:
    """Return the calibration of the last window that can be judged, or of the whole."""
    last = latest(windows)
    its = rows if last is None else rows.where(parts[windows.index(last)].rows)
    found = its.probabilities()
    return None if found is None else calibrate(*found)


# -- what is asked for --------------------------------------------------------------------------


def _size(window: str | int | timedelta | Size | None) -> Size | None:
    try:
        return None if window is None else Size.parse(window)
    except ValueError as error:
        raise Invalid(f"{window!r} is no window: {error}.") from None


def _output(version: ModelVersion) -> Any:
    outputs = version.signature.outputs
    if len(outputs) != 1:
        raise Invalid(
            f"{version.name} answers with {len(outputs)} values for a row; performance is measured "
            "of models that answer with one."
        )
    return outputs[0]


def _column(version: ModelVersion, by: str | None) -> tuple[Column | None, int | None]:
    """Return the column of the slices and its place, counted from 1."""
    if by is None:
        return None, None
    features = version.signature.features
    if by not in features:
        known = ", ".join(features[:20]) or "none"
        near = suggestion(by, features)
        raise Invalid(f"{by!r} is no column of {version.name}; these are: {known}.{near}")
    column = version.signature.column(by)
    if column.recorded == "none":
        raise Invalid(f"The values of {by!r} are not recorded with predictions of {version.name}.")
    return column, features.index(by) + 1


def _positive(version: ModelVersion, classes: tuple[str, ...], positive: Any) -> int:
    """Return the number of the positive class; of two that which sorts last, if none is said."""
    if positive is None:
        return 1 if len(classes) == 2 else 0
    if str(positive) not in classes:
        known = ", ".join(classes[:10])
        raise Invalid(
            f"{version.name} has no class {str(positive)!r}; these are: {known}."
            f"{suggestion(str(positive), classes)}"
        )
    if len(classes) != 2:
        raise Invalid(f"{version.name} has {len(classes)} classes; of two one is the positive one.")
    return classes.index(str(positive))


def _seen(database: Database, asked: _Asked) -> tuple[str, ...]:
    """Return the classes that were answered or told, of a model that does not say its own."""
    rows = database.rows("answered_and_labelled", most=MOST_CLASSES + 2, **asked.values)
    classes = tuple(name for (name,) in rows if name is not None)
    if len(classes) > MOST_CLASSES:
        raise Invalid(
            f"{asked.version.name} says neither classes nor that it answers with numbers, and gave "
            f"more than {MOST_CLASSES:,} different answers."
        )
    return classes


def _texts(database: Database, asked: _Asked, place: int | None) -> list[str]:
    if place is None:
        return []
    rows = database.rows("recorded_texts", feature=place, most=MOST_SLICES, **asked.values)
    return [text for text, _ in rows]


# -- arrays -------------------------------------------------------------------------------------


def _filled(values: Any, absent: float) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        return np.asarray(values.filled(absent))
    return np.asarray(values)


def _floats(values: Any) -> NDArray[np.float64]:
    masked = np.ma.getmaskarray(values)
    found = np.array(np.ma.getdata(values), np.float64)
    found[masked] = np.nan
    return found


def _answered(
    found: Mapping[str, Any], classes: tuple[str, ...], positive: int
) -> tuple[Answered, int]:
    """Return fetched rows, and how many labels cannot be read."""
    at, label_at = (_filled(found[name], 0).astype(np.int64) for name in ("at", "label_at"))
    labelled = _filled(found["labelled"], 0).astype(np.bool_)
    if "score" not in found:
        truth, answers = _floats(found["truth"]), _floats(found["answer"])
        readable = labelled & np.isfinite(truth) & np.isfinite(answers)
        rows = Answered(at, readable, label_at, score=answers, truth=truth, answers=answers)
        return rows, int((labelled & ~readable).sum())
    codes = [_filled(found[name], 0).astype(np.int64) - 1 for name in ("truth", "answer")]
    two = len(classes) == 2
    scores = {name: _floats(found[name]) for name in ("score", "of_truth", "of_answer", "squares")}
    score = scores["score" if two else "of_answer"]
    scored = bool(np.isfinite(score).any())
    rows = Answered(
        at,
        labelled,
        label_at,
        score=score if scored else None,
        classes=Classes(
            truth=codes[0],
            answers=codes[1],
            count=max(len(classes), 1),
            positive=positive,
            score=score if scored and two else None,
            of_truth=scores["of_truth"] if scored and not two else None,
            squares=scores["squares"] if scored and not two else None,
        ),
    )
    return rows, 0


def _groups(
    column: Column, found: Mapping[str, Any], texts: list[str]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the slices of a column: its name, and which rows are in it."""
    numbers, group = _floats(found["number"]), _filled(found["text_group"], 0)
    for place, text in enumerate(texts, start=1):
        yield text, group == place
    if (group < 0).any():
        yield "(others)", group < 0
    yield from _ranges(column, numbers)
    missing = (group == 0) & np.isnan(numbers)
    if missing.any():
        yield "(missing)", missing


def _ranges(
    column: Column, numbers: NDArray[np.float64]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield slices of numbers: few different ones each, else the quarters of the training data."""
    there = numbers[~np.isnan(numbers)]
    if not len(there):
        return
    different = np.unique(there)
    if len(different) <= _FEW_NUMBERS:
        for value in different.tolist():
            name = str(bool(value)) if column.type == "boolean" else f"{value:.6g}"
            yield name, numbers == value
        return
    known = column.quantiles[_QUARTERS]
    edges = np.unique(known or np.quantile(there, [0.25, 0.5, 0.75]).tolist())
    bins = np.searchsorted(edges, numbers, "left")  # an edge belongs to the bin below it
    names = [f"{edge:.6g}" for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(names)]
    for place, name in enumerate([f"<= {names[0]}", *between, f"> {names[-1]}"]):
        its = (bins == place) & ~np.isnan(numbers)
        if its.any():
            yield name, its
