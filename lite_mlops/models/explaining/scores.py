"""Which score of a model an explanation is of: that of the class that was answered, or the number.

places = places_of(answers.predicted, ("no", "yes"))    # array([1, 0, 1])
units("probability", places, ("no", "yes"))             # ["probability of 'yes'", ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def places_of(predicted: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.intp]:
    """Return where the class that each row was answered with stands among the classes.

    Without classes there is one score, which stands at 0.
    """
    if not classes:
        return np.zeros(len(predicted), np.intp)
    places = {label: place for place, label in enumerate(classes)}
    labels = predicted.reshape(len(predicted)).tolist()
    return np.array([places[one if one in places else str(one)] for one in labels], np.intp)


def by_class(decisions: NDArray[Any]) -> NDArray[np.float64]:
    """Return decisions with one column for each class; of two classes there may be but one."""
    scores = np.asarray(decisions, np.float64)
    if scores.ndim == 2 and scores.shape[1] > 1:
        return scores
    flat = scores.reshape(len(scores))
    return np.stack([-flat, flat], axis=1)


def units(what: str, places: NDArray[np.intp], classes: Sequence[Any]) -> list[str]:
    """Return the unit of each row, such as "log-odds of 'yes'"."""
    if not classes:
        return [what] * len(places)
    return [f"{what} of {classes[place]!r}" for place in places.tolist()]
