"""Which run a fitted model or an array of predictions belongs to.

Held by weak references, never by copies: what the script lets go is forgotten here.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

from lite_mlops.store import Store
from lite_mlops.store.events import Metric

_SLICES = 3  # steps from a slice to the array that was predicted


@dataclass(frozen=True)
class Link:
    """The run that a model was fitted in; numbers are logged to it also after it ended."""

    run_id: str
    store: Store
    prefix: str = ""
    steps: dict[str, int] = field(default_factory=dict)

    def log(self, key: str, value: float, *, step: int | None = None) -> None:
        """Log one value; without a `step`, the same key again is the next one."""
        key = self.prefix + key
        step = self.steps.get(key, 0) if step is None else step
        self.steps[key] = step + 1
        self.store.append(Metric(run=self.run_id, key=key, step=step, value=value))


class Links:
    """What is known of objects while they live."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def add(self, thing: Any, fact: Any) -> None:
        """Remember a fact about a thing; what cannot be weakly referred to is not remembered."""
        key = id(thing)
        known = self._known

        def forget(reference: weakref.ref[Any]) -> None:
            if key in known and known[key][0] is reference:
                del known[key]

        try:
            known[key] = (weakref.ref(thing, forget), fact)
        except TypeError:  # a list, as some estimators answer
            return

    def find(self, thing: Any) -> Any:
        """Return what is known of a thing; None if nothing is."""
        reference, fact = self._known.get(id(thing), (None, None))
        return fact if reference is not None and reference() is thing else None

    def find_array(self, array: Any) -> Any:
        """Return what is known of an array, or of the one that it is a slice of."""
        for _ in range(_SLICES):
            if (fact := self.find(array)) is not None:
                return fact
            if not hasattr(array, "__array_interface__"):
                return None
            array = array.base
        return None

    def __len__(self) -> int:
        return len(self._known)
