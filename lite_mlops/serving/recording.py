"""Recording: every answer of an endpoint becomes an event of its project.

Endpoint(version, model, Recording(store, version))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lite_mlops.models import ModelVersion, Table
from lite_mlops.store import Store
from lite_mlops.store.events import Prediction, VersionServed

if TYPE_CHECKING:
    from lite_mlops.serving.endpoint import Answer


class Recording:
    """Records which process answers with a version, what it is asked, and what it answers."""

    def __init__(self, store: Store, version: ModelVersion) -> None:
        self._store = store
        self._version = version
        self._announced = False

    def announce(self) -> None:
        """Record that this process answers with the version, so that nobody removes it."""
        if not self._announced:
            self._announced = True
            about, writer = self._version, self._store.journal.writer
            self._store.append(
                VersionServed(model=about.model, version=about.version, writer=writer)
            )

    def record(self, answers: Sequence[Answer], table: Table, latency_us: int) -> None:
        """Record answers to the rows of a table; `latency_us` is that of one of them."""
        recorded = zip(answers, table.numbers_and_texts(), strict=True)
        for answer, (numbers, texts) in recorded:
            self._store.append(
                Prediction(
                    prediction=answer.id,
                    model=self._version.model,
                    version=self._version.version,
                    numbers=numbers,
                    texts=texts,
                    text=answer.prediction,
                    scores=None if answer.scores is None else list(answer.scores.values()),
                    latency_us=latency_us,
                )
            )
