"""What a label means to the model it is of: a class by its name or number, or a number.

reading_of(signature).classes       # {'0': '0', '0.0': '0', 'False': '0', ...}
reading_of(signature).canonical(["1.0", "1"], [1.0, 1.0])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models import Signature

_TRUE_FALSE = {"true": 1.0, "false": 0.0}


class Meant(NamedTuple):
    """What labels mean: their texts, which of them can be read, and the classes never seen."""

    texts: NDArray[np.object_]
    readable: NDArray[np.bool_]
    unseen: Counter[str]


@dataclass(frozen=True)
class Reading:
    """How the labels of a model are read.

    `classes` are those of a classifier as they are recorded; `numeric` is whether its labels are
    numbers. `what` says it in words.
    """

    classes: tuple[str, ...] | None = None
    numeric: bool = False

    @property
    def what(self) -> str:
        """What a label has to be."""
        return "a number" if self.numeric else "a class"

    def same_class(self, label: str) -> str | None:
        """Return the class that a label writes, such as '1' for '1.0'; None if there is none."""
        assert self.classes is not None
        if label in self.classes:
            return label
        number = _number(label)
        alike = [one for one in self.classes if number is not None and _number(one) == number]
        return alike[0] if len(alike) == 1 else None

    def meant(self, labels: NDArray[np.object_], numbers: NDArray[np.float64]) -> Meant:
        """Return what labels mean; `numbers` are the same as numbers, NaN where they are none."""
        everywhere = np.ones(len(labels), np.bool_)
        if self.classes is None:
            readable = np.isfinite(numbers) if self.numeric else everywhere
            return Meant(labels, np.asarray(readable), Counter())
        texts: list[str] = labels.tolist()
        classes = {text: self.same_class(text) for text in set(texts)}
        strange = {text for text, one in classes.items() if one is None}
        wrong = {text for text in strange if self.numeric and _number(text) is None}
        readable = everywhere
        if wrong:
            readable = np.fromiter((text not in wrong for text in texts), np.bool_, len(texts))
        found = np.empty(len(texts), object)
        found[:] = [classes[text] or text for text in texts]
        unseen = (
            Counter(text for text in texts if text in strange - wrong) if strange else Counter()
        )
        return Meant(found, readable, unseen)


def _number(text: str) -> float | None:
    if (flag := _TRUE_FALSE.get(text.lower())) is not None:
        return flag
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def reading_of(signature: Signature | None) -> Reading:
    """Return how labels of a model are read; anything goes where nothing is known of it."""
    if signature is None or len(signature.outputs) != 1:
        return Reading()
    output = signature.outputs[0]
    if output.kind == "number":
        return Reading(numeric=True)
    if output.classes:
        numeric = output.type in ("integer", "float", "boolean")
        return Reading(tuple(map(str, output.classes)), numeric)
    return Reading()


def first_texts(values: Iterable[Any], most: int) -> tuple[str, ...]:
    """Return the first few different values, as they are written."""
    return tuple(dict.fromkeys(repr(value) for value in values))[:most]


def codes_of(values: Sequence[str]) -> NDArray[np.int64]:
    """Return a number for each different text, in the order in which they come."""
    places: dict[str, int] = {}
    return np.fromiter(
        (places.setdefault(one, len(places)) for one in values), np.int64, len(values)
    )
