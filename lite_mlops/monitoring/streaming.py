"""Streams of a model from what is recorded of it: what `Monitoring.streams` tells."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.answers import recorded_answers, recorded_numbers
from lite_mlops.monitoring.streams.report import StreamReport, watch
from lite_mlops.store import Store

Floats = NDArray[np.float64]


def _by_request(times: Any, latencies: Floats) -> Floats:
    """Return the latency of each request: rows that were asked together share time and latency."""
    _, first = np.unique(times, return_index=True)
    return latencies[first]


def streams_of(
    store: Store, version: ModelVersion, *, since: datetime | None, until: datetime | None
) -> StreamReport:
    """Return the streams of a version; see `Monitoring.streams`."""
    if not version.signature.classes:
        with store.reading() as database:
            found = recorded_numbers(database, version, since, until)
        with np.errstate(over="ignore", invalid="ignore"):
            errors = np.abs(found.predicted - found.labels)
        return watch(
            scores=found.predicted,
            errors=errors[~np.isnan(errors)],
            latencies=_by_request(found.times, found.latencies),
            model=version.name,
            span=None,
        )
    with store.reading() as database:
        recorded = recorded_answers(database, version, since, until)
    answers = recorded.answers
    # Of two classes the score of the second; of more that of the answer, which is the largest.
    scores = answers.scores[:, 1] if answers.scores.shape[1] == 2 else answers.scores.max(axis=1)
    known = answers.labels >= 0
    wrong = answers.labels[known] != answers.predicted[known]
    return watch(
        scores=scores,
        errors=wrong.astype(np.float64),
        latencies=_by_request(answers.times, recorded.latencies),
        model=version.name,
    )
