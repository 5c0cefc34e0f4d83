"""Asking a loaded model: rows in, answers and probabilities out, whatever the model is.

asking = Asking(model, version.signature)
answers = asking.ask([{"age": 41, "visits": 3}])
answers.predicted, answers.probabilities
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models.signature import Signature, Table


class Answers(NamedTuple):
    """What a model answers to some rows."""

    predicted: NDArray[Any]  # shape (rows,) or (rows, outputs)
    probabilities: NDArray[np.float64] | None  # shape (rows, classes)


class Asking:
    """A loaded model with its signature: whoever asks a model asks it here."""

    def __init__(self, model: Any, signature: Signature) -> None:
        self.model = model
        self.signature = signature
        self._input = signature.input_for(model)
        self._has_probabilities = bool(signature.classes) and hasattr(model, "predict_proba")

    def ask(self, rows: Any) -> Answers:
        """Return the answers to rows in any form that the signature takes.

        Raises:
            InvalidRows: names the rows, the features and the values that do not fit.
            Invalid: says why the model cannot answer.
        """
        return self.ask_checked(self.signature.validate(rows))

    def ask_checked(self, table: Table) -> Answers:
        """Return the answers to rows that were validated. Raises `Invalid`."""
        asked = self._input(table)
        probabilities = None
        try:
            with np.errstate(all="ignore"):
                if self._has_probabilities:
                    probabilities = np.asarray(self.model.predict_proba(asked))
                predicted = np.asarray(self.model.predict(asked))
        except (ValueError, TypeError) as error:  # such as a missing value that it does not take
            raise unanswerable(error) from error
        return Answers(predicted, probabilities)


def unanswerable(error: Exception) -> Invalid:
    """Return why a model cannot answer rows, by the first line of what it raised."""
    text = str(error).partition("\n")[0].rstrip(".")
    return Invalid(f"the model cannot answer these rows: {text}.")
