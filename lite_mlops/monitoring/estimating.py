"""Estimates of a model from what is recorded of it: what `Monitoring.estimates` tells.

The reference is what was labelled already: an evaluation that the run of the version kept with its
scores, or else earlier predictions whose labels have come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

import numpy as np

from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models import Models, ModelVersion
from lite_mlops.monitoring.answers import (
    class_texts,
    coded,
    recorded_answers,
    recorded_column,
    recorded_numbers,
)
from lite_mlops.monitoring.estimates.answers import Answers, Numbers
from lite_mlops.monitoring.estimates.calibration import MIN_REFERENCE
from lite_mlops.monitoring.estimates.report import EstimateReport, nothing_estimated
from lite_mlops.monitoring.estimates.windows import estimate_losses, estimate_windows, parts
from lite_mlops.store import Store
from lite_mlops.tracking.evaluations import Evaluation, is_of_training

ReferenceKind: TypeAlias = Literal["evaluation", "labels"]

MOST_REFERENCE = 5_000  # of the first labelled predictions, if nothing says since when
_WHAT_TO_DO = (
    "Log an evaluation with scores in the run that trains, run.log_evaluation(y_test, y_pred, "
    "y_score=...), or send the labels of earlier predictions, lm.feedback(id, label)."
)


@dataclass(frozen=True)
class _Reference:
    """Labelled answers, what they are in words, and the answers that are to be estimated."""

    answers: Answers
    named: str
    current: Answers


def estimates_of(
    store: Store,
    models: Models,
    version: ModelVersion,
    *,
    reference: str | None,
    rows: int,
    since: datetime | None,
    until: datetime | None,
    loss: bool,
) -> EstimateReport:
    """Return what is estimated of a version; see `Monitoring.estimates`."""
    kind, _, name = (reference or "").partition("=")
    if reference is not None and kind not in get_args(ReferenceKind):
        near = suggestion(kind, get_args(ReferenceKind))
        raise Invalid(
            f"There is no reference {reference!r} of estimates: evaluation, evaluation=NAME, "
            f"labels.{near}"
        )
    parts(0, rows)  # refused before anything is read
    if not version.signature.classes:
        return _losses_of(store, version, rows, since, until, loss=loss)
    if not version.signature.probabilities:
        raise Invalid(
            f"{version.name} has no probabilities, of which estimates are made. Register a model "
            "with predict_proba, or wait for labels."
        )
    reasons = []
    if kind != "labels":
        try:
            evaluated, named = _evaluation(models, version, name)
            with store.reading() as database:
                current = recorded_answers(database, version, since, until).answers
            return _estimated(version, _Reference(evaluated, named, current), rows)
        except Invalid as problem:
            reasons.append(str(problem))
    if kind != "evaluation":
        try:
            return _estimated(version, _labelled(store, version, since, until), rows)
        except Invalid as problem:
            reasons.append(str(problem))
    why = f"{' '.join(_sentence(one) for one in reasons)} {_WHAT_TO_DO}"
    return nothing_estimated(version.name, reference or "", why)


def _sentence(text: str) -> str:
    return f"The{text[3:]}" if text.startswith("the ") else text


def _estimated(version: ModelVersion, reference: _Reference, rows: int) -> EstimateReport:
    return estimate_windows(
        reference.current,
        reference.answers,
        model=version.name,
        named=reference.named,
        rows=rows,
    )


# -- references ---------------------------------------------------------------------------------


def _evaluation(models: Models, version: ModelVersion, wanted: str) -> tuple[Answers, str]:
    """Return the evaluation that the run of a version kept. Raises `Invalid`."""
    kept = models.kept_evaluations(version)
    if wanted and wanted not in kept:
        near = suggestion(wanted, kept)
        raise Invalid(f"the run of {version.name} kept no evaluation {wanted!r}.{near}")
    # Scores of the rows that a model was fitted on are too good.
    names = [wanted] if wanted else [name for name in kept if not is_of_training(name)]
    problem = f"the run of {version.name} kept no evaluation with scores."
    for name in names:
        referrer = f"evaluation {name!r} of run {version.run_id}"
        try:
            return _of_evaluation(kept[name], version), referrer
        except Invalid as reason:
            problem = f"the {referrer} cannot be used: {reason}"
    raise Invalid(problem)


def _of_evaluation(found: Evaluation, version: ModelVersion) -> Answers:
    """Return an evaluation as answers. Raises `Invalid` with what keeps it from being used."""
    if found.y_score is None:
        raise Invalid("it has no scores.")
    if found.y_score.min() < 0 or found.y_score.max() > 1:
        raise Invalid("its scores are not from 0 to 1, as those of predictions are.")
    classes = version.signature.classes
    labels = np.unique(found.y_true).tolist()
    if len(classes) != 2 or len(labels) != 2 or not _alike(labels, classes):
        told = ", ".join(map(str, labels[:5]))
        raise Invalid(f"its labels are {told}, and the classes {', '.join(class_texts(version))}.")
    second = labels[1]
    return Answers(
        scores=np.column_stack([1 - found.y_score, found.y_score]),
        predicted=(found.y_pred == second).astype(np.int64),
        labels=(found.y_true == second).astype(np.int64),
    )


def _alike(labels: list[object], classes: tuple[object, ...]) -> bool:
    """Return whether labels are the classes in their order, as texts or as numbers."""
    same = all(one == other for one, other in zip(labels, classes, strict=True))
    return same or [*map(str, labels)] == [*map(str, classes)]


def _labelled(
    store: Store, version: ModelVersion, since: datetime | None, until: datetime | None
) -> _Reference:
    """Return predictions from before `since` that have a label, and those from then on.

    Without a time they are the first labelled ones: half of them, and 5,000 at most. Raises
    `Invalid`.
    """
    with store.reading() as database:
        recorded = recorded_answers(database, version, None, until)
    answers = recorded.answers
    known = answers.whole & (answers.labels >= 0)
    border = _border(answers.times, known, since)
    found = int(known[:border].sum())
    if found < MIN_REFERENCE:
        before = "" if since is None else f" before {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        unknown = (
            f" ({amount(recorded.unknown_labels, 'label')} of none of its classes)"
            if recorded.unknown_labels
            else ""
        )
        labelled = found if since is not None else int(known.sum())
        needed = MIN_REFERENCE if since is not None else 2 * MIN_REFERENCE
        raise Invalid(
            f"{version.name} has {amount(labelled, 'labelled prediction')}{before}{unknown}; at "
            f"least {needed} are needed."
        )
    named = f"the first {amount(found, 'labelled prediction')}"
    return _Reference(answers[:border], named, answers[border:])


def _border(times: object, known: object, since: datetime | None) -> int:
    """Return before which place the reference ends."""
    flags, moments = np.asarray(known, np.bool_), np.asarray(times, np.int64)
    if since is not None:
        return int(np.searchsorted(moments, int(since.timestamp() * 1e6), "left"))
    places = np.flatnonzero(flags)
    taken = min(len(places) // 2, MOST_REFERENCE)
    return int(places[taken - 1]) + 1 if taken else 0


# -- regressors ---------------------------------------------------------------------------------


def _losses_of(
    store: Store,
    version: ModelVersion,
    rows: int,
    since: datetime | None,
    until: datetime | None,
    *,
    loss: bool,
) -> EstimateReport:
    outputs = version.signature.outputs
    if len(outputs) != 1 or outputs[0].kind != "number":
        raise Invalid(
            f"{version.name} answers neither with one class nor with one number; nothing is "
            "estimated of it."
        )
    if not loss:
        raise Invalid(
            f"{version.name} is a regressor, whose loss is estimated by a second model of it. Ask "
            "for that with loss=True (--loss)."
        )
    with store.reading() as database:
        found = recorded_numbers(database, version, None, until)
        columns = [
            recorded_column(database, version, name, None, until)
            for name in version.signature.features
        ]
    known = np.isfinite(found.labels) & np.isfinite(found.predicted)
    border = _border(found.times, known, since)
    features = np.empty((len(found.predicted), len(columns)))
    for place, (numbers, texts) in enumerate(columns):
        names = sorted({one for one in texts[:border] if one is not None})
        features[:, place] = np.where(np.isnan(numbers), coded(texts, names), numbers)
    answers = Numbers(features, found.predicted, found.labels, found.times)
    labelled = int(known[:border].sum())
    try:
        return estimate_losses(
            answers[border:],
            answers[:border],
            model=version.name,
            named=f"the first {amount(labelled, 'labelled prediction')}",
            rows=rows,
        )
    except Invalid as problem:
        why = f"{_sentence(str(problem))} Send the labels of earlier predictions, lm.feedback."
        return nothing_estimated(version.name, "labels", why)
