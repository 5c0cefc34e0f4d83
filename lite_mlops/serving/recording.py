"""Recording: every answer of an endpoint becomes an event of its project.

recording = Recording(store)
Endpoint(version, model, recording)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.models import ModelVersion
from lite_mlops.store import Store
from lite_mlops.store.events import Prediction, VersionServed

if TYPE_CHECKING:
    from lite_mlops.serving.answers import Answers


class Recording:
    """Records which process answers with which version, what it is asked, and what it answers."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._announced: set[str] = set()

    def announce(self, version: ModelVersion) -> None:
        """Record that this process answers with a version, so that nobody removes it."""
        if version.name not in self._announced:
            self._announced.add(version.name)
            writer = self._store.journal.writer
            self._store.append(
                VersionServed(model=version.model, version=version.version, writer=writer)
            )

    def record(self, answers: Answers) -> None:
        """Record the answers to one request."""
        version = answers.version
        scores = [None] * len(answers) if answers.scores is None else answers.scores.tolist()
        recorded = zip(
            answers.ids(),
            answers.predictions(),
            scores,
            answers.table.numbers_and_texts(),
            strict=True,
        )
        for answer_id, prediction, shares, (numbers, texts) in recorded:
            self._store.append(
                Prediction(
                    prediction=answer_id,
                    model=version.model,
                    version=version.version,
                    numbers=numbers,
                    texts=texts,
                    text=str(prediction),
                    scores=shares,
                    latency_us=answers.latency_us,
                )
            )
