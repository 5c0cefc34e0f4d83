"""An endpoint: a model version that answers, and records every answer.

endpoint = project.endpoint("churn@champion")
endpoint.predict([{"age": 41, "visits": 3}])
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from lite_mlops.models import Asking, ModelVersion, open_version
from lite_mlops.store import Store, new_id
from lite_mlops.store.events import Prediction, VersionServed


@dataclass(frozen=True)
class Answer:
    """One answer: its id, by which its label can be sent later, and what the model says."""

    id: str
    prediction: str
    scores: dict[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON can hold it."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Endpoint:
    """Answers with one version of a model; its file is proved before it is loaded."""

    def __init__(self, store: Store, version: ModelVersion) -> None:
        self._store = store
        self.version = version
        model = open_version(store.objects, version, store.settings)
        self._asking = Asking(model, version.signature)
        self._announced = False

    def announce(self) -> None:
        """Record that this process answers with the version, so that nobody removes it."""
        if not self._announced:
            self._announced = True
            about, writer = self.version, self._store.journal.writer
            self._store.append(
                VersionServed(model=about.model, version=about.version, writer=writer)
            )

    def predict(self, rows: Any) -> list[Answer]:
        """Answer rows (dictionaries by feature, or lists in their order) and record each answer.

        Raises:
            InvalidRows: names the row, the feature and the value that do not fit.
            Invalid: says why the model cannot answer.
        """
        self.announce()
        signature = self.version.signature
        table = signature.validate(rows)
        if not len(table):
            return []
        started = time.perf_counter_ns()
        predicted, scores = self._asking.ask_checked(table)
        latency_us = (time.perf_counter_ns() - started) // 1000 // len(table)
        labels = [str(label) for label in signature.classes]
        recorded = table.numbers_and_texts()
        answers = []
        for number, value in enumerate(predicted.tolist()):
            probabilities = None if scores is None else scores[number].tolist()
            answer = Answer(
                id=new_id(),
                prediction=str(value),
                scores=None
                if probabilities is None
                else dict(zip(labels, probabilities, strict=True)),
            )
            self._store.append(
                Prediction(
                    prediction=answer.id,
                    model=self.version.model,
                    version=self.version.version,
                    numbers=recorded[number][0],
                    texts=recorded[number][1],
                    text=answer.prediction,
                    scores=probabilities,
                    latency_us=latency_us,
                )
            )
            answers.append(answer)
        return answers
