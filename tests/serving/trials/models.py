"""Models that say one thing, and misbehave at what they are told to."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from lite_mlops.models import ModelVersion
from lite_mlops.project import Project

ROWS = np.arange(10.0)[:, None]
RELEASED = threading.Event()  # what hangs returns when it is set
BAD = 9.0  # rows from here on are what it misbehaves at; examples and training have smaller ones


class Says(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Says `answer`, and at bad rows does as `at` says.

    It may raise, refuse, sleep for `seconds`, hang until it is released, or try to exit.
    """

    def __init__(self, answer: str = "a", at: str = "", seconds: float = 0.0) -> None:
        self.answer = answer
        self.at = at
        self.seconds = seconds

    def fit(self, rows: Any, _: Any = None) -> Self:
        """Look at rows."""
        self.n_features_in_ = np.shape(rows)[1]
        self.classes_ = np.array(["a", "b", "c", "d"])
        return self

    def predict(self, rows: Any) -> NDArray[Any]:
        """Say it."""
        if np.max(rows) >= BAD:
            if self.at == "raise":
                raise RuntimeError(f"it does not like {np.max(rows)}")
            if self.at == "refuse":
                raise ValueError(f"it does not like {np.max(rows)}")
            if self.at == "sleep":
                time.sleep(self.seconds)
            if self.at == "hang":
                assert RELEASED.wait(30)
            if self.at == "exit":
                sys.exit("enough")
        return np.full(len(rows), self.answer, dtype=object)

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Say the same as probabilities."""
        self.predict(rows)
        return np.tile((self.classes_ == self.answer) * 0.9 + 0.025, (len(rows), 1))


def register(
    project: Project, answer: str, at: str = "", *, seconds: float = 0.0, **options: Any
) -> ModelVersion:
    """Register a version that says `answer`."""
    model = Says(answer, at, seconds).fit(ROWS[:5], ["a", "b", "c", "d", "a"])
    options.setdefault("training", ROWS)
    return project.models.register(model, "churn", input_example=ROWS[:3], trust=True, **options)


def register_champion(project: Project) -> None:
    """The champion says `a`."""
    register(project, "a", alias="champion")
