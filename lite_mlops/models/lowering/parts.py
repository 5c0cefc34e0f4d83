"""What lowering is made of: which classes are known, what flows between parts, what is answered.

@lowers("sklearn.preprocessing._data.StandardScaler")
def _standard(scaler, given, to): ...       # a node, from the attributes of a fitted estimator
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.importances import class_of
from lite_mlops.models.lowering.plan import Node


class NotLowered(Exception):
    """A part of a model that no plan can be made of.

    Attributes:
        part: Where it stands, such as 'scale: PowerTransformer'.
        why: The reason in words.
    """

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part}: {why}")
        self.part, self.why = part, why


@dataclass(frozen=True)
class Given:
    """What arrives at a part.

    `matrix` is an array of numbers; `frame` has columns of their own types; `sparse` is what a
    one-hot encoder gives by default; `objects` an array of texts and numbers.
    """

    kind: Literal["matrix", "frame", "sparse", "objects"]
    types: tuple[str, ...] = ()  # of the columns of a frame, as in a signature
    names: tuple[str, ...] = ()

    @property
    def numbers(self) -> bool:
        """Whether it is, or is taken as, an array of numbers."""
        plain = not {"text", "datetime"} & set(self.types)
        return self.kind == "matrix" or (self.kind == "frame" and plain)


MATRIX, SPARSE = Given("matrix"), Given("sparse")
Lowered: TypeAlias = tuple[Node, Given]
Lower: TypeAlias = Callable[[Any, Given, "Lowering"], Lowered]

LOWER: dict[str, Lower] = {}


_NEIGHBORS = "it keeps its training rows and looks among them for each answer"
_WORDS = "it splits texts into words"
_WHY_NOT = {
    "sklearn.neighbors._nearest_centroid.NearestCentroid": "which of two centroids that are nearly "
    "as far is the nearer one is rounded in another way than NumPy can",
    **{
        f"sklearn.neighbors.{name}": _NEIGHBORS
        for name in (
            "_classification.KNeighborsClassifier",
            "_classification.RadiusNeighborsClassifier",
            "_regression.KNeighborsRegressor",
            "_regression.RadiusNeighborsRegressor",
            "_lof.LocalOutlierFactor",
        )
    },
    "sklearn.impute._knn.KNNImputer": _NEIGHBORS,
    "sklearn.gaussian_process._gpc.GaussianProcessClassifier": _NEIGHBORS,
    "sklearn.gaussian_process._gpr.GaussianProcessRegressor": _NEIGHBORS,
    "sklearn.feature_extraction.text.CountVectorizer": _WORDS,
    "sklearn.feature_extraction.text.HashingVectorizer": _WORDS,
    "sklearn.feature_extraction.text.TfidfVectorizer": _WORDS,
}


def why_not(cls: str) -> str | None:
    """Return why estimators of a class cannot be lowered; None if it depends on their options."""
    if cls in LOWER:
        return None
    known = "not supported yet" if cls.startswith("sklearn.") else f"{cls} is not of scikit-learn"
    return _WHY_NOT.get(cls, known)


def lowers(*classes: str) -> Callable[[Lower], Lower]:
    """Have a function lower fitted estimators of exactly these classes."""

    def keep(function: Lower) -> Lower:
        LOWER.update(dict.fromkeys(classes, function))
        return function

    return keep


@dataclass(frozen=True)
class Aim:
    """An estimator that takes arrays of numbers, with what the proof aims at.

    That is thresholds by column, which are met in all combinations, and rows.
    """

    estimator: Any
    node: Node
    thresholds: dict[int, NDArray[np.float64]]
    rows: NDArray[np.float64] | None = None


@dataclass
class Lowering:
    """One model on its way to a plan: its arrays so far, and the part that is looked at."""

    arrays: list[NDArray[Any]] = field(default_factory=list)
    path: tuple[str, ...] = ()
    aims: list[Aim] = field(default_factory=list)

    def array(self, values: Any, dtype: Any = None) -> int:
        """Keep an array, in the memory order that it has, and return its place."""
        array = np.asarray(values, dtype)
        if not (array.flags.c_contiguous or array.flags.f_contiguous):
            array = np.ascontiguousarray(array)
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        self.arrays.append(array)
        return len(self.arrays) - 1

    def labels(self, values: Any) -> int | list[str]:
        """Keep the labels of classes. Raises `NotLowered`."""
        array = np.asarray(values)
        if array.dtype == object:
            if all(type(one) is str for one in array):
                return list(array)
            raise self.refused("its classes are of several types")
        if array.dtype.kind not in "biuUf" or array.ndim != 1:
            raise self.refused(f"its classes are {array.dtype}")
        return self.array(array)

    def lower(self, estimator: Any, given: Given, name: str | None = None) -> Lowered:
        """Return the node of a part, and what it gives. Raises `NotLowered`."""
        cls = class_of(estimator)
        inner = replace(self, path=(*self.path, *([] if name is None else [name])))
        inner.path = (*inner.path, f"{type(estimator).__name__}")
        function = LOWER.get(cls)
        if function is None:
            raise inner.refused(str(why_not(cls)))
        _usual_output(estimator, inner)
        return function(estimator, given, inner)

    def refused(self, why: str) -> NotLowered:
        """Return why the part that is looked at is not lowered."""
        return NotLowered(" > ".join(self.path) or "the model", why)

    def need_numbers(self, given: Given) -> None:
        """Do nothing if numbers arrive. Raises `NotLowered`."""
        if not given.numbers:
            raise self.refused(
                f"it is given {given.kind} data ({', '.join(sorted(set(given.types)))})"
            )


def _usual_output(estimator: Any, lowering: Lowering) -> None:
    """Do nothing if a part gives arrays as usual. Raises `NotLowered`."""
    config = getattr(estimator, "_sklearn_output_config", {})
    if config.get("transform", "default") not in ("default", None):
        raise lowering.refused("it was told by set_output to give frames")


def parts_of(model: Any) -> Iterator[Any]:
    """Yield a model and the fitted parts that it asks, as far as they are known by attributes."""
    waiting, seen = [model], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen or not hasattr(one, "__dict__"):
            continue
        seen.add(id(one))
        yield one
        waiting += [step for _, step in getattr(one, "steps", None) or ()]
        waiting += [step for _, step in getattr(one, "transformer_list", None) or ()]
        waiting += [step for _, step, _ in getattr(one, "transformers_", None) or ()]
        for name in ("best_estimator_", "estimator_", "calibrated_classifiers_"):
            inner = getattr(one, name, None)
            waiting += inner if isinstance(inner, list) else [inner]
        inner = getattr(one, "estimators_", None)
        if isinstance(inner, list) and not hasattr(one, "n_outputs_"):  # not the trees of a forest
            waiting += inner


# -- what runs ----------------------------------------------------------------------------------

Rows: TypeAlias = Any  # an array, or one of the two below
Step: TypeAlias = Callable[[Rows], Rows]
# A single row as a list of plain values. A one-hot column of it is where the one is, and the width.
Alone: TypeAlias = Callable[[Any], Sequence[Any]]


class Unsure(Exception):
    """A single row is one that NumPy has to look at, such as one with missing values."""


class Both:
    """A step, and the same for a single row without NumPy, which takes longer for so few values.

    What it makes of the row are the same bits; or it raises `Unsure`, as for all that is refused.
    """

    __slots__ = ("alone", "rows")

    def __init__(self, rows: Step, alone: Alone | None) -> None:
        self.rows, self.alone = rows, alone

    def __call__(self, rows: Rows) -> Rows:
        """Do it with any number of rows."""
        return self.rows(rows)


def alone_of(step: Any) -> Alone | None:
    """Return what a step does with a single row; None if only NumPy can do it."""
    found: Alone | None = getattr(step, "alone", None)
    return found


class Frame:
    """Columns of their own types, as a frame of pandas has them; `matrix` is a view of them."""

    __slots__ = ("arrays", "known", "rows")

    def __init__(
        self, arrays: Sequence[NDArray[Any]], rows: int, known: NDArray[np.float64] | None = None
    ) -> None:
        self.arrays, self.rows, self.known = arrays, rows, known

    def numbers(self) -> NDArray[Any]:
        """Return the columns as one array, in the order in which pandas lays them out."""
        if self.known is not None:
            return self.known
        arrays = self.arrays
        dtype = arrays[0].dtype if len(arrays) == 1 else np.result_type(*arrays)
        if dtype.kind == "O":  # booleans of which some are missing
            dtype = np.dtype(np.float64)
        made: NDArray[Any] = np.empty((len(arrays), self.rows), dtype)
        for place, array in enumerate(arrays):
            made[place] = array
        return made.T

    def chosen(self, places: Sequence[int]) -> Frame:
        """Return some of the columns."""
        known = None if self.known is None else self.known.take(places, axis=1)
        return Frame([self.arrays[place] for place in places], self.rows, known)


def numbers(rows: Rows) -> NDArray[Any]:
    """Return rows as an array."""
    return rows.numbers() if isinstance(rows, Frame) else rows


def floats(rows: Rows) -> NDArray[np.float64]:
    """Return rows as float64, in the order that they have."""
    array = rows.numbers() if isinstance(rows, Frame) else rows
    return array if array.dtype == np.float64 else array.astype(np.float64)


@dataclass(frozen=True, slots=True)
class Answering:
    """What a lowered model answers: raw scores of rows, and what is said of them.

    None of the functions writes into the raw scores. `alone` gives the raw scores of a single row
    that is a list of plain values; None: an array is made of it. It may raise `Unsure`.
    """

    raw: Callable[[Rows], Any]
    predict: Callable[[Any], NDArray[Any]]
    proba: Callable[[Any], NDArray[Any]] | None = None
    decision: Callable[[Any], NDArray[Any]] | None = None
    alone: Callable[[Sequence[Any]], Any] | None = None


class Refused(ValueError):
    """Rows that the model does not take; the text is that of scikit-learn."""


def all_finite(array: NDArray[Any]) -> None:
    """Do nothing if there is no NaN and no infinity. Raises `Refused`."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        if np.isnan(array).any():
            raise Refused("Input X contains NaN.")
        raise Refused(f"Input X contains infinity or a value too large for {array.dtype!r}.")


def no_infinity(array: NDArray[Any]) -> None:
    """Do nothing if there is no infinity. Raises `Refused`."""
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise Refused(f"Input X contains infinity or a value too large for {array.dtype!r}.")
