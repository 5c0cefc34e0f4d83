"""The signature of a model: the features it takes, in their order, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid


@dataclass(frozen=True)
class Signature:
    """Names of the features in their order, and the classes of a classifier."""

    features: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Signature:
        """Return the signature that `to_dict` wrote."""
        return cls(tuple(fields["features"]), tuple(fields["classes"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the signature as JSON can hold it."""
        return {"features": list(self.features), "classes": list(self.classes)}

    def matrix(self, rows: Sequence[Any]) -> NDArray[np.float64]:
        """Return rows (dictionaries by feature, or lists in order) as numbers; None becomes NaN.

        Raises:
            Invalid: names the row, the feature and the value that cannot be used.
        """
        table = [self._ordered(number, row) for number, row in enumerate(rows)]
        matrix = np.empty((len(table), len(self.features)))
        for number, row in enumerate(table):
            for place, value in enumerate(row):
                matrix[number, place] = self._number(number, self.features[place], value)
        return matrix

    def frame_for(self, model: Any) -> Callable[[NDArray[np.float64]], Any]:
        """Return what makes a matrix into what `model` takes: with names if it was fitted on them.

        Without pandas it stays a matrix: the order of its columns is right without names.
        """
        if hasattr(model, "feature_names_in_"):
            with suppress(ImportError):
                from pandas import DataFrame

                return partial(DataFrame, columns=list(self.features))
        return lambda matrix: matrix

    def _ordered(self, number: int, row: Any) -> Sequence[Any]:
        if isinstance(row, Mapping):
            missing = [name for name in self.features if name not in row]
            unknown = [name for name in row if name not in self.features]
            if missing or unknown:
                raise Invalid(
                    f"row {number} does not fit: missing {missing[:5]}, unknown {unknown[:5]}; "
                    f"expected the {len(self.features)} features of the signature."
                )
            return [row[name] for name in self.features]
        if isinstance(row, np.ndarray):
            row = row.tolist()
        values = row if isinstance(row, Sequence) and not isinstance(row, str | bytes) else ()
        if len(values) == len(self.features):
            return values
        raise Invalid(
            f"row {number} does not fit: {len(values)} values, expected {len(self.features)}, or a "
            "dictionary of them by name."
        )

    @staticmethod
    def _number(number: int, feature: str, value: Any) -> float:
        if value is None:
            return float("nan")
        if isinstance(value, bool) or not isinstance(value, Real):  # those of NumPy as well
            raise Invalid(f"row {number}: {feature} is {value!r}; expected a number.")
        try:
            return float(value)
        except OverflowError:
            raise Invalid(f"row {number}: {feature} is too large for a number.") from None


def _names_in(example: Any) -> list[str] | None:
    """Return the feature names that an example tells: a frame, a row by name, or a list of such."""
    if hasattr(example, "columns"):
        return [str(name) for name in example.columns]
    if isinstance(example, Sequence) and example and isinstance(example[0], Mapping):
        example = example[0]
    return [str(name) for name in example] if isinstance(example, Mapping) else None


def _width(example: Any) -> int | None:
    """Return how many values a row of a bare example has."""
    shape = np.shape(example)
    return shape[-1] if shape else None


def _some(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names[:5])) + (", ..." if len(names) > 5 else "")


def infer_signature(model: Any, example: Any = None) -> Signature:
    """Return the signature of a fitted model; `example` names its features where it knows none.

    Raises:
        Invalid: neither the model nor the example tells the features, or they disagree.
    """
    count = getattr(model, "n_features_in_", None)
    known = getattr(model, "feature_names_in_", None)
    told = _names_in(example)
    names = told if known is None else [str(name) for name in known]
    if known is not None and told is not None and set(told) != set(map(str, known)):
        raise Invalid(
            f"the model was fitted on {_some(known)}; the input_example names {_some(told)}."
        )
    width = _width(example) if told is None else len(told)
    if names is None:
        count = width if count is None else count
        if not count:
            raise Invalid("the features of this model are not known; pass an input_example.")
        names = [f"x{i}" for i in range(int(count))]
    if count is not None and width is not None and width != count:
        verb = "has" if told is None else "names"
        raise Invalid(f"the model takes {count} features; the input_example {verb} {width}.")
    if len(set(names)) != len(names):
        raise Invalid(f"two features have the same name: {_some(names)}.")
    classes = getattr(model, "classes_", ())
    return Signature(tuple(names), tuple(map(str, classes)))
