"""A model that learns piece by piece: each `partial_fit` is a step of one run.

The first call of a model starts a run with its params, or joins one, as a fit does; so the calls
after a `fit` go on with the run of that. Of the following calls the first ten are logged, then each
one that makes the count 10 % higher, so that 10,000 calls are about 80 steps. A step has the rows
seen so far, the seconds that took, the model's own loss where it has one, and how it does on the
piece it has just learned: on a hundred of its rows. Since no call is known to be the last one, the
run ends with the first call, and neither model, data nor plots are kept with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lite_mlops.autologging import training
from lite_mlops.autologging.estimators import kind_of
from lite_mlops.autologging.links import Link
from lite_mlops.autologging.training import Training

_EACH = 10  # calls that are all logged
_GROWTH = 1.1


@dataclass
class Steps:
    """The calls of `partial_fit` of one model, which are logged to `link`."""

    link: Link
    calls: int = 0
    rows: int = 0
    seconds: float = 0.0
    _next: int = 1

    def take(self, model: Any, piece: Training, seconds: float) -> None:
        """Count a call, and log it if it is one that is logged."""
        self.calls += 1
        self.rows += piece.rows
        self.seconds += seconds
        if self.calls < self._next:
            return
        self._next = self.calls + 1 if self.calls < _EACH else int(self.calls * _GROWTH)
        found = {"rows_seen": float(self.rows), "partial_fit_seconds": self.seconds}
        for name, value in (found | self._measured(model, piece)).items():
            self.link.log(name, value, step=self.calls)

    @staticmethod
    def _measured(model: Any, piece: Training) -> dict[str, float]:
        found = {}
        loss = getattr(model, "loss_", None)
        if isinstance(loss, float):
            found["loss"] = float(loss)
        kind = kind_of(model)
        if piece.rows and piece.target is not None and kind in ("classifier", "regressor"):
            scores = kind == "classifier"
            answers = training.answers_of(model, piece, seconds=0.0, with_scores=scores)
            for name, value in training.metrics_of(kind, model, answers).items():
                found[name.replace("training_", "batch_")] = value
        return found
