"""An endpoint: a loaded model version that answers, and has every answer recorded where it can.

endpoint = project.endpoint("churn@champion")
endpoint.predict([{"age": 41, "visits": 3}])
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from lite_mlops.models import Asking, ModelVersion
from lite_mlops.serving.recording import Recording
from lite_mlops.store import new_id


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
    """Answers with one version of a model.

    Args:
        version: The version.
        model: Its model, loaded.
        recording: What records the answers; None where there is no project.
    """

    def __init__(
        self, version: ModelVersion, model: Any, recording: Recording | None = None
    ) -> None:
        self.version = version
        self._asking = Asking(model, version.signature)
        self._recording = recording

    def announce(self) -> None:
        """Record that this process answers with the version, so that nobody removes it."""
        if self._recording is not None:
            self._recording.announce()

    def predict(self, rows: Any) -> list[Answer]:
        """Answer rows (dictionaries by feature, or lists in their order) and record each answer.

        Raises:
            InvalidRows: names the row, the feature and the value that do not fit.
            Invalid: says why the model cannot answer.
        """
        signature = self.version.signature
        table = signature.validate(rows)
        if not len(table):
            return []
        self.announce()
        started = time.perf_counter_ns()
        predicted, scores = self._asking.ask_checked(table)
        latency_us = (time.perf_counter_ns() - started) // 1000 // len(table)
        labels = [str(label) for label in signature.classes]
        answers = [
            Answer(
                id=new_id(),
                prediction=str(value),
                scores=None
                if scores is None
                else dict(zip(labels, scores[number].tolist(), strict=True)),
            )
            for number, value in enumerate(predicted.tolist())
        ]
        if self._recording is not None:
            self._recording.record(answers, table, latency_us)
        return answers
