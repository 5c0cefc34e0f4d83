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
from lite_mlops.models.importances import class_of, final_of
from lite_mlops.models.signature import Signature, Table

# Classifiers of scikit-learn that answer with the most probable class: what `predict` says follows
# from `predict_proba`, which spares the second call.
_MOST_PROBABLE = frozenset(
    {
        "AdaBoostClassifier",
        "BaggingClassifier",
        "BernoulliNB",
        "CalibratedClassifierCV",
        "CategoricalNB",
        "ComplementNB",
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "GaussianNB",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "KNeighborsClassifier",
        "LinearDiscriminantAnalysis",
        "LogisticRegression",
        "MLPClassifier",
        "MultinomialNB",
        "QuadraticDiscriminantAnalysis",
        "RandomForestClassifier",
    }
)
# Of these `predict` is the first of the most probable classes, however close others are.
_TREES = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreeClassifier",
        "ExtraTreesClassifier",
        "RandomForestClassifier",
    }
)
# Of others, two classes that are closer than this may be told apart by `predict` alone, which looks
# at numbers before they are rounded to probabilities.
_APART = 1e-7


class Answers(NamedTuple):
    """What a model answers to some rows."""

    predicted: NDArray[Any]  # shape (rows,) or (rows, outputs)
    probabilities: NDArray[np.float64] | None  # shape (rows, classes)


class Asking:
    """A loaded model with its signature: whoever asks a model asks it here.

    Attributes:
        by_plan: Whether a plan answers, which costs next to nothing beyond its rows.
    """

    by_plan = False

    def __init__(self, model: Any, signature: Signature) -> None:
        self._model = model
        self.why: str | None = None  # no plan answers in its place
        self.signature = signature
        self._input = signature.input_for(model)
        self._has_probabilities = bool(signature.classes) and hasattr(model, "predict_proba")
        self._classes = _classes_of(model) if self._has_probabilities else None
        self._close_is_told = class_of(final_of(model)).rpartition(".")[2] in _TREES

    @property
    def model(self) -> Any:
        """The model."""
        return self._model

    @property
    def path(self) -> str:
        """What answers, in words."""
        return "the model itself" + (f" ({self.why})" if self.why else "")

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
        probabilities = predicted = None
        try:
            with np.errstate(all="ignore"):
                if self._has_probabilities:
                    probabilities = np.asarray(self._model.predict_proba(asked))
                    predicted = self._most_probable(probabilities)
                if predicted is None:
                    predicted = np.asarray(self._model.predict(asked))
        except (ValueError, TypeError) as error:  # such as a missing value that it does not take
            raise unanswerable(error) from error
        return Answers(predicted, probabilities)

    def _most_probable(self, probabilities: NDArray[Any]) -> NDArray[Any] | None:
        """Return the most probable classes; None if `predict` is to be asked."""
        if self._classes is None or probabilities.shape[1:] != (len(self._classes),):
            return None
        if self._close_is_told:
            return np.asarray(self._classes.take(probabilities.argmax(axis=1)))
        if len(self._classes) == 2:
            apart = np.abs(probabilities[:, 1] - probabilities[:, 0])
        else:
            two = np.partition(probabilities, -2, axis=1)[:, -2:]
            apart = two[:, 1] - two[:, 0]
        if not (apart > _APART).all():  # also if one is NaN
            return None
        found: NDArray[Any] = self._classes.take(probabilities.argmax(axis=1))
        return found


def _classes_of(model: Any) -> NDArray[Any] | None:
    """Return the classes of a model that answers with the most probable one; None of another."""
    final = final_of(model)
    name = class_of(final)
    if not name.startswith("sklearn.") or name.rpartition(".")[2] not in _MOST_PROBABLE:
        return None
    classes = getattr(final, "classes_", None)
    several = isinstance(classes, np.ndarray) and classes.ndim == 1 and len(classes) > 1
    return classes if several else None


def unanswerable(error: Exception) -> Invalid:
    """Return why a model cannot answer rows, by the first line of what it raised."""
    text = str(error).partition("\n")[0].rstrip(".")
    return Invalid(f"the model cannot answer these rows: {text}.")
