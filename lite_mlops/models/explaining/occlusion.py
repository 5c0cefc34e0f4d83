"""Occlusion: how the score of the answer changes when one value alone is replaced.

The contribution of column j is f(x) - f(x with x_j replaced by its reference), where f is the
probability of the class that was answered, or the number. Without probabilities f is the decision
function; without one it is 1 where the answer is still the same class and 0 where it is not.

One feature at a time: M. Robnik-Sikonja, I. Kononenko, "Explaining Classifications For Individual
Instances", IEEE Transactions on Knowledge and Data Engineering 20 (2008), 589-600. The name is from
pictures, of which a square is covered: M. Zeiler, R. Fergus, "Visualizing and Understanding
Convolutional Networks", ECCV 2014, 818-833.

What two columns tell together is seen with both or with neither, so the contributions need not
add up to f(x) - f(reference).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.answering import Asking, unanswerable
from lite_mlops.models.explaining.scores import by_class, places_of, units
from lite_mlops.models.explaining.values import OCCLUSION, Told
from lite_mlops.models.signature import Table

# Values of one question. All columns and rows are one, unless that would take much memory.
_MAX_VALUES = 4_000_000


def told(asking: Asking, table: Table, reference: Table) -> Told:
    """Return the contributions; the model is asked once, if the table is of a usual size.

    Raises:
        Invalid: the model cannot answer the rows, or has nothing but labels.
    """
    classes = asking.signature.classes
    rows, width = len(table), len(table.columns)
    step = max(1, _MAX_VALUES // max(1, rows * width))
    scored: list[NDArray[np.float64]] = []
    for start in range(0, max(1, width), step):
        group = range(start, min(start + step, width))
        asked = Table.joined([table, reference, _replaced(table, reference, group)])
        unit, predicted, scores = _asked(asking, asked)
        if not scored:
            places = places_of(predicted[:rows], classes)
            values, baselines = scores[np.arange(rows), places], scores[rows, places]
        parts = scores[rows + 1 :].reshape(len(group), rows, -1)
        scored.append(parts[:, np.arange(rows), places])
    contributions = (values - np.concatenate(scored)).T
    return Told(OCCLUSION, units(unit, places, classes), baselines, values, contributions)


def _asked(asking: Asking, table: Table) -> tuple[str, NDArray[Any], NDArray[np.float64]]:
    """Return the name of the score, the answers, and the scores of each class or the numbers."""
    (output,) = asking.signature.outputs
    answers = asking.ask_checked(table)
    unit, scores = "prediction", answers.predicted
    if answers.probabilities is not None:
        unit, scores = "probability", answers.probabilities
    elif output.kind in ("label", "outlier"):
        decided = _decisions(asking, table)
        if decided is not None:
            unit, scores = "decision function", decided
        elif output.classes:
            unit, scores = "indicator", _indicators(answers.predicted, output.classes)
    return unit, answers.predicted, np.asarray(scores, np.float64).reshape(len(table), -1)


def _decisions(asking: Asking, table: Table) -> NDArray[np.float64] | None:
    """Return the scores of the classes, or of being no outlier; None if the model has none."""
    if not hasattr(asking.model, "decision_function"):
        return None
    try:
        decisions = asking.model.decision_function(asking.signature.input_for(asking.model)(table))
    except (ValueError, TypeError) as error:
        raise unanswerable(error) from error
    if not asking.signature.classes:
        return np.asarray(decisions, np.float64)
    scores = by_class(decisions)
    # A machine that votes scores pairs of classes.
    return scores if scores.shape[1] == len(asking.signature.classes) else None


def _indicators(predicted: NDArray[Any], classes: Sequence[Any]) -> NDArray[np.float64]:
    """Return 1 for the class that each row was answered with, and 0 for the others."""
    places = places_of(predicted, classes)
    found: NDArray[np.float64] = np.eye(len(classes))[places]
    return found


def _replaced(table: Table, reference: Table, group: Sequence[int]) -> Table:
    """Return the rows once for each column of a group, with its value replaced."""
    rows = len(table)
    arrays: list[NDArray[Any]] = [np.tile(array, len(group)) for array in table.arrays]
    for number, place in enumerate(group):
        arrays[place][number * rows : (number + 1) * rows] = reference.arrays[place][0]
    return Table(table.signature, arrays=arrays, rows=rows * len(group))
