"""Recorded predictions as arrays: what the checks of answers read of the project.

with store.reading() as database:
    answers = recorded_answers(database, version, since=None, until=None)

Everything comes in the order in which it was answered, so that columns that are read one after the
other under the same hold fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.estimates.answers import Answers
from lite_mlops.store import Database, as_stored

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recorded:
    """Answers of a classifier with their latencies, and how many labels are none of its classes."""

    answers: Answers
    latencies: Floats  # in microseconds
    unknown_labels: int


def period(
    version: ModelVersion, since: datetime | None, until: datetime | None
) -> dict[str, object]:
    """Return the parameters by which statements choose predictions."""
    return {
        "model": version.model,
        "version": version.version,
        "since": as_stored(since),
        "until": as_stored(until),
    }


def _floats(column: Any) -> Floats:
    """Return a column as numbers; what is null is NaN."""
    return np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)


def class_texts(version: ModelVersion) -> list[str]:
    """Return the classes of a version as they are recorded, in the order of the scores."""
    return [str(one) for one in version.signature.classes]


def recorded_answers(
    database: Database, version: ModelVersion, since: datetime | None, until: datetime | None
) -> Recorded:
    """Return the answers of a classifier; scores are NaN if it has none."""
    classes = class_texts(version)
    width = len(classes) if version.signature.probabilities else 1
    found = database.arrays(
        "recorded_answers", classes=classes, width=width, **period(version, since, until)
    )
    labels = np.asarray(found["label"][::width], np.int64)
    return Recorded(
        Answers(
            scores=_floats(found["score"]).reshape(-1, width),
            predicted=np.asarray(found["predicted"][::width], np.int64),
            labels=np.where(labels == -2, -1, labels),
            times=np.asarray(found["moment"][::width], np.int64),
        ),
        latencies=_floats(found["latency"][::width]),
        unknown_labels=int((labels == -1).sum()),
    )


@dataclass(frozen=True, eq=False)
class RecordedNumbers:
    """Answers and labels of a regressor, NaN where there is no number."""

    predicted: Floats
    labels: Floats
    times: NDArray[np.int64]
    latencies: Floats  # in microseconds


def recorded_numbers(
    database: Database, version: ModelVersion, since: datetime | None, until: datetime | None
) -> RecordedNumbers:
    """Return the answers of a regressor."""
    found = database.arrays("recorded_numbers", **period(version, since, until))
    return RecordedNumbers(
        predicted=_floats(found["predicted"]),
        labels=_floats(found["label"]),
        times=np.asarray(found["moment"], np.int64),
        latencies=_floats(found["latency"]),
    )


def recorded_column(
    database: Database,
    version: ModelVersion,
    name: str,
    since: datetime | None,
    until: datetime | None,
) -> tuple[Floats, list[str | None]]:
    """Return the values of a feature as numbers and as texts; each is one of them, or neither."""
    place = version.signature.features.index(name) + 1
    found = database.arrays("recorded_column", place=place, **period(version, since, until))
    return _floats(found["number"]), _texts(found["text"])


def _texts(column: Any) -> list[str | None]:
    masked = np.ma.asarray(column)
    if masked.mask is np.ma.nomask:
        return list(masked.data.tolist())
    values = masked.data.astype(object)
    values[np.ma.getmaskarray(masked)] = None
    return list(values.tolist())


def coded(texts: Sequence[str | None], known: Sequence[str]) -> Floats:
    """Return the places of texts in a list; NaN for those that are not there."""
    places: dict[str | None, float] = {text: float(place) for place, text in enumerate(known)}
    return np.fromiter((places.get(text, np.nan) for text in texts), np.float64, len(texts))
