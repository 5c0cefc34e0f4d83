"""What a fitted model tells of itself: whether it takes missing values, and what it answers.

Known are the attributes of scikit-learn, which other libraries have as well; scikit-learn itself is
not loaded for a model of another library.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lite_mlops.models.signature.kinds import Type, is_missing
from lite_mlops.models.signature.values import Output, OutputKind

# Steps after which nothing is missing any more, for the columns that go through them.
_FILL = {"IterativeImputer", "KNNImputer", "OneHotEncoder", "SimpleImputer", "TargetEncoder"}

_KINDS: dict[str, OutputKind] = {
    "classifier": "label",
    "regressor": "number",
    "clusterer": "cluster",
    "outlier_detector": "outlier",
}
_TYPES: dict[str, Type] = {"b": "boolean", "i": "integer", "u": "integer", "f": "float"}


def _tags(model: Any) -> Any:
    """Return what scikit-learn knows of a model; None if it is none of its kind."""
    if not hasattr(model, "__sklearn_tags__"):
        return None
    sklearn_utils = sys.modules.get("sklearn.utils")
    if sklearn_utils is None:
        return None
    try:
        return sklearn_utils.get_tags(model)
    except AttributeError:  # a class that says it is an estimator, and is not
        return None


# -- missing values -----------------------------------------------------------------------------


class MissingValues:
    """What becomes of a missing value in each column on its way through a model.

    The step that meets it first decides, unless it keeps it: a scaler hands it on to a regression,
    which refuses it; an imputer does not.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._taken: dict[int, str | None] = {}  # by a step that treats all columns alike
        self._steps_of: dict[int, dict[str, list[Any]]] = {}  # of a transformer of columns

    def taken(self, column: str) -> bool | None:
        """Return whether the model takes a missing value in a column; None if nothing tells."""
        done = self._through(self._model, column)
        return None if done is None else done != "refuses"

    def _through(self, step: Any, column: str) -> str | None:
        """Return what a step does with a missing value: 'refuses', 'fills' or 'keeps' it."""
        step = getattr(step, "best_estimator_", step)  # of a search
        if isinstance(step, str):
            return "keeps" if step == "passthrough" else "fills"  # it drops the column
        if hasattr(step, "steps"):  # a pipeline
            done = (self._through(inner, column) for _, inner in step.steps if inner is not None)
            return next((one for one in done if one != "keeps"), "keeps")
        if hasattr(step, "transformers_"):
            return self._through_columns(step, column)
        if id(step) not in self._taken:
            self._taken[id(step)] = _by_tags(step)
        return self._taken[id(step)]

    def _through_columns(self, step: Any, column: str) -> str | None:
        if id(step) not in self._steps_of:
            names = list(getattr(step, "feature_names_in_", ()))
            steps = self._steps_of[id(step)] = {}
            for _, inner, columns in step.transformers_:
                for name in _names_of(columns, names):
                    steps.setdefault(name, []).append(inner)
        done = [self._through(inner, column) for inner in self._steps_of[id(step)].get(column, ())]
        # Where no transformer takes the column, its values do not matter.
        return next((one for one in (None, "refuses", "keeps") if one in done), "fills")


def _by_tags(step: Any) -> str | None:
    if type(step).__name__ in _FILL:
        return "fills"
    tags = _tags(step)
    if tags is None:
        return None
    return "keeps" if tags.input_tags.allow_nan else "refuses"


def _names_of(columns: Any, names: Sequence[str]) -> set[str]:
    """Return the names of columns that are chosen by names, places, a slice or a mask."""
    if isinstance(columns, str | int | np.integer):
        columns = [columns]
    listed = list(columns) if not isinstance(columns, slice) else columns
    if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
        return set(listed)
    return set(np.asarray(names, object)[listed].tolist()) if names else set()


# -- outputs ------------------------------------------------------------------------------------


def _values(classes: Any) -> tuple[Any, ...]:
    """Return classes as values that JSON can hold."""
    listed = np.asarray(classes).tolist()
    return tuple(one if isinstance(one, bool | int | float | str) else str(one) for one in listed)


def _type(values: Sequence[Any]) -> Type:
    types = {type(value) for value in values if not is_missing(value)}
    for kind, taken in (("boolean", bool), ("integer", int), ("text", str)):
        if types and types == {taken}:
            return kind  # type: ignore[return-value]
    return "float" if types <= {int, float} else "text"


def _labels(classes: Any, *, probabilities: bool) -> Output:
    values = _values(classes)
    return Output("label", _type(values), values, probabilities=probabilities)


def _several(classes: Any) -> Iterator[Any]:
    """Give the classes of each output of a classifier with several; nothing for one with one."""
    if isinstance(classes, list) and classes and isinstance(classes[0], np.ndarray | list):
        yield from classes


def outputs_of(model: Any, ask: Callable[[], Any] | None = None) -> tuple[Output, ...]:
    """Return what a model answers with for each row; nothing if it predicts nothing.

    `ask` returns answers of the model. It is called only where the model itself does not tell.
    """
    if not callable(getattr(model, "predict", None)):
        return ()
    classes = getattr(model, "classes_", None)
    if classes is not None and len(classes):
        probabilities = callable(getattr(model, "predict_proba", None))
        several = [_labels(one, probabilities=probabilities) for one in _several(classes)]
        return tuple(several) or (_labels(classes, probabilities=probabilities),)
    tags = _tags(model)
    kind = _KINDS.get(getattr(tags, "estimator_type", None) or "", "any")
    if kind in ("cluster", "outlier"):
        return (Output(kind, "integer"),)
    width = getattr(model, "n_outputs_", None)
    if kind == "number" and isinstance(width, int):
        return (Output("number", "float"),) * width
    answers = None if ask is None else ask()
    if answers is None:
        return (Output(kind, "float"),)
    return _asked(kind, np.asarray(answers))


def _asked(kind: OutputKind, answers: np.ndarray[Any, Any]) -> tuple[Output, ...]:
    width = 1 if answers.ndim < 2 else int(np.prod(answers.shape[1:]))
    known = _TYPES.get(answers.dtype.kind) or _type(answers.reshape(-1).tolist())
    if kind == "number" and known == "integer":
        known = "float"  # of a few rows; the next may be asked for a fraction
    return (Output(kind, known),) * width
