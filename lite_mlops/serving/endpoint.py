"""An endpoint: a model version that answers, and records every answer.

endpoint = project.endpoint("churn@champion")
endpoint.predict([{"age": 41, "visits": 3}])
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_mlops.errors import Invalid
from lite_mlops.models import ModelVersion, load_model
from lite_mlops.store import Store, new_id
from lite_mlops.store.events import Prediction


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
        self._model = load_model(store.objects, version.file, limit=store.settings.model_bytes)
        self._framed = version.signature.frame_for(self._model)

    def predict(self, rows: Sequence[Any]) -> list[Answer]:
        """Answer rows (dictionaries by feature, or lists in their order) and record each answer.

        Raises:
            Invalid: names the row, the feature and the value that do not fit, or says why the model
                cannot answer.
        """
        signature = self.version.signature
        matrix = signature.matrix(rows)
        if not len(matrix):
            return []
        table = self._framed(matrix)
        started = time.perf_counter_ns()
        scores = None
        try:
            with np.errstate(all="ignore"):
                if signature.classes and hasattr(self._model, "predict_proba"):
                    scores = self._model.predict_proba(table)
                predicted = self._model.predict(table)
        except ValueError as error:  # such as a missing value that it does not take
            text = str(error).partition("\n")[0].rstrip(".")
            raise Invalid(f"the model cannot answer these rows: {text}.") from error
        latency_us = (time.perf_counter_ns() - started) // 1000 // len(matrix)
        answers = []
        for number, value in enumerate(predicted.tolist()):
            probabilities = None if scores is None else scores[number].tolist()
            answer = Answer(
                id=new_id(),
                prediction=str(value),
                scores=None
                if probabilities is None
                else dict(zip(signature.classes, probabilities, strict=True)),
            )
            self._store.append(
                Prediction(
                    prediction=answer.id,
                    model=self.version.model,
                    version=self.version.version,
                    numbers=matrix[number].tolist(),
                    text=answer.prediction,
                    scores=probabilities,
                    latency_us=latency_us,
                )
            )
            answers.append(answer)
        return answers
