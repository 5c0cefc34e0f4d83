"""Asking a loaded model: rows in, answers and probabilities out, whatever the model is.

answers = ask(model, version.signature, [{"age": 41, "visits": 3}])
answers.predicted, answers.probabilities
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models.signature import Signature


class Answers(NamedTuple):
    """What a model answers to some rows."""

    predicted: NDArray[Any]  # shape (rows,) or (rows, outputs)
    probabilities: NDArray[np.float64] | None  # shape (rows, classes)


def ask(model: Any, signature: Signature, rows: Sequence[Any]) -> Answers:
    """Return the answers of a model to rows that its signature accepts.

    Raises:
        Invalid: names the row and the value that do not fit, or says why the model cannot answer.
    """
    table = signature.frame_for(model)(signature.matrix(rows))
    probabilities = None
    try:
        with np.errstate(all="ignore"):
            predicted = np.asarray(model.predict(table))
            if signature.classes and hasattr(model, "predict_proba"):
                probabilities = np.asarray(model.predict_proba(table))
    except ValueError as error:  # such as a missing value that it does not take
        text = str(error).partition("\n")[0].rstrip(".")
        raise Invalid(f"the model cannot answer these rows: {text}.") from error
    return Answers(predicted, probabilities)
